//! The running engine: shards on threads of their own, one committer, and the way in.
//!
//! ```text
//!   callers, answers ──▶ shard 0 ─┐                      ┌─▶ callers are answered
//!                    ──▶ shard 1 ─┼─▶ committer ─▶ store ├─▶ tasks go to the executor
//!                    ──▶ shard n ─┘   (group commit)     └─▶ observers are told
//! ```
//!
//! Shards decide while the committer waits for the disk; all the turns that have piled up by then go into
//! one commit. Nothing leaves before it is durable, because only the committer lets things out.

mod apart;
mod committer;
mod state_machines;

pub use apart::Call;
pub use state_machines::{CreateError, NewStateMachine};

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use darkroom_asl::definition::StateMachine;
use darkroom_asl::definition::{self, Diagnostic};
use darkroom_asl::interpreter::event::Reason;
use darkroom_asl::interpreter::{Effect, Identity, Limits, Random};
use darkroom_asl::json::{Payload, Text};
use sha2::{Digest, Sha256};

use self::apart::Apart;
use self::committer::{Commit, Committer};
use crate::clock::Clock;
use crate::executor::TaskExecutor;
use crate::shard::{
    Input, Parked, Release, Shard, StartError, StartReply, StartRequest, Started, StopReply, Turn,
};
use crate::store::{Append, Batch, DefinitionKey, ExecutionKey, Store, StoreError, StoredExecution};

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
    /// How many loops; at least one. One a core is enough.
    pub shards: usize,
    /// Whether each decision is checked against a replay. See [`Shard::new`].
    pub audit: bool,
}

/// Is told of what has become durable, in the order in which it did. Called on the committer's thread: an
/// observer that takes its time holds up the engine.
pub trait Observer: Send + Sync + 'static {
    /// An execution's part of a batch is on disk.
    fn committed(&self, append: &Append);

    /// An execution was set aside: its history stays, and it does not go on until the cause is mended.
    fn parked(&self, parked: &Parked);
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

