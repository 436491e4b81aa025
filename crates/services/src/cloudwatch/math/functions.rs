//! The functions of metric math, those that are known here, and what each makes of its arguments.

use super::evaluate::{Frame, mapped, series};
use super::{Expression, MathError, Points, Value};

/// Arguments of a call, and items of a list. AWS: as many as a request may have queries.
pub(super) const ARGUMENTS_MAX: usize = 500;

/// A function, or a keyword that a function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Function {
    Abs,
    Avg,
    Ceil,
    DatapointCount,
    Diff,
    Fill,
    First,
    Floor,
    If,
    Last,
    Log,
    Log10,
    Max,
    MetricCount,
    Metrics,
    Min,
    Period,
    Rate,
    RunningSum,
    Stddev,
    Sum,
    TimeSeries,
    /// FILL's keyword: the value before.
    Repeat,
    /// FILL's keyword: between the values on both sides.
    Linear,
}

const FUNCTIONS: [(&str, Function, usize, usize); 22] = [
    ("ABS", Function::Abs, 1, 1),
    ("AVG", Function::Avg, 1, 1),
    ("CEIL", Function::Ceil, 1, 1),
    ("DATAPOINT_COUNT", Function::DatapointCount, 1, 1),
    ("DIFF", Function::Diff, 1, 1),
    ("FILL", Function::Fill, 2, 2),
    ("FIRST", Function::First, 1, 1),
    ("FLOOR", Function::Floor, 1, 1),
    ("IF", Function::If, 2, 3),
    ("LAST", Function::Last, 1, 1),
    ("LOG", Function::Log, 1, 1),
    ("LOG10", Function::Log10, 1, 1),
    ("MAX", Function::Max, 1, 1),
    ("METRIC_COUNT", Function::MetricCount, 1, 1),
    ("METRICS", Function::Metrics, 0, 1),
    ("MIN", Function::Min, 1, 1),
    ("PERIOD", Function::Period, 1, 1),
    ("RATE", Function::Rate, 1, 1),
    ("RUNNING_SUM", Function::RunningSum, 1, 1),
    ("STDDEV", Function::Stddev, 1, 1),
    ("SUM", Function::Sum, 1, 1),
    ("TIME_SERIES", Function::TimeSeries, 1, 1),
];

impl Function {
    pub(super) fn parse(name: &str) -> Option<Self> {
        FUNCTIONS.iter().find(|(its, ..)| *its == name).map(|(_, function, ..)| *function)
    }

