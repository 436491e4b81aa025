//! The load: so many clients, each of which starts an execution, waits for its end, and starts the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use hyper::body::Bytes;
use serde::Deserialize;
use tokio::task::JoinSet;

use super::client::Connection;
use super::workload::Workload;

/// How long a client waits before it asks again whether its execution has ended: doubled each time, up to the last.
const POLL_FIRST: Duration = Duration::from_micros(500);
const POLL_LAST: Duration = Duration::from_millis(20);
/// The longest that an execution may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Errors that a client goes on after.
const ERRORS_MAX: usize = 10;

/// What is to be run, and where.
pub struct Load<'a> {
    /// `host:port`.
    pub address: &'a str,
    /// What is run.
    pub workload: &'a Workload,
    /// The workload's state machine there.
    pub state_machine_arn: &'a str,
    /// How many clients.
    pub concurrency: usize,
}

/// What came of a load.
#[derive(Default)]
pub struct Tally {
    /// From the start's call to the answer that says `SUCCEEDED`, of each execution, in order of their lengths.
    pub latencies: Vec<Duration>,
    /// From the first start to the last end.
    pub elapsed: Duration,
    /// Executions that did not succeed.
    pub failed: usize,
    /// What the first of them said.
    pub failure: Option<String>,
}

/// When the clients stop: at a time, or when so many executions are started.
#[derive(Clone)]
struct Stop {
    deadline: Instant,
    left: Arc<AtomicUsize>,
}

/// What is read of `StartExecution`'s answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Started {
    execution_arn: String,
}

/// What is read of an execution.
#[derive(Deserialize)]
struct Seen<'a> {
    #[serde(borrow)]
    status: std::borrow::Cow<'a, str>,
}

impl Load<'_> {
    /// Runs so many executions.
    pub async fn run_times(&self, times: usize) -> anyhow::Result<Tally> {
        self.run(PATIENCE, times).await
    }

    /// Starts executions for so long, and waits for those that were started.
    pub async fn run_for(&self, time: Duration) -> anyhow::Result<Tally> {
        self.run(time, usize::MAX).await
    }

    async fn run(&self, time: Duration, times: usize) -> anyhow::Result<Tally> {
        let input = serde_json::json!({
            "stateMachineArn": self.state_machine_arn,
            "input": (self.workload.input)().to_string(),
        });
        let start = Bytes::from(input.to_string());
        let mut connections = Vec::with_capacity(self.concurrency);
        for _ in 0..self.concurrency {
            connections.push(Connection::open(self.address).await?);
        }
        let began = Instant::now();
        let stop = Stop { deadline: began + time, left: Arc::new(AtomicUsize::new(times)) };
        let mut clients = JoinSet::new();
        for connection in connections {
            clients.spawn(client(connection, start.clone(), self.workload.is_sync, stop.clone()));
        }
        let mut total = Tally::default();
        while let Some(tally) = clients.join_next().await {
            total.add(tally.context("a client panicked")?);
        }
        total.elapsed = began.elapsed();
        total.latencies.sort_unstable();
        Ok(total)
    }
}

impl Stop {
    fn goes_on(&self) -> bool {
        let take_one = |left: usize| left.checked_sub(1);
        Instant::now() < self.deadline
            && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take_one).is_ok()
    }
}

impl Tally {
    /// Executions that succeeded, in a second.
    pub fn per_second(&self) -> f64 {
        self.succeeded() / self.elapsed.as_secs_f64()
    }

    /// How many succeeded, as a number to divide by.
    pub fn succeeded(&self) -> f64 {
        f64::from(u32::try_from(self.latencies.len()).unwrap_or(u32::MAX))
    }

    /// The latency that so many of a hundred executions stay below; `None` where there was no execution.
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        let rank = (self.latencies.len() * percent).div_ceil(100);
        self.latencies.get(rank.checked_sub(1)?).copied()
    }

    fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.failed += other.failed;
        self.failure = self.failure.take().or(other.failure);
    }
}

async fn client(mut connection: Connection, start: Bytes, is_sync: bool, stop: Stop) -> Tally {
    let mut tally = Tally::default();
    while tally.failed < ERRORS_MAX && stop.goes_on() {
        let began = Instant::now();
        let ended = if is_sync {
            run_sync(&mut connection, start.clone()).await
        } else {
            run_polling(&mut connection, start.clone()).await
        };
        match ended {
            Ok(()) => tally.latencies.push(began.elapsed()),
            Err(error) => {
                tally.failed += 1;
                tally.failure.get_or_insert_with(|| format!("{error:#}"));
            }
        }
    }
    tally
}

async fn run_sync(connection: &mut Connection, start: Bytes) -> anyhow::Result<()> {
    let answer = connection.call_raw("StartSyncExecution", start).await?;
    anyhow::ensure!(is_over(&answer)?, "StartSyncExecution answered before the end");
    Ok(())
}

async fn run_polling(connection: &mut Connection, start: Bytes) -> anyhow::Result<()> {
    let began = Instant::now();
    let started: Started = serde_json::from_slice(&connection.call_raw("StartExecution", start).await?)?;
    let input = serde_json::json!({ "executionArn": started.execution_arn });
    let describe = Bytes::from(input.to_string());
    let mut pause = POLL_FIRST;
    while !is_over(&connection.call_raw("DescribeExecution", describe.clone()).await?)? {
        anyhow::ensure!(began.elapsed() < PATIENCE, "an execution took longer than {PATIENCE:?}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(POLL_LAST);
    }
    Ok(())
}

/// Whether the execution has succeeded; an end of any other kind is an error.
fn is_over(execution: &[u8]) -> anyhow::Result<bool> {
    let seen: Seen<'_> = serde_json::from_slice(execution)?;
    match &*seen.status {
        "SUCCEEDED" => Ok(true),
        "RUNNING" => Ok(false),
        _ => anyhow::bail!("{}", String::from_utf8_lossy(execution)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_taken_by_rank() {
        let milliseconds = |count: u64| Tally {
            latencies: (1..=count).map(Duration::from_millis).collect(),
            ..Tally::default()
        };
        let table = [
            (0, 50, None),
            (1, 50, Some(1)),
            (1, 99, Some(1)),
            (100, 50, Some(50)),
            (100, 99, Some(99)),
            (10, 99, Some(10)),
        ];
        for (count, percent, expected) in table {
            assert_eq!(
                milliseconds(count).percentile(percent),
                expected.map(Duration::from_millis),
                "{count} {percent}"
            );
        }
    }

    #[test]
    fn an_execution_that_ended_badly_is_an_error() {
        assert!(!is_over(br#"{"status":"RUNNING"}"#).unwrap());
        assert!(is_over(br#"{"status":"SUCCEEDED"}"#).unwrap());
        assert!(is_over(br#"{"status":"FAILED"}"#).is_err());
    }
}
