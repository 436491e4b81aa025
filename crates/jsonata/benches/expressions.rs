//! What does a state's expression cost, from the payload's text to the result's?
//!
//! `cargo bench -p darkroom-jsonata`. The payloads are 1 KB, 64 KB and 250 KB of orders. The shortest of many runs is
//! told, since the machine's other work only ever adds. `read` is what the conversion of the payload alone costs.

use std::fmt::Write;
use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

use darkroom_jsonata::{Expression, Limits, Outcome, Session, Surroundings};

/// Expressions as states have them.
const EXPRESSIONS: &[(&str, &str)] = &[
    ("not reading the input", "$states.context.Execution.Name & '-' & $string($n)"),
    ("read", "$count($states.input.orders)"),
    ("a field", "$states.input.orders[0].id"),
    ("an object", "{ 'first': $states.input.orders[0].id, 'count': $count($states.input.orders), 'by': $n }"),
    ("a condition", "$states.input.orders[0].price > 10 and $exists($states.input.customer)"),
    ("a sum", "$sum($states.input.orders.(price * quantity))"),
    ("a filter", "$states.input.orders[price > 50 and status = 'OPEN'].id"),
    ("a map", "$map($states.input.orders, function($o) { {'id': $o.id, 'total': $o.price * $o.quantity} })"),
    (
        "texts",
        "$join($map($states.input.orders, function($o) { $o.name & ' (' & $string($o.quantity) & ')' }), ', ')",
    ),
    ("groups", "$states.input.orders{ status: $sum(price) }"),
    ("all of it", "$states.input"),
];

fn main() {
    let surroundings: Rc<dyn Surroundings> = Rc::new(Bench(now()));
    for bytes in [1_000, 64_000, 250_000] {
        let payload = payload(bytes);
        println!("{} bytes", payload.len());
        for (name, source) in EXPRESSIONS {
            let expression = Expression::parse(source).expect("it is an expression");
            let runs = if bytes == 1_000 { 2_000 } else { 100 };
            let took = shortest(runs, || {
                let mut session = Session::new(Limits::default(), Rc::clone(&surroundings));
                session.bind_member("states", "input", payload.as_str());
                session.bind_member("states", "context", r#"{"Execution":{"Name":"one"}}"#);
                session.bind_json("n", "7");
                let outcome = session.evaluate(&expression).expect("it can be evaluated");
                assert_ne!(black_box(outcome), Outcome::Unsupported);
            });
            println!("{name:>24} {:>10.1} µs", took.as_secs_f64() * 1e6);
        }
    }
    let source = EXPRESSIONS
        .iter()
        .map(|(_, source)| *source)
        .max_by_key(|source| source.len())
        .expect("there are some");
    let took = shortest(2_000, || drop(black_box(Expression::parse(source))));
    println!("{:>24} {:>10.1} µs", "parse an expression", took.as_secs_f64() * 1e6);
}

fn payload(bytes: usize) -> String {
    let mut text = String::from(r#"{"customer":"c-1","orders":["#);
    let mut id = 0;
    while text.len() < bytes - 120 {
        let comma = if id > 0 { "," } else { "" };
        let status = if id % 3 == 0 { "OPEN" } else { "DONE" };
        write!(
            text,
            r#"{comma}{{"id":"order-{id}","name":"thing {id}","price":{}.5,"quantity":{},"status":"{status}","tags":["a","b"]}}"#,
            id % 100,
            id % 7
        )
        .expect("a String takes all text");
        id += 1;
    }
    text + "]}"
}

struct Bench(Instant);

impl Surroundings for Bench {
    fn now_millis(&self) -> i64 {
        0
    }

    fn random_u64(&self) -> u64 {
        0
    }

    fn elapsed(&self) -> Duration {
        now().duration_since(self.0)
    }
}

fn shortest(runs: u32, mut run: impl FnMut()) -> Duration {
    let each = (0..runs).map(|_| {
        let start = now();
        run();
        now().duration_since(start)
    });
    each.min().expect("there are runs")
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn now() -> Instant {
    Instant::now()
}
