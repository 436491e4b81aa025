//! An expression's value.

use std::collections::{BTreeMap, BTreeSet};

use super::{Expression, MathError, Operator, Points, Value};
use crate::cloudwatch::store::Minute;

/// What an expression is computed from.
pub(in super::super) struct Frame<'a> {
    /// The minutes that the periods of the asked time begin with.
    pub(in super::super) timeline: BTreeSet<Minute>,
    /// Minutes of a period.
    pub(in super::super) period: i64,
    /// What is known by its id.
    pub(in super::super) values: &'a BTreeMap<String, Value>,
    /// The ids that are metrics', in the order of the request.
    pub(in super::super) metrics: &'a [String],
}

/// The value of an expression. What is not finite in it is left out of a series.
pub(in super::super) fn evaluate(expression: &Expression, frame: &Frame<'_>) -> Result<Value, MathError> {
    frame.value(expression)
}

impl Frame<'_> {
    pub(super) fn value(&self, expression: &Expression) -> Result<Value, MathError> {
        let value = match expression {
            Expression::Number(number) => Value::Scalar(*number),
            Expression::Id(id) => {
                self.values.get(id).cloned().ok_or_else(|| MathError::UnknownId(id.clone()))?
            }
            Expression::Text(_) => {
                return Err(MathError::Argument {
                    function: "METRICS",
                    expected: "to be the one that gets a text",
                });
            }
            Expression::List(items) => {
                let mut list = Vec::new();
                for item in items {
                    match self.value(item)? {
                        Value::Series(points) => list.push(points),
                        Value::List(points) => list.extend(points),
                        Value::Scalar(number) => list.push(series(self, |_| Some(number))),
                    }
                }
                Value::List(list)
            }
            Expression::Call(function, arguments) => function.call(arguments, self)?,
            Expression::Negative(inner) => mapped(self.value(inner)?, |number| -number),
            Expression::Binary(operator, left, right) => {
                combined(*operator, self.value(left)?, self.value(right)?)?
            }
        };
        Ok(finite(value))
    }

    /// The metrics whose id holds this text.
    pub(super) fn metrics(&self, part: &str) -> Vec<Points> {
        let ids = self.metrics.iter().filter(|id| id.contains(part));
        ids.filter_map(|id| match self.values.get(id)? {
            Value::Series(points) => Some(points.clone()),
            Value::Scalar(_) | Value::List(_) => None,
        })
        .collect()
    }
}

/// A series that has at each time what `at` says.
pub(super) fn series(frame: &Frame<'_>, at: impl Fn(Minute) -> Option<f64>) -> Points {
    frame.timeline.iter().filter_map(|minute| Some((*minute, at(*minute)?))).collect()
}

/// Every number of a value changed.
pub(super) fn mapped(value: Value, change: impl Fn(f64) -> f64) -> Value {
    let each = |points: Points| points.into_iter().map(|(minute, number)| (minute, change(number))).collect();
    match value {
        Value::Scalar(number) => Value::Scalar(change(number)),
        Value::Series(points) => Value::Series(each(points)),
        Value::List(list) => Value::List(list.into_iter().map(each).collect()),
    }
}

/// Where one side has no value at a time, there is none.
fn combined(operator: Operator, left: Value, right: Value) -> Result<Value, MathError> {
    let both = |one: &Points, other: &Points| -> Points {
        let pair = |(minute, left): (&Minute, &f64)| {
            let right = other.get(minute)?;
            Some((*minute, operator.of(*left, *right)))
        };
        one.iter().filter_map(pair).collect()
    };
    Ok(match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => Value::Scalar(operator.of(left, right)),
        (Value::Scalar(left), right) => mapped(right, |right| operator.of(left, right)),
        (left, Value::Scalar(right)) => mapped(left, |left| operator.of(left, right)),
        (Value::Series(left), Value::Series(right)) => Value::Series(both(&left, &right)),
        (Value::Series(left), Value::List(list)) => {
            Value::List(list.iter().map(|right| both(&left, right)).collect())
        }
        (Value::List(list), Value::Series(right)) => {
            Value::List(list.iter().map(|left| both(left, &right)).collect())
        }
        (Value::List(_), Value::List(_)) => return Err(MathError::TwoLists),
    })
}

