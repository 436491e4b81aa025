//! What is fuzzed of the gateway: a request, from its headers to the action.
//!
//! Shared by the libFuzzer target beside this file and by the smoke test in `crates/gateway/tests/fuzz.rs`.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use darkroom_asl::interpreter::{Limits, TaskId};
use darkroom_engine::store::{Append, ExecutionKey, MemoryStore};
use darkroom_engine::{
    Answer, Config, Engine, Invocation, Observer, OsRandom, Parked, SystemClock, TaskExecutor,
};
use darkroom_gateway::Gateway;
use darkroom_port::{Credentials, Server};
use http::{HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt as _, Full};
use tokio::runtime::Runtime;

/// No request takes longer, but one that waits for what is never done.
const PATIENCE: Duration = Duration::from_secs(20);

const KEYS: &str = "[a]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = wJalrXUtnFEMI\n";

/// Leaves every task open.
struct Nobody;

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

struct World {
    runtime: Runtime,
    open: Server<Gateway>,
    locked: Server<Gateway>,
}

/// One for all inputs: what earlier ones made is there for later ones.
static WORLD: LazyLock<World> = LazyLock::new(|| {
    let config = Config {
        store: Arc::new(MemoryStore::default()),
        executor: Arc::new(Nobody),
        clock: Arc::new(SystemClock::default()),
        random: Arc::new(OsRandom),
        observer: Arc::new(Nobody),
        limits: Limits::default(),
        shards: 1,
        audit: true,
    };
    let engine = Arc::new(Engine::start(config).expect("an engine in memory"));
    let gateway = || Gateway::new(engine.clone(), "us-east-1", "000000000000");
    let keys = Credentials::parse(KEYS).expect("one key");
    World {
        runtime: Runtime::new().expect("threads"),
        open: Server::new(gateway()),
        locked: Server::new(gateway()).with_credentials(keys),
    }
});

/// Header lines, an empty line, the body. Whatever it is, it is answered in JSON and is no fault of ours; a server with
/// keys never gets as far as the action, since nobody can sign by chance.
pub fn request(data: &[u8]) {
    for (server, is_locked) in [(&WORLD.open, false), (&WORLD.locked, true)] {
        let Some(request) = read(data) else { return };
        let (status, body) = WORLD.runtime.block_on(async {
            let response = tokio::time::timeout(PATIENCE, server.answer(request)).await.expect("it ends");
            let status = response.status().as_u16();
            (status, response.into_body().collect().await.expect("it is in memory").to_bytes())
        });
        let answer: serde_json::Value = serde_json::from_slice(&body).expect("an answer is JSON");
        assert!(status < 500, "{answer}");
        assert_eq!(status != 200, answer.get("__type").is_some(), "{answer}");
        assert!(!(is_locked && status == 200), "{answer}");
    }
}

fn read(data: &[u8]) -> Option<Request<Full<Bytes>>> {
    let end = data.windows(2).position(|pair| pair == b"\n\n").unwrap_or(data.len());
    let body = data.get(end + 2..).unwrap_or_default();
    let mut request = Request::post("/?a=b");
    for line in data[..end].split(|byte| *byte == b'\n') {
        let at = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..at]).ok()?;
        request = request.header(name, HeaderValue::from_bytes(line[at + 1..].trim_ascii()).ok()?);
    }
    request.body(Full::from(body.to_vec())).ok()
}
