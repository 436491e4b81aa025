//! JSONata in a definition: a string that is exactly `{% … %}`, and JSON in which some strings are.
//!
//! The language itself is `darkroom-jsonata`'s. Here stands what Step Functions makes of it: which strings are
//! expressions, that a result must be JSON, and what the failure of a state says when it is not.
//!
//! Spec: States Language, "Query Languages", "`JSONata`"; AWS, "Transforming data with `JSONata`".

use std::fmt;

use indexmap::IndexMap;

use darkroom_jsonata::{Error, ErrorKind, Expression, Outcome};

use super::plain::{self, Answer};
use crate::failure::{Failure, names};
use crate::json::{DEPTH_MAX, Member, Node, Object, Payload, Span, Spanned, Text, Value};

/// What opens an expression, and what closes it.
const OPENING: &str = "{%";
const CLOSING: &str = "%}";

/// How many values the expressions of a template may make in all. Our choice, as for payload templates.
const VALUES_MAX: usize = super::template::VALUES_MAX;

/// A compiled expression.
#[derive(Clone)]
pub struct Query {
    /// As it is written, its braces included.
    text: Text,
    expression: Expression,
}

/// Why a string is no expression.
#[derive(Clone, Debug)]
pub enum QueryError {
    /// It opens and does not close, or the other way round.
    Unbalanced,
    /// What stands between the braces is not JSONata. The offset of the error is into the whole string.
    Syntax(Error),
}

/// Evaluates expressions for a state.
pub trait QueryEnvironment {
    /// The value of `$variable`, and the names that are left to follow in it; `None` where the evaluator must be asked
    /// because the variable is more than one value.
    fn read<'n>(&self, variable: &str, names: &'n [String]) -> Option<(Option<Value>, &'n [String])>;

    /// What an expression yields.
    fn evaluate(&self, expression: &Expression) -> Result<Outcome, Error>;
}

impl Query {
    /// Whether a string is meant to be an expression: what opens as one, or closes as one.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(OPENING) || text.ends_with(CLOSING)
    }

    /// Compiles a string for which [`Query::is_meant`] holds.
    pub fn parse(text: &str) -> Result<Query, QueryError> {
        let inner = text.strip_prefix(OPENING).and_then(|rest| rest.strip_suffix(CLOSING));
        let inner = inner.ok_or(QueryError::Unbalanced)?;
        let source = inner.trim();
        match Expression::parse(source) {
            Ok(expression) => Ok(Query { text: text.into(), expression }),
            Err(mut error) => {
                let before = OPENING.len() + (inner.len() - inner.trim_start().len());
                error.position = error.position.map(|position| position + before);
                Err(QueryError::Syntax(error))
            }
        }
    }

    /// As it is written, its braces included.
    pub fn text(&self) -> &Text {
        &self.text
    }

    /// The expression between the braces.
    pub fn expression(&self) -> &Expression {
        &self.expression
    }

    /// What it yields, which must be JSON. `field` is the place of the expression in its state.
    pub fn evaluate(&self, environment: &dyn QueryEnvironment, field: &str) -> Result<Payload, Failure> {
        self.ask(environment).map_err(|problem| problem.failure(&self.expression, field))
    }

    /// What it yields, if `read` can make something of it. Otherwise the failure says that a value of the type
    /// `expected` was, and what came instead.
    pub fn evaluate_as<T>(
        &self,
        environment: &dyn QueryEnvironment,
        field: &str,
        expected: &'static str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, Failure> {
        let found = self.evaluate(environment, field)?;
        read(found.value()).ok_or_else(|| {
            Problem::WrongType { expected, found: found.value().clone() }.failure(&self.expression, field)
        })
    }

    fn ask(&self, environment: &dyn QueryEnvironment) -> Result<Payload, Problem> {
        if let Some(plain) = self.expression.plain() {
            match plain::evaluate(plain, environment) {
                Answer::Value(value) => return Ok(Payload::from_value(value)),
                Answer::Undefined => return Err(Problem::Undefined),
                Answer::Unknown => {}
            }
        }
        match environment.evaluate(&self.expression) {
            // What is nested deeper than JSON may be here is refused like all that is too large.
            Ok(Outcome::Json(text)) => Payload::parse(text).map_err(|_| Problem::TooLarge),
            Ok(Outcome::Undefined) => Err(Problem::Undefined),
            Ok(Outcome::Unsupported) => Err(Problem::Unsupported),
            Err(error) => Err(Problem::Threw(error)),
        }
    }
}

