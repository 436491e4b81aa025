//! `ListMetrics`: which metrics have values.

use serde::Deserialize;

use super::super::metric::Metric;
use super::super::output::{Output, Structure};
use super::super::store::MINUTE_MS;
use super::super::{Call, Done, Inner, fault, input, shapes};

/// Metrics on a page. AWS's own bound.
const PAGE_MAX: usize = 500;
/// Minutes within which a metric is recently active.
const RECENT_MINUTES: i64 = 180;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    namespace: Option<String>,
    metric_name: Option<String>,
    #[serde(default)]
    dimensions: Vec<Filter>,
    next_token: Option<String>,
    recently_active: Option<String>,
    owning_account: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    name: String,
    value: Option<String>,
}

pub(super) fn list_metrics(inner: &Inner, call: Call) -> Done {
    let now = call.now_ms.div_euclid(MINUTE_MS);
    let input: Input = input::read(call.input)?;
    if input.owning_account.is_some() {
        return Err(fault::unsupported("ListMetrics of another account"));
    }
    let oldest = match input.recently_active.as_deref() {
        None => i64::MIN,
        Some("PT3H") => now - RECENT_MINUTES,
        Some(other) => return Err(fault::invalid_value(format!("RecentlyActive cannot be {other}"))),
    };
    // A page begins after the metric that the one before ended with, whatever has come or gone since.
    let after: Option<Metric> = match &input.next_token {
        None => None,
        Some(token) => Some(serde_json::from_str(token).map_err(|_| fault::invalid_token())?),
    };
    let is_meant = |metric: &Metric| {
        input.namespace.as_deref().is_none_or(|namespace| namespace == metric.namespace)
            && input.metric_name.as_deref().is_none_or(|name| name == metric.name)
            && input
                .dimensions
                .iter()
                .all(|filter| metric.has_dimension(&filter.name, filter.value.as_deref()))
            && after.as_ref().is_none_or(|after| metric > after)
    };
    let metrics = inner.metrics();
    let mut found = metrics.list().filter(|(metric, last)| *last >= oldest && is_meant(metric));
    let page: Vec<&Metric> = found.by_ref().take(PAGE_MAX).map(|(metric, _)| metric).collect();
    let last = if found.next().is_some() { page.last() } else { None };
    let token = last.and_then(|last| serde_json::to_string(last).ok());
    let shown: Output = page.iter().map(|metric| shapes::metric_output(metric)).collect();
    Ok(Some(Structure::default().with("Metrics", shown).with_if("NextToken", token)))
}
