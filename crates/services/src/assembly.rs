//! The services, put together: which are embedded, where their files are, and who reaches whom.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::json;
use tokio::task::AbortHandle;

use crate::ServicesError;
use crate::clock::Clock;
use crate::cloudwatch::{Bounds, CloudWatch};
use crate::database::Database;
use crate::dynamodb::DynamoDb;
use crate::endpoint::Endpoints;
use crate::events::{Event, Events};
use crate::lambda::{Activities, Function, Lambda, Measures};
use crate::outbox::{Deliverer, Mail, Outbox};
use crate::roles::Roles;
use crate::router::{Router, Service};
use crate::s3::{self, Change, Folders, S3};
use crate::sns::Sns;
use crate::sqs::Sqs;
use crate::tasks::{HttpSettings, Tasks};
use crate::wire::{Caller, Fault, Home, random_uuid};
use crate::xray::{Source, XRay};

/// The services that can be embedded, by the names that signatures have for them.
pub const EMBEDDED: [&str; 8] = ["dynamodb", "events", "lambda", "monitoring", "s3", "sns", "sqs", "xray"];

/// What the services are made of.
pub struct Settings {
    /// The account and region of requests that name none.
    pub home: Home,
    /// The folder of the services' files, which this process alone uses.
    pub data: PathBuf,
    /// The buckets' folders.
    pub folders: Folders,
    /// Where services are; those that are nowhere else are embedded.
    pub endpoints: Arc<Endpoints>,
    /// The embedded Lambda's functions.
    pub functions: BTreeMap<String, Arc<dyn Function>>,
    /// Where mail is handed over.
    pub mail: Option<Mail>,
    /// What `http:invoke` may do.
    pub http: HttpSettings,
    /// What roles may do.
    pub roles: Arc<Roles>,
    /// Where the time is read.
    pub clock: Clock,
    /// Segments that are kept elsewhere, for the embedded X-Ray.
    pub segments: Option<Arc<dyn Source>>,
}

/// What others on the port may look at beside what the services' APIs tell.
#[derive(Clone)]
pub struct Insight {
    /// The metrics that are kept.
    pub metrics: CloudWatch,
    /// What goes on in the embedded functions.
    pub functions: Arc<Activities>,
    /// What is delivered, and what could not be.
    pub deliveries: Outbox,
}

/// Running services. Dropping them stops deliveries; the files hold all that they knew.
pub struct Services {
    /// The one port.
    pub router: Arc<Router>,
    /// Reaches services, wherever they are.
    pub endpoints: Arc<Endpoints>,
    /// Makes Tasks' calls.
    pub tasks: Arc<Tasks>,
    /// Takes events of a service's own.
    pub events: Events,
    /// Takes values of metrics.
    pub metrics: CloudWatch,
    /// What may be looked at.
    pub insight: Insight,
    /// Takes segments of traces.
    pub traces: XRay,
    /// What goes on in the background: deliveries, the care for metrics and alarms, and the writing of segments.
    background: [AbortHandle; 3],
}