/// Expressions are the same when they are written the same.
impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Query").field(&self.text).finish()
    }
}

/// Why an expression has no value.
enum Problem {
    Undefined,
    Unsupported,
    Threw(Error),
    TooLarge,
    WrongType { expected: &'static str, found: Value },
}

impl Problem {
    /// AWS: recorded, but for the texts of limits that Step Functions does not have.
    fn failure(&self, expression: &Expression, field: &str) -> Failure {
        let what = match self {
            Self::Undefined => "returned nothing (undefined).".to_owned(),
            Self::Unsupported => "returned an unsupported result type.".to_owned(),
            Self::Threw(error) => threw(error),
            Self::TooLarge => format!("threw an error during evaluation: {MEMORY_LIMIT}"),
            Self::WrongType { expected, found } => format!(
                "returned an unexpected result type. Expected '{expected}', but was '{}' for value: {}",
                found.type_name(),
                found.to_text()
            ),
        };
        let source = expression.source();
        let cause = format!("The JSONata expression '{source}' specified for the field '{field}' {what}");
        Failure::in_field(names::QUERY_EVALUATION_ERROR, cause, field)
    }
}

const MEMORY_LIMIT: &str = "Expression evaluation memory limit exceeded: Check for excessive memory usage";

fn threw(error: &Error) -> String {
    let bound = match error.kind {
        ErrorKind::MemoryLimit => MEMORY_LIMIT,
        ErrorKind::DepthLimit => "Stack overflow error: Check for non-terminating recursive function.",
        ErrorKind::TimeLimit => "Expression evaluation timeout: Check for infinite loop",
        ErrorKind::Syntax | ErrorKind::Evaluation => {
            let code = error.code.as_deref().map_or_else(String::new, |code| format!("{code}: "));
            return format!("threw an error during evaluation. {code}{}", error.message);
        }
    };
    format!("threw an error during evaluation: {bound}")
}

/// JSON in which strings may be expressions.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryTemplate(Part);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Literal(Value),
    Query(Query),
    /// At least one is no literal.
    Object(Vec<(Text, Part)>),
    /// At least one is no literal.
    Array(Vec<Part>),
}

/// An expression in a template that is none, and its place: `/body/items[2]` below the template.
#[derive(Clone, Debug)]
pub struct QueryTemplateError {
    /// Where the string stands in the definition.
    pub span: Span,
    /// Its text.
    pub text: Text,
    /// Its place below the template, empty for the template itself.
    pub place: String,
    /// What is wrong.
    pub error: QueryError,
}

impl QueryTemplate {
    /// Compiles a template, and tells of every string in it that is meant to be an expression and is none.
    pub fn parse(node: &Spanned, on_error: &mut dyn FnMut(QueryTemplateError)) -> Option<QueryTemplate> {
        let mut is_right = true;
        let part = Part::parse(node, &mut String::new(), &mut |error| {
            is_right = false;
            on_error(error);
        });
        is_right.then_some(QueryTemplate(part))
    }

    /// The template as a definition has it: [`QueryTemplate::parse`] reads back the same.
    pub fn to_json(&self) -> Value {
        self.0.to_json()
    }

    /// Shows every expression in it, with its place below the template: `/body/items[2]`.
    pub fn visit(&self, visit: &mut dyn FnMut(&str, &Query)) {
        self.0.visit(&mut String::new(), visit);
    }