/// A running engine. Dropping it stops it: what is committed is there at the next start.
pub struct Engine {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    shards: Vec<Sender<ToShard>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    last_key: AtomicI64,
    apart: Apart,
    definitions: Mutex<HashMap<DefinitionKey, Arc<StateMachine>>>,
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
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..count).map(|_| channel()).unzip();
        let mut shards: Vec<Shard> = (0..count)
            .map(|_| Shard::new(config.store.clone(), config.limits.clone(), config.audit))
            .collect();
        let engine = Self {
            store: config.store.clone(),
            clock: config.clock.clone(),
            shards: senders.clone(),
            threads: Mutex::default(),
            last_key: AtomicI64::new(config.store.last_key()?.0),
            apart: Apart::new(&config),
            definitions: Mutex::default(),
        };
        let outlet = Outlet { executor: config.executor.clone(), shards: senders };
        let recovered = engine.recover(&mut shards, config.observer.as_ref())?;

        // One turn may wait while another is being committed: more would only age.
        let (commits, turns) = sync_channel::<Commit>(count);
        let mut threads = Vec::with_capacity(count + 1);
        let committer = Committer::new(config.store.clone(), config.observer.clone(), outlet.clone());
        threads.push(spawn("committer".into(), move || committer.run(&turns))?);
        for (number, (shard, receiver)) in shards.into_iter().zip(receivers).enumerate() {
            let looped = Loop {
                shard,
                receiver,
                commits: commits.clone(),
                clock: config.clock.clone(),
                random: config.random.clone(),
                store: config.store.clone(),
                observer: config.observer.clone(),
            };
            threads.push(spawn(format!("shard-{number}"), move || looped.run())?);
        }
        for Recovered { key, identity, effects } in recovered {
            outlet.let_out(key, &identity, effects);
        }
        *engine.threads.lock().unwrap_or_else(PoisonError::into_inner) = threads;
        Ok(engine)
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
    /// on a thread of the engine and must not wait. Where the engine is shut down first it is dropped.
    pub fn submit_start(
        &self,
        identity: Arc<Identity>,
        definition: &DefinitionKey,
        machine: &Arc<StateMachine>,
        input: Payload,
        reply: StartReply,
    ) {
        let key = ExecutionKey(self.last_key.fetch_add(1, Ordering::Relaxed) + 1);
        let shard = self.shard_of(&identity.execution_arn);
        let request =
            StartRequest { key, identity, machine: machine.clone(), definition: definition.clone(), input };
        // A shard that has gone drops the reply, which is an answer too.
        let _ = shard.send(ToShard::Input(Input::Start(request, reply)));
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
        let _ = self.shard_of(arn).send(ToShard::Input(Input::Stop(arn.clone(), reason, reply)));
    }

    /// The store that the engine writes to.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    fn shard_of(&self, arn: &str) -> &Sender<ToShard> {
        &self.shards[shard_index(arn, self.shards.len())]
    }

    fn definitions(&self) -> std::sync::MutexGuard<'_, HashMap<DefinitionKey, Arc<StateMachine>>> {
        self.definitions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads every open execution back. One that cannot be followed is parked, and the others go on.
    fn recover(&self, shards: &mut [Shard], observer: &dyn Observer) -> Result<Vec<Recovered>, EngineError> {
        let mut recovered = Vec::new();
        for stored in self.store.open_executions()? {
            let place = shard_index(&stored.identity.execution_arn, shards.len());
            match self.read_back(&stored, &mut shards[place]) {
                Ok(effects) => {
                    if stored.parked.is_some() {
                        self.store.park(stored.key, None)?;
                    }
                    let identity = stored.identity.clone();
                    recovered.push(Recovered { key: stored.key, identity, effects });
                }
                Err(Unreadable::Store(error)) => return Err(error.into()),
                Err(Unreadable::Parked(reason)) => {
                    self.store.park(stored.key, Some(&reason))?;
                    let arn = stored.identity.execution_arn.clone();
                    observer.parked(&Parked { key: stored.key, arn, reason });
                }
            }
        }
        Ok(recovered)
    }

    fn read_back(&self, stored: &StoredExecution, shard: &mut Shard) -> Result<Vec<Effect>, Unreadable> {
        let machine = self.machine_of(stored)?;
        let history = match self.store.history(stored.key) {
            Ok(history) => history,
            Err(error @ StoreError::Corrupt { .. }) => return Err(Unreadable::Parked(error.to_string())),
            Err(error) => return Err(Unreadable::Store(error)),
        };
        shard.recover(stored, machine, &history).map_err(|error| Unreadable::Parked(error.to_string()))
    }

    fn machine_of(&self, stored: &StoredExecution) -> Result<Arc<StateMachine>, Unreadable> {
        if let Some(machine) = self.definitions().get(&stored.definition) {
            return Ok(machine.clone());
        }
        let text = self.store.definition(&stored.definition).map_err(Unreadable::Store)?;
        let Some(text) = text else {
            return Err(Unreadable::Parked(format!("its definition {} is not there", stored.definition)));
        };
        let parsed = definition::parse(&text, definition::Options::default());
        let Some(machine) = parsed.machine else {
            return Err(Unreadable::Parked("this version refuses its definition".into()));
        };
        self.definitions().insert(stored.definition.clone(), machine.clone());
        Ok(machine)
    }
}

/// An execution that goes on, and the tasks that are out for it.
struct Recovered {
    key: ExecutionKey,
    identity: Arc<Identity>,
    effects: Vec<Effect>,
}

/// Why an execution was not read back.
enum Unreadable {
    /// The store cannot be read at all.
    Store(StoreError),
    /// This one cannot.
    Parked(String),
}

