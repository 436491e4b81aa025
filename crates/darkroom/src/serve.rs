//! `darkroom serve`: Step Functions and the services that workflows reach, on one port.

mod settings;

use std::collections::BTreeMap;
use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use darkroom_console::{Changes, Console};
use darkroom_engine::Engine;
use darkroom_functions::{FunctionName, Functions};
use darkroom_gateway::Gateway;
use darkroom_port::{Answer as _, Credentials, Server};
use darkroom_services::clock::Clock;
use darkroom_services::lambda::{Function, InProcess};
use darkroom_services::router::{Route, Router, Service};
use darkroom_services::s3::Folders;
use darkroom_services::wire::{Caller, Home};
use darkroom_services::{RemoteSettings, Services, Settings};
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};

use crate::cli::ServeArguments;
use crate::console::{Observers, Pages, Surroundings, ToConsole};
use crate::limits;
use crate::logs::{Logs, Place};
use crate::platform;
use crate::tasks::service::ServiceTasks;
use crate::workflow::{PLACEHOLDERS, PROJECT};

/// How long a stop waits for threads that are at work, once requests are answered.
const STOP_MAX: Duration = Duration::from_secs(5);
/// The topic that the image workflow publishes to.
const TOPIC: &str = PLACEHOLDERS[3].1;

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
    let (tell, tasks) = watch::channel(None);
    let store = if arguments.unsynced {
        platform::open_unsynced_store(&arguments.data)?
    } else {
        platform::open_store(&arguments.data)?
    };
    let changes = Arc::new(Changes::of(store.as_ref())?);
    let logs = Logs::start(store.clone(), place_of_logs(arguments))
        .context("the thread that writes execution logs cannot be started")?;
    let executor = Arc::new(ServiceTasks::new(runtime.handle().clone(), tasks));
    let observer = Arc::new(Observers(vec![Arc::new(logs), Arc::new(ToConsole(changes.clone()))]));
    let engine =
        Arc::new(platform::start_engine(store, executor, observer, limits::limits(&arguments.limits))?);
    runtime.spawn(keep_house(engine.clone(), arguments.retention_days));
    let served = runtime.block_on(async {
        let services = services(arguments, &url, engine.clone(), changes.clone())?;
        make_topic(&services.router).await?;
        // From here on tasks are run, those that were open among them.
        tell.send_replace(Some(services.tasks.clone()));
        let mut server = Server::new(services.router.clone());
        let is_open = credentials.is_none();
        if let Some(credentials) = credentials {
            server = server.with_credentials(credentials);
        }
        serve(listener, &url, server, changes, is_open).await
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

fn services(
    arguments: &ServeArguments,
    url: &str,
    engine: Arc<Engine>,
    changes: Arc<Changes>,
) -> anyhow::Result<Services> {
    let file = settings::read(arguments.config.as_deref(), &arguments.data)?;
    let data = &arguments.data;
    let parts = platform::open_tasks(data, &data.join("output"))?;
    let mut functions = image_functions(&parts.functions);
    functions.extend(file.functions(&arguments.region, url)?);
    let mut remote = file.remote()?;
    if let Some(endpoint) = &arguments.lambda_endpoint {
        remote.insert("lambda".to_owned(), RemoteSettings { url: Some(endpoint.clone()), key: None });
    }
    let elsewhere = [("input", parts.input), ("output", data.join("output"))];
    let home =
        Home { region: arguments.region.clone(), account: arguments.account.clone(), url: url.to_owned() };
    let surroundings = Arc::new(Surroundings::new(home.clone(), parts.records));
    let settings = Settings {
        home,
        data: data.clone(),
        folders: Folders {
            root: data.join("buckets"),
            elsewhere: elsewhere.map(|(name, folder)| (format!("{PROJECT}-{name}"), folder)).into(),
        },
        remote,
        functions,
        mail: file.mail(),
        http: file.http(),
        clock: Clock::System,
    };
    let pages = Pages(Console::new(engine.clone(), changes, surroundings.clone()));
    let gateway = Gateway::new(engine, &arguments.region, &arguments.account);
    let services = Services::open(settings, vec![Arc::new(States(gateway)), Arc::new(pages)])?;
    surroundings.open(&services.router);
    Ok(services)
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

/// The image functions as Lambda functions of this process.
fn image_functions(functions: &Functions) -> BTreeMap<String, Arc<dyn Function>> {
    // A place is a core: more pictures at once would only take more memory.
    let places = Arc::new(Semaphore::new(platform::cores()));
    let function = |name: FunctionName| {
        let functions = functions.clone();
        let code = move |event: &str| {
            functions.invoke(name, event).map_err(|error| (error.error_type().to_owned(), error.to_string()))
        };
        let function: Arc<dyn Function> = Arc::new(InProcess::new(Arc::new(code), places.clone()));
        (format!("{PROJECT}-{name}"), function)
    };
    FunctionName::ALL.into_iter().map(function).collect()
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

/// Makes the workflow's topic, where it is not there, and lets a file hear of it: what is published before
/// anybody subscribes is not lost. Where SNS is remote its topics are its own.
async fn make_topic(router: &Router) -> anyhow::Result<()> {
    let create = format!("Action=CreateTopic&Version=2010-03-31&Name={TOPIC}");
    let Some(answer) = sns(router, create).await? else { return Ok(()) };
    let arn = answer.split("<TopicArn>").nth(1).and_then(|rest| rest.split('<').next());
    let arn = arn.context("the topic of notifications has no ARN")?;
    let subscribe =
        format!("Action=Subscribe&Version=2010-03-31&TopicArn={arn}&Protocol=file&Endpoint={TOPIC}.jsonl");
    sns(router, subscribe).await?;
    Ok(())
}

/// A call of the embedded SNS, or nothing where there is none.
async fn sns(router: &Router, form: String) -> anyhow::Result<Option<String>> {
    let request = Request::post("/")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form))?;
    let response = router.answer(request).await;
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 64 * 1024).await?;
    let text = String::from_utf8_lossy(&body).into_owned();
    if text.contains("MissingVersion") {
        return Ok(None);
    }
    anyhow::ensure!(status.is_success(), "the topic of notifications cannot be made: {text}");
    Ok(Some(text))
}

async fn serve(
    listener: TcpListener,
    url: &str,
    server: Server<Arc<Router>>,
    changes: Arc<Changes>,
    is_open: bool,
) -> anyhow::Result<()> {
    let asked = asked_to_stop()?;
    // A browser does not sign its requests.
    let console =
        if is_open { format!("console at {url}{}\n", darkroom_console::HOME) } else { String::new() };
    // In one write, and no matter whether it is read: who has read the first line may be gone before a second one.
    if let Err(error) = std::io::stdout().write_all(format!("listening on {url}\n{console}").as_bytes()) {
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
