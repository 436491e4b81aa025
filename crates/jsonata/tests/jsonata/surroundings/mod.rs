//! Time and chance for tests: a real clock for the limits, and nothing else that differs from run to run.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use darkroom_jsonata::Surroundings;

/// 2018-01-05T12:00:00.000Z, and numbers from a fixed seed.
pub fn fixed() -> Rc<dyn Surroundings> {
    Rc::new(Fixed { began: now(), state: Cell::new(1) })
}

struct Fixed {
    began: Instant,
    state: Cell<u64>,
}

impl Surroundings for Fixed {
    fn now_millis(&self) -> i64 {
        1_515_153_600_000
    }

    fn random_u64(&self) -> u64 {
        let next =
            self.state.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.state.set(next);
        next ^ next >> 29
    }

    fn elapsed(&self) -> Duration {
        now().duration_since(self.began)
    }
}

#[expect(clippy::disallowed_methods, reason = "the limits on time are tested with real time")]
fn now() -> Instant {
    Instant::now()
}