    pub(super) fn keyword(name: &str) -> Option<Self> {
        match name {
            "REPEAT" => Some(Self::Repeat),
            "LINEAR" => Some(Self::Linear),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        let found = FUNCTIONS.iter().find(|(_, function, ..)| *function == self);
        found.map_or("FILL", |(name, ..)| *name)
    }

    /// Whether it takes so many arguments, and a text or a keyword stands only where one is taken.
    pub(super) fn check(self, arguments: &[Expression]) -> Result<(), MathError> {
        let counts = FUNCTIONS.iter().find(|(_, function, ..)| *function == self);
        if !counts.is_some_and(|(_, _, least, most)| (*least..=*most).contains(&arguments.len())) {
            return Err(self.expects("another number of arguments"));
        }
        Ok(())
    }

    pub(super) fn expects(self, expected: &'static str) -> MathError {
        MathError::Argument { function: self.name(), expected }
    }

    /// The value of a call.
    pub(super) fn call(self, arguments: &[Expression], frame: &Frame<'_>) -> Result<Value, MathError> {
        let argument = |at: usize| {
            let argument = arguments.get(at).ok_or_else(|| self.expects("another number of arguments"))?;
            frame.value(argument)
        };
        match self {
            Self::Abs => Ok(mapped(argument(0)?, f64::abs)),
            Self::Ceil => Ok(mapped(argument(0)?, f64::ceil)),
            Self::Floor => Ok(mapped(argument(0)?, f64::floor)),
            Self::Log => Ok(mapped(argument(0)?, f64::ln)),
            Self::Log10 => Ok(mapped(argument(0)?, f64::log10)),
            Self::Avg => Ok(reduced(argument(0)?, average)),
            Self::DatapointCount => Ok(reduced(argument(0)?, count)),
            Self::Max => Ok(reduced(argument(0)?, |values| values.iter().copied().fold(f64::MIN, f64::max))),
            Self::Min => Ok(reduced(argument(0)?, |values| values.iter().copied().fold(f64::MAX, f64::min))),
            Self::Stddev => Ok(reduced(argument(0)?, deviation)),
            Self::Sum => Ok(reduced(argument(0)?, |values| values.iter().sum())),
            Self::Diff => series_of(self, argument(0)?, |points| steps(points, |step, _| step)),
            Self::Rate => {
                series_of(self, argument(0)?, |points| steps(points, |step, seconds| step / seconds))
            }
            Self::RunningSum => series_of(self, argument(0)?, running_sum),
            Self::First | Self::Last => match argument(0)? {
                Value::List(mut list) if !list.is_empty() => {
                    let at = if self == Self::First { 0 } else { list.len() - 1 };
                    Ok(Value::Series(list.swap_remove(at)))
                }
                Value::List(_) | Value::Scalar(_) | Value::Series(_) => {
                    Err(self.expects("an array of time series"))
                }
            },
            Self::MetricCount => match argument(0)? {
                #[expect(clippy::cast_precision_loss, reason = "at most 500")]
                Value::List(list) => Ok(Value::Scalar(list.len() as f64)),
                Value::Scalar(_) | Value::Series(_) => Err(self.expects("an array of time series")),
            },
            Self::Metrics => match arguments.first() {
                None => Ok(Value::List(frame.metrics(""))),
                Some(Expression::Text(part)) => Ok(Value::List(frame.metrics(part))),
                Some(_) => Err(self.expects("a text in quotes")),
            },
            Self::Period => match argument(0)? {
                #[expect(clippy::cast_precision_loss, reason = "a period of at most 455 days")]
                Value::Series(_) => Ok(Value::Scalar((frame.period * 60) as f64)),
                Value::List(_) | Value::Scalar(_) => Err(self.expects("a time series")),
            },
            Self::TimeSeries => match argument(0)? {
                Value::Scalar(number) => Ok(Value::Series(series(frame, |_| Some(number)))),
                Value::Series(_) | Value::List(_) => Err(self.expects("a number")),
            },
            Self::If => {
                let otherwise = if arguments.len() > 2 { Some(argument(2)?) } else { None };
                chosen(frame, argument(0)?, argument(1)?, otherwise)
            }
            Self::Fill => fill(frame, argument(0)?, arguments.get(1)),
            Self::Repeat | Self::Linear => Err(Self::Fill.expects("its keyword in second place")),
        }
    }
}

/// One series becomes a number; several become the series of what is made at each time.
fn reduced(value: Value, reduce: impl Fn(&[f64]) -> f64) -> Value {
    match value {
        Value::Scalar(number) => Value::Scalar(reduce(&[number])),
        Value::Series(points) if points.is_empty() => Value::Scalar(f64::NAN),
        Value::Series(points) => Value::Scalar(reduce(&points.into_values().collect::<Vec<_>>())),
        Value::List(list) => {
            let mut at_once: std::collections::BTreeMap<_, Vec<f64>> = std::collections::BTreeMap::new();
            for (minute, value) in list.into_iter().flatten() {
                at_once.entry(minute).or_default().push(value);
            }
            Value::Series(at_once.into_iter().map(|(minute, values)| (minute, reduce(&values))).collect())
        }
    }
}

fn series_of(function: Function, value: Value, make: impl Fn(&Points) -> Points) -> Result<Value, MathError> {
    match value {
        Value::Series(points) => Ok(Value::Series(make(&points))),
        Value::List(list) => Ok(Value::List(list.iter().map(make).collect())),
        Value::Scalar(_) => Err(function.expects("a time series")),
    }
}

fn count(values: &[f64]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    let count = values.len() as f64;
    count
}

fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values)
}

