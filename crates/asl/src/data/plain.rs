//! Plain `JSONata` on values as they are: no conversion, and no copy of what is only passed on.
//!
//! Where the language has a rule for the data at hand that is not here (a name that is followed into an array, a
//! number that is joined to a text), the answer is [`Answer::Unknown`], and the evaluator is asked. The two agree,
//! but for one thing: a number that is only passed on keeps the form in which it came.

use darkroom_jsonata::{Comparison, Plain};

use super::query::QueryEnvironment;
use crate::json::{Object, Text, Value};

/// The longest text that is joined here, in bytes, and the most items that are put into arrays. Our choice.
const WORK_MAX: usize = 1_000_000;

/// What a plain expression yields.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// A value.
    Value(Value),
    /// Nothing.
    Undefined,
    /// That is the evaluator's to say.
    Unknown,
}

use Answer::{Undefined, Unknown};

/// What the expression yields.
pub(super) fn evaluate(plain: &Plain, variables: &dyn QueryEnvironment) -> Answer {
    Evaluation { variables, work_left: WORK_MAX }.answer(plain)
}

struct Evaluation<'v> {
    variables: &'v dyn QueryEnvironment,
    work_left: usize,
}

impl From<bool> for Answer {
    fn from(value: bool) -> Self {
        Self::Value(Value::Bool(value))
    }
}

