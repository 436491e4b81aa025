//! What was measured, as a table or as JSON.

use std::io::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::disk::Syncs;
use super::load::Tally;
use crate::json::print_json;
use crate::platform::cores;
use crate::table::Table;

/// All that was measured.
pub struct Report {
    /// What the disk does on its own.
    pub syncs: Syncs,
    /// In the order in which it was measured.
    pub measurements: Vec<Measurement>,
}

/// One workload at one concurrency.
pub struct Measurement {
    /// The workload's name.
    pub workload: &'static str,
    /// How many clients there were.
    pub concurrency: usize,
    /// Whether every acknowledged step was on disk.
    pub durable: bool,
    /// States that an execution entered.
    pub transitions: u32,
    /// Processor time of the server.
    pub cpu_seconds: Option<f64>,
    /// The server's memory at the end.
    pub resident_bytes: Option<u64>,
    /// What came of the load.
    pub tally: Tally,
}

const TITLES: [&str; 10] = [
    "workload",
    "at once",
    "disk",
    "exec/s",
    "trans/s",
    "p50 ms",
    "p99 ms",
    "cpu s/1000",
    "MiB",
    "exec/fsync",
];

impl Report {
    /// A report without measurements.
    pub fn new(syncs: Syncs) -> Self {
        Self { syncs, measurements: Vec::new() }
    }

    /// Whether an execution did not succeed.
    pub fn has_failures(&self) -> bool {
        self.measurements.iter().any(|measurement| measurement.tally.failed > 0)
    }

    /// Prints it on standard output; failures on standard error beside a table.
    pub fn print(&self, as_json: bool) -> anyhow::Result<()> {
        if as_json {
            return print_json(&self.json());
        }
        let mut out = std::io::stdout().lock();
        let mut table = Table::new(&TITLES);
        for measurement in &self.measurements {
            table.row(measurement.cells(&self.syncs));
        }
        write!(out, "{}", table.render())?;
        let (p50, p99) = (milliseconds(Some(self.syncs.p50)), milliseconds(Some(self.syncs.p99)));
        writeln!(out, "\n{} cores. A write of 8 KB and fdatasync: p50 {p50} ms, p99 {p99} ms.", cores())?;
        writeln!(out, "exec/fsync: executions in the time that the disk takes for one such write, alone.")?;
        for measurement in &self.measurements {
            if let Some(failure) = &measurement.tally.failure {
                let Measurement { workload, concurrency, tally, .. } = measurement;
                eprintln!("{workload}, {concurrency} at once: {} failed: {failure}", tally.failed);
            }
        }
        Ok(())
    }

    fn json(&self) -> Value {
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "cores": cores(),
            "fsync": {
                "p50Ms": number(Some(self.syncs.p50)),
                "p99Ms": number(Some(self.syncs.p99)),
                "perSecond": self.syncs.per_second(),
            },
            "measurements": self.measurements.iter().map(|each| each.json(&self.syncs)).collect::<Vec<_>>(),
        })
    }
}

impl Measurement {
    /// Processor seconds of the server for a thousand executions.
    pub fn cpu_per_thousand(&self) -> Option<f64> {
        let executions = self.tally.succeeded();
        self.cpu_seconds.filter(|_| executions > 0.0).map(|seconds| seconds * 1000.0 / executions)
    }

    fn per_sync(&self, syncs: &Syncs) -> f64 {
        self.tally.per_second() / syncs.per_second()
    }

    fn cells(&self, syncs: &Syncs) -> [String; 10] {
        let missing = || "-".to_owned();
        let rate = self.tally.per_second();
        [
            self.workload.to_owned(),
            self.concurrency.to_string(),
            if self.durable { "synced" } else { "not synced" }.to_owned(),
            format!("{rate:.0}"),
            format!("{:.0}", rate * f64::from(self.transitions)),
            milliseconds(self.tally.percentile(50)),
            milliseconds(self.tally.percentile(99)),
            self.cpu_per_thousand().map_or_else(missing, |seconds| format!("{seconds:.3}")),
            self.resident_bytes.map_or_else(missing, |bytes| (bytes / (1024 * 1024)).to_string()),
            if self.durable { format!("{:.2}", self.per_sync(syncs)) } else { missing() },
        ]
    }

    fn json(&self, syncs: &Syncs) -> Value {
        let rate = self.tally.per_second();
        json!({
            "workload": self.workload,
            "concurrency": self.concurrency,
            "durable": self.durable,
            "executions": self.tally.latencies.len(),
            "failed": self.tally.failed,
            "failure": self.tally.failure,
            "seconds": self.tally.elapsed.as_secs_f64(),
            "executionsPerSecond": rate,
            "transitionsPerSecond": rate * f64::from(self.transitions),
            "p50Ms": number(self.tally.percentile(50)),
            "p99Ms": number(self.tally.percentile(99)),
            "cpuSecondsPer1000": self.cpu_per_thousand(),
            "residentBytes": self.resident_bytes,
            "executionsPerFsync": self.durable.then(|| self.per_sync(syncs)),
        })
    }
}

fn number(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64() * 1000.0)
}

fn milliseconds(time: Option<Duration>) -> String {
    number(time).map_or_else(|| "-".to_owned(), |time| format!("{time:.2}"))
}
