//! Payload templates: JSON in which some members are computed.
//!
//! A member whose name ends in `.$` holds an expression, is replaced by its value, and loses the ending. Objects
//! and arrays are walked; everything else is taken as it stands, and what holds no expression at all is one
//! shared value.
//!
//! Spec: States Language, "Payload Template".

use std::fmt;

use super::path::{Path, PathMiss};
use super::{Environment, Expression, SyntaxError};
use crate::failure::{Failure, names};
use crate::json::{DEPTH_MAX, Node, Object, Span, Spanned, Text, Value};

/// A compiled payload template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(Part);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Literal(Value),
    /// A member's name, without its `.$`, and what becomes of its value. At least one is no literal.
    Object(Vec<(Text, Part)>),
    /// At least one is no literal.
    Array(Vec<Part>),
    /// `field` is the member's name with its `.$`.
    Expression {
        field: Text,
        expression: Expression,
    },
}

/// What is wrong with a member whose name ends in `.$`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The member's name, with its `.$`.
    pub field: Text,
    /// Why its value is no expression.
    pub reason: TemplateErrorReason,
}

/// Why a value is no expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateErrorReason {
    /// It is not a string, but this.
    NotAString(&'static str),
    /// It is a string, but no path and no call.
    Syntax(SyntaxError),
}

impl Template {
    /// Compiles a template, and tells of everything that is wrong with it: the place of the value, its JSON
    /// pointer below the template (`/body/id.$`), and what it is. `None` when something was wrong.
    pub fn parse(node: &Spanned, on_error: &mut dyn FnMut(Span, String, TemplateError)) -> Option<Template> {
        let mut is_right = true;
        let part = Part::parse(node, &mut String::new(), &mut |span, pointer, error| {
            is_right = false;
            on_error(span, pointer, error);
        });
        is_right.then_some(Template(part))
    }

    /// Whether nothing in it is computed.
    pub fn is_literal(&self) -> bool {
        matches!(self.0, Part::Literal(_))
    }

    /// The template as a definition has it: [`Template::parse`] reads back the same.
    pub fn to_json(&self) -> Value {
        self.0.to_json()
    }

    /// Shows every path in its expressions.
    pub fn visit_paths(&self, visit: &mut dyn FnMut(&Path)) {
        self.0.visit_paths(visit);
    }

    /// The value, with every expression evaluated.
    pub fn evaluate(&self, environment: &dyn Environment) -> Result<Value, Failure> {
        self.0.evaluate(environment, 0)
    }

    /// The values of the top level's members, one by one: what `Assign` needs. Empty when the template is no object.
    pub fn evaluate_members(&self, environment: &dyn Environment) -> Result<Object, Failure> {
        match self.evaluate(environment)? {
            Value::Object(members) => Ok(std::sync::Arc::unwrap_or_clone(members)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Ok(Object::new())
            }
        }
    }
}

