//! Payload templates: JSON in which some members are computed.
//!
//! A member whose name ends in `.$` holds an expression, is replaced by its value, and loses the ending. Objects
//! and arrays are walked; everything else is taken as it stands, and what holds no expression at all is one
//! shared value.
//!
//! Spec: States Language, "Payload Template".

use std::fmt;

use indexmap::IndexMap;

use super::path::{Path, PathMiss};
use super::{Environment, Expression, SyntaxError, java_hash};
use crate::failure::{Failure, names};
use crate::json::{DEPTH_MAX, Member, Node, Object, Span, Spanned, Text, Value};

/// How many values the expressions of a template may make in all. Our choice: AWS's quota for a payload has room
/// for 131,072.
pub const VALUES_MAX: usize = 1_000_000;

/// A compiled payload template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(Part);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Literal(Value),
    /// The members, without their `.$`, in the order in which they come out. At least one is no literal.
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
        self.0.evaluate(environment, 0, &mut { VALUES_MAX })
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
                    let length = step_into(pointer, &index.to_string());
                    parts.push(Part::parse(item, pointer, on_error));
                    pointer.truncate(length);
                }
                Part::array(parts)
            }
            Node::Object(members) => {
                let (mut plain, mut computed) = (IndexMap::new(), IndexMap::new());
                for Member { key, value, .. } in members {
                    let length = step_into(pointer, key);
                    match key.strip_suffix(".$") {
                        Some(name) => {
                            computed.insert(name.into(), Part::expression(key, value, pointer, on_error))
                        }
                        None => plain.insert(key.clone(), Part::parse(value, pointer, on_error)),
                    };
                    pointer.truncate(length);
                }
                Part::object(plain, computed)
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

    /// AWS: recorded: first the members that stand as they are, in their order; then the computed ones, in the
    /// order of a Java `HashMap`. A computed member replaces a plain one of its name, and does not take its place:
    /// whether AWS's does is not known, and this way a printed template is read back as the same.
    fn object(plain: IndexMap<Text, Part>, computed: IndexMap<Text, Part>) -> Part {
        if computed.is_empty() && plain.values().all(|part| part.literal().is_some()) {
            let members =
                plain.iter().filter_map(|(name, part)| Some((name.clone(), part.literal()?.clone())));
            return Part::Literal(members.collect::<Object>().into());
        }
        let mut members = plain;
        members.retain(|name, _| !computed.contains_key(name));
        let mut computed: Vec<_> = computed.into_iter().collect();
        java_hash::sort_as_keys(&mut computed, |(name, _)| name);
        members.extend(computed);
        Part::Object(members.into_iter().collect())
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

    fn evaluate(
        &self,
        environment: &dyn Environment,
        depth: usize,
        values_left: &mut usize,
    ) -> Result<Value, Failure> {
        match self {
            Part::Literal(value) => Ok(value.clone()),
            Part::Object(members) => {
                let mut evaluated = Object::with_capacity(members.len());
                for (name, part) in members {
                    evaluated.insert(name.clone(), part.evaluate(environment, depth + 1, values_left)?);
                }
                Ok(evaluated.into())
            }
            Part::Array(parts) => {
                let mut evaluated = Vec::with_capacity(parts.len());
                for part in parts {
                    evaluated.push(part.evaluate(environment, depth + 1, values_left)?);
                }
                Ok(evaluated.into())
            }
            Part::Expression { field, expression } => {
                let value = computed(expression, environment, field)?;
                if value.fits(DEPTH_MAX.saturating_sub(depth), values_left) {
                    return Ok(value);
                }
                Err(too_large(field))
            }
        }
    }
}

fn too_large(field: &str) -> Failure {
    let cause =
        format!("The value of the field '{field}' nests deeper than {DEPTH_MAX}, or holds too many values");
    Failure::new(names::DATA_LIMIT_EXCEEDED, cause)
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

/// Appends a step to a JSON pointer, and answers its length before.
fn step_into(pointer: &mut String, step: &str) -> usize {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
    length
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
                r#"{"all":{"n":[1]},"c":"run","v":1,"n":[1]}"#,
            ),
            (
                r#"{"Bucket.$":"$.n","Key.$":"$.n","from_previous":{"encoded.$":"$.n","decoded.$":"$.n"}}"#,
                r#"{"from_previous":{"decoded":[1],"encoded":[1]},"Bucket":[1],"Key":[1]}"#,
            ),
            (r#"{"a":{"b":[{"c.$":"States.ArrayLength($.n)"},2]}}"#, r#"{"a":{"b":[{"c":1},2]}}"#),
            (r#"{"a":"$.n","$":1,"b.$.c":2}"#, r#"{"a":"$.n","$":1,"b.$.c":2}"#),
            (r#"{"a.$":"$.n","b":1,"a":2}"#, r#"{"b":1,"a":[1]}"#),
            (r#"{"a":2,"a.$":"$.n","b":1}"#, r#"{"b":1,"a":[1]}"#),
            (r#"{"a.$":"$.n[5]"}"#, r#"{"a":null}"#),
            (r#"{"a.$":"$.x[*]"}"#, r#"{"a":[]}"#),
            (r#"{".$":"$.n"}"#, r#"{"":[1]}"#),
        ] {
            assert_eq!(evaluate(json, r#"{"n":[1]}"#).unwrap(), expected, "{json}");
            assert_eq!(template(&template(json).to_json().to_text()), template(json), "{json}");
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
    fn the_deepest_template_is_compiled_and_evaluated_within_the_stack() {
        let half = DEPTH_MAX / 2 - 1;
        let deepest = format!(r#"{}{{"v.$":"$"}}{}"#, r#"{"a":["#.repeat(half), "]}".repeat(half));
        let value = template(&deepest).evaluate(&Fixture::new("1")).unwrap();
        assert!(value.nests_deeper_than(2 * half));
    }

    #[test]
    fn values_cannot_multiply_without_end() {
        let wide = format!("[{}1]", "1,".repeat(99_999));
        let copies = |count: usize| {
            let members: Vec<_> = (0..count).map(|index| format!(r#""{index}.$":"$""#)).collect();
            evaluate(&format!("{{{}}}", members.join(",")), &wide)
        };
        assert!(copies(9).is_ok());
        assert_eq!(&*copies(10).unwrap_err().error, names::DATA_LIMIT_EXCEEDED);
    }

    #[test]
    fn values_cannot_nest_without_end() {
        let deepest = "[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX);
        let failure = evaluate(r#"{"a.$":"$"}"#, &deepest).unwrap_err();
        assert_eq!(&*failure.error, names::DATA_LIMIT_EXCEEDED);
        assert!(parse(&evaluate(r#"{"a.$":"$[0]"}"#, &deepest).unwrap()).is_ok());
    }
}
