//! The services of a server, put together: its buckets, its functions, Step Functions among them, and what belongs to
//! the image platform.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use darkroom_console::{Changes, Console};
use darkroom_engine::Engine;
use darkroom_gateway::{Gateway, Usage};
use darkroom_lambda::Reach;
use darkroom_port::Answer as _;
use darkroom_services::clock::Clock;
use darkroom_services::endpoint::{AccessKey, Endpoints};
use darkroom_services::roles::Roles;
use darkroom_services::router::{Route, Service};
use darkroom_services::s3::Folders;
use darkroom_services::wire::{Caller, Home};
use darkroom_services::{Insight, RemoteSettings, Services, Settings};
use futures::future::BoxFuture;
use tokio::runtime::Handle;

use super::setup::Setup;
use super::{functions, settings};
use crate::cli::ServeArguments;
use crate::console::{Pages, Surroundings};
use crate::metrics::{DeadLetters, Page, Prometheus, Watched};
use crate::platform;
use crate::tasks::service::ServiceTasks;
use crate::traces::Histories;

/// What the services of a server are put together from.
pub struct Assembly<'a> {
    /// What the user asked for.
    pub arguments: &'a ServeArguments,
    /// `darkroom.toml`.
    pub file: &'a settings::File,
    /// Where the server is reached.
    pub url: &'a str,
    /// What calls run on.
    pub runtime: Handle,
    /// What roles may do.
    pub roles: Arc<Roles>,
    /// What functions that are programs sign their requests with, where the server asks for signatures.
    pub access_key: Option<AccessKey>,
    /// What metrics are made of.
    pub watched: Seen,
}

/// What metrics are made of, beside what becomes durable.
pub struct Seen {
    /// What Prometheus is shown.
    pub prometheus: Arc<Prometheus>,
    /// The tasks' calls.
    pub tasks: Arc<ServiceTasks>,
    /// The calls of Step Functions' API.
    pub usage: Arc<Usage>,
}

impl Assembly<'_> {
    /// The services, with the platform's own resources in them.
    pub async fn services(self, engine: &Arc<Engine>, changes: Arc<Changes>) -> anyhow::Result<Services> {
        let Self { arguments, file, url, runtime, roles, watched, access_key } = self;
        let Seen { prometheus, tasks, usage } = watched;
        let (data, names) = (&arguments.data, file.names());
        let mut remote = file.remote()?;
        if let Some(endpoint) = &arguments.lambda_endpoint {
            remote.insert("lambda".to_owned(), RemoteSettings { url: Some(endpoint.clone()), key: None });
        }
        let endpoints = Arc::new(Endpoints::new(&remote)?);
        let buckets = platform::open_buckets(data, &data.join("output"))?;
        let reach = Reach {
            endpoint: endpoints.clone(),
            runtime: runtime.clone(),
            region: arguments.region.clone(),
            account: arguments.account.clone(),
        };
        let surroundings = {
            let (engine, reach, names, url) = (engine.clone(), reach.clone(), names.clone(), url.to_owned());
            move |insight| Surroundings { engine, reach, names, url, insight }
        };
        let is_embedded = !remote.contains_key("s3");
        let parts = functions::Parts {
            input: is_embedded.then(|| buckets.input.clone()),
            output: is_embedded.then(|| buckets.output.clone()),
            reach,
            names,
            roles: roles.clone(),
        };
        let mut functions = parts.functions()?;
        functions.extend(file.functions(&arguments.region, url, access_key.as_ref())?);
        let elsewhere =
            [(&names.input_bucket, buckets.input_folder), (&names.output_bucket, data.join("output"))];
        let settings = Settings {
            home: Home {
                region: arguments.region.clone(),
                account: arguments.account.clone(),
                url: url.to_owned(),
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
            segments: Some(Arc::new(Histories(engine.store().clone()))),
        };
        let gateway = Gateway::new(engine.clone(), &arguments.region, &arguments.account).counted_by(usage);
        let has_letters = names.enabled && !remote.contains_key("sqs");
        let dead_letters = has_letters.then(|| DeadLetters {
            endpoints: endpoints.clone(),
            region: arguments.region.clone(),
            account: arguments.account.clone(),
            queue: names.dead_letter_queue.clone(),
        });
        let (engine, store) = (engine.clone(), platform::engine_file(data));
        let others = |insight: Insight| {
            let deliveries = insight.deliveries.clone();
            let watched = Watched { engine: engine.clone(), tasks, store, deliveries, dead_letters };
            let page = Page { prometheus, watched };
            let pages = Pages(Console::new(engine.clone(), changes, Arc::new(surroundings(insight))));
            let others: Vec<Arc<dyn Service>> =
                vec![Arc::new(States(gateway)), Arc::new(page), Arc::new(pages)];
            others
        };
        let services = Services::open(settings, others)?;
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
