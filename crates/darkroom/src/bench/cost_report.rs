//! What a part of a server costs, as a table or as JSON.

use std::io::Write as _;

use serde_json::{Value, json};

use super::report::Measurement;
use crate::json::print_json;
use crate::platform::cores;
use crate::table::Table;

/// What a part of a server costs.
pub struct CostReport {
    /// The part.
    pub of: &'static str,
    /// By workload and concurrency, in the order in which it was measured.
    pub costs: Vec<Cost>,
}

/// What it costs one workload at one concurrency.
pub struct Cost {
    /// The workload's name.
    pub workload: &'static str,
    /// How many clients there were.
    pub concurrency: usize,
    /// What was measured, round by round.
    pub rounds: Vec<Round>,
}

/// The same load without the part and with it, shortly one after the other.
pub struct Round {
    /// Without the part.
    pub without: Measurement,
    /// With it.
    pub with: Measurement,
}

/// Half of the values lie between the quartiles.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread {
    lower: f64,
    median: f64,
    upper: f64,
}

const TITLES: [&str; 8] = [
    "workload",
    "at once",
    "rounds",
    "cpu s/1000 without",
    "cpu s/1000 with",
    "cost",
    "quartiles",
    "exec/s without, with",
];

impl Round {
    /// How many times the processor time that an execution takes is with the part what it is without.
    fn ratio(&self) -> Option<f64> {
        let without = self.without.cpu_per_thousand().filter(|seconds| *seconds > 0.0)?;
        Some(self.with.cpu_per_thousand()? / without)
    }

    fn sides(&self) -> [(&'static str, &Measurement); 2] {
        [("without", &self.without), ("with", &self.with)]
    }
}

impl Spread {
    /// That of some values; `None` where there are none.
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let at = |quarter: usize| {
            // Between two values it is their mean.
            let place = quarter * (values.len() - 1);
            let (low, high) = (place / 4, place.div_ceil(4));
            Some(f64::midpoint(*values.get(low)?, *values.get(high)?))
        };
        if values.is_empty() {
            return None;
        }
        Some(Self { lower: at(1)?, median: at(2)?, upper: at(3)? })
    }
}

impl CostReport {
    /// Whether an execution did not succeed.
    pub fn has_failures(&self) -> bool {
        self.failures().next().is_some()
    }

    /// Prints it on standard output; failures on standard error beside a table.
    pub fn print(&self, as_json: bool) -> anyhow::Result<()> {
        if as_json {
            return print_json(&self.json());
        }
        let mut out = std::io::stdout().lock();
        let mut table = Table::new(&TITLES);
        for cost in &self.costs {
            table.row(cost.cells());
        }
        write!(out, "{}", table.render())?;
        writeln!(
            out,
            "\n{} cores. cost: by how much the processor time of an execution grows with {}, the",
            cores(),
            self.of
        )?;
        writeln!(out, "median of the rounds; half of the rounds lie between the quartiles.")?;
        for failure in self.failures() {
            eprintln!("{failure}");
        }
        Ok(())
    }

    fn failures(&self) -> impl Iterator<Item = String> {
        self.costs.iter().flat_map(|cost| {
            let sides = cost.rounds.iter().flat_map(Round::sides);
            sides.filter(|(_, measurement)| measurement.tally.failed > 0).map(move |(side, measurement)| {
                let (failed, why) = (measurement.tally.failed, measurement.tally.failure.as_deref());
                let Cost { workload, concurrency, .. } = cost;
                format!("{workload}, {concurrency} at once, {side}: {failed} failed: {}", why.unwrap_or(""))
            })
        })
    }

    fn json(&self) -> Value {
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "cores": cores(),
            "costOf": self.of,
            "costs": self.costs.iter().map(Cost::json).collect::<Vec<_>>(),
        })
    }
}