impl Drop for Engine {
    fn drop(&mut self) {
        for shard in &self.shards {
            // A shard that has gone is closed already.
            let _ = shard.send(ToShard::Close);
        }
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
    use std::fmt::Write as _;
    let digest = Sha256::digest(text.as_bytes());
    let mut key = String::with_capacity(64);
    for byte in digest {
        // Writing to a string cannot fail.
        let _ = write!(key, "{byte:02x}");
    }
    key.into()
}

/// Which shard owns the execution of this ARN. The same in every run of one process; needs no more.
fn shard_index(arn: &str, shards: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    arn.hash(&mut hasher);
    let count = u64::try_from(shards).unwrap_or(1).max(1);
    usize::try_from(hasher.finish() % count).unwrap_or(0)
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name).spawn(run)
}

/// The way out: what may leave once its cause is durable.
#[derive(Clone)]
struct Outlet {
    executor: Arc<dyn TaskExecutor>,
    shards: Vec<Sender<ToShard>>,
}

impl Outlet {
    fn let_out(&self, key: ExecutionKey, identity: &Arc<Identity>, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::RunTask(request) => self.run_task(key, identity, request),
                Effect::CancelTask(id) => self.executor.cancel(key, id),
            }
        }
    }

    fn run_task(
        &self,
        key: ExecutionKey,
        identity: &Arc<Identity>,
        request: darkroom_asl::interpreter::TaskRequest,
    ) {
        let task = request.id;
        let shard = self.shard_of(identity).clone();
        let answer = crate::executor::Answer::new(move |outcome| {
            let stimulus = match outcome {
                Ok(output) => darkroom_asl::interpreter::Stimulus::TaskSucceeded { task, output },
                Err(reason) => darkroom_asl::interpreter::Stimulus::TaskFailed { task, reason },
            };
            // After the engine's end the task is still open in its history, and is run again.
            let _ = shard.send(ToShard::Input(Input::Stimulus(key, stimulus)));
        });
        self.executor.start(crate::executor::Invocation { key, identity: identity.clone(), request }, answer);
    }

    fn tell(&self, identity: &Identity, input: Input) {
        let _ = self.shard_of(identity).send(ToShard::Input(input));
    }

    fn shard_of(&self, identity: &Identity) -> &Sender<ToShard> {
        &self.shards[shard_index(&identity.execution_arn, self.shards.len())]
    }
}

/// A shard's thread.
struct Loop {
    shard: Shard,
    receiver: Receiver<ToShard>,
    commits: SyncSender<Commit>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random + Send + Sync>,
    store: Arc<dyn Store>,
    observer: Arc<dyn Observer>,
}

/// The longest that a shard sleeps before it looks at the clock again, should that have been set.
const SLEEP_MAX: Duration = Duration::from_secs(1);

impl Loop {
    fn run(mut self) {
        while self.wait() {
            let Turn { batch, releases } = self.shard.turn(self.clock.now(), self.random.as_ref());
            self.report_parked();
            if batch.appends.is_empty() && releases.is_empty() {
                continue;
            }
            if self.commits.send(Commit { batch, releases }).is_err() {
                return;
            }
        }
    }

    /// Waits until there is something to do, and takes all that is there. `false` when it is to end.
    fn wait(&mut self) -> bool {
        if !self.shard.has_inputs() {
            match self.receiver.recv_timeout(self.patience()) {
                Ok(ToShard::Input(input)) => self.shard.push(input),
                Ok(ToShard::Close) | Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        while let Ok(message) = self.receiver.try_recv() {
            match message {
                ToShard::Input(input) => self.shard.push(input),
                ToShard::Close => return false,
            }
        }
        true
    }

    fn patience(&self) -> Duration {
        let Some(deadline) = self.shard.next_deadline() else { return SLEEP_MAX };
        let left = deadline.as_millis().saturating_sub(self.clock.now().as_millis());
        Duration::from_millis(u64::try_from(left).unwrap_or(0)).min(SLEEP_MAX)
    }

    fn report_parked(&mut self) {
        for parked in self.shard.take_parked() {
            let Parked { key, arn, reason } = &parked;
            tracing::error!(%arn, reason, "an execution is set aside; its history is intact");
            if let Err(error) = self.store.park(*key, Some(reason)) {
                tracing::error!(%arn, %error, "the reason could not be stored");
            }
            self.observer.parked(&parked);
        }
    }
}
