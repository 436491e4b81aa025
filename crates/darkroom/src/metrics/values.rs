//! Values of metrics that are not handed on yet, by the minute.

use std::collections::{BTreeMap, HashMap};

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::Identity;
use darkroom_asl::json::Text;
use darkroom_services::cloudwatch::{Bucket, MINUTE_MS, Metric, Minute, Series};

use super::names::{ALIAS, NAMESPACE, Name, STATE_MACHINE, VERSION};

/// What of a metric a value belongs to: the names and values of its dimensions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Dimensions {
    /// The whole account: there are none.
    Account,
    One(&'static str, Text),
    Two([(&'static str, Text); 2]),
}

/// Values, until they are taken.
#[derive(Default)]
pub struct Values(HashMap<(Name, Dimensions), Vec<(Minute, Bucket)>>);

impl Dimensions {
    /// Those of an execution: its state machine alone, and with the version and the alias that it was started through.
    ///
    /// AWS: one that an alias routed to a version belongs to both; and the documentation does not say how their values are
    /// written: here they are the version's number and the alias' name.
    pub fn of_execution(identity: &Identity) -> impl Iterator<Item = Self> {
        let machine = &identity.state_machine_arn;
        let qualifiers = &identity.qualifiers;
        let qualified = [(VERSION, &qualifiers.version_arn), (ALIAS, &qualifiers.alias_arn)];
        let qualified = qualified.into_iter().filter_map(|(dimension, arn)| {
            let (_, last) = arn.as_deref()?.rsplit_once(':')?;
            Some(Self::Two([(STATE_MACHINE, machine.clone()), (dimension, last.into())]))
        });
        std::iter::once(Self::One(STATE_MACHINE, machine.clone())).chain(qualified)
    }

    fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        let pairs = match self {
            Self::Account => Vec::new(),
            Self::One(name, value) => vec![(*name, value)],
            Self::Two([(name, value), (other, its)]) => vec![(*name, value), (*other, its)],
        };
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_string()))
    }
}

impl Values {
    /// Takes in a value.
    pub fn add(&mut self, name: Name, of: Dimensions, at: Timestamp, value: f64) {
        self.minute(name, of, at, |own| own.add(value), || Bucket::of(value, 1.0));
    }

    /// Takes in as many values as are counted, each of them 1.
    pub fn count(&mut self, name: Name, of: Dimensions, at: Timestamp, count: u32) {
        if count > 0 {
            let ones = || Bucket::of(1.0, f64::from(count));
            self.minute(name, of, at, |own| own.merge(&ones()), ones);
        }
    }

    fn minute(
        &mut self,
        name: Name,
        of: Dimensions,
        at: Timestamp,
        known: impl FnOnce(&mut Bucket),
        new: impl FnOnce() -> Bucket,
    ) {
        let minute = at.as_millis().div_euclid(MINUTE_MS);
        let minutes = self.0.entry((name, of)).or_default();
        match minutes.iter_mut().find(|(its, _)| *its == minute) {
            Some((_, own)) => known(own),
            None => minutes.push((minute, new())),
        }
    }

    /// What has come since this was last asked, with the account's totals.
    pub fn take(&mut self) -> Vec<(Series, Vec<(Minute, Bucket)>)> {
        let mut taken = std::mem::take(self);
        let mut totals = HashMap::<Name, BTreeMap<Minute, Bucket>>::new();
        for ((name, of), minutes) in &taken.0 {
            // What has two dimensions stands in the total of one already.
            if name.is_totalled && matches!(of, Dimensions::One(..)) {
                let total = totals.entry(*name).or_default();
                for (minute, bucket) in minutes {
                    let own = total.entry(*minute);
                    own.and_modify(|own| own.merge(bucket)).or_insert_with(|| bucket.clone());
                }
            }
        }
        let totals = totals
            .into_iter()
            .map(|(name, minutes)| ((name, Dimensions::Account), minutes.into_iter().collect()));
        taken.0.extend(totals);
        let series = taken.0.into_iter().map(|((name, of), minutes)| {
            let metric = Metric::new(NAMESPACE, name.text, of.pairs());
            (Series { metric, unit: name.unit }, minutes)
        });
        series.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::names::{EXECUTION_TIME, EXPRESS_MEMORY};
    use darkroom_asl::interpreter::Qualifiers;

    #[test]
    fn an_execution_counts_for_its_machine_and_what_it_was_started_through() {
        const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:m";
        let of = |version: Option<&str>, alias: Option<&str>| -> Vec<Vec<(String, String)>> {
            let arn = |end: Option<&str>| end.map(|end| format!("{MACHINE}:{end}").into());
            let identity = Identity {
                execution_arn: "e".into(),
                execution_name: "e".into(),
                state_machine_arn: MACHINE.into(),
                state_machine_name: "m".into(),
                role_arn: "r".into(),
                qualifiers: Qualifiers { version_arn: arn(version), alias_arn: arn(alias) },
                revision_id: None,
                trace_header: None,
            };
            Dimensions::of_execution(&identity).map(|of| of.pairs().collect()).collect()
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let machine = || pair("StateMachineArn", MACHINE);
        assert_eq!(of(None, None), [vec![machine()]]);
        assert_eq!(of(Some("3"), None), [vec![machine()], vec![machine(), pair("Version", "3")]]);
        assert_eq!(
            of(Some("3"), Some("PROD")),
            [vec![machine()], vec![machine(), pair("Version", "3")], vec![machine(), pair("Alias", "PROD")]]
        );
    }

    #[test]
    fn the_account_s_total_is_that_of_the_machines_and_each_value_is_in_it_once() {
        let mut values = Values::default();
        let at = |minute: i64| Timestamp::from_millis(minute * MINUTE_MS + 7);
        let machine = |arn: &str| Dimensions::One(STATE_MACHINE, arn.into());
        values.add(EXECUTION_TIME, machine("a"), at(5), 100.0);
        values.add(EXECUTION_TIME, machine("a"), at(5), 300.0);
        values.add(EXECUTION_TIME, machine("b"), at(5), 50.0);
        values.add(EXECUTION_TIME, machine("b"), at(5), 50.0);
        values.add(EXECUTION_TIME, machine("b"), at(6), 10.0);
        let version = Dimensions::Two([(STATE_MACHINE, "b".into()), (VERSION, "1".into())]);
        values.add(EXECUTION_TIME, version, at(6), 10.0);
        values.count(EXPRESS_MEMORY, machine("a"), at(5), 2);
        values.count(EXPRESS_MEMORY, machine("b"), at(5), 0);
        let taken = values.take();
        let account: Vec<_> =
            taken.iter().filter(|(series, _)| series.metric.dimensions().is_empty()).collect();
        assert_eq!(account.len(), 1, "the memory of one has no total");
        assert_eq!(account[0].0.metric.name, "ExecutionTime");
        let mut minutes: Vec<_> =
            account[0].1.iter().map(|(minute, bucket)| (*minute, bucket.sample_count, bucket.sum)).collect();
        minutes.sort_by_key(|(minute, ..)| *minute);
        assert_eq!(minutes, [(5, 4.0, 500.0), (6, 1.0, 10.0)]);
        assert_eq!(taken.len(), 5);
        assert!(values.take().is_empty(), "values are told once");
    }
}
