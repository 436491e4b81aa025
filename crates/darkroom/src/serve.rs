//! `darkroom serve`: Step Functions and the services that workflows reach, on one port.

mod alarms;
mod assembly;
pub mod daemon;
mod functions;
mod guard;
pub mod settings;
mod setup;
mod status_events;

use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use darkroom_console::Changes;
use darkroom_engine::store::Append;
use darkroom_engine::{Engine, Observer, Parked, SystemClock, Vital};
use darkroom_gateway::Usage;
use darkroom_port::{Credentials, Server};
use darkroom_services::router::Router;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

#[cfg(test)]
pub use self::alarms::shipped as shipped_alarms;
use self::assembly::{Assembly, Seen};
pub use self::setup::STATE_MACHINE;
use self::status_events::{StatusObserver, Teller};
use crate::cli::ServeArguments;
use crate::console::ToConsole;
use crate::diagnostics::Lines;
use crate::limits;
use crate::logs::{Logs, Place};
use crate::metrics::{self, MetricsObserver, Prometheus};
use crate::platform;
use crate::roles;
use crate::tasks::service::ServiceTasks;
use crate::traces::{self, Collector, TracesObserver};

/// How long a stop waits for threads that are at work, once requests are answered.
const STOP_MAX: Duration = Duration::from_secs(5);

const DAY: Duration = Duration::from_hours(24);
/// How often what is too old is looked for.
const HOUSEKEEPING: Duration = Duration::from_hours(1);

/// Runs the command.
pub fn run(arguments: &ServeArguments) -> anyhow::Result<ExitCode> {
    let credentials = credentials(arguments)?;
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
    let url = url(listener.local_addr().context("the port is not known")?);
    let file = settings::read(arguments.config.as_deref(), &arguments.data)?;
    let names = file.names();
    let shipped =
        roles::shipped(&arguments.account, &names.placeholders(&arguments.region, &arguments.account))?;
    let roles = Arc::new(file.roles(shipped, &arguments.account)?);
    let (tell, tasks) = watch::channel(None);
    let store = if arguments.unsynced {
        platform::open_unsynced_store(&arguments.data)?
    } else {
        platform::open_store(&arguments.data)?
    };
    let logs = Logs::start(store.clone(), place_of_logs(arguments))
        .context("the thread that writes execution logs cannot be started")?;
    let executor = Arc::new(ServiceTasks::new(runtime.handle().clone(), tasks, roles.clone()));
    let (clock, usage) = (Arc::new(SystemClock::default()), Arc::<Usage>::default());
    let (status, changes) = status_events::observer();
    let prometheus = Arc::new(Prometheus::new());
    let (metrics, waiting) = metrics::observer(prometheus.clone(), clock.clone());
    let is_counted = arguments.metrics.is_on();
    let metrics = is_counted.then_some(metrics);
    let (traces, untold) = traces::observer(Collector::of(arguments.otlp_endpoint.as_deref())?);
    let seen = Arc::new(Changes::of(store.as_ref())?);
    let limits = limits::limits(&arguments.limits);
    let console = ToConsole(seen.clone());
    let observers = Arc::new(Observers { lines: Lines, logs, status, metrics, traces, console });
    let engine = Arc::new(platform::start_engine(store.clone(), executor.clone(), observers, limits)?);
    runtime.spawn(keep_house(engine.clone(), arguments.retention_days));
    let served = runtime.block_on(async {
        let runtime = runtime.handle().clone();
        let watched = Seen { prometheus: prometheus.clone(), tasks: executor.clone(), usage: usage.clone() };
        let access_key = credentials.as_ref().map(|credentials| credentials.first().clone());
        let assembly = Assembly {
            arguments,
            file: &file,
            url: &url,
            runtime: runtime.clone(),
            roles,
            watched,
            access_key,
        };
        let services = assembly.services(&engine, seen.clone()).await?;
        let telling = untold.tell(&runtime, &engine, services.traces.clone());
        let daemon = daemon::start(arguments, services.endpoints.clone(), &runtime).await;
        Teller::start(&engine, services.events.clone(), runtime, changes)?;
        let cloudwatch = services.metrics.clone();
        let surroundings = metrics::Surroundings { store, clock, usage, prometheus, cloudwatch };
        let counting = is_counted.then(|| waiting.count(surroundings)).transpose()?;
        // From here on tasks are run, those that were open among them.
        tell.send_replace(Some(services.tasks.clone()));
        let mut server = Server::new(services.router.clone());
        let is_open = credentials.is_none();
        if let Some(credentials) = credentials {
            server = server.with_credentials(credentials);
        }
        serve(listener, &url, server, seen, is_open, &daemon).await?;
        // What has happened until now is counted and written, as far as that takes no long time.
        tokio::task::spawn_blocking(move || counting.iter().for_each(metrics::Counting::flush)).await?;
        telling.flush().await;
        services.traces.flush().await.context("the last segments cannot be written")?;
        services.metrics.write().await.context("the last metrics cannot be written")
    });
    drop(tell);
    stop(engine, runtime);
    served?;
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

fn place_of_logs(arguments: &ServeArguments) -> Place {
    match &arguments.logs {
        None => Place::Folder(arguments.data.join("logs")),
        Some(path) if path.as_os_str() == "-" => Place::StandardOutput,
        Some(folder) => Place::Folder(folder.clone()),
    }
}

/// Tells all who ask what has become durable.
struct Observers {
    lines: Lines,
    logs: Logs,
    status: StatusObserver,
    /// Where metrics are counted.
    metrics: Option<MetricsObserver>,
    traces: TracesObserver,
    console: ToConsole,
}

impl Observer for Observers {
    fn committed(&self, appends: &[Append]) {
        self.lines.committed(appends);
        self.logs.committed(appends);
        self.status.committed(appends);
        if let Some(metrics) = &self.metrics {
            metrics.committed(appends);
        }
        self.traces.committed(appends);
        self.console.committed(appends);
    }

    fn parked(&self, parked: &Parked) {
        self.logs.parked(parked);
        self.status.parked(parked);
        self.console.parked(parked);
        if let Some(metrics) = &self.metrics {
            metrics.parked(parked);
        }
    }

    fn measured(&self, vital: Vital) {
        if let Some(metrics) = &self.metrics {
            metrics.measured(vital);
        }
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

async fn serve(
    listener: TcpListener,
    url: &str,
    server: Server<Arc<Router>>,
    changes: Arc<Changes>,
    is_open: bool,
    daemon: &str,
) -> anyhow::Result<()> {
    let asked = asked_to_stop()?;
    // A browser does not sign its requests.
    let console =
        if is_open { format!("console at {url}{}\n", darkroom_console::HOME) } else { String::new() };
    // In one write, and no matter whether it is read: who has read the first line may be gone before a second one.
    if let Err(error) =
        std::io::stdout().write_all(format!("listening on {url}\n{console}{daemon}").as_bytes())
    {
        tracing::warn!(%error, "nobody is told where the server listens");
    }
    let asked = async move {
        asked.await;
        // Pages that wait for changes would hold up the end.
        changes.close();
    };
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
