//! The running engine: shards on threads of their own, one committer, and the way in.
//!
//! ```text
//!   callers, answers ──▶ shard 0 ─┐                      ┌─▶ callers are answered
//!                    ──▶ shard 1 ─┼─▶ committer ─▶ store ├─▶ tasks go to the executor
//!                    ──▶ shard n ─┘   (group commit)     └─▶ observers are told
//! ```
//!
//! Shards decide while the committer waits for the disk; all the turns that have piled up by then go into
//! one commit. Nothing leaves before it is durable, because only the committer lets things out. Express executions
//! have shards of their own, and no log to wait for.

mod apart;
mod committer;
mod express;
mod health;
mod inside;
mod known;
mod load;
mod nested;
mod outlet;
mod recovery;
mod redrive;
mod resources;
mod retention;
mod shard_loop;
mod state_machines;
mod tasks;
mod thinkers;
mod traces;
mod versions;
mod vital;

pub use apart::Call;
pub use express::OPEN_MAX as EXPRESS_OPEN_MAX;
pub use load::{Load, ShardsLoad};
pub use resources::{ResourceError, TAGS_MAX};
pub use retention::RETENTION_DAYS;
pub use state_machines::{NewStateMachine, Publication, Published, StateMachineUpdate};
pub use tasks::PollError;
pub use versions::{ALIASES_MAX, NewAlias, QualifiedArn, Qualifier, Target, VERSIONS_MAX, WEIGHTS_SUM};
pub use vital::Vital;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use darkroom_asl::data::Timestamp;
use darkroom_asl::definition::StateMachine;
use darkroom_asl::definition::{self, Diagnostic};
use darkroom_asl::interpreter::event::Reason;
use darkroom_asl::interpreter::{Identity, Limits, Random};
use darkroom_asl::json::{Payload, Text};
use sha2::{Digest, Sha256};

use self::apart::Apart;
use self::committer::{Commit, Committer};
use self::express::Express;
use self::health::Health;
use self::inside::{Inside, ToInside};
use self::known::{KnownExecutions, KnownStateMachines};
use self::load::{Gauges, ShardGauge};
use self::nested::Nested;
use self::outlet::{Outlet, Shards};
use self::recovery::Recovery;
use self::shard_loop::{Loop, WayOut};
use self::thinkers::Thinkers;
use crate::activity::Activities;
use crate::clock::Clock;
use crate::definitions::{DefinitionError, Definitions};
use crate::executor::TaskExecutor;
use crate::shard::{
    EndReply, Input, Parked, Part, Permit, Rest, Shard, ShardConfig, StartError, StartReply, StartRequest,
    Started, StopReply,
};
use crate::store::{Append, DefinitionKey, ExecutionKey, Store, StoreError, StoredExecution};
use crate::token::{TokenSecret, hexadecimal};

/// Starts of Standard executions that may wait for the disk at once. Our choice: at the largest payloads that AWS
/// allows, about 2 GB.
pub const STARTING_MAX: usize = 8_192;

/// What an engine is made of.
pub struct Config {
    /// Where histories are kept.
    pub store: Arc<dyn Store>,
    /// Who runs tasks.
    pub executor: Arc<dyn TaskExecutor>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Random + Send + Sync>,
    /// Who is told of what has become durable.
    pub observer: Arc<dyn Observer>,
    /// The bounds on executions.
    pub limits: Limits,
    /// How many loops, for each of the two types of state machine; at least one. One a core is enough.
    pub shards: usize,
    /// Whether each decision is checked against a replay. See [`ShardConfig::audit`].
    pub audit: bool,
}

/// Is told of what has become durable, in the order in which it did. Called on the committer's thread, and for Express
/// executions on their shard's: an observer that takes its time holds up the engine.
pub trait Observer: Send + Sync + 'static {
    /// Executions' parts of a commit are on disk. An Express execution's never are: they have happened. An execution
    /// stands in a commit once.
    fn committed(&self, appends: &[Append]);

    /// An execution was set aside: its history stays, and it does not go on until the cause is mended.
    fn parked(&self, parked: &Parked);

    /// The engine measured itself. Nobody has to want to know.
    fn measured(&self, vital: Vital) {
        let _ = vital;
    }
}

