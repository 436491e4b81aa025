//! Tasks and workers, met by hand: who is given what, in which order, and what becomes of it when one goes.

use std::sync::atomic::{AtomicBool, Ordering};

use darkroom_asl::interpreter::event::{BranchId, EventId};

use super::*;
use crate::store::StoreError;

type Asked = Arc<Mutex<Vec<(Waiting, Option<Text>, TakeReply)>>>;

/// Queues whose tasks are asked for, and answered by the test.
struct Bench {
    activities: Arc<Activities>,
    asked: Asked,
    given: Arc<Mutex<Vec<(String, ActivityTask)>>>,
}

struct Worker {
    name: String,
    waits: Arc<AtomicBool>,
    given: Arc<Mutex<Vec<(String, ActivityTask)>>>,
}

impl Poller for Worker {
    fn worker_name(&self) -> Option<Text> {
        Some(self.name.as_str().into())
    }

    fn is_waiting(&self) -> bool {
        self.waits.load(Ordering::SeqCst)
    }

    fn give(self: Box<Self>, task: ActivityTask) -> Result<(), ActivityTask> {
        if !self.is_waiting() {
            return Err(task);
        }
        self.given.lock().unwrap().push((self.name, task));
        Ok(())
    }
}

const SECRET: TokenSecret = TokenSecret([1; 32]);

fn activity() -> Text {
    "arn:aws:states:eu-west-1:111122223333:activity:review".into()
}

fn task(key: i64) -> Waiting {
    Waiting {
        key: ExecutionKey(key),
        arn: format!("execution {key}").into(),
        task: TaskId { branch: BranchId(0), scheduled: EventId(3) },
        input: Payload::from_trusted(key.to_string()),
    }
}

impl Bench {
    fn new() -> Self {
        let asked = Asked::default();
        let list = asked.clone();
        let ask: Ask = Box::new(move |waiting, name, reply| {
            list.lock().unwrap().push((waiting.clone(), name, reply));
        });
        Self { activities: Activities::new(SECRET, ask), asked, given: Arc::default() }
    }

    fn offer(&self, key: i64) {
        self.activities.offer(&activity(), task(key));
    }

    /// A worker polls; the answer is what makes it hang up.
    fn poll(&self, name: &str) -> Arc<AtomicBool> {
        let waits = Arc::new(AtomicBool::new(true));
        let worker = Worker { name: name.to_owned(), waits: waits.clone(), given: self.given.clone() };
        self.activities.poll(&activity(), Box::new(worker)).unwrap();
        waits
    }

    /// Answers what was asked first: the execution, and the worker it was asked for.
    fn answer(&self, taken: Result<bool, StoreError>) -> (i64, Option<Text>) {
        let (waiting, name, reply) = self.asked.lock().unwrap().remove(0);
        reply(taken);
        (waiting.key.0, name)
    }

    fn given(&self) -> Vec<(String, i64)> {
        let given = self.given.lock().unwrap();
        given
            .iter()
            .map(|(name, given)| {
                let (key, id) = SECRET.open(&given.token).unwrap();
                assert_eq!(id, task(key.0).task);
                assert_eq!(**given.input.text(), *key.0.to_string());
                (name.clone(), key.0)
            })
            .collect()
    }

    fn is_idle(&self) -> bool {
        let queues = self.activities.lock();
        self.asked.lock().unwrap().is_empty() && queues.by_activity.is_empty() && queues.places.is_empty()
    }
}

fn pairs(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
    expected.iter().map(|(name, key)| ((*name).to_owned(), *key)).collect()
}

#[test]
fn tasks_and_workers_meet_in_the_order_in_which_they_came() {
    let bench = Bench::new();
    bench.offer(1);
    bench.offer(2);
    bench.poll("a");
    bench.poll("b");
    bench.poll("c");
    bench.offer(3);
    assert_eq!(bench.given(), [], "nobody is given what has not durably begun");
    for (key, name) in [(1, "a"), (2, "b"), (3, "c")] {
        assert_eq!(bench.answer(Ok(true)), (key, Some(name.into())));
    }
    assert_eq!(bench.given(), pairs(&[("a", 1), ("b", 2), ("c", 3)]));
    assert!(bench.is_idle());
}

#[test]
fn a_worker_whose_task_was_closed_gets_the_next_before_all_others() {
    let bench = Bench::new();
    bench.offer(1);
    bench.poll("a");
    bench.poll("b");
    bench.answer(Ok(false));
    bench.offer(2);
    assert_eq!(bench.answer(Ok(true)), (2, Some("a".into())));
    let lost = StoreError::Conflict { key: ExecutionKey(3) };
    bench.offer(3);
    bench.answer(Err(lost));
    bench.offer(4);
    bench.answer(Ok(true));
    assert_eq!(bench.given(), pairs(&[("a", 2), ("b", 4)]));
    assert!(bench.is_idle());
}

#[test]
fn a_worker_that_hangs_up_loses_nothing() {
    let bench = Bench::new();
    let early = bench.poll("early");
    early.store(false, Ordering::SeqCst);
    bench.offer(1);
    let late = bench.poll("late");
    // Its start is on its way to the disk when it goes.
    late.store(false, Ordering::SeqCst);
    assert_eq!(bench.answer(Ok(true)), (1, Some("late".into())));
    assert_eq!(bench.given(), []);
    bench.offer(2);
    bench.poll("next");
    assert_eq!(bench.given(), pairs(&[("next", 1)]), "it comes first, and is not started again");
    bench.poll("last");
    bench.answer(Ok(true));
    assert_eq!(bench.given(), pairs(&[("next", 1), ("last", 2)]));
    assert!(bench.is_idle());
}

#[test]
fn a_task_that_is_closed_is_taken_by_nobody() {
    let bench = Bench::new();
    bench.offer(1);
    bench.offer(2);
    bench.activities.withdraw(ExecutionKey(1), task(1).task);
    bench.activities.withdraw(ExecutionKey(9), task(9).task);
    bench.poll("a");
    assert_eq!(bench.answer(Ok(true)), (2, Some("a".into())));
    assert!(bench.is_idle());
}

#[test]
fn pollers_are_bounded_and_those_that_have_gone_are_not_counted() {
    let bench = Bench::new();
    let first = bench.poll("0");
    for number in 1..POLLERS_MAX {
        bench.poll(&number.to_string());
    }
    let one_more = || {
        let worker = Worker { name: String::new(), waits: Arc::new(true.into()), given: Arc::default() };
        bench.activities.poll(&activity(), Box::new(worker))
    };
    assert_eq!(one_more(), Err(TooManyPollers));
    first.store(false, Ordering::SeqCst);
    assert_eq!(one_more(), Ok(()));
    assert_eq!(one_more(), Err(TooManyPollers));
}
