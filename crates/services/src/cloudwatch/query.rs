//! Queries: statistics of metrics, and expressions over them, for a stretch of time.
//!
//! [`compile`] checks them all and reads the expressions; [`Queries::run`] computes them. `GetMetricData` and alarms
//! differ in the stretch that a period has alone.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::bucket::Bucket;
use super::fault;
use super::math::{self, Expression, Frame, Points, Value};
use super::metric::{Metric, Unit};
use super::shapes::{self, MetricDataQuery};
use super::statistic::{NoStatistic, Statistic};
use super::store::{Metrics, Minute};
use crate::wire::Fault;

/// Queries of a request. AWS's own bound.
const QUERIES_MAX: usize = 500;
/// Periods of one query's stretch. AWS: a request gets up to 100,800 points.
const PERIODS_MAX: i64 = 100_800;

/// Checked queries.
#[derive(Debug)]
pub(super) struct Queries {
    queries: Vec<Query>,
    /// The ids of those that are metrics.
    metrics: Vec<String>,
}

#[derive(Debug)]
struct Query {
    id: String,
    label: Option<String>,
    is_returned: bool,
    /// In minutes.
    period: i64,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Metric { metric: Metric, statistic: Statistic, unit: Option<Unit> },
    Expression(Expression),
}

/// A query's answer.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) points: Points,
}

impl Queries {
    /// One metric's statistic.
    pub(super) fn of_metric(metric: Metric, statistic: Statistic, unit: Option<Unit>, period: i64) -> Self {
        let id = "m1".to_owned();
        let source = Source::Metric { metric, statistic, unit };
        let query = Query { id: id.clone(), label: None, is_returned: true, period, source };
        Self { queries: vec![query], metrics: vec![id] }
    }

    /// How many are returned.
    pub(super) fn returned(&self) -> usize {
        self.queries.iter().filter(|query| query.is_returned).count()
    }

    /// The period of what is returned, in minutes.
    pub(super) fn period(&self) -> i64 {
        let returned = self.queries.iter().filter(|query| query.is_returned);
        returned.map(|query| query.period).max().unwrap_or(1)
    }

    /// Answers those that are to be returned, each for the stretch that `range` has for its period. A stretch begins with
    /// a period.
    pub(super) fn run(
        &self,
        metrics: &Metrics,
        range: &dyn Fn(i64) -> Range<Minute>,
    ) -> Result<Vec<Answer>, Fault> {
        let mut values = BTreeMap::new();
        for query in &self.queries {
            check_stretch(&range(query.period), query.period)?;
            if let Source::Metric { metric, statistic, unit } = &query.source {
                let windows = metrics.windows(metric, *unit, range(query.period), query.period);
                values.insert(query.id.clone(), Value::Series(statistics(windows, *statistic)));
            }
        }
        // In the order of what they need: each round computes those whose needs are met.
        let mut waiting: Vec<&Query> =
            self.queries.iter().filter(|query| matches!(query.source, Source::Expression(_))).collect();
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut still = Vec::new();
            for query in waiting {
                match self.evaluated(query, &values, range)? {
                    Some(value) => {
                        values.insert(query.id.clone(), value);
                    }
                    None => still.push(query),
                }
            }
            if still.len() == before {
                return Err(fault::validation("The expressions need each other"));
            }
            waiting = still;
        }
        let mut answers = Vec::new();
        for query in self.queries.iter().filter(|query| query.is_returned) {
            query.answer(values.get(&query.id), &mut answers)?;
        }
        Ok(answers)
    }

    /// An expression's value, or nothing where another has to be computed before.
    fn evaluated(
        &self,
        query: &Query,
        values: &BTreeMap<String, Value>,
        range: &dyn Fn(i64) -> Range<Minute>,
    ) -> Result<Option<Value>, Fault> {
        let Source::Expression(expression) = &query.source else { return Ok(None) };
        let mut is_ready = true;
        expression.ids(&mut |id| is_ready &= values.contains_key(id));
        if !is_ready {
            return Ok(None);
        }
        let frame = Frame {
            timeline: timeline(range(query.period), query.period),
            period: query.period,
            values,
            metrics: &self.metrics,
        };
        let value = math::evaluate(expression, &frame);
        value.map(Some).map_err(|error| in_expression(&query.id, &error))
    }
}

impl Query {
    fn answer(&self, value: Option<&Value>, answers: &mut Vec<Answer>) -> Result<(), Fault> {
        let label = match (&self.label, &self.source) {
            (Some(label), _) => label.clone(),
            (None, Source::Metric { metric, .. }) => metric.name.clone(),
            (None, Source::Expression(_)) => self.id.clone(),
        };
        let mut add = |points: &Points| {
            answers.push(Answer { id: self.id.clone(), label: label.clone(), points: points.clone() });
        };
        match value {
            Some(Value::Series(points)) => add(points),
            Some(Value::List(list)) => list.iter().for_each(add),
            // AWS: what is returned must be a time series.
            Some(Value::Scalar(_)) => {
                let message = format!("The expression {} is a number; it must be a time series", self.id);
                return Err(fault::validation(message));
            }
            None => {}
        }
        Ok(())
    }
}