/// An engine that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gave no thread.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// The definition has errors.
    #[error("the definition is not valid: {} at {}", .0.first().map_or("", |first| &first.message), .0.first().and_then(|first| first.location.as_deref()).unwrap_or("null"))]
    Definition(Vec<Diagnostic>),
}

impl From<DefinitionError> for EngineError {
    fn from(error: DefinitionError) -> Self {
        match error {
            DefinitionError::Store(error) => Self::Store(error),
            DefinitionError::Refused(diagnostics) => Self::Definition(diagnostics),
        }
    }
}

/// A running engine. Dropping it stops it: what is committed is there at the next start.
pub struct Engine {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    secret: TokenSecret,
    history_events_max: u32,
    shards: Shards,
    express: Express,
    activities: Arc<Activities>,
    inside: Sender<ToInside>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    last_key: Arc<AtomicI64>,
    /// Starts that are not answered yet.
    starting: Arc<AtomicUsize>,
    apart: Apart,
    random: Arc<dyn Random + Send + Sync>,
    health: Health,
    gauges: Gauges,
    /// Held by whoever changes a resource.
    resources: Mutex<()>,
    definitions: Arc<Definitions>,
    known_state_machines: Arc<KnownStateMachines>,
    known_executions: Arc<KnownExecutions>,
}

/// What a shard's thread is sent.
enum ToShard {
    Input(Input),
    Close,
}

impl Engine {
    /// Starts an engine, and goes on with every execution that is open in its store.
    #[expect(clippy::needless_pass_by_value, reason = "an engine is made of its configuration")]
    pub fn start(config: Config) -> Result<Self, EngineError> {
        let count = config.shards.max(1);
        let secret = config.store.token_secret(fresh_secret(config.random.as_ref()))?;
        let (standard, receivers): (Vec<_>, Vec<_>) = (0..count).map(|_| channel()).unzip();
        let (express, express_receivers): (Vec<_>, Vec<_>) = (0..count).map(|_| channel()).unzip();
        let shards = Shards { standard: standard.into(), express: express.into() };
        let (inside, messages) = channel();
        let asked = shards.clone();
        let activities = Activities::new(
            secret,
            Box::new(move |waiting, worker_name, reply| {
                let input = Input::Take(waiting.key, waiting.task, worker_name, reply);
                asked.send(waiting.key, &waiting.arn, input);
            }),
        );
        let engine = Self {
            store: config.store.clone(),
            clock: config.clock.clone(),
            secret,
            history_events_max: config.limits.history_events_max,
            express: Express::new(shards.clone()),
            shards: shards.clone(),
            activities,
            inside: inside.clone(),
            threads: Mutex::default(),
            last_key: Arc::new(AtomicI64::new(config.store.last_key()?.0)),
            starting: Arc::default(),
            apart: Apart::new(&config),
            random: config.random.clone(),
            health: Health::default(),
            gauges: Gauges::new(count, config.store.sleeping()?),
            resources: Mutex::default(),
            definitions: Arc::new(Definitions::new(config.store.clone())),
            known_state_machines: Arc::new(KnownStateMachines::new(config.store.clone())),
            known_executions: Arc::default(),
        };
        let shard = |number, is_express| {
            Shard::new(ShardConfig {
                store: config.store.clone(),
                secret,
                limits: if is_express { config.limits.express() } else { config.limits.clone() },
                audit: config.audit,
                definitions: engine.definitions.clone(),
                part: Part { number, of: count },
                rest: Rest::default(),
            })
        };
        let mut durable: Vec<Shard> = (0..count).map(|number| shard(number, false)).collect();
        let recovery = Recovery {
            store: config.store.as_ref(),
            definitions: &engine.definitions,
            clock: config.clock.as_ref(),
            observer: config.observer.as_ref(),
        };
        let begun = Instant::now();
        let recovered = recovery.run(&mut durable)?;
        let vital = Vital::Recovery { took: begun.elapsed(), executions: recovered.len() };
        config.observer.measured(vital);

        let outlet = Outlet { executor: config.executor.clone(), inside, shards };
        // One turn may wait while another is being committed: more would only age.
        let (commits, turns) = sync_channel::<Commit>(count);
        let mut threads = Vec::with_capacity(2 * count + 2);
        let (store, observer) = (config.store.clone(), config.observer.clone());
        let (known, health) = (engine.known_executions.clone(), engine.health.clone());
        let committing = engine.gauges.committing.clone();
        let committer = Committer::new(store, observer, outlet.clone(), known, health, committing);
        threads.push(spawn("committer".into(), move || committer.run(&turns))?);
        let thinkers = Arc::new(Thinkers::new(count, &config.random)?);
        let looped = |shard, receiver, way_out, back: &Sender<ToShard>, gauge: &Arc<ShardGauge>| Loop {
            shard,
            receiver,
            way_out,
            gauge: gauge.clone(),
            committing: engine.gauges.committing.clone(),
            clock: config.clock.clone(),
            random: config.random.clone(),
            store: config.store.clone(),
            observer: config.observer.clone(),
            thinkers: thinkers.clone(),
            known: engine.known_executions.clone(),
            back: back.clone(),
        };
        for (number, (shard, receiver)) in durable.into_iter().zip(receivers).enumerate() {
            let (back, gauge) = (&outlet.shards.standard[number], &engine.gauges.standard[number]);
            let looped = looped(shard, receiver, WayOut::Committed(commits.clone()), back, gauge);
            threads.push(spawn(format!("shard-{number}"), move || looped.run())?);
        }
        for (number, receiver) in express_receivers.into_iter().enumerate() {
            let (back, gauge) = (&outlet.shards.express[number], &engine.gauges.express[number]);
            let way_out = WayOut::AtOnce(outlet.clone());
            let looped = looped(shard(number, true), receiver, way_out, back, gauge);
            threads.push(spawn(format!("express-{number}"), move || looped.run())?);
        }
        let inside = engine.inside();
        threads.push(spawn("inside".into(), move || inside.run(&messages))?);
        recovery::let_out(recovered, &outlet);
        *engine.threads.lock().unwrap_or_else(PoisonError::into_inner) = threads;
        Ok(engine)
    }

