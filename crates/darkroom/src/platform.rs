//! The platform on one machine: the data folder, the stores in it, the engine and the functions, wired.
//!
//! ```text
//! <data>/engine.db     definitions, executions and their histories
//! <data>/platform.db   image records and the outbox of notifications
//! <data>/input/        the input bucket: uploads/<user>/<image>.<extension>
//! <data>/output/       the output bucket of a server
//! <data>/buckets/      a server's other buckets; services.db, tables.db: its other services
//! <data>/logs/         what state machines of a server want logged
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use darkroom_asl::definition::StateMachine;
use darkroom_asl::interpreter::{Identity, Limits, Qualifiers};
use darkroom_engine::store::{DefinitionKey, SqliteStore};
use darkroom_engine::{Config, Engine, Observer, OsRandom, SystemClock, TaskExecutor, WorkerPool};
use darkroom_functions::{
    Functions, ImageRecords, Notifications, Services, SqliteRecords, open_folder, remove_unfinished,
};

use crate::tasks::Tasks;
use crate::workflow::{self, ACCOUNT, PLACEHOLDERS, PROJECT, REGION};

/// A running platform. Dropping it stops it; the data folder holds all that it knew.
pub struct Platform {
    /// Runs executions.
    pub engine: Engine,
    /// One record an image.
    pub records: Arc<SqliteRecords>,
    /// The image workflow.
    pub workflow: Workflow,
    /// The input bucket, as a folder.
    pub input: PathBuf,
}

/// A state machine that is registered with the engine.
pub struct Workflow {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its definition, as the store knows it.
    pub definition: DefinitionKey,
    /// Its definition, as it runs.
    pub machine: Arc<StateMachine>,
}

/// The engine's file in a data folder.
pub fn engine_file(data: &Path) -> PathBuf {
    data.join("engine.db")
}

/// What a Task reaches in this process, and the records behind it.
pub struct Parts {
    /// Runs tasks.
    pub tasks: Tasks,
    /// The image functions.
    pub functions: Functions,
    /// One record an image.
    pub records: Arc<SqliteRecords>,
    /// The input bucket, as a folder.
    pub input: PathBuf,
}

/// Opens the engine's store in a data folder, for this process alone.
pub fn open_store(data: &Path) -> anyhow::Result<Arc<SqliteStore>> {
    let store = SqliteStore::open(engine_file(data));
    Ok(Arc::new(store.with_context(|| format!("the data folder {} cannot be used", data.display()))?))
}

/// The same, where what is committed may be lost with the machine: for measuring what syncs cost.
pub fn open_unsynced_store(data: &Path) -> anyhow::Result<Arc<SqliteStore>> {
    let store = SqliteStore::open_unsynced(engine_file(data));
    Ok(Arc::new(store.with_context(|| format!("the data folder {} cannot be used", data.display()))?))
}

/// Opens the buckets and records in a data folder, which nobody else is at work in; makes them where they are not there.
pub fn open_tasks(data: &Path, out: &Path) -> anyhow::Result<Parts> {
    let input = data.join("input");
    let folder = |path: &Path| {
        open_folder(path).with_context(|| format!("the folder {} cannot be used", path.display()))
    };
    let (input_bucket, output_bucket) = (folder(&input)?, folder(out)?);
    let outputs = out.join("processed");
    if outputs.is_dir() {
        remove_unfinished(&outputs).with_context(|| format!("{} cannot be tidied up", outputs.display()))?;
    }
    let records = Arc::new(
        SqliteRecords::open(data.join("platform.db"))
            .with_context(|| format!("{} cannot be opened", data.join("platform.db").display()))?,
    );
    let notifications: Arc<dyn Notifications> = records.clone();
    let image_records: Arc<dyn ImageRecords> = records.clone();
    let services = Services::new(input_bucket, output_bucket, image_records, notifications.clone());
    let functions = Functions::new(services);
    Ok(Parts { tasks: Tasks::new(functions.clone(), notifications), functions, records, input })
}

/// Starts the engine on a store, and goes on with what is open in it.
pub fn start_engine(
    store: Arc<SqliteStore>,
    executor: Arc<dyn TaskExecutor>,
    observer: Arc<dyn Observer>,
    limits: Limits,
) -> anyhow::Result<Engine> {
    Ok(Engine::start(Config {
        store,
        executor,
        clock: Arc::new(SystemClock::default()),
        random: Arc::new(OsRandom),
        observer,
        limits,
        shards: 1,
        audit: cfg!(debug_assertions),
    })?)
}

/// How many things this machine does at once.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Platform {
    /// Opens the data folder, makes it where it is not there, and goes on with what is open in it. `definition` is
    /// the image workflow's; its placeholders are filled.
    pub fn open(
        data: &Path,
        out: &Path,
        definition: &str,
        jobs: usize,
        observer: Arc<dyn Observer>,
    ) -> anyhow::Result<Self> {
        // First of all the lock: from here on no other process is at work in this data folder.
        let store = open_store(data)?;
        let Parts { tasks, records, input, .. } = open_tasks(data, out)?;
        let pool = WorkerPool::new(jobs, move |invocation| tasks.run(invocation))?;
        let engine = start_engine(store, Arc::new(pool), observer, Limits::default())?;
        let (definition, machine) = engine.register(&workflow::fill(definition, PLACEHOLDERS))?;
        let name = format!("{PROJECT}-image-processing");
        let arn = format!("arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}");
        Ok(Self { engine, records, workflow: Workflow { arn, name, definition, machine }, input })
    }
}

impl Workflow {
    /// The ARN of an execution of this name.
    pub fn execution_arn(&self, execution_name: &str) -> String {
        format!("arn:aws:states:{REGION}:{ACCOUNT}:execution:{}:{execution_name}", self.name)
    }

    /// Who an execution of this name is.
    pub fn identity(&self, execution_name: &str) -> Arc<Identity> {
        Arc::new(Identity {
            execution_arn: self.execution_arn(execution_name).into(),
            execution_name: execution_name.into(),
            state_machine_arn: self.arn.as_str().into(),
            state_machine_name: self.name.as_str().into(),
            role_arn: format!("arn:aws:iam::{ACCOUNT}:role/{PROJECT}-step-functions-role").into(),
            qualifiers: Qualifiers::default(),
            revision_id: None,
        })
    }
}