fn deviation(values: &[f64]) -> f64 {
    let average = average(values);
    let squares: f64 = values.iter().map(|value| (value - average).powi(2)).sum();
    (squares / count(values)).sqrt()
}

/// What is made of each value's difference from the one before, and of the seconds between them.
fn steps(points: &Points, make: impl Fn(f64, f64) -> f64) -> Points {
    let pairs = points.iter().zip(points.iter().skip(1));
    #[expect(clippy::cast_precision_loss, reason = "seconds of some days")]
    pairs.map(|((before, from), (at, to))| (*at, make(to - from, ((at - before) * 60) as f64))).collect()
}

fn running_sum(points: &Points) -> Points {
    let mut sum = 0.0;
    points
        .iter()
        .map(|(at, value)| {
            sum += value;
            (*at, sum)
        })
        .collect()
}

/// IF: a number chooses as a whole, a series at each of its times.
fn chosen(
    frame: &Frame<'_>,
    condition: Value,
    then: Value,
    otherwise: Option<Value>,
) -> Result<Value, MathError> {
    let number = |condition: f64| condition != 0.0;
    match condition {
        Value::Scalar(condition) if number(condition) => Ok(then),
        Value::Scalar(_) => Ok(otherwise.unwrap_or_else(|| Value::Series(Points::new()))),
        Value::List(_) => Err(Function::If.expects("a number or a time series as its condition")),
        Value::Series(conditions) => {
            let at = |value: &Option<Value>, minute| match value {
                None => Ok(None),
                Some(Value::Scalar(number)) => Ok(Some(*number)),
                Some(Value::Series(points)) => Ok(points.get(&minute).copied()),
                Some(Value::List(_)) => Err(Function::If.expects("numbers or time series")),
            };
            let then = Some(then);
            let mut made = Points::new();
            for (minute, condition) in conditions {
                let side = if number(condition) { &then } else { &otherwise };
                if let Some(value) = at(side, minute)? {
                    made.insert(minute, value);
                }
            }
            made.retain(|minute, _| frame.timeline.contains(minute));
            Ok(Value::Series(made))
        }
    }
}

/// FILL: every period of the time that is asked for has a value.
fn fill(frame: &Frame<'_>, value: Value, with: Option<&Expression>) -> Result<Value, MathError> {
    let with = with.ok_or_else(|| Function::Fill.expects("two arguments"))?;
    let filled = |points: &Points| -> Result<Points, MathError> {
        match with {
            Expression::Call(Function::Repeat, _) => {
                Ok(series(frame, |minute| points.range(..=minute).next_back().map(|(_, value)| *value)))
            }
            Expression::Call(Function::Linear, _) => Ok(series(frame, |minute| between(points, minute))),
            other => {
                let filling = frame.value(other)?;
                let at = |minute| match &filling {
                    Value::Scalar(number) => Ok(Some(*number)),
                    Value::Series(others) => Ok(others.get(&minute).copied()),
                    Value::List(_) => {
                        Err(Function::Fill.expects("a number, a time series, REPEAT or LINEAR"))
                    }
                };
                let mut made = points.clone();
                for minute in &frame.timeline {
                    if !made.contains_key(minute)
                        && let Some(value) = at(*minute)?
                    {
                        made.insert(*minute, value);
                    }
                }
                Ok(made)
            }
        }
    };
    match value {
        Value::Series(points) => Ok(Value::Series(filled(&points)?)),
        Value::List(list) => Ok(Value::List(list.iter().map(filled).collect::<Result<_, _>>()?)),
        Value::Scalar(_) => Err(Function::Fill.expects("a time series")),
    }
}

/// The value on the line between a minute's neighbours. AWS: before the first and after the last there is none.
fn between(points: &Points, minute: i64) -> Option<f64> {
    let (before, from) = points.range(..=minute).next_back()?;
    if *before == minute {
        return Some(*from);
    }
    let (after, to) = points.range(minute..).next()?;
    #[expect(clippy::cast_precision_loss, reason = "minutes of some days")]
    let share = (minute - before) as f64 / (after - before) as f64;
    Some(from + (to - from) * share)
}