/// Nested no deeper than JSON text may be.
impl Part {
    fn parse(
        node: &Spanned,
        pointer: &mut String,
        on_error: &mut dyn FnMut(Span, String, TemplateError),
    ) -> Part {
        match &node.node {
            Node::Array(items) => {
                let mut parts = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    parts.push(below(pointer, &index.to_string(), |pointer| {
                        Part::parse(item, pointer, on_error)
                    }));
                }
                Part::array(parts)
            }
            Node::Object(members) => {
                let mut parts: Vec<(Text, Part)> = Vec::with_capacity(members.len());
                for member in members {
                    let (name, part) =
                        below(pointer, &member.key, |pointer| match member.key.strip_suffix(".$") {
                            Some(name) => {
                                (name.into(), Part::expression(&member.key, &member.value, pointer, on_error))
                            }
                            None => (member.key.clone(), Part::parse(&member.value, pointer, on_error)),
                        });
                    // Names that are repeated are rare, and templates small.
                    match parts.iter_mut().find(|(earlier, _)| *earlier == name) {
                        Some((_, earlier)) => *earlier = part,
                        None => parts.push((name, part)),
                    }
                }
                Part::object(parts)
            }
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) => Part::Literal(node.to_value()),
        }
    }

    fn expression(
        field: &Text,
        node: &Spanned,
        pointer: &str,
        on_error: &mut dyn FnMut(Span, String, TemplateError),
    ) -> Part {
        let reason = match &node.node {
            Node::String(text) => match Expression::parse(text) {
                Ok(expression) => return Part::Expression { field: field.clone(), expression },
                Err(error) => TemplateErrorReason::Syntax(error),
            },
            _ => TemplateErrorReason::NotAString(node.type_name()),
        };
        on_error(node.span, pointer.to_owned(), TemplateError { field: field.clone(), reason });
        Part::Literal(Value::Null)
    }

    fn array(parts: Vec<Part>) -> Part {
        if parts.iter().all(|part| part.literal().is_some()) {
            return Part::Literal(parts.iter().filter_map(Part::literal).cloned().collect::<Vec<_>>().into());
        }
        Part::Array(parts)
    }

    fn object(parts: Vec<(Text, Part)>) -> Part {
        if parts.iter().all(|(_, part)| part.literal().is_some()) {
            let members =
                parts.iter().filter_map(|(name, part)| Some((name.clone(), part.literal()?.clone())));
            return Part::Literal(members.collect::<Object>().into());
        }
        Part::Object(parts)
    }

    fn literal(&self) -> Option<&Value> {
        match self {
            Part::Literal(value) => Some(value),
            Part::Object(_) | Part::Array(_) | Part::Expression { .. } => None,
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Part::Literal(value) => value.clone(),
            Part::Object(parts) => {
                let member = |(name, part): &(Text, Part)| match part {
                    Part::Expression { field, expression } => {
                        (field.clone(), expression.text().clone().into())
                    }
                    Part::Literal(_) | Part::Object(_) | Part::Array(_) => (name.clone(), part.to_json()),
                };
                parts.iter().map(member).collect::<Object>().into()
            }
            Part::Array(parts) => parts.iter().map(Part::to_json).collect::<Vec<_>>().into(),
            // Expressions are members of objects, which were printed above.
            Part::Expression { expression, .. } => expression.text().clone().into(),
        }
    }

    fn visit_paths(&self, visit: &mut dyn FnMut(&Path)) {
        match self {
            Part::Literal(_) => {}
            Part::Object(parts) => parts.iter().for_each(|(_, part)| part.visit_paths(visit)),
            Part::Array(parts) => parts.iter().for_each(|part| part.visit_paths(visit)),
            Part::Expression { expression, .. } => expression.visit_paths(visit),
        }
    }

    fn evaluate(&self, environment: &dyn Environment, depth: usize) -> Result<Value, Failure> {
        match self {
            Part::Literal(value) => Ok(value.clone()),
            Part::Object(parts) => {
                let mut members = Object::with_capacity(parts.len());
                for (name, part) in parts {
                    members.insert(name.clone(), part.evaluate(environment, depth + 1)?);
                }
                Ok(members.into())
            }
            Part::Array(parts) => {
                let items: Result<Vec<_>, _> =
                    parts.iter().map(|part| part.evaluate(environment, depth + 1)).collect();
                Ok(items?.into())
            }
            Part::Expression { field, expression } => {
                let value = computed(expression, environment, field)?;
                if value.nests_deeper_than(DEPTH_MAX.saturating_sub(depth)) {
                    let cause = format!("The value of the field '{field}' nests deeper than {DEPTH_MAX}");
                    return Err(Failure::new(names::RUNTIME, cause));
                }
                Ok(value)
            }
        }
    }
}

/// AWS: an index beyond the end of an array is `null` in a template, where it ends the path; it is a miss
/// everywhere else, and so is a member that is not there.
fn computed(expression: &Expression, environment: &dyn Environment, field: &str) -> Result<Value, Failure> {
    if let Expression::Path(path) = expression
        && path.ends_in_index()
        && let Err(PathMiss::NoResults { .. }) = path.select(environment)
    {
        return Ok(Value::Null);
    }
    expression.evaluate(environment, field)
}

/// Appends a step to a JSON pointer for as long as `inside` runs.
fn below<T>(pointer: &mut String, step: &str, inside: impl FnOnce(&mut String) -> T) -> T {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
    let result = inside(pointer);
    pointer.truncate(length);
    result
}

/// AWS: the text in which creating a state machine refuses such a field.
impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "The value for the field '{}' must be a valid JSONPath or a valid intrinsic function call",
            self.field
        )
    }
}

