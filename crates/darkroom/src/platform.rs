//! The platform on one machine: the data folder, the stores in it, the engine and the functions, wired.
//!
//! ```text
//! <data>/engine.db     definitions, executions and their histories
//! <data>/platform.db   image records and the outbox of notifications, of `darkroom process`
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
use darkroom_functions::{Functions, Objects, Services, SqliteRecords, open_folder, remove_unfinished};

use crate::roles;
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

/// The buckets of a data folder.
pub struct Buckets {
    /// Uploads.
    pub input: Arc<dyn Objects>,
    /// What is made of them.
    pub output: Arc<dyn Objects>,
    /// The input bucket, as a folder.
    pub input_folder: PathBuf,
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

/// Opens the buckets in a data folder, which nobody else is at work in; makes them where they are not there.
pub fn open_buckets(data: &Path, out: &Path) -> anyhow::Result<Buckets> {
    let input_folder = data.join("input");
    let folder = |path: &Path| {
        open_folder(path).with_context(|| format!("the folder {} cannot be used", path.display()))
    };
    let (input, output) = (folder(&input_folder)?, folder(out)?);
    let outputs = out.join("processed");
    if outputs.is_dir() {
        remove_unfinished(&outputs).with_context(|| format!("{} cannot be tidied up", outputs.display()))?;
    }
    Ok(Buckets { input, output, input_folder })
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

/// Bytes of a process' memory that are in the machine's; `None` where the system does not say, as outside Linux.
pub fn resident_bytes(pid: u32) -> Option<u64> {
    resident_in(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn resident_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
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
        let Buckets { input, output, input_folder } = open_buckets(data, out)?;
        let records = Arc::new(
            SqliteRecords::open(data.join("platform.db"))
                .with_context(|| format!("{} cannot be opened", data.join("platform.db").display()))?,
        );
        let functions = Functions::new(Services::new(input, output, records.clone()));
        let tasks = Tasks::new(functions, records.clone());
        let pool = WorkerPool::new(jobs, move |invocation| tasks.run(invocation))?;
        let engine = start_engine(store, Arc::new(pool), observer, Limits::default())?;
        let (definition, machine) = engine.register(&workflow::fill(definition, PLACEHOLDERS))?;
        let name = format!("{PROJECT}-image-processing");
        let arn = format!("arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}");
        Ok(Self {
            engine,
            records,
            workflow: Workflow { arn, name, definition, machine },
            input: input_folder,
        })
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
            role_arn: roles::of_state_machine(ACCOUNT, "image-processing").into(),
            qualifiers: Qualifiers::default(),
            revision_id: None,
            trace_header: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_of_the_line_that_says_it() {
        assert_eq!(resident_in("Name:\ta\nVmRSS:\t    1024 kB\n"), Some(1024 * 1024));
        assert_eq!(resident_in("Name:\ta\n"), None);
    }
}