impl Services {
    /// Opens the services' files, makes them where they are not there, and goes on with what is to be
    /// delivered. `others` are served on the same port. To be called within a tokio runtime.
    pub fn open(
        settings: Settings,
        others: impl FnOnce(Insight) -> Vec<Arc<dyn Service>>,
    ) -> Result<Self, ServicesError> {
        let data = settings.data;
        std::fs::create_dir_all(&data)
            .map_err(|source| ServicesError::File { path: data.clone(), source })?;
        let database = Database::open(&data.join("services.db"))?;
        let clock = settings.clock;
        let outbox = Outbox::new(database.clone(), clock.clone());
        let endpoints = settings.endpoints;
        let events = Events::new(database.clone(), clock.clone(), outbox.clone());
        let own = settings.folders.elsewhere.keys().cloned().collect();
        let observer = Arc::new(ToEvents { events: events.clone(), home: settings.home.clone(), own });
        let s3 = S3::open(settings.folders, database.clone(), clock.clone(), observer)?;
        let metrics = CloudWatch::new(Bounds::default(), database.clone(), clock.clone(), outbox.clone());
        let traces = XRay::new(database.clone(), clock.clone(), settings.segments);
        let measures = Measures::new(metrics.clone(), (!endpoints.is_remote("xray")).then(|| traces.clone()));
        let lambda =
            Lambda::new(settings.functions, database.clone(), clock.clone(), outbox.clone(), measures);
        let insight =
            Insight { metrics: metrics.clone(), functions: lambda.activities(), deliveries: outbox.clone() };
        let others = others(insight.clone());
        let mut embedded: Vec<Arc<dyn Service>> = vec![
            Arc::new(DynamoDb::open(&data.join("tables.db"))?),
            Arc::new(events.clone()),
            Arc::new(lambda),
            Arc::new(metrics.clone()),
            Arc::new(s3),
            Arc::new(Sns::new(database.clone(), clock.clone(), outbox.clone())),
            Arc::new(Sqs::new(database, clock)),
            Arc::new(traces.clone()),
        ];
        embedded.retain(|service| !endpoints.is_remote(service.route().name));
        let router = Arc::new(Router::new(settings.home, embedded.into_iter().chain(others)));
        endpoints.embed(&router);
        let deliverer = Deliverer::new(endpoints.clone(), settings.mail, data.join("notifications"));
        let background = [
            tokio::spawn(outbox.run(deliverer)).abort_handle(),
            tokio::spawn(metrics.clone().run()).abort_handle(),
            tokio::spawn(traces.clone().run()).abort_handle(),
        ];
        let tasks = Arc::new(Tasks::new(endpoints.clone(), settings.http, settings.roles));
        Ok(Self { router, endpoints, tasks, events, metrics, insight, traces, background })
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.background.iter().for_each(AbortHandle::abort);
    }
}

/// Tells EventBridge of objects, as S3 does.
struct ToEvents {
    events: Events,
    home: Home,
    /// The buckets that are the server's own.
    own: BTreeSet<String>,
}

impl ToEvents {
    /// AWS: a bucket's owner is told, whoever put the object.
    fn owner(&self, change: &Change) -> Caller {
        if !self.own.contains(&change.bucket) {
            return change.caller.clone();
        }
        let trace_header = change.caller.trace_header;
        Caller { trace_header, ..Caller::account(&self.home.account, &self.home.region) }
    }
}

impl s3::Observer for ToEvents {
    fn changed(&self, change: Change) -> BoxFuture<'_, Result<(), Fault>> {
        let mut detail = json!({
            "version": "0", "bucket": { "name": change.bucket }, "object": { "key": change.key },
        });
        let detail_type = if let Some((bytes, etag)) = &change.created {
            detail["object"]["size"] = json!(bytes);
            detail["object"]["etag"] = json!(etag);
            "Object Created"
        } else {
            detail["deletion-type"] = json!("Permanently Deleted");
            "Object Deleted"
        };
        let owner = self.owner(&change);
        let sequencer = jiff::Timestamp::now().as_nanosecond();
        detail["object"]["sequencer"] = json!(format!("{sequencer:018X}"));
        detail["request-id"] = json!(random_uuid().replace('-', "")[..16].to_uppercase());
        detail["requester"] = json!(change.caller.account);
        detail["source-ip-address"] = json!("127.0.0.1");
        detail["reason"] = json!(change.reason);
        let event = Event {
            source: "aws.s3".to_owned(),
            detail_type: detail_type.to_owned(),
            resources: vec![format!("arn:aws:s3:::{}", change.bucket)],
            caller: owner,
            bus: None,
            detail,
            time_ms: None,
            id: None,
        };
        Box::pin(self.events.emit(event))
    }
}