/// Nested no deeper than an expression may be.
impl Evaluation<'_> {
    fn answer(&mut self, plain: &Plain) -> Answer {
        match plain {
            Plain::Null => Answer::Value(Value::Null),
            Plain::Boolean(value) => (*value).into(),
            Plain::Number(value) => Answer::Value(Value::from(*value)),
            Plain::String(text) => Answer::Value(Value::from(text.as_str())),
            Plain::Path { variable, names } => self.path(variable, names),
            Plain::Object(members) => self.object(members),
            Plain::Array(items) => self.array(items),
            Plain::Concatenate(operands) => self.concatenate(operands),
            Plain::Compare(comparison, operands) => {
                let [left, right] = &**operands;
                compare(*comparison, &self.answer(left), &self.answer(right))
            }
            Plain::And(operands) => self.logical(operands, |left, right| left && right),
            Plain::Or(operands) => self.logical(operands, |left, right| left || right),
            Plain::Not(operand) => match self.answer(operand) {
                Answer::Value(Value::Bool(value)) => (!value).into(),
                Answer::Value(_) | Undefined | Unknown => Unknown,
            },
            Plain::Exists(operand) => match self.answer(operand) {
                Answer::Value(_) => true.into(),
                Undefined => false.into(),
                Unknown => Unknown,
            },
            Plain::Merge(operand) => self.merge(operand),
            Plain::Conditional(parts) => {
                let (condition, then, otherwise) = &**parts;
                match self.answer(condition) {
                    Answer::Value(Value::Bool(true)) => self.answer(then),
                    Answer::Value(Value::Bool(false)) | Undefined => {
                        otherwise.as_ref().map_or(Undefined, |otherwise| self.answer(otherwise))
                    }
                    Answer::Value(_) | Unknown => Unknown,
                }
            }
        }
    }

    fn path(&self, variable: &str, names: &[String]) -> Answer {
        let Some((root, names)) = self.variables.read(variable, names) else { return Unknown };
        let Some(root) = root else { return Undefined };
        let mut found = &root;
        for name in names {
            match found {
                Value::Object(members) => match members.get(name) {
                    Some(member) => found = member,
                    None => return Undefined,
                },
                // The name is followed into each item, and what is found is one sequence.
                Value::Array(_) => return Unknown,
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return Undefined,
            }
        }
        Answer::Value(found.clone())
    }

    fn object(&mut self, members: &[(String, Plain)]) -> Answer {
        let mut object = Object::new();
        for (name, value) in members {
            match self.answer(value) {
                Answer::Value(value) => {
                    object.insert(name.as_str(), value);
                }
                // A member without a value is not there.
                Undefined => {}
                Unknown => return Unknown,
            }
        }
        Answer::Value(object.into())
    }

    fn array(&mut self, items: &[Plain]) -> Answer {
        let mut array = Vec::with_capacity(items.len());
        for item in items {
            match self.answer(item) {
                Answer::Value(Value::Array(inner)) if !matches!(item, Plain::Array(_)) => {
                    if !self.pay(inner.len()) {
                        return Unknown;
                    }
                    array.extend(inner.iter().cloned());
                }
                Answer::Value(value) => array.push(value),
                Undefined => {}
                Unknown => return Unknown,
            }
        }
        Answer::Value(array.into())
    }

    /// Texts, and nothing where there is none. How numbers and the rest are written is the evaluator's to say.
    fn concatenate(&mut self, operands: &[Plain; 2]) -> Answer {
        let [left, right] = operands.each_ref().map(|operand| self.answer(operand));
        let text = |answer: &Answer| match answer {
            Answer::Value(Value::String(text)) => Some(text.clone()),
            Undefined => Some(Text::from("")),
            Answer::Value(_) | Unknown => None,
        };
        match (text(&left), text(&right)) {
            (Some(left), Some(right)) if self.pay(left.len() + right.len()) => {
                Answer::Value([&*left, &*right].concat().into())
            }
            _ => Unknown,
        }
    }

    fn logical(&mut self, operands: &[Plain; 2], combine: fn(bool, bool) -> bool) -> Answer {
        let [left, right] = operands.each_ref().map(|operand| match self.answer(operand) {
            Answer::Value(Value::Bool(value)) => Some(value),
            Undefined => Some(false),
            Answer::Value(_) | Unknown => None,
        });
        match (left, right) {
            (Some(left), Some(right)) => combine(left, right).into(),
            _ => Unknown,
        }
    }

    fn merge(&mut self, operand: &Plain) -> Answer {
        let Answer::Value(Value::Array(items)) = self.answer(operand) else { return Unknown };
        let mut merged: Option<Object> = None;
        for item in &*items {
            let Value::Object(members) = item else { return Unknown };
            if !self.pay(members.len()) {
                return Unknown;
            }
            match &mut merged {
                None => merged = Some((**members).clone()),
                Some(merged) => {
                    for (name, value) in members.iter() {
                        merged.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        merged.map_or(Unknown, |merged| Answer::Value(merged.into()))
    }

    /// Counts work. `false` when there was too much.
    fn pay(&mut self, work: usize) -> bool {
        match self.work_left.checked_sub(work) {
            Some(left) => {
                self.work_left = left;
                true
            }
            None => false,
        }
    }
}

fn compare(comparison: Comparison, left: &Answer, right: &Answer) -> Answer {
    let (left, right) = match (left, right) {
        (Unknown, _) | (_, Unknown) => return Unknown,
        (Undefined, _) | (_, Undefined) => {
            return match comparison {
                Comparison::Equal | Comparison::NotEqual => false.into(),
                // Nothing, unless the other is of a type that has no order.
                Comparison::Less
                | Comparison::LessOrEqual
                | Comparison::Greater
                | Comparison::GreaterOrEqual => Unknown,
            };
        }
        (Answer::Value(left), Answer::Value(right)) => (left, right),
    };
    match comparison {
        Comparison::Equal => are_equal(left, right).map_or(Unknown, Answer::from),
        Comparison::NotEqual => are_equal(left, right).map_or(Unknown, |equal| (!equal).into()),
        Comparison::Less => in_order(left, right, std::cmp::Ordering::is_lt),
        Comparison::LessOrEqual => in_order(left, right, std::cmp::Ordering::is_le),
        Comparison::Greater => in_order(left, right, std::cmp::Ordering::is_gt),
        Comparison::GreaterOrEqual => in_order(left, right, std::cmp::Ordering::is_ge),
    }
}

/// Whether two values are equal, if neither has parts. Numbers are compared as doubles.
#[expect(clippy::float_cmp, reason = "that is what the language says")]
fn are_equal(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::Array(_) | Value::Object(_), _) | (_, Value::Array(_) | Value::Object(_)) => None,
        (Value::Number(left), Value::Number(right)) => Some(left.as_f64() == right.as_f64()),
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => Some(left == right),
    }
}

/// Two numbers, or two texts: only of ASCII, for which every way of comparing texts is the same.
fn in_order(left: &Value, right: &Value, is_so: fn(std::cmp::Ordering) -> bool) -> Answer {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left.as_f64().partial_cmp(&right.as_f64()).map_or(Unknown, |order| is_so(order).into())
        }
        (Value::String(left), Value::String(right)) if left.is_ascii() && right.is_ascii() => {
            is_so(left.cmp(right)).into()
        }
        _ => Unknown,
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::time::Duration;

    use darkroom_jsonata::{Error, Expression, Limits, Outcome, Session, Surroundings};
    use proptest::prelude::*;

    use super::*;

    struct NoChance;

    impl Surroundings for NoChance {
        fn now_millis(&self) -> i64 {
            0
        }

        fn random_u64(&self) -> u64 {
            0
        }

        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }
    }

    /// `$a`, `$b` and `$c`, the members of an object.
    struct Bound(Object);

    impl QueryEnvironment for Bound {
        fn read<'n>(&self, variable: &str, names: &'n [String]) -> Option<(Option<Value>, &'n [String])> {
            Some((self.0.get(variable).cloned(), names))
        }

        fn evaluate(&self, expression: &Expression) -> Result<Outcome, Error> {
            let limits = Limits { time: Duration::from_hours(1), ..Limits::default() };
            let mut session = Session::new(limits, Rc::new(NoChance));
            for (name, value) in &self.0 {
                session.bind_json(name, value.to_text());
            }
            session.evaluate(expression)
        }
    }

    /// The plain answer, which is the evaluator's, unless it is not known.
    fn check(source: &str, bound: &Bound) -> Answer {
        let expression = Expression::parse(source).unwrap();
        let plain = expression.plain().unwrap_or_else(|| panic!("{source} is plain"));
        let answer = evaluate(plain, bound);
        let expected = match &answer {
            Answer::Value(value) => Ok(Outcome::Json(value.to_text())),
            Undefined => Ok(Outcome::Undefined),
            Unknown => return answer,
        };
        assert_eq!(
            bound.evaluate(&expression),
            expected,
            "{source} with {}",
            Value::from(bound.0.clone()).to_text()
        );
        answer
    }

    fn values() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|value| value.to_string()),
            (-3..4_i32).prop_map(|value| value.to_string()),
            Just("2.5".to_owned()),
            "\"[ab\u{e9}]{0,2}\"",
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec(("[xy]", inner), 0..3).prop_map(|members| {
                    let members: std::collections::BTreeMap<_, _> = members.into_iter().collect();
                    let members: Vec<_> =
                        members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }

    fn expressions() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            4 => "\\$[abcd](\\.[xy]){0,2}",
            1 => Just("null".to_owned()),
            1 => any::<bool>().prop_map(|value| value.to_string()),
            1 => (0..4_i32).prop_map(|value| value.to_string()),
            1 => "'[ab]{0,2}'",
        ];
        leaf.prop_recursive(4, 24, 3, |inner| {
            let operators = prop::sample::select(vec!["&", "=", "!=", "<", "<=", ">", ">=", "and", "or"]);
            let functions = prop::sample::select(vec!["not", "exists", "merge"]);
            prop_oneof![
                3 => (inner.clone(), operators, inner.clone())
                    .prop_map(|(left, operator, right)| format!("({left}) {operator} ({right})")),
                2 => (functions, inner.clone()).prop_map(|(name, argument)| format!("${name}({argument})")),
                1 => prop::collection::vec(inner.clone(), 1..3)
                    .prop_map(|items| format!("$merge([{}])", items.join(", "))),
                1 => prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(", "))),
                1 => (inner.clone(), inner.clone()).prop_map(|(x, y)| format!("{{'x': {x}, 'y': {y}}}")),
                1 => (inner.clone(), inner.clone(), inner)
                    .prop_map(|(condition, then, other)| format!("({condition}) ? ({then}) : ({other})")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn plain_answers_are_the_evaluators(
            source in expressions(), a in values(), b in values(), c in values()
        ) {
            let bound = format!(r#"{{"a":{a},"b":{b},"c":{c}}}"#);
            let Ok(Value::Object(bound)) = crate::json::parse(&bound) else { panic!("{bound}") };
            check(&source, &Bound(std::sync::Arc::unwrap_or_clone(bound)));
        }
    }

    #[test]
    fn what_workflows_say_is_known() {
        let Ok(Value::Object(bound)) =
            crate::json::parse(r#"{"a":{"s":"x","n":1,"t":true,"o":{"k":[1,2]}},"b":{"r":2}}"#)
        else {
            panic!("an object")
        };
        let bound = Bound(std::sync::Arc::unwrap_or_clone(bound));
        for (source, expected) in [
            ("$a.o.k", Some("[1,2]")),
            ("$a.no.such", None),
            ("$no", None),
            ("$merge([$a.o, {'r': $b}])", Some(r#"{"k":[1,2],"r":{"r":2}}"#)),
            (
                "{'s': $a.s & '!', 'gone': $a.no, 'list': [$a.o.k, [3], $a.no]}",
                Some(r#"{"s":"x!","list":[1,2,[3]]}"#),
            ),
            ("$a.n = 1 and $a.t", Some("true")),
            ("$a.no = 'x'", Some("false")),
            ("$a.n >= 2 ? 'big' : 'small'", Some("\"small\"")),
            ("$exists($a.no)", Some("false")),
        ] {
            let expected =
                expected.map_or(Undefined, |text| Answer::Value(crate::json::parse(text).unwrap()));
            assert_eq!(check(source, &bound), expected, "{source}");
        }
    }

    #[test]
    fn work_is_bounded() {
        let text = "x".repeat(300_000);
        let bound = Bound([(Text::from("a"), Value::from(text))].into_iter().collect());
        assert!(matches!(check("$a & $a", &bound), Answer::Value(_)));
        assert_eq!(check("$a & $a & $a & $a & $a", &bound), Unknown);
    }
}
