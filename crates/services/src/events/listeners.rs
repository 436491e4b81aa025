//! Who listens: the rules that are enabled, with their patterns and targets, read once and kept until one of them changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use serde_json::Value;

use super::rule::Rule;
use super::target::{self, Target};
use crate::pattern::Pattern;
use crate::wire::Fault;

/// The enabled rules of all buses.
#[derive(Debug)]
pub(super) struct Listeners {
    of_bus: HashMap<String, Vec<Listener>>,
}

/// A rule that is enabled.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) rule: Rule,
    pub(super) pattern: Pattern,
    pub(super) targets: Vec<Target>,
}

impl Listeners {
    pub(super) fn read(connection: &Connection) -> Result<Self, Fault> {
        let mut of_bus: HashMap<String, Vec<Listener>> = HashMap::new();
        for rule in Rule::enabled(connection)? {
            // A pattern was checked when it was put; one that cannot be read now is for nothing.
            if let Ok(pattern) = Pattern::parse(&rule.pattern) {
                let targets = target::of_rule(connection, &rule.arn)?;
                of_bus.entry(rule.bus.clone()).or_default().push(Listener { rule, pattern, targets });
            }
        }
        Ok(Self { of_bus })
    }

    /// The rules of a bus that an event is for.
    pub(super) fn of<'a>(&'a self, bus: &str, event: &'a Value) -> impl Iterator<Item = &'a Listener> {
        let listeners = self.of_bus.get(bus).into_iter().flatten();
        listeners.filter(|listener| listener.pattern.matches(event))
    }

    /// Whether an event of which only a part is known may be for anybody.
    fn may_hear(&self, part: &Value) -> bool {
        self.of_bus
            .values()
            .flatten()
            .any(|listener| !listener.targets.is_empty() && listener.pattern.may_match(part))
    }
}

/// The listeners as they are in the file, where they are known. Clones share it.
///
/// What changes them says so on the file's thread, before it is committed; what has been read is kept only if nothing
/// has changed since then, and only once the transaction that read it is through. So nothing is kept that was rolled
/// back.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    changes: u64,
    listeners: Option<Arc<Listeners>>,
}

impl Kept {
    pub(super) fn get(&self) -> Option<Arc<Listeners>> {
        self.state().listeners.clone()
    }

    /// How often they have changed.
    pub(super) fn changes(&self) -> u64 {
        self.state().changes
    }

    /// Keeps what was read after so many changes, unless there was another one.
    pub(super) fn keep(&self, listeners: &Arc<Listeners>, changes: u64) {
        let mut state = self.state();
        if state.changes == changes {
            state.listeners = Some(listeners.clone());
        }
    }

    /// They change.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        state.changes += 1;
        state.listeners = None;
    }

    /// Whether an event of which only this part is known may be for anybody. What is not known may be.
    pub(super) fn may_hear(&self, part: &Value) -> bool {
        self.get().is_none_or(|listeners| listeners.may_hear(part))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
