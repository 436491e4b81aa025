//! The actions, and the table of them.

mod describe_alarms;
mod get_metric_data;
mod get_metric_statistics;
mod list_metrics;
mod put_metric_alarm;
mod put_metric_data;
mod set_alarm_state;
mod tags;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{Call, Done, Inner};

type Action = for<'a> fn(&'a Inner, Call) -> BoxFuture<'a, Done>;

const ACTIONS: &[(&str, Action)] = &[
    ("DeleteAlarms", |inner, call| set_alarm_state::delete_alarms(inner, call).boxed()),
    ("DescribeAlarmHistory", |inner, call| describe_alarms::describe_alarm_history(inner, call).boxed()),
    ("DescribeAlarms", |inner, call| describe_alarms::describe_alarms(inner, call).boxed()),
    ("DescribeAlarmsForMetric", |inner, call| {
        describe_alarms::describe_alarms_for_metric(inner, call).boxed()
    }),
    ("DisableAlarmActions", |inner, call| set_alarm_state::enable_actions(inner, call, false).boxed()),
    ("EnableAlarmActions", |inner, call| set_alarm_state::enable_actions(inner, call, true).boxed()),
    ("GetMetricData", |inner, call| now(get_metric_data::get_metric_data(inner, call))),
    ("GetMetricStatistics", |inner, call| now(get_metric_statistics::get_metric_statistics(inner, call))),
    ("ListMetrics", |inner, call| now(list_metrics::list_metrics(inner, call))),
    ("ListTagsForResource", |inner, call| tags::list_tags_for_resource(inner, call).boxed()),
    ("PutMetricAlarm", |inner, call| put_metric_alarm::put_metric_alarm(inner, call).boxed()),
    ("PutMetricData", |inner, call| now(put_metric_data::put_metric_data(inner, call))),
    ("SetAlarmState", |inner, call| set_alarm_state::set_alarm_state(inner, call).boxed()),
    ("TagResource", |inner, call| tags::tag_resource(inner, call).boxed()),
    ("UntagResource", |inner, call| tags::untag_resource(inner, call).boxed()),
];

/// The action of this name.
pub(super) fn find(name: &str) -> Option<Action> {
    ACTIONS.iter().find(|(its, _)| *its == name).map(|(_, action)| *action)
}

/// What needs no waiting.
fn now(done: Done) -> BoxFuture<'static, Done> {
    std::future::ready(done).boxed()
}