/// Checks queries, all that can be known without their values.
pub(super) fn compile(shapes: &[MetricDataQuery]) -> Result<Queries, Fault> {
    if shapes.is_empty() || shapes.len() > QUERIES_MAX {
        return Err(fault::validation(format!("A request has 1 to {QUERIES_MAX} queries")));
    }
    let mut queries = Vec::with_capacity(shapes.len());
    let mut ids = BTreeSet::new();
    for shape in shapes {
        check_id(&shape.id)?;
        if !ids.insert(shape.id.as_str()) {
            return Err(fault::validation(format!("The id {} is there more than once", shape.id)));
        }
        queries.push(read(shape)?);
    }
    let of_metrics = queries.iter().filter(|query| matches!(query.source, Source::Metric { .. }));
    let metrics = of_metrics.map(|query| query.id.clone()).collect();
    settle_periods(&mut queries)?;
    Ok(Queries { queries, metrics })
}

fn read(shape: &MetricDataQuery) -> Result<Query, Fault> {
    if shape.account_id.is_some() {
        return Err(fault::unsupported("A query of another account"));
    }
    let (period, source) = match (&shape.metric_stat, &shape.expression) {
        (Some(stat), None) => {
            let metric = stat.metric.metric()?;
            let (statistic, unit) = (statistic(&stat.stat)?, shapes::unit(stat.unit.as_deref())?);
            (shapes::period(stat.period)?, Source::Metric { metric, statistic, unit })
        }
        (None, Some(text)) => {
            let expression = Expression::parse(text).map_err(|error| in_expression(&shape.id, &error))?;
            (shape.period.map(shapes::period).transpose()?.unwrap_or(0), Source::Expression(expression))
        }
        (Some(_), Some(_)) | (None, None) => {
            let message = format!("The query {} must have either MetricStat or Expression", shape.id);
            return Err(fault::validation(message));
        }
    };
    let is_returned = shape.return_data.unwrap_or(true);
    Ok(Query { id: shape.id.clone(), label: shape.label.clone(), is_returned, period, source })
}

/// Gives each expression the period of what it is made of, which must be one.
fn settle_periods(queries: &mut [Query]) -> Result<(), Fault> {
    for _ in 0..queries.len() {
        let known: BTreeMap<String, i64> =
            queries.iter().map(|query| (query.id.clone(), query.period)).collect();
        let metrics: Vec<i64> = queries
            .iter()
            .filter(|query| matches!(query.source, Source::Metric { .. }))
            .map(|query| query.period)
            .collect();
        let mut is_settled = true;
        for query in queries.iter_mut() {
            let Source::Expression(expression) = &query.source else { continue };
            let mut parts: Vec<i64> =
                if expression.takes_all_metrics() { metrics.clone() } else { Vec::new() };
            let mut unknown = None;
            expression.ids(&mut |id| match known.get(id) {
                Some(period) => parts.push(*period),
                None => unknown = Some(id),
            });
            if let Some(id) = unknown {
                let error = math::MathError::UnknownId(id.to_owned());
                return Err(in_expression(&query.id, &error));
            }
            let period = parts.into_iter().chain([query.period]).max().unwrap_or(0);
            is_settled &= period == query.period;
            query.period = period;
        }
        if is_settled {
            break;
        }
    }
    let known: BTreeMap<&str, i64> = queries.iter().map(|query| (&*query.id, query.period)).collect();
    for query in queries.iter() {
        if query.period == 0 {
            let message = format!("The expression {} names no metric and has no Period", query.id);
            return Err(fault::validation(message));
        }
        if let Source::Expression(expression) = &query.source {
            let mut is_one = true;
            expression.ids(&mut |id| is_one &= known.get(id) == Some(&query.period));
            if !is_one {
                return Err(fault::unsupported(&format!("The expression {} over several periods", query.id)));
            }
        }
    }
    Ok(())
}

/// The statistic of this name.
pub(super) fn statistic(name: &str) -> Result<Statistic, Fault> {
    Statistic::parse(name).map_err(|why| match why {
        NoStatistic::Unsupported => fault::unsupported(&format!("The statistic {name}")),
        NoStatistic::Unknown => {
            fault::invalid_value(format!("The value {name} for parameter Statistic is invalid."))
        }
    })
}

