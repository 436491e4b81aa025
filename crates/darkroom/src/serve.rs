//! `darkroom serve`: Step Functions and the services that workflows reach, on one port.

mod functions;
mod guard;
pub mod settings;
mod setup;
mod status_events;
mod uploads;

use std::future::Future;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::extract::Request;
use axum::response::Response;
use darkroom_engine::Engine;
use darkroom_gateway::Gateway;
use darkroom_lambda::Reach;
use darkroom_services::clock::Clock;
use darkroom_services::endpoint::Endpoints;
use darkroom_services::roles::Roles;
use darkroom_services::router::{Route, Router, Service};
use darkroom_services::s3::Folders;
use darkroom_services::wire::{Caller, Home};
use darkroom_services::{RemoteSettings, Services, Settings, router};
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;

pub use self::setup::STATE_MACHINE;
use self::setup::Setup;
use self::status_events::Teller;
use crate::cli::ServeArguments;
use crate::limits;
use crate::platform;
use crate::roles;
use crate::tasks::service::ServiceTasks;

/// How long a stop waits for what was begun to be answered.
const STOP_MAX: Duration = Duration::from_secs(5);

const DAY: Duration = Duration::from_hours(24);
/// How often what is too old is looked for.
const HOUSEKEEPING: Duration = Duration::from_hours(1);

/// Runs the command.
pub fn run(arguments: &ServeArguments) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        arguments.listen.ip().to_canonical().is_loopback(),
        "{} can be reached from other machines, where everyone could do everything, since signatures are not checked \
         yet: listen on 127.0.0.1, and put a proxy that knows its callers before it",
        arguments.listen
    );
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
    let executor = Arc::new(ServiceTasks::new(runtime.handle().clone(), tasks, roles.clone()));
    let (observer, changes) = status_events::observer();
    let limits = limits::limits(&arguments.limits);
    let engine = Arc::new(platform::start_engine(store, executor, Arc::new(observer), limits)?);
    runtime.spawn(keep_house(engine.clone(), arguments.retention_days));
    let served = runtime.block_on(async {
        let server = Server { arguments, file: &file, url: &url, runtime: runtime.handle().clone(), roles };
        let services = server.services(&engine).await?;
        Teller::start(&engine, services.events.clone(), runtime.handle().clone(), changes)?;
        // From here on tasks are run, those that were open among them.
        tell.send_replace(Some(services.tasks.clone()));
        serve(listener, &url, services.router.clone()).await
    });
    drop(tell);
    stop(engine, runtime);
    served?;
    Ok(ExitCode::SUCCESS)
}

/// What a server is made of.
struct Server<'a> {
    arguments: &'a ServeArguments,
    file: &'a settings::File,
    url: &'a str,
    runtime: Handle,
    roles: Arc<Roles>,
}

impl Server<'_> {
    /// The services, with the platform's own resources in them.
    async fn services(&self, engine: &Arc<Engine>) -> anyhow::Result<Services> {
        let Self { arguments, file, url, runtime, roles } = self;
        let (data, names) = (&arguments.data, file.names());
        let mut remote = file.remote()?;
        if let Some(endpoint) = &arguments.lambda_endpoint {
            remote.insert("lambda".to_owned(), RemoteSettings { url: Some(endpoint.clone()), key: None });
        }
        let endpoints = Arc::new(Endpoints::new(&remote)?);
        let buckets = platform::open_buckets(data, &data.join("output"))?;
        let is_embedded = !remote.contains_key("s3");
        let parts = functions::Parts {
            input: is_embedded.then(|| buckets.input.clone()),
            output: is_embedded.then(|| buckets.output.clone()),
            reach: Reach {
                endpoint: endpoints.clone(),
                runtime: runtime.clone(),
                region: arguments.region.clone(),
                account: arguments.account.clone(),
            },
            names,
            roles: roles.clone(),
        };
        let mut functions = parts.functions(Arc::downgrade(engine));
        functions.extend(file.functions(&arguments.region, url)?);
        let elsewhere =
            [(&names.input_bucket, buckets.input_folder), (&names.output_bucket, data.join("output"))];
        let settings = Settings {
            home: Home {
                region: arguments.region.clone(),
                account: arguments.account.clone(),
                url: (*url).to_owned(),
            },
            data: data.clone(),
            folders: Folders {
                root: data.join("buckets"),
                elsewhere: elsewhere.map(|(name, folder)| (name.clone(), folder)).into(),
            },
            endpoints: endpoints.clone(),
            functions,
            mail: file.mail(),
            http: file.http(),
            roles: roles.clone(),
            clock: Clock::System,
        };
        let gateway = Gateway {
            engine: engine.clone(),
            region: arguments.region.clone(),
            account: arguments.account.clone(),
        };
        let services = Services::open(settings, vec![Arc::new(States(gateway))])?;
        // Where functions are called elsewhere, the image functions are not.
        if names.enabled && !remote.contains_key("lambda") {
            let setup = Setup {
                endpoints: &endpoints,
                region: &arguments.region,
                account: &arguments.account,
                names,
                remote: &remote.into_keys().collect(),
            };
            setup.run().await?;
        }
        Ok(services)
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

/// Step Functions among the services.
struct States(Gateway);

impl Service for States {
    fn route(&self) -> Route {
        Route { name: "states", targets: &["AWSStepFunctions."], ..Route::default() }
    }

    fn answer(&self, request: Request, _: Caller) -> BoxFuture<'_, Response> {
        Box::pin(self.0.answer(request))
    }
}

async fn serve(listener: TcpListener, url: &str, services: Arc<Router>) -> anyhow::Result<()> {
    let asked = asked_to_stop()?;
    println!("listening on {url}");
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(router::serve(listener, services, async move {
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
