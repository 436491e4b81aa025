//! `darkroom serve`: the Step Functions API on a port.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use darkroom_asl::interpreter::Limits;
use darkroom_engine::store::{Append, SqliteStore};
use darkroom_engine::{Engine, Observer, Parked, WorkerPool};
use darkroom_gateway::Gateway;
use tokio::net::TcpListener;
use tokio::runtime::{Handle, Runtime};

use crate::cli::ServeArguments;
use crate::limits;
use crate::platform;
use crate::tasks::api::Api;
use crate::tasks::lambda::Lambda;
use crate::tasks::remote::RemoteTasks;

/// How long a stop waits for what was begun to be answered.
const STOP_MAX: Duration = Duration::from_secs(5);

const DAY: Duration = Duration::from_hours(24);
/// How often what is too old is looked for.
const HOUSEKEEPING: Duration = Duration::from_hours(1);

/// Runs the command.
pub fn run(arguments: &ServeArguments) -> anyhow::Result<ExitCode> {
    let lambda = arguments.lambda_endpoint.as_deref().map(Lambda::new).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("gateway")
        .build()
        .context("the server's threads cannot be started")?;
    // The port first: a server that is running already is found before its data folder is.
    let listener = runtime
        .block_on(TcpListener::bind(arguments.listen))
        .with_context(|| format!("{} cannot be listened on", arguments.listen))?;
    std::fs::create_dir_all(&arguments.data)
        .with_context(|| format!("the data folder {} cannot be made", arguments.data.display()))?;
    let limits = limits::limits(&arguments.limits);
    let (api, opening) = Api::new(&arguments.region, &arguments.account);
    let store = if arguments.unsynced {
        platform::open_unsynced_store(&arguments.data)?
    } else {
        platform::open_store(&arguments.data)?
    };
    let engine = engine(&arguments.data, store, lambda, api, limits, runtime.handle())?;
    opening.open(&engine);
    runtime.spawn(keep_house(engine.clone(), arguments.retention_days));
    let gateway = Gateway {
        engine: engine.clone(),
        region: arguments.region.clone(),
        account: arguments.account.clone(),
    };
    let served = runtime.block_on(serve(listener, gateway));
    stop(engine, runtime);
    served?;
    Ok(ExitCode::SUCCESS)
}

fn engine(
    data: &Path,
    store: Arc<SqliteStore>,
    lambda: Option<Lambda>,
    api: Api,
    limits: Limits,
    runtime: &Handle,
) -> anyhow::Result<Arc<Engine>> {
    let parts = platform::open_tasks(data, &data.join("output"))?;
    let tasks = parts.tasks;
    let pool = WorkerPool::new(platform::cores(), move |invocation| tasks.run(invocation))?;
    let executor = Arc::new(RemoteTasks::new(runtime.clone(), lambda, api, pool));
    Ok(Arc::new(platform::start_engine(store, executor, Arc::new(Unobserved), limits)?))
}

/// Deletes executions that ended long ago, now and then, for as long as the runtime runs.
async fn keep_house(engine: Arc<Engine>, retention_days: u32) {
    let kept_for = DAY * retention_days;
    let mut rounds = tokio::time::interval(HOUSEKEEPING);
    loop {
        rounds.tick().await;
        let engine = engine.clone();
        match tokio::task::spawn_blocking(move || engine.delete_ended_executions(kept_for)).await {
            Ok(Ok(0)) => {}
            Ok(Ok(deleted)) => tracing::info!(deleted, "executions that ended long ago are deleted"),
            Ok(Err(error)) => tracing::error!(%error, "executions that ended long ago cannot be deleted"),
            Err(error) => tracing::error!(%error, "the housekeeping panicked"),
        }
    }
}

async fn serve(listener: TcpListener, gateway: Gateway) -> anyhow::Result<()> {
    let address = listener.local_addr().context("the port is not known")?;
    let asked = asked_to_stop()?;
    println!("listening on {}", url(address));
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(darkroom_gateway::serve(listener, gateway, async move {
        // A sender that has gone means the same.
        let _ = told.await;
    }));
    asked.await;
    drop(tell);
    match tokio::time::timeout(STOP_MAX, server).await {
        Ok(ended) => ended.context("the server panicked")?.context("the server failed"),
        Err(_) => Ok(()),
    }
}

/// Ready when the process is asked to stop.
fn asked_to_stop() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be listened for")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be listened for")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ends connections and calls first, so that nobody holds the engine, and then the engine.
fn stop(engine: Arc<Engine>, runtime: Runtime) {
    runtime.shutdown_timeout(STOP_MAX);
    drop(engine);
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// Nobody asks what has become durable: clients poll.
struct Unobserved;

impl Observer for Unobserved {
    fn committed(&self, _: &Append) {}

    fn parked(&self, _: &Parked) {}
}
