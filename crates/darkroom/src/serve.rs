//! `darkroom serve`: the Step Functions API on a port.

use std::future::Future;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use darkroom_asl::interpreter::Limits;
use darkroom_engine::{Engine, WorkerPool};
use darkroom_gateway::{Credentials, Gateway, Server};
use tokio::net::TcpListener;
use tokio::runtime::{Handle, Runtime};

use crate::cli::ServeArguments;
use crate::limits;
use crate::logs::{Logs, Place};
use crate::platform;
use crate::tasks::api::Api;
use crate::tasks::lambda::Lambda;
use crate::tasks::remote::RemoteTasks;

/// How long a stop waits for threads that are at work, once requests are answered.
const STOP_MAX: Duration = Duration::from_secs(5);

const DAY: Duration = Duration::from_hours(24);
/// How often what is too old is looked for.
const HOUSEKEEPING: Duration = Duration::from_hours(1);

/// Runs the command.
pub fn run(arguments: &ServeArguments) -> anyhow::Result<ExitCode> {
    let credentials = credentials(arguments)?;
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
    let engine = engine(arguments, lambda, api, limits, runtime.handle())?;
    opening.open(&engine);
    runtime.spawn(keep_house(engine.clone(), arguments.retention_days));
    let gateway = Gateway {
        engine: engine.clone(),
        region: arguments.region.clone(),
        account: arguments.account.clone(),
    };
    let mut server = Server::new(gateway);
    if let Some(credentials) = credentials {
        server = server.with_credentials(credentials);
    }
    let outcome = runtime.block_on(serve(listener, server));
    stop(engine, runtime);
    outcome?;
    Ok(ExitCode::SUCCESS)
}

/// The access keys that requests must be signed with. Whoever is not on this machine must have one.
fn credentials(arguments: &ServeArguments) -> anyhow::Result<Option<Credentials>> {
    let ServeArguments { listen, credentials, .. } = arguments;
    let Some(file) = credentials else {
        anyhow::ensure!(
            listen.ip().to_canonical().is_loopback(),
            "{listen} can be reached from other machines, where everyone could do everything: name a file of access \
             keys with --credentials, so that requests must be signed, or listen on 127.0.0.1"
        );
        return Ok(None);
    };
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the access keys in {} cannot be read", file.display()))?;
    let credentials =
        Credentials::parse(&text).with_context(|| format!("{} cannot be used", file.display()))?;
    Ok(Some(credentials))
}

fn engine(
    arguments: &ServeArguments,
    lambda: Option<Lambda>,
    api: Api,
    limits: Limits,
    runtime: &Handle,
) -> anyhow::Result<Arc<Engine>> {
    let data = &arguments.data;
    let store = platform::open_store(data)?;
    let parts = platform::open_tasks(data, &data.join("output"))?;
    let tasks = parts.tasks;
    let pool = WorkerPool::new(platform::cores(), move |invocation| tasks.run(invocation))?;
    let executor = Arc::new(RemoteTasks::new(runtime.clone(), lambda, api, pool));
    let logs = Logs::start(store.clone(), place_of_logs(arguments))
        .context("the thread that writes execution logs cannot be started")?;
    Ok(Arc::new(platform::start_engine(store, executor, Arc::new(logs), limits)?))
}

fn place_of_logs(arguments: &ServeArguments) -> Place {
    match &arguments.logs {
        None => Place::Folder(arguments.data.join("logs")),
        Some(path) if path.as_os_str() == "-" => Place::StandardOutput,
        Some(folder) => Place::Folder(folder.clone()),
    }
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

async fn serve(listener: TcpListener, server: Server) -> anyhow::Result<()> {
    let address = listener.local_addr().context("the port is not known")?;
    let asked = asked_to_stop()?;
    println!("listening on {}", url(address));
    server.serve(listener, asked).await;
    Ok(())
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