/// AWS: what is divided by zero, or is no number otherwise, is left out.
fn finite(value: Value) -> Value {
    let only = |points: &mut Points| points.retain(|_, number| number.is_finite());
    match value {
        Value::Scalar(number) => Value::Scalar(number),
        Value::Series(mut points) => {
            only(&mut points);
            Value::Series(points)
        }
        Value::List(mut list) => {
            list.iter_mut().for_each(only);
            Value::List(list)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points(values: &[(Minute, f64)]) -> Value {
        Value::Series(values.iter().copied().collect())
    }

    fn value(text: &str) -> Result<Value, MathError> {
        let values = BTreeMap::from([
            ("m1".to_owned(), points(&[(0, 1.0), (5, 2.0), (15, 4.0)])),
            ("m2".to_owned(), points(&[(0, 10.0), (5, 0.0), (10, 5.0)])),
        ]);
        let metrics = ["m1".to_owned(), "m2".to_owned()];
        let frame = Frame { timeline: [0, 5, 10, 15].into(), period: 5, values: &values, metrics: &metrics };
        evaluate(&Expression::parse(text)?, &frame)
    }

    #[test]
    fn expressions_have_these_values() {
        for (text, expected) in [
            ("1 + 2 * 3", Value::Scalar(7.0)),
            ("(1 + 2) * 3 - -1", Value::Scalar(10.0)),
            ("2 ^ 3 * 2 > 15 && 1 == 1", Value::Scalar(1.0)),
            ("1 > 2 OR 3 <= 3", Value::Scalar(1.0)),
            ("1.5e2", Value::Scalar(150.0)),
            // A time at which one side has no value, or which is divided by zero, is left out.
            ("m1/m2*100", points(&[(0, 10.0)])),
            ("100*FILL(m1, 0)/m2", points(&[(0, 10.0), (10, 0.0)])),
            ("m1 * 2", points(&[(0, 2.0), (5, 4.0), (15, 8.0)])),
            ("-m1 + 1", points(&[(0, 0.0), (5, -1.0), (15, -3.0)])),
            ("m1 > 1", points(&[(0, 0.0), (5, 1.0), (15, 1.0)])),
            ("SUM(m1)", Value::Scalar(7.0)),
            ("SUM([m1, m2])", points(&[(0, 11.0), (5, 2.0), (10, 5.0), (15, 4.0)])),
            ("SUM(METRICS())", points(&[(0, 11.0), (5, 2.0), (10, 5.0), (15, 4.0)])),
            ("SUM(METRICS(\"m1\"))", points(&[(0, 1.0), (5, 2.0), (15, 4.0)])),
            ("AVG([m1, m2])", points(&[(0, 5.5), (5, 1.0), (10, 5.0), (15, 4.0)])),
            ("MAX([m1, m2, 3])", points(&[(0, 10.0), (5, 3.0), (10, 5.0), (15, 4.0)])),
            ("MIN(m1) + MAX(m2)", Value::Scalar(11.0)),
            ("STDDEV([m1, m2])", points(&[(0, 4.5), (5, 1.0), (10, 0.0), (15, 0.0)])),
            ("DATAPOINT_COUNT(m1)", Value::Scalar(3.0)),
            ("METRIC_COUNT(METRICS())", Value::Scalar(2.0)),
            ("PERIOD(m1)", Value::Scalar(300.0)),
            ("m1 / PERIOD(m1) * 60", points(&[(0, 0.2), (5, 0.4), (15, 0.8)])),
            ("FILL(m1, REPEAT)", points(&[(0, 1.0), (5, 2.0), (10, 2.0), (15, 4.0)])),
            ("FILL(m1, LINEAR)", points(&[(0, 1.0), (5, 2.0), (10, 3.0), (15, 4.0)])),
            ("FILL(m1, m2)", points(&[(0, 1.0), (5, 2.0), (10, 5.0), (15, 4.0)])),
            ("IF(m1 > 1, m1, 0)", points(&[(0, 0.0), (5, 2.0), (15, 4.0)])),
            ("IF(m1 > 1, m1)", points(&[(5, 2.0), (15, 4.0)])),
            ("IF(m1, m2)", points(&[(0, 10.0), (5, 0.0)])),
            ("IF(0, m1, m2)", points(&[(0, 10.0), (5, 0.0), (10, 5.0)])),
            ("DIFF(m1)", points(&[(5, 1.0), (15, 2.0)])),
            ("RATE(m1) * 600", points(&[(5, 2.0), (15, 2.0)])),
            ("RUNNING_SUM(m1)", points(&[(0, 1.0), (5, 3.0), (15, 7.0)])),
            ("TIME_SERIES(3)", points(&[(0, 3.0), (5, 3.0), (10, 3.0), (15, 3.0)])),
            ("FIRST([m2, m1])", points(&[(0, 10.0), (5, 0.0), (10, 5.0)])),
            ("LAST(METRICS())", points(&[(0, 10.0), (5, 0.0), (10, 5.0)])),
            ("LOG10(m2)", points(&[(0, 1.0), (10, 5.0_f64.log10())])),
            ("ABS(CEIL(0.5) - FLOOR(2.5))", Value::Scalar(1.0)),
        ] {
            let found = value(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let numbers = |value: &Value| match value {
                Value::Scalar(number) => vec![(0, *number)],
                Value::Series(points) => points.iter().map(|(at, number)| (*at, *number)).collect(),
                Value::List(list) => list.iter().flatten().map(|(at, number)| (*at, *number)).collect(),
            };
            let (is, should) = (numbers(&found), numbers(&expected));
            assert_eq!(std::mem::discriminant(&found), std::mem::discriminant(&expected), "{text}");
            let near =
                is.iter().zip(&should).all(|(is, should)| is.0 == should.0 && (is.1 - should.1).abs() < 1e-9);
            assert!(is.len() == should.len() && near, "{text} is {is:?} and not {should:?}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (text, expected) in [
            ("SEARCH('{AWS/States}', 'Sum')", "the function SEARCH is not supported here"),
            ("ANOMALY_DETECTION_BAND(m1, 2)", "the function ANOMALY_DETECTION_BAND is not supported here"),
            ("m9", "`m9` is not the id of a query in this request"),
            ("m1 +", "the end at character 4; expected a value"),
            ("m1 m2", "`m2` at character 3; expected an operator or the end"),
            ("(m1", "the end at character 3; expected `)`"),
            ("m1 # 2", "`#` at character 3; expected an expression"),
            ("", "the end at character 0; expected a value"),
            ("FILL(m1)", "FILL expects another number of arguments"),
            ("FILL(1, 2)", "FILL expects a time series"),
            ("FIRST(m1)", "FIRST expects an array of time series"),
            ("METRICS() + METRICS()", "an operator cannot combine two arrays of time series"),
        ] {
            assert_eq!(value(text).map_err(|error| error.to_string()), Err(expected.to_owned()), "{text}");
        }
        assert_eq!(value(&"(".repeat(500)), Err(MathError::TooLarge));
        assert_eq!(value(&"1+".repeat(500)), Err(MathError::TooLarge));
        assert_eq!(value(&" ".repeat(3000)), Err(MathError::TooLarge));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-z0-9A-Z()\\[\\],+*/<>=&|^ .\"é-]{0,60}") {
            let _ = value(&text);
        }
    }
}