    fn inside(&self) -> Inside {
        Inside {
            store: self.store.clone(),
            shards: self.shards.clone(),
            activities: self.activities.clone(),
            nested: Nested {
                known_state_machines: self.known_state_machines.clone(),
                store: self.store.clone(),
                definitions: self.definitions.clone(),
                clock: self.clock.clone(),
                random: self.random.clone(),
                shards: self.shards.clone(),
                express: self.express.clone(),
                last_key: self.last_key.clone(),
            },
            children: HashMap::new(),
        }
    }

    /// Reads a definition and keeps it. The same text gives the same key, and is read once.
    pub fn register(&self, text: &str) -> Result<(DefinitionKey, Arc<StateMachine>), EngineError> {
        let key = definition_key(text);
        if let Some(machine) = self.definitions().get(&key) {
            return Ok((key, machine.clone()));
        }
        let parsed = definition::parse(text, definition::Options::default());
        let Some(machine) = parsed.machine else {
            return Err(EngineError::Definition(parsed.diagnostics));
        };
        self.store.put_definition(&key, text)?;
        self.definitions().insert(key.clone(), machine.clone());
        Ok((key, machine))
    }

    /// Starts an execution, and returns when its start is durable.
    ///
    /// Where an execution of this ARN and input is running, that one is the answer.
    pub fn start_execution(
        &self,
        identity: Arc<Identity>,
        definition: &DefinitionKey,
        machine: &Arc<StateMachine>,
        input: Payload,
    ) -> Result<Started, StartError> {
        let (answer, answered) = sync_channel(1);
        let reply = Box::new(move |started| {
            // A caller that has gone away needs no answer.
            let _ = answer.send(started);
        });
        self.submit_start(identity, definition, machine, input, reply);
        answered.recv().unwrap_or(Err(StartError::ShutDown))
    }