    /// The whole as one expression, if it is one.
    pub fn as_query(&self) -> Option<&Query> {
        match &self.0 {
            Part::Query(query) => Some(query),
            Part::Literal(_) | Part::Object(_) | Part::Array(_) => None,
        }
    }

    /// The value, with every expression evaluated. What one expression yields as a whole is not looked at.
    pub fn evaluate(&self, environment: &dyn QueryEnvironment, field: &str) -> Result<Payload, Failure> {
        if let Part::Query(query) = &self.0 {
            return query.evaluate(environment, field);
        }
        let value = self.0.evaluate(environment, 0, &mut { VALUES_MAX });
        value.map(Payload::from_value).map_err(|miss| miss.failure(field))
    }

    /// The values of the top level's members, one by one: what `Assign` needs. Empty when the value is no object.
    pub fn evaluate_members(
        &self,
        environment: &dyn QueryEnvironment,
        field: &str,
    ) -> Result<Vec<(Text, Payload)>, Failure> {
        match &self.0 {
            Part::Object(parts) => parts
                .iter()
                .map(|(name, part)| {
                    let value =
                        QueryTemplate::evaluate_part(part, environment, || format!("{field}/{name}"))?;
                    Ok((name.clone(), value))
                })
                .collect(),
            Part::Literal(Value::Object(members)) => {
                let member = |(name, value): (&Text, &Value)| (name.clone(), Payload::from(value.clone()));
                Ok(members.iter().map(member).collect())
            }
            Part::Query(query) => {
                let members =
                    query.evaluate_as(environment, field, "object", |value| value.as_object().cloned())?;
                let member = |(name, value): (&Text, &Value)| (name.clone(), Payload::from(value.clone()));
                Ok(members.iter().map(member).collect())
            }
            Part::Literal(_) | Part::Array(_) => Ok(Vec::new()),
        }
    }

    fn evaluate_part(
        part: &Part,
        environment: &dyn QueryEnvironment,
        field: impl FnOnce() -> String,
    ) -> Result<Payload, Failure> {
        match part {
            Part::Query(query) => {
                query.ask(environment).map_err(|problem| problem.failure(&query.expression, &field()))
            }
            Part::Literal(value) => Ok(Payload::from_value(value.clone())),
            Part::Object(_) | Part::Array(_) => part
                .evaluate(environment, 0, &mut { VALUES_MAX })
                .map(Payload::from_value)
                .map_err(|miss| miss.failure(&field())),
        }
    }
}

/// An expression inside a template that has no value.
struct Miss {
    expression: Expression,
    problem: Problem,
    /// The way to it, from the inside out.
    place: Vec<Step>,
}

enum Step {
    Member(Text),
    Item(usize),
}

impl Miss {
    fn lies_below(&mut self, step: Step) {
        self.place.push(step);
    }

    fn failure(self, field: &str) -> Failure {
        let mut place = field.to_owned();
        for step in self.place.iter().rev() {
            match step {
                Step::Member(name) => place.extend(["/", name]),
                Step::Item(index) => push_index(&mut place, *index),
            }
        }
        self.problem.failure(&self.expression, &place)
    }
}

/// Goes on to an element of an array: `[2]`.
fn push_index(place: &mut String, index: usize) {
    use fmt::Write as _;
    // Writing to a string cannot fail.
    let _ = write!(place, "[{index}]");
}