/// Whether a stretch has no more periods than may be asked for.
fn check_stretch(range: &Range<Minute>, period: i64) -> Result<(), Fault> {
    if range.end.saturating_sub(range.start) / period.max(1) > PERIODS_MAX {
        return Err(fault::validation(format!("A query may ask for up to {PERIODS_MAX} periods")));
    }
    Ok(())
}

fn check_id(id: &str) -> Result<(), Fault> {
    let is_word = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_word && id.len() <= 255 && id.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Ok(());
    }
    Err(fault::validation(format!(
        "The id `{id}` must begin with a lower-case letter and have letters, digits and _ alone"
    )))
}

fn in_expression(id: &str, error: &math::MathError) -> Fault {
    fault::validation(format!("Error in expression '{id}': {error}"))
}

/// All units together: who asks for one gets that one.
fn statistics(windows: BTreeMap<Unit, BTreeMap<Minute, Bucket>>, statistic: Statistic) -> Points {
    let mut together: BTreeMap<Minute, Bucket> = BTreeMap::new();
    for (start, bucket) in windows.into_values().flatten() {
        together.entry(start).and_modify(|all| all.merge(&bucket)).or_insert(bucket);
    }
    together.iter().filter_map(|(start, bucket)| Some((*start, statistic.of(bucket)?))).collect()
}

fn timeline(range: Range<Minute>, period: i64) -> BTreeSet<Minute> {
    let step = usize::try_from(period.max(1)).unwrap_or(usize::MAX);
    range.step_by(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudwatch::input;
    use crate::cloudwatch::metric::Series;
    use crate::cloudwatch::store::Bounds;
    use serde_json::{Value as Json, json};

    type Found = Vec<(String, Vec<(Minute, f64)>)>;

    fn run(queries: &Json) -> Result<Found, String> {
        let mut metrics = Metrics::new(Bounds::default());
        for (name, minute, value) in
            [("failed", 0, 1.0), ("failed", 1, 2.0), ("started", 0, 4.0), ("started", 7, 8.0)]
        {
            let series = Series { metric: Metric::new("N", name, []), unit: Unit::COUNT };
            metrics.add(&series, minute, &Bucket::of(value, 1.0)).unwrap();
        }
        let shapes: Vec<MetricDataQuery> = input::read(queries.clone()).unwrap();
        let answers = compile(&shapes).and_then(|queries| queries.run(&metrics, &|_| 0..10));
        let answers = answers.map_err(|fault| fault.message)?;
        Ok(answers.into_iter().map(|it| (it.id, it.points.into_iter().collect())).collect())
    }

    fn of(id: &str, name: &str, period: i64) -> Json {
        json!({
            "Id": id, "ReturnData": false,
            "MetricStat": { "Metric": { "Namespace": "N", "MetricName": name }, "Period": period, "Stat": "Sum" },
        })
    }

    #[test]
    fn expressions_are_computed_in_the_order_of_their_needs() {
        let queries = json!([
            { "Id": "ratio", "Expression": "100 * share" },
            { "Id": "share", "Expression": "FILL(m1, 0) / m2", "ReturnData": false },
            of("m1", "failed", 300), of("m2", "started", 300),
        ]);
        assert_eq!(run(&queries), Ok(vec![("ratio".to_owned(), vec![(0, 75.0), (5, 0.0)])]));
    }

    #[test]
    fn what_cannot_be_computed_is_refused_with_the_reason() {
        for (queries, expected) in [
            (json!([]), "A request has 1 to 500 queries"),
            (json!([of("m1", "a", 60), of("m1", "b", 60)]), "The id m1 is there more than once"),
            (json!([of("M1", "a", 60)]), "must begin with a lower-case letter"),
            (json!([of("m1", "a", 61)]), "multiple of 60"),
            (json!([of("m1", "a", 10)]), "A period below 60 seconds is not supported here"),
            (json!([{ "Id": "e", "Expression": "f", "Period": 60 }]), "`f` is not the id of a query"),
            (json!([{ "Id": "e", "Expression": "TIME_SERIES(1)" }]), "names no metric and has no Period"),
            (json!([{ "Id": "e" }]), "either MetricStat or Expression"),
            (json!([{ "Id": "e", "Expression": "e", "Period": 60 }]), "The expressions need each other"),
            (
                json!([{ "Id": "e", "Expression": "SUM(m1)" }, of("m1", "failed", 60)]),
                "it must be a time series",
            ),
            (
                json!([{ "Id": "e", "Expression": "m1 + m2" }, of("m1", "failed", 60), of("m2", "started", 300)]),
                "over several periods is not supported here",
            ),
            (
                json!([{ "Id": "e", "Expression": "SEARCH('x')", "Period": 60 }]),
                "SEARCH is not supported here",
            ),
        ] {
            let found = run(&queries);
            assert!(found.as_ref().is_err_and(|message| message.contains(expected)), "{queries}: {found:?}");
        }
    }
}
