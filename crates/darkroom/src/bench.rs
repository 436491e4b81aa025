//! `darkroom bench`: how fast the engine is, over its port, beside how fast the disk is.
//!
//! A server is started in a process of its own, with a data folder that is removed afterwards, and loaded from here.
//! So the figures are what a client sees, and processor time and memory are the server's alone. Everything is
//! measured twice: with every acknowledged step on disk, and without syncs, which shows what the disk costs. What
//! watching costs is measured otherwise (`cost.rs`).

mod client;
mod cost;
mod cost_report;
mod disk;
mod load;
mod report;
mod server;
mod stub;
mod workload;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use tempfile::TempDir;

use self::client::Connection;
use self::disk::Syncs;
use self::load::Load;
use self::report::{Measurement, Report};
use self::server::{Server, Settings, Usage};
use self::workload::{WORKLOADS, Workload};
use crate::cli::BenchArguments;

/// Executions before each measurement that do not count: connections are opened and the definition is read.
const WARM_UP: usize = 3;
/// The exit code where an execution did not succeed.
const EXIT_FAILED: u8 = 1;

/// Runs the command.
pub fn run(arguments: &BenchArguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("load")
        .build()
        .context("the threads that make the load cannot be started")?;
    let has_failures = runtime.block_on(async {
        tokio::select! {
            has_failures = report(arguments) => has_failures,
            // What was begun is dropped: the server is ended and its folder removed.
            _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        }
    })?;
    Ok(if has_failures { ExitCode::from(EXIT_FAILED) } else { ExitCode::SUCCESS })
}

/// Measures and prints what is asked for. Answers whether an execution did not succeed.
async fn report(arguments: &BenchArguments) -> anyhow::Result<bool> {
    if let Some(what) = arguments.cost_of {
        let report = cost::measure(arguments, what).await?;
        report.print(arguments.json)?;
        return Ok(report.has_failures());
    }
    let report = measure(arguments).await?;
    report.print(arguments.json)?;
    Ok(report.has_failures())
}

async fn measure(arguments: &BenchArguments) -> anyhow::Result<Report> {
    let workloads = chosen(&arguments.only);
    let stub = stub::listen(arguments.lambda_listen).await?;
    let folder = folder(&arguments.folder)?;
    let rounds: &[bool] =
        if arguments.durable_only || arguments.endpoint.is_some() { &[true] } else { &[true, false] };
    let progress = progress(rounds.len() * workloads.len() * arguments.concurrency.len());
    let mut report = Report::new(disk::probe(folder.path())?);
    for &durable in rounds {
        let server = if let Some(endpoint) = &arguments.endpoint {
            Server::elsewhere(endpoint, arguments.pid)
        } else {
            let data = folder.path().join(if durable { "durable" } else { "unsynced" });
            Server::start(&data, stub, &Settings { durable, ..Settings::default() })?
        };
        for workload in &workloads {
            let arn = create(&server, workload, &Value::Null).await?;
            for &concurrency in &arguments.concurrency {
                progress.set_message(format!("{}, {concurrency} at once", workload.name));
                let load = Load { address: server.address(), workload, state_machine_arn: &arn, concurrency };
                let measured = one(&server, &load, arguments.seconds).await?;
                report.measurements.push(Measurement { durable, ..measured });
                progress.inc(1);
            }
            delete(&server, &arn).await?;
        }
    }
    progress.finish_and_clear();
    // The disk of a busy machine has moods: what counts is what it was like before and after.
    report.syncs = Syncs::slower(report.syncs, disk::probe(folder.path())?);
    Ok(report)
}

async fn one(server: &Server, load: &Load<'_>, seconds: f64) -> anyhow::Result<Measurement> {
    load.run_times(WARM_UP).await?;
    let before = server.usage();
    let tally = load.run_for(Duration::from_secs_f64(seconds)).await?;
    let after = server.usage();
    Ok(Measurement {
        workload: load.workload.name,
        concurrency: load.concurrency,
        durable: true,
        transitions: load.workload.transitions,
        cpu_seconds: before.zip(after).map(|(before, after)| Usage::cpu_between(before, after)),
        resident_bytes: after.map(|usage| usage.resident_bytes),
        tally,
    })
}

fn chosen(only: &[String]) -> Vec<&'static Workload> {
    WORKLOADS
        .iter()
        .filter(|workload| only.is_empty() || only.iter().any(|name| name == workload.name))
        .collect()
}

/// A folder for servers' data, which is removed when this is dropped.
fn folder(place: &Path) -> anyhow::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("darkroom-bench-").tempdir_in(place);
    folder.with_context(|| format!("a folder cannot be made in {}", place.display()))
}

/// Creates a workload's state machine, with these members beside the others.
async fn create(server: &Server, workload: &Workload, members: &Value) -> anyhow::Result<String> {
    let mut input = serde_json::json!({
        "name": format!("bench-{}-{}", workload.name, std::process::id()),
        "definition": (workload.definition)().to_string(),
        "roleArn": "arn:aws:iam::000000000000:role/bench",
        "type": if workload.is_sync { "EXPRESS" } else { "STANDARD" },
    });
    for (name, value) in members.as_object().into_iter().flatten() {
        input[name] = value.clone();
    }
    let created = Connection::open(server.address()).await?.call("CreateStateMachine", &input).await?;
    let arn = created["stateMachineArn"].as_str().context("CreateStateMachine answered no ARN")?;
    Ok(arn.to_owned())
}

async fn delete(server: &Server, arn: &str) -> anyhow::Result<()> {
    let input = serde_json::json!({ "stateMachineArn": arn });
    Connection::open(server.address()).await?.call("DeleteStateMachine", &input).await?;
    Ok(())
}

/// A bar on standard error, if that is a terminal.
fn progress(measurements: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(measurements as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len}  {msg}  {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
