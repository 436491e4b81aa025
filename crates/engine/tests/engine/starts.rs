//! Starts that come faster than the disk takes them: so many wait, and those beyond are refused at once.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use darkroom_asl::interpreter::{Limits, TaskId};
use darkroom_asl::json::Payload;
use darkroom_engine::store::{Append, ExecutionKey, MemoryStore};
use darkroom_engine::{
    Answer, Config, Engine, Invocation, Load, Observer, OsRandom, Parked, STARTING_MAX, StartError,
    SystemClock, TaskExecutor,
};

use crate::identity;

/// No task is ever run.
struct Nobody;

impl TaskExecutor for Nobody {
    fn start(&self, _: Invocation, answer: Answer) {
        answer.withhold();
    }

    fn cancel(&self, _: ExecutionKey, _: TaskId) {}
}

/// Holds up the committer until the other end is dropped.
struct Holding(Mutex<Receiver<()>>);

impl Observer for Holding {
    fn committed(&self, _: &[Append]) {
        assert!(self.0.lock().unwrap().recv().is_err());
    }

    fn parked(&self, _: &Parked) {}
}

#[test]
fn starts_beyond_the_bound_are_refused_until_others_are_durable() {
    let (hold, released) = channel();
    let engine = Engine::start(Config {
        store: Arc::new(MemoryStore::default()),
        executor: Arc::new(Nobody),
        clock: Arc::new(SystemClock::default()),
        random: Arc::new(OsRandom),
        observer: Arc::new(Holding(Mutex::new(released))),
        limits: Limits::default(),
        shards: 1,
        audit: false,
    })
    .unwrap();
    let (definition, machine) =
        engine.register(r#"{"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}"#).unwrap();
    let (tell, told) = channel();
    let start = |number: usize| {
        let tell = tell.clone();
        let reply =
            Box::new(move |started: Result<_, StartError>| tell.send(started.map(|_| number)).unwrap());
        engine.submit_start(
            identity(&number.to_string()),
            &definition,
            &machine,
            Payload::from_trusted("{}"),
            reply,
        );
    };
    assert_eq!(engine.load(), Load::default());
    for number in 0..STARTING_MAX {
        start(number);
    }
    start(STARTING_MAX);
    assert!(matches!(told.try_recv().unwrap(), Err(StartError::TooMany)), "the only one that is answered");

    // What the shard has decided is on its way to the disk, and none of it is there.
    until(&engine, |load| load.committing > 0 && load.standard.in_memory > 0);
    assert_eq!(engine.load().starting, STARTING_MAX);

    drop(hold);
    for _ in 0..STARTING_MAX {
        told.recv_timeout(Duration::from_mins(1)).unwrap().unwrap();
    }
    start(STARTING_MAX);
    assert_eq!(told.recv_timeout(Duration::from_mins(1)).unwrap().unwrap(), STARTING_MAX);
    until(&engine, |load| *load == Load::default());
}

/// Waits until there is as much to do.
#[track_caller]
fn until(engine: &Engine, is_so: impl Fn(&Load) -> bool) {
    let begun = Instant::now();
    while !is_so(&engine.load()) {
        assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", engine.load());
        std::thread::yield_now();
    }
}
