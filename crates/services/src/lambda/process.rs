//! A function that is any program which speaks the Runtime API: started when needed, kept warm, replaced when
//! it dies, takes too long or too much memory.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use darkroom_port::AccessKey;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, oneshot};

use super::activity::{Activity, LINE_BYTES_MAX};
use super::runtime::{Runtime, Work};
use super::{Function, Invocation, LOG_TAIL_BYTES, OUTPUT_TARGET, Outcome};
use crate::wire::{Fault, random_uuid};

/// How long a process may take until it asks for its first event. AWS's own bound.
const INIT_MAX: Duration = Duration::from_secs(10);
/// How long a process is kept that has nothing to do.
const IDLE_MAX: Duration = Duration::from_mins(10);
/// Calls that wait for a place; whoever comes then is told to come again.
const WAITING_MAX: usize = 1000;
/// How often a running function's memory is looked at.
const MEMORY_PERIOD: Duration = Duration::from_millis(100);

/// An access key's id and secret where nobody checks signatures.
const ANY: &str = "local";

/// What is run, and within which bounds.
#[derive(Clone, Debug)]
pub struct ProcessSettings {
    /// The function's name.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where it runs; `LAMBDA_TASK_ROOT`.
    pub directory: Option<PathBuf>,
    /// `_HANDLER`, for runtimes that ask for it.
    pub handler: String,
    /// Its environment, besides what every function has.
    pub environment: BTreeMap<String, String>,
    /// How long a call may take.
    pub timeout: Duration,
    /// The most memory that a process may use, in MB.
    pub memory_mb: u64,
    /// How many calls, and so processes, there are at once.
    pub concurrency: usize,
    /// `AWS_REGION`.
    pub region: String,
    /// Where the other services are, as `AWS_ENDPOINT_URL`.
    pub endpoint_url: String,
    /// What its requests to them are signed with, where they ask for that.
    pub access_key: Option<AccessKey>,
}

/// The processes of one function.
pub struct Process {
    settings: ProcessSettings,
    idle: Mutex<Vec<(Instant, Instance)>>,
    places: Semaphore,
    waiting: Semaphore,
}

/// One process and its server. Dropping it kills the process.
struct Instance {
    child: Child,
    runtime: Runtime,
    log: Arc<Mutex<VecDeque<u8>>>,
}

/// How a call ended, and whether its process can take another.
enum End {
    Warm(Outcome),
    Dead(Outcome),
    /// It was gone, or busy with itself, before it took the event.
    Untaken(Outcome),
}

impl Process {
    /// A function of these settings.
    pub fn new(settings: ProcessSettings) -> Self {
        let places = Semaphore::new(settings.concurrency.max(1));
        Self { settings, idle: Mutex::default(), places, waiting: Semaphore::new(WAITING_MAX) }
    }

