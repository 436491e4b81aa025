//! What a part of a server costs: the same load with it and without it, in turns, on two servers that run side by side.
//!
//! Executions a second say little of it: the disk's moods are larger. Processor time for a thousand executions is steadier,
//! and what moods it has are those of both halves of a round. So each round gives a ratio, and the median of those is the
//! cost; how far they lie apart says how much that is worth.

use anyhow::Context;
use serde_json::{Value, json};

use super::cost_report::{Cost, CostReport, Round};
use super::load::Load;
use super::report::Measurement;
use super::server::{Server, Settings};
use super::workload::Workload;
use super::{chosen, create, delete, one, progress, stub};
use crate::cli::{BenchArguments, CostOf};

/// A server with the part, or one without it.
struct Side {
    server: Server,
    /// What the state machines are created with.
    members: Value,
}

/// The state machine that a workload is on a side.
struct Loaded<'a> {
    side: &'a Side,
    state_machine_arn: String,
}

impl CostOf {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Log => "log",
            Self::ExecutionLog => "execution-log",
            Self::Traces => "traces",
        }
    }

    /// What the server is started with.
    fn arguments(self, with: bool) -> &'static [&'static str] {
        match (self, with) {
            (Self::Metrics, false) => &["--metrics", "off"],
            (Self::Log, false) => &["--log", "off"],
            (Self::Log, true) => &["--log", "info"],
            (Self::Metrics | Self::ExecutionLog | Self::Traces, _) => &[],
        }
    }

    /// What the state machines are created with.
    fn members(self, with: bool) -> Value {
        match (self, with) {
            (Self::ExecutionLog, true) => json!({ "loggingConfiguration": {
                "level": "ALL", "includeExecutionData": true,
                "destinations": [{ "cloudWatchLogsLogGroup": {
                    "logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:/aws/vendedlogs/states/bench:*" } }],
            } }),
            (Self::Traces, true) => json!({ "tracingConfiguration": { "enabled": true } }),
            (Self::Metrics | Self::Log, _) | (Self::ExecutionLog | Self::Traces, false) => json!({}),
        }
    }
}

/// Measures what a part costs.
pub(super) async fn measure(arguments: &BenchArguments, what: CostOf) -> anyhow::Result<CostReport> {
    let workloads = chosen(&arguments.only);
    let stub = stub::listen(arguments.lambda_listen).await?;
    let folder = super::folder(&arguments.folder)?;
    let start = |name: &str, with: bool| -> anyhow::Result<Side> {
        let settings = Settings { durable: true, more: what.arguments(with), says_into_a_file: true };
        let server = Server::start(&folder.path().join(name), stub, &settings)?;
        Ok(Side { server, members: what.members(with) })
    };
    let (without, with) = (start("without", false)?, start("with", true)?);
    anyhow::ensure!(without.server.usage().is_some(), "processor time cannot be read on this system");
    let progress = progress(workloads.len() * arguments.concurrency.len() * arguments.rounds);
    let mut report = CostReport { of: what.name(), costs: Vec::new() };
    for workload in &workloads {
        let without = Loaded::new(&without, workload).await?;
        let with = Loaded::new(&with, workload).await?;
        for &concurrency in &arguments.concurrency {
            progress.set_message(format!("{}, {concurrency} at once", workload.name));
            let mut rounds = Vec::with_capacity(arguments.rounds);
            for number in 0..arguments.rounds {
                let run =
                    async |loaded: &Loaded<'_>| loaded.run(workload, concurrency, arguments.seconds).await;
                // Whoever comes first may have the warmer machine: they take turns in that, too.
                let round = if number % 2 == 0 {
                    let without = run(&without).await?;
                    Round { without, with: run(&with).await? }
                } else {
                    let with = run(&with).await?;
                    Round { without: run(&without).await?, with }
                };
                rounds.push(round);
                progress.inc(1);
            }
            report.costs.push(Cost { workload: workload.name, concurrency, rounds });
        }
        without.delete().await?;
        with.delete().await?;
    }
    progress.finish_and_clear();
    Ok(report)
}

impl<'a> Loaded<'a> {
    async fn new(side: &'a Side, workload: &Workload) -> anyhow::Result<Self> {
        let state_machine_arn = create(&side.server, workload, &side.members).await;
        Ok(Self { side, state_machine_arn: state_machine_arn.context("the state machine cannot be made")? })
    }

    async fn run(
        &self,
        workload: &Workload,
        concurrency: usize,
        seconds: f64,
    ) -> anyhow::Result<Measurement> {
        let Self { side, state_machine_arn } = self;
        let load = Load { address: side.server.address(), workload, state_machine_arn, concurrency };
        one(&side.server, &load, seconds).await
    }

    async fn delete(&self) -> anyhow::Result<()> {
        delete(&self.side.server, &self.state_machine_arn).await
    }
}