/// Nested no deeper than JSON text may be.
impl Part {
    fn parse(node: &Spanned, place: &mut String, on_error: &mut dyn FnMut(QueryTemplateError)) -> Part {
        let length = place.len();
        match &node.node {
            Node::Array(items) => {
                let mut parts = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    push_index(place, index);
                    parts.push(Part::parse(item, place, on_error));
                    place.truncate(length);
                }
                Part::array(parts)
            }
            Node::Object(members) => {
                let mut parts = IndexMap::with_capacity(members.len());
                for Member { key, value, .. } in members {
                    place.extend(["/", key]);
                    parts.insert(key.clone(), Part::parse(value, place, on_error));
                    place.truncate(length);
                }
                Part::object(parts.into_iter().collect())
            }
            Node::String(text) if Query::is_meant(text) => match Query::parse(text) {
                Ok(query) => Part::Query(query),
                Err(error) => {
                    on_error(QueryTemplateError {
                        span: node.span,
                        text: text.clone(),
                        place: place.clone(),
                        error,
                    });
                    Part::Literal(Value::Null)
                }
            },
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) => Part::Literal(node.to_value()),
        }
    }

    fn array(parts: Vec<Part>) -> Part {
        match parts.iter().map(Part::literal).collect::<Option<Vec<_>>>() {
            Some(literals) => Part::Literal(literals.into_iter().cloned().collect::<Vec<_>>().into()),
            None => Part::Array(parts),
        }
    }

    fn object(parts: Vec<(Text, Part)>) -> Part {
        let literal = |(name, part): &(Text, Part)| Some((name.clone(), part.literal()?.clone()));
        match parts.iter().map(literal).collect::<Option<Object>>() {
            Some(literals) => Part::Literal(literals.into()),
            None => Part::Object(parts),
        }
    }

    fn literal(&self) -> Option<&Value> {
        match self {
            Part::Literal(value) => Some(value),
            Part::Query(_) | Part::Object(_) | Part::Array(_) => None,
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Part::Literal(value) => value.clone(),
            Part::Query(query) => query.text.clone().into(),
            Part::Object(parts) => {
                parts.iter().map(|(name, part)| (name.clone(), part.to_json())).collect::<Object>().into()
            }
            Part::Array(parts) => parts.iter().map(Part::to_json).collect::<Vec<_>>().into(),
        }
    }

    fn visit(&self, place: &mut String, visit: &mut dyn FnMut(&str, &Query)) {
        let length = place.len();
        match self {
            Part::Literal(_) => {}
            Part::Query(query) => visit(place, query),
            Part::Object(parts) => {
                for (name, part) in parts {
                    place.extend(["/", name]);
                    part.visit(place, visit);
                    place.truncate(length);
                }
            }
            Part::Array(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    push_index(place, index);
                    part.visit(place, visit);
                    place.truncate(length);
                }
            }
        }
    }

    fn evaluate(
        &self,
        environment: &dyn QueryEnvironment,
        depth: usize,
        values_left: &mut usize,
    ) -> Result<Value, Box<Miss>> {
        match self {
            Part::Literal(value) => Ok(value.clone()),
            Part::Query(query) => {
                let miss = |problem| {
                    Box::new(Miss { expression: query.expression.clone(), problem, place: Vec::new() })
                };
                let found = query.ask(environment).map_err(miss)?;
                if found.value().fits(DEPTH_MAX.saturating_sub(depth), values_left) {
                    Ok(found.value().clone())
                } else {
                    Err(miss(Problem::TooLarge))
                }
            }
            Part::Object(parts) => {
                let member = |(name, part): &(Text, Part)| {
                    let value = part.evaluate(environment, depth + 1, values_left);
                    let value = value.map_err(|mut miss| {
                        miss.lies_below(Step::Member(name.clone()));
                        miss
                    })?;
                    Ok((name.clone(), value))
                };
                parts.iter().map(member).collect::<Result<Object, Box<Miss>>>().map(Value::from)
            }
            Part::Array(parts) => {
                let item = |(index, part): (usize, &Part)| {
                    part.evaluate(environment, depth + 1, values_left).map_err(|mut miss| {
                        miss.lies_below(Step::Item(index));
                        miss
                    })
                };
                parts.iter().enumerate().map(item).collect::<Result<Vec<Value>, Box<Miss>>>().map(Value::from)
            }
        }
    }
}