    /// The process that was used last, so that the others may grow old.
    fn take_idle(&self) -> Option<Instance> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(since, _)| since.elapsed() < IDLE_MAX);
        idle.pop().map(|(_, instance)| instance)
    }

    /// What the process writes is kept with what goes on in the function.
    async fn start(&self, activity: &Arc<Activity>) -> std::io::Result<Instance> {
        let settings = &self.settings;
        let runtime = Runtime::start().await?;
        let (program, arguments) = settings.command.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
        let root = settings.directory.clone().unwrap_or_else(|| PathBuf::from("."));
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .env("AWS_LAMBDA_RUNTIME_API", &runtime.address)
            .env("AWS_LAMBDA_FUNCTION_NAME", &settings.name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", settings.memory_mb.to_string())
            .env("AWS_LAMBDA_FUNCTION_TIMEOUT", settings.timeout.as_secs().to_string())
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", settings.name))
            .env("AWS_LAMBDA_LOG_STREAM_NAME", random_uuid())
            .env("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023")
            .env("AWS_REGION", &settings.region)
            .env("AWS_DEFAULT_REGION", &settings.region)
            .env("AWS_ENDPOINT_URL", &settings.endpoint_url)
            .env("AWS_ACCESS_KEY_ID", settings.access_key.as_ref().map_or(ANY, |key| &key.id))
            .env("AWS_SECRET_ACCESS_KEY", settings.access_key.as_ref().map_or(ANY, |key| &key.secret))
            .env_remove("AWS_SESSION_TOKEN")
            .envs(
                settings
                    .access_key
                    .iter()
                    .filter_map(|key| Some(("AWS_SESSION_TOKEN", key.session_token.as_ref()?))),
            )
            .env_remove("AWS_PROFILE")
            .env("LAMBDA_TASK_ROOT", &root)
            .env("LAMBDA_RUNTIME_DIR", &root)
            .env("_HANDLER", &settings.handler)
            .env("TZ", ":UTC")
            .envs(&settings.environment);
        let mut child = command.spawn()?;
        let log = Arc::new(Mutex::new(VecDeque::with_capacity(LOG_TAIL_BYTES)));
        let written =
            || Written { tail: log.clone(), activity: activity.clone(), function: settings.name.clone() };
        if let Some(output) = child.stdout.take() {
            tokio::spawn(written().follow(output));
        }
        if let Some(output) = child.stderr.take() {
            tokio::spawn(written().follow(output));
        }
        Ok(Instance { child, runtime, log })
    }

    async fn run(&self, instance: &mut Instance, invocation: Invocation) -> End {
        let id = invocation.request_id.clone();
        let (taken, was_taken) = oneshot::channel();
        let (done, outcome) = oneshot::channel();
        let work = Work { invocation, timeout: self.settings.timeout, taken, done };
        if instance.runtime.work.send(work).await.is_err() {
            return End::Untaken(Outcome::failed(
                "Runtime.ExitError",
                &format!("RequestId: {id} Error: the runtime's server ended"),
            ));
        }
        tokio::select! {
            Ok(()) = was_taken => {}
            status = instance.child.wait() => {
                return End::Untaken(instance.runtime.init_error().unwrap_or_else(|| exited(&id, status.ok())));
            }
            () = tokio::time::sleep(INIT_MAX) => {
                let message = format!("RequestId: {id} Error: Runtime did not ask for an event in {} seconds", INIT_MAX.as_secs());
                return End::Untaken(Outcome::failed("Sandbox.Timedout", &message));
            }
        }
        let process_id = instance.child.id();
        tokio::select! {
            Ok(outcome) = outcome => End::Warm(outcome),
            status = instance.child.wait() => End::Dead(exited(&id, status.ok())),
            () = tokio::time::sleep(self.settings.timeout) => {
                let seconds = self.settings.timeout.as_secs_f64();
                let time = crate::clock::iso_ms(jiff::Timestamp::now().as_millisecond());
                // AWS: the time, the call's id, and what happened.
                let message = format!("{time} {id} Task timed out after {seconds:.2} seconds");
                End::Dead(Outcome::failed("Sandbox.Timedout", &message))
            }
            () = outgrown(process_id, self.settings.memory_mb) => {
                End::Dead(Outcome::failed("Runtime.OutOfMemory", &format!("RequestId: {id} Error: Runtime exited with error: signal: killed")))
            }
        }
    }

    async fn invoke_within_bounds(&self, invocation: Invocation) -> Result<Outcome, Fault> {
        let throttled = || {
            let message = "Rate Exceeded.";
            Fault::sender(429, "TooManyRequestsException", message)
        };
        let waiting = self.waiting.try_acquire().map_err(|_| throttled())?;
        let _place = self.places.acquire().await.map_err(|_| throttled())?;
        drop(waiting);
        // A process that ended after its last answer is no fault of this call, which the next one takes.
        while let Some(instance) = self.take_idle() {
            if let Ok(outcome) = self.invoke_on(instance, invocation.clone()).await {
                return Ok(outcome);
            }
        }
        match self.start(&invocation.activity).await {
            Ok(instance) => Ok(self.invoke_on(instance, invocation).await.unwrap_or_else(|untaken| untaken)),
            Err(error) => {
                let program = self.settings.command.first().map_or("", String::as_str);
                let message = format!("RequestId: {} Error: {program}: {error}", invocation.request_id);
                Ok(Outcome::failed("Runtime.InvalidEntrypoint", &message))
            }
        }
    }

    /// What came of a call on this process, which is kept if it can take another.
    ///
    /// # Errors
    /// The same, if the process did not take the event.
    async fn invoke_on(&self, mut instance: Instance, invocation: Invocation) -> Result<Outcome, Outcome> {
        instance.log.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let end = self.run(&mut instance, invocation).await;
        let log: Vec<u8> =
            instance.log.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        match end {
            End::Warm(outcome) => {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                idle.push((Instant::now(), instance));
                Ok(Outcome { log, ..outcome })
            }
            End::Dead(outcome) => Ok(Outcome { log, ..outcome }),
            End::Untaken(outcome) => Err(Outcome { log, ..outcome }),
        }
    }
}