impl Cost {
    fn spread(&self, value: impl Fn(&Round) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter_map(value).collect())
    }

    fn cells(&self) -> [String; 8] {
        let missing = || "-".to_owned();
        let median = |value: &dyn Fn(&Round) -> Option<f64>, digits: usize| {
            self.spread(value).map_or_else(missing, |spread| format!("{:.digits$}", spread.median))
        };
        let cost = self.spread(Round::ratio);
        let rate = |value: &dyn Fn(&Round) -> Option<f64>| median(value, 0);
        [
            self.workload.to_owned(),
            self.concurrency.to_string(),
            self.rounds.len().to_string(),
            median(&|round| round.without.cpu_per_thousand(), 3),
            median(&|round| round.with.cpu_per_thousand(), 3),
            cost.map_or_else(missing, |cost| percent(cost.median)),
            cost.map_or_else(missing, |cost| format!("{} to {}", percent(cost.lower), percent(cost.upper))),
            format!(
                "{}, {}",
                rate(&|round| Some(round.without.tally.per_second())),
                rate(&|round| Some(round.with.tally.per_second()))
            ),
        ]
    }

    fn json(&self) -> Value {
        let side = |measurement: &Measurement| {
            json!({
                "executions": measurement.tally.latencies.len(),
                "failed": measurement.tally.failed,
                "failure": measurement.tally.failure,
                "executionsPerSecond": measurement.tally.per_second(),
                "cpuSecondsPer1000": measurement.cpu_per_thousand(),
            })
        };
        let rounds = self.rounds.iter().map(|round| {
            json!({ "without": side(&round.without), "with": side(&round.with), "ratio": round.ratio() })
        });
        let ratio = self.spread(Round::ratio);
        let ratio = ratio.map(|Spread { lower, median, upper }| {
            json!({ "lowerQuartile": lower, "median": median, "upperQuartile": upper })
        });
        json!({
            "workload": self.workload,
            "concurrency": self.concurrency,
            "ratio": ratio,
            "rounds": rounds.collect::<Vec<_>>(),
        })
    }
}

/// How much more a ratio is than 1.
fn percent(ratio: f64) -> String {
    format!("{:+.1} %", (ratio - 1.0) * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::load::Tally;
    use std::time::Duration;

    #[test]
    fn half_of_the_values_lie_between_the_quartiles() {
        let spread = |lower, median, upper| Some(Spread { lower, median, upper });
        for (values, expected) in [
            (&[][..], None),
            (&[3.0], spread(3.0, 3.0, 3.0)),
            (&[2.0, 1.0], spread(1.5, 1.5, 1.5)),
            (&[5.0, 1.0, 4.0, 2.0, 3.0], spread(2.0, 3.0, 4.0)),
            (&[4.0, 3.0, 2.0, 1.0], spread(1.5, 2.5, 3.5)),
        ] {
            assert_eq!(Spread::of(values.to_vec()), expected, "{values:?}");
        }
    }

    #[test]
    fn a_cost_is_the_median_of_its_rounds_ratios() {
        let measurement = |cpu_seconds: f64, executions: u64| Measurement {
            workload: "pass1",
            concurrency: 1,
            durable: true,
            transitions: 1,
            cpu_seconds: Some(cpu_seconds),
            resident_bytes: None,
            tally: Tally {
                latencies: (0..executions).map(Duration::from_millis).collect(),
                elapsed: Duration::from_secs(1),
                ..Tally::default()
            },
        };
        // The second round is of another mood, in both halves; the third has no ratio.
        let rounds = [(1.0, 1000, 1.03, 1000), (3.0, 1500, 3.06, 1500), (0.0, 10, 1.0, 10)];
        let rounds = rounds.into_iter().map(|(without, executions, with, others)| Round {
            without: measurement(without, executions),
            with: measurement(with, others),
        });
        let cost = Cost { workload: "pass1", concurrency: 1, rounds: rounds.collect() };
        let median = cost.json()["ratio"]["median"].as_f64().expect("a median");
        assert!((median - 1.025).abs() < 1e-9, "{median}");
        assert_eq!(cost.cells()[5], "+2.5 %");
        assert_eq!(cost.json()["rounds"][2]["ratio"], Value::Null);
    }
}
