//! A server on a port of its own: the engine is real, the store is in memory, no task is ever answered.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use darkroom_asl::interpreter::{Limits, TaskId};
use darkroom_engine::store::{Append, ExecutionKey, MemoryStore};
use darkroom_engine::{
    Answer, Config, Engine, Invocation, Observer, OsRandom, Parked, SystemClock, TaskExecutor,
};
use darkroom_gateway::Gateway;
use darkroom_port::Server;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The longest that a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Leaves every task open, and every commit unheard of.
pub struct Nobody;

impl TaskExecutor for Nobody {
    fn start(&self, _: Invocation, answer: Answer) {
        answer.withhold();
    }

    fn cancel(&self, _: ExecutionKey, _: TaskId) {}
}

impl Observer for Nobody {
    fn committed(&self, _: &[Append]) {}

    fn parked(&self, _: &Parked) {}
}

/// A server that ends with its test.
pub struct Port {
    pub address: SocketAddr,
    pub runtime: Runtime,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<()>>,
}

/// What came back: the status, the head in lower case, the body.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// A gateway to an engine of its own.
pub fn gateway() -> Gateway {
    let engine = Engine::start(Config {
        store: Arc::new(MemoryStore::default()),
        executor: Arc::new(Nobody),
        clock: Arc::new(SystemClock::default()),
        random: Arc::new(OsRandom),
        observer: Arc::new(Nobody),
        limits: Limits::default(),
        shards: 1,
        audit: true,
    });
    Gateway::new(Arc::new(engine.expect("an engine in memory")), "us-east-1", "000000000000")
}

impl Port {
    /// Starts what `of` makes of a gateway.
    pub fn open(of: impl FnOnce(Gateway) -> Server<Gateway>) -> Self {
        let runtime = Runtime::new().expect("threads");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let served = runtime.spawn(of(gateway()).serve(listener, async move {
            // A test that has gone ends the server, too.
            let _ = stopped.await;
        }));
        Self { address, runtime, stop: Some(stop), served: Some(served) }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the port is open");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream
    }

    /// Sends these bytes and reads until the server closes the connection. `None` where it closes it without a word.
    pub fn send(&self, bytes: &[u8]) -> Option<Answered> {
        let mut stream = self.connect();
        // A server that has heard enough closes its side.
        let _ = stream.write_all(bytes);
        answered(stream)
    }

    /// Calls an action with these further header lines.
    pub fn call(&self, action: &str, headers: &str, body: &[u8]) -> Answered {
        let length = body.len();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\
             X-Amz-Target: AWSStepFunctions.{action}\r\n{headers}\r\n"
        );
        self.send(&[head.as_bytes(), body].concat()).expect("an answer")
    }

    /// Whether it answers as if nothing had happened.
    pub fn goes_on(&self) {
        let answer = self.call("ListStateMachines", "", b"{}");
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"stateMachines":[]}"#));
    }

    /// Asks it to stop.
    pub fn ask_to_stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits for its end.
    pub fn stopped(&mut self) {
        let served = self.served.take().expect("it is waited for once");
        let ended = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, served).await });
        ended.expect("it stops").expect("it does not panic");
    }
}

/// Reads an answer to the end of the connection.
pub fn answered(mut stream: TcpStream) -> Option<Answered> {
    let mut bytes = Vec::new();
    // What came before a reset counts.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).expect("answers are text");
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answered { status, head: head.to_ascii_lowercase(), body: body.to_owned() })
}

impl Answered {
    /// The error's name and message.
    pub fn error(&self) -> (String, String) {
        let body: Value = serde_json::from_str(&self.body).expect("an error in JSON");
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        (text("__type"), text("message"))
    }
}