/// AWS: `Runtime exited with error: exit status 1`, or without one where there is none to tell.
fn exited(id: &str, status: Option<ExitStatus>) -> Outcome {
    use std::os::unix::process::ExitStatusExt as _;
    let how = match status {
        Some(status) => match (status.code(), status.signal()) {
            (Some(0), _) => "Runtime exited without providing a reason".to_owned(),
            (Some(code), _) => format!("Runtime exited with error: exit status {code}"),
            (None, Some(9)) => "Runtime exited with error: signal: killed".to_owned(),
            (None, signal) => format!("Runtime exited with error: signal {}", signal.unwrap_or_default()),
        },
        None => "Runtime exited without providing a reason".to_owned(),
    };
    Outcome::failed("Runtime.ExitError", &format!("RequestId: {id} Error: {how}"))
}

/// Where that goes which a process writes.
struct Written {
    /// The end of it, for the call that is under way.
    tail: Arc<Mutex<VecDeque<u8>>>,
    activity: Arc<Activity>,
    function: String,
}

impl Written {
    /// Passes on what a process writes, in whole lines as far as those are not too long.
    async fn follow(self, mut output: impl AsyncRead + Unpin) {
        let (mut piece, mut line) = (vec![0; LOG_TAIL_BYTES], Vec::new());
        while let Ok(read) = output.read(&mut piece).await {
            let Some(written) = piece.get(..read).filter(|written| !written.is_empty()) else { break };
            let text = String::from_utf8_lossy(written);
            tracing::info!(target: OUTPUT_TARGET, function = self.function, "{}", text.trim_end());
            for part in written.split_inclusive(|byte| *byte == b'\n') {
                line.extend_from_slice(part);
                if part.ends_with(b"\n") || line.len() >= LINE_BYTES_MAX {
                    self.activity.write(&String::from_utf8_lossy(&line));
                    line.clear();
                }
            }
            let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
            let excess = (tail.len() + written.len()).saturating_sub(LOG_TAIL_BYTES).min(tail.len());
            tail.drain(..excess);
            tail.extend(written);
        }
        self.activity.write(&String::from_utf8_lossy(&line));
    }
}

/// Ready when a process uses more memory than it may. Never where the system does not tell.
async fn outgrown(process_id: Option<u32>, memory_mb: u64) {
    let Some(process_id) = process_id else { return std::future::pending().await };
    let path = format!("/proc/{process_id}/status");
    loop {
        tokio::time::sleep(MEMORY_PERIOD).await;
        let Ok(status) = tokio::fs::read_to_string(&path).await else { return std::future::pending().await };
        let used_kb = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        if used_kb.is_some_and(|used_kb| used_kb > memory_mb * 1024) {
            return;
        }
    }
}

impl Function for Process {
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'_, Result<Outcome, Fault>> {
        Box::pin(self.invoke_within_bounds(invocation))
    }

    fn describe(&self) -> Value {
        json!({
            "Runtime": "provided.al2023", "Handler": self.settings.handler,
            "Timeout": self.settings.timeout.as_secs(), "MemorySize": self.settings.memory_mb,
        })
    }

    fn concurrency(&self) -> Option<usize> {
        Some(self.settings.concurrency.max(1))
    }
}