    /// Starts an execution, and returns at once: `reply` is called when its start is durable. It is called
    /// on a thread of the engine and must not wait. Where the engine is shut down first it is dropped. Where more
    /// starts than [`STARTING_MAX`] wait for the disk, or the store takes nothing, this one is refused at once.
    pub fn submit_start(
        &self,
        identity: Arc<Identity>,
        definition: &DefinitionKey,
        machine: &Arc<StateMachine>,
        input: Payload,
        reply: StartReply,
    ) {
        if let Err(error) = self.health.check() {
            return reply(Err(error.into()));
        }
        let Some(permit) = Permit::take(&self.starting, STARTING_MAX) else {
            return reply(Err(StartError::TooMany));
        };
        let reply = Box::new(move |started| {
            drop(permit);
            reply(started);
        });
        let key = ExecutionKey(self.last_key.fetch_add(1, Ordering::Relaxed) + 1);
        let arn = identity.execution_arn.clone();
        let (machine, definition) = (machine.clone(), definition.clone());
        let request = StartRequest { key, identity, machine, definition, input, parent: None };
        self.shards.send(key, &arn, Input::Start(request, reply));
    }

    /// Starts an Express execution: `reply` is called, as in [`Engine::submit_start`], when it has started. It
    /// does not outlive this process.
    pub fn submit_start_express(
        &self,
        identity: Arc<Identity>,
        definition: &DefinitionKey,
        machine: &Arc<StateMachine>,
        input: Payload,
        reply: StartReply,
    ) {
        self.express.start(identity, definition, machine, input, reply);
    }

    /// Runs an Express execution: `reply` is called, as in [`Engine::submit_start`], when it has ended.
    pub fn submit_run_express(
        &self,
        identity: Arc<Identity>,
        definition: &DefinitionKey,
        machine: &Arc<StateMachine>,
        input: Payload,
        reply: EndReply,
    ) -> Result<(), StartError> {
        self.express.run(identity, definition, machine, input, reply)
    }

    /// Stops an execution, and returns when that is durable. Answers whether it was running.
    pub fn stop_execution(&self, arn: &Text, reason: Reason) -> Result<bool, StoreError> {
        let (answer, answered) = sync_channel(1);
        let reply = Box::new(move |stopped| {
            let _ = answer.send(stopped);
        });
        self.submit_stop(arn, reason, reply);
        answered.recv().unwrap_or(Ok(false))
    }

    /// Stops an execution, and returns at once: `reply` is called as in [`Engine::submit_start`].
    pub fn submit_stop(&self, arn: &Text, reason: Reason, reply: StopReply) {
        self.shards.send_by_arn(arn, Input::Stop(arn.clone(), reason, reply));
    }

    /// The execution of this ARN as it stands in the store, if that is known without a look there. `None` says
    /// nothing.
    pub fn known_execution(&self, arn: &str) -> Option<Arc<StoredExecution>> {
        self.known_executions.get(arn)
    }

    /// The time, as the engine has it.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How many starts of Standard executions wait for the disk.
    pub fn starting(&self) -> usize {
        self.starting.load(Ordering::Relaxed)
    }

    /// The store that the engine writes to.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    fn definitions(&self) -> MutexGuard<'_, HashMap<DefinitionKey, Arc<StateMachine>>> {
        self.definitions.lock()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.health.close();
        self.shards.close();
        // One that has gone is closed already.
        let _ = self.inside.send(ToInside::Close);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the engine panicked");
            }
        }
    }
}

/// The name of a definition's text.
pub fn definition_key(text: &str) -> DefinitionKey {
    hexadecimal(&Sha256::digest(text.as_bytes())).into()
}

fn fresh_secret(random: &dyn Random) -> TokenSecret {
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_exact_mut(8) {
        chunk.copy_from_slice(&random.next_u64().to_le_bytes());
    }
    TokenSecret(bytes)
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name).spawn(run)
}