impl std::error::Error for TemplateError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fixture::Fixture;
    use crate::json::{parse, parse_spanned};

    fn template(json: &str) -> Template {
        Template::parse(&parse_spanned(json).unwrap(), &mut |_, pointer, error| panic!("{pointer}: {error}"))
            .unwrap()
    }

    fn evaluate(json: &str, input: &str) -> Result<String, Failure> {
        template(json).evaluate(&Fixture::new(input)).map(|value| value.to_text())
    }

    #[test]
    fn members_that_end_in_a_dollar_are_computed() {
        for (json, expected) in [
            ("{}", "{}"),
            ("[1,null]", "[1,null]"),
            (r#"{"a":1,"b":{"c":["x"]}}"#, r#"{"a":1,"b":{"c":["x"]}}"#),
            (
                r#"{"all.$":"$","n.$":"$.n","c.$":"$$.Execution.Name","v.$":"$list[0]"}"#,
                r#"{"all":{"n":[1]},"n":[1],"c":"run","v":1}"#,
            ),
            (r#"{"a":{"b":[{"c.$":"States.ArrayLength($.n)"},2]}}"#, r#"{"a":{"b":[{"c":1},2]}}"#),
            (r#"{"a":"$.n","$":1,"b.$.c":2}"#, r#"{"a":"$.n","$":1,"b.$.c":2}"#),
            (r#"{"a.$":"$.n","b":1,"a":2}"#, r#"{"a":2,"b":1}"#),
            (r#"{"a.$":"$.n[5]"}"#, r#"{"a":null}"#),
            (r#"{"a.$":"$.x[*]"}"#, r#"{"a":[]}"#),
            (r#"{".$":"$.n"}"#, r#"{"":[1]}"#),
        ] {
            assert_eq!(evaluate(json, r#"{"n":[1]}"#).unwrap(), expected, "{json}");
        }
    }

    #[test]
    fn what_cannot_be_found_fails_the_state() {
        for (json, cause) in [
            (
                r#"{"a":{"v.$":"$.x"}}"#,
                r#"The JSONPath '$.x' specified for the field 'v.$' could not be found in the input '{"n":[1]}'"#,
            ),
            (
                r#"{"v.$":"$.n[5].x"}"#,
                r#"The JSONPath '$.n[5].x' specified for the field 'v.$' could not be found in the input '{"n":[1]}'"#,
            ),
            (
                r#"{"v.$":"$$.x"}"#,
                r#"The JSONPath '$$.x' specified for the field 'v.$' could not be found in the input '{"Execution":{"Name":"run","Input":{"a":0}},"StateMachine":{"Id":"arn:m","Name":"M"}}'"#,
            ),
            (r#"{"v.$":"$nope"}"#, "Invalid path '$nope' : The variable '$nope' is not defined"),
            (
                r#"{"v.$":"States.ArrayLength($.x)"}"#,
                r#"The function 'States.ArrayLength($.x)' had the following error: The JsonPath argument for the field '$.x' could not be found in the input '{"n":[1]}'"#,
            ),
        ] {
            assert_eq!(evaluate(json, r#"{"n": [1]}"#), Err(Failure::new(names::RUNTIME, cause)), "{json}");
        }
    }

    #[test]
    fn everything_wrong_is_told_with_its_place() {
        let text = r#"{"a.$": 1, "b": [{"c/d.$": "x"}, {"e.$": "States.Nope()"}], "f.$": "$.ok"}"#;
        let mut told = Vec::new();
        let parsed = Template::parse(&parse_spanned(text).unwrap(), &mut |span, pointer, error| {
            told.push((text[span.start..span.end].to_owned(), pointer, error.to_string()));
        });
        assert_eq!(parsed, None);
        let refusal = |field: &str| {
            format!(
                "The value for the field '{field}' must be a valid JSONPath or a valid intrinsic function call"
            )
        };
        assert_eq!(
            told,
            [
                ("1".to_owned(), "/a.$".to_owned(), refusal("a.$")),
                ("\"x\"".to_owned(), "/b/0/c~1d.$".to_owned(), refusal("c/d.$")),
                ("\"States.Nope()\"".to_owned(), "/b/1/e.$".to_owned(), refusal("e.$")),
            ]
        );
    }

    #[test]
    fn literals_are_shared_and_not_copied() {
        assert!(template(r#"{"a":[{}]}"#).is_literal());
        let template = template(r#"{"big":[1,2,3],"n.$":"$"}"#);
        assert!(!template.is_literal());
        let fixture = Fixture::new("0");
        let [one, other] = [(); 2].map(|()| template.evaluate_members(&fixture).unwrap());
        let (Some(Value::Array(one)), Some(Value::Array(other))) = (one.get("big"), other.get("big")) else {
            panic!("both are arrays")
        };
        assert!(std::sync::Arc::ptr_eq(one, other));
    }

    #[test]
    fn values_cannot_nest_without_end() {
        let deepest = "[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX);
        let failure = evaluate(r#"{"a.$":"$"}"#, &deepest).unwrap_err();
        assert_eq!(&*failure.error, names::RUNTIME);
        assert!(parse(&evaluate(r#"{"a.$":"$[0]"}"#, &deepest).unwrap()).is_ok());
    }
}
