//! The store in memory: for tests, for the simulator, and for engines that need not outlive their process.
//!
//! It keeps every promise of [`Store`] except that what is committed survives the process. Clones share one
//! store, so that a simulator can drop an engine in the middle of a turn and start another on what was
//! committed. Histories are kept as the text that a file would hold, and read back from it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::{Bound, RangeInclusive};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use darkroom_asl::data::Timestamp;
use darkroom_asl::interpreter::event::{EventId, HistoryEvent};
use darkroom_asl::json::Text;

use super::piece::{self, Reading, Span};
use super::{
    Append, Batch, Change, DefinitionKey, End, ExecutionKey, ExecutionSummary, Filter, Revision, Sleep,
    StartedThrough, StateMachineStatus, Store, StoreError, StoredActivity, StoredAlias, StoredExecution,
    StoredStateMachine, StoredVersion, Tag, Traced, kept_trace,
};
use crate::token::TokenSecret;

/// A store in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    tables: Arc<Mutex<Tables>>,
}

#[derive(Debug, Default)]
struct Tables {
    executions: BTreeMap<ExecutionKey, Entry>,
    arns: HashMap<Text, ExecutionKey>,
    sleepers: BTreeSet<(Timestamp, ExecutionKey)>,
    definitions: HashMap<DefinitionKey, Text>,
    state_machines: BTreeMap<Text, StoredStateMachine>,
    token_secret: Option<TokenSecret>,
    revisions: HashMap<Text, Revision>,
    versions: BTreeMap<(Text, u32), StoredVersion>,
    aliases: BTreeMap<Text, StoredAlias>,
    activities: BTreeMap<Text, StoredActivity>,
    tags: HashMap<Text, Vec<Tag>>,
}

#[derive(Debug)]
struct Entry {
    execution: StoredExecution,
    pieces: Vec<(Span, String)>,
}

/// How far an execution has come: all that decides whether an append is let in.
#[derive(Clone, Copy)]
struct Head {
    last: EventId,
    is_open: bool,
    /// Whether it has ended badly.
    is_redrivable: bool,
}

impl MemoryStore {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Nothing panics between the first and the last change of a commit.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the pieces that hold any of these ids.
    fn read_pieces(&self, key: ExecutionKey, ids: &RangeInclusive<EventId>) -> Result<Reading, StoreError> {
        let tables = self.tables();
        let pieces = tables.executions.get(&key).into_iter().flat_map(|entry| &entry.pieces);
        let mut wanted =
            pieces.filter(|(span, _)| span.first <= *ids.end() && *ids.start() <= span.last).peekable();
        let mut reading = wanted.peek().map_or_else(Reading::default, |(span, _)| Reading::from(span.first));
        for (span, text) in wanted {
            reading.push(*span, piece::FORMAT, text).map_err(|error| StoreError::Corrupt {
                place: format!("memory, history of execution {}, piece {}", key.0, span.first.0),
                reason: error.to_string(),
            })?;
        }
        Ok(reading)
    }
}

impl Store for MemoryStore {
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut tables = self.tables();
        tables.admit(batch)?;
        for append in &batch.appends {
            tables.write(append);
        }
        Ok(())
    }

    fn put_definition(&self, key: &DefinitionKey, text: &str) -> Result<(), StoreError> {
        self.tables().definitions.entry(key.clone()).or_insert_with(|| text.into());
        Ok(())
    }

    fn definition(&self, key: &DefinitionKey) -> Result<Option<Text>, StoreError> {
        Ok(self.tables().definitions.get(key).cloned())
    }

    fn last_key(&self) -> Result<ExecutionKey, StoreError> {
        Ok(self.tables().executions.keys().next_back().copied().unwrap_or_default())
    }

    fn open_executions(
        &self,
        after: Option<ExecutionKey>,
        limit: usize,
    ) -> Result<Vec<StoredExecution>, StoreError> {
        let tables = self.tables();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let later = tables.executions.range((from, Bound::Unbounded)).map(|(_, entry)| &entry.execution);
        let awake = later.filter(|execution| execution.end.is_none() && execution.asleep_until.is_none());
        Ok(awake.take(limit).cloned().collect())
    }

    fn sleepers(
        &self,
        after: (Timestamp, ExecutionKey),
        limit: usize,
    ) -> Result<Vec<StoredExecution>, StoreError> {
        let tables = self.tables();
        let later = tables.sleepers.range((Bound::Excluded(after), Bound::Unbounded)).take(limit);
        let executions = later.filter_map(|(_, key)| tables.executions.get(key));
        Ok(executions.map(|entry| entry.execution.clone()).collect())
    }

    fn sleeping(&self) -> Result<usize, StoreError> {
        Ok(self.tables().sleepers.len())
    }

    fn ended_since(
        &self,
        time: Timestamp,
        after: Option<ExecutionKey>,
        limit: usize,
    ) -> Result<Vec<StoredExecution>, StoreError> {
        let tables = self.tables();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let later = tables.executions.range((from, Bound::Unbounded)).map(|(_, entry)| &entry.execution);
        let has_ended =
            |execution: &&StoredExecution| execution.end.as_ref().is_some_and(|end| end.ended_at >= time);
        Ok(later.filter(has_ended).take(limit).cloned().collect())
    }

    fn execution(&self, arn: &str) -> Result<Option<StoredExecution>, StoreError> {
        let tables = self.tables();
        let entry = tables.arns.get(arn).and_then(|key| tables.executions.get(key));
        Ok(entry.map(|entry| entry.execution.clone()))
    }

    fn execution_by_key(&self, key: ExecutionKey) -> Result<Option<StoredExecution>, StoreError> {
        Ok(self.tables().executions.get(&key).map(|entry| entry.execution.clone()))
    }

    fn executions(&self, filter: &Filter) -> Result<Vec<ExecutionSummary>, StoreError> {
        let tables = self.tables();
        let newest_first = tables.executions.values().rev().map(|entry| &entry.execution);
        let admitted = newest_first.filter(|execution| filter.admits(execution));
        Ok(admitted.take(filter.limit).map(StoredExecution::summary).collect())
    }

    fn traced(&self, traced: Traced, limit: usize) -> Result<Vec<ExecutionSummary>, StoreError> {
        let tables = self.tables();
        let executions = tables.executions.values().map(|entry| &entry.execution);
        let found = executions.filter(|execution| match (kept_trace(&execution.identity), traced) {
            (None, _) => false,
            (Some(id), Traced::Of(wanted)) => id == wanted,
            (Some(_), Traced::Started { from, before }) => (from..before).contains(&execution.started_at),
        });
        let mut found: Vec<ExecutionSummary> = found.map(StoredExecution::summary).collect();
        found.sort_by_key(|execution| std::cmp::Reverse((execution.started_at, execution.key)));
        found.truncate(limit);
        Ok(found)
    }

    fn delete_ended(&self, ended_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        Ok(self.tables().delete_ended(ended_before, limit))
    }

    fn history(&self, key: ExecutionKey) -> Result<Vec<HistoryEvent>, StoreError> {
        self.read_pieces(key, &(EventId(1)..=EventId(u32::MAX))).map(Reading::finish)
    }

    fn history_part(
        &self,
        key: ExecutionKey,
        ids: RangeInclusive<EventId>,
    ) -> Result<Vec<HistoryEvent>, StoreError> {
        self.read_pieces(key, &ids).map(|reading| reading.part(&ids))
    }

    fn last_event(&self, key: ExecutionKey) -> Result<EventId, StoreError> {
        Ok(self.tables().head(key).map(|head| head.last).unwrap_or_default())
    }

    fn change(&self, changes: &[Change]) -> Result<(), StoreError> {
        let mut tables = self.tables();
        for change in changes {
            tables.check(change)?;
        }
        for change in changes {
            tables.change(change.clone());
        }
        Ok(())
    }

    fn state_machine(&self, arn: &str) -> Result<Option<StoredStateMachine>, StoreError> {
        Ok(self.tables().state_machine(arn).cloned())
    }

    fn state_machines(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StoredStateMachine>, StoreError> {
        let tables = self.tables();
        let machines = tables.state_machines.range::<str, _>(after_arn(after));
        let machines = machines.filter_map(|(arn, _)| tables.state_machine(arn));
        Ok(machines.take(limit).cloned().collect())
    }

    fn revision(&self, id: &str) -> Result<Option<Revision>, StoreError> {
        Ok(self.tables().revisions.get(id).cloned())
    }

    fn version(&self, state_machine_arn: &str, number: u32) -> Result<Option<StoredVersion>, StoreError> {
        Ok(self.tables().versions.get(&(state_machine_arn.into(), number)).cloned())
    }

    fn versions(
        &self,
        state_machine_arn: &str,
        before: Option<u32>,
        limit: usize,
    ) -> Result<Vec<StoredVersion>, StoreError> {
        let tables = self.tables();
        let arn = Text::from(state_machine_arn);
        let end = before.map_or(Bound::Included((arn.clone(), u32::MAX)), |number| {
            Bound::Excluded((arn.clone(), number))
        });
        let versions = tables.versions.range((Bound::Included((arn, 0)), end)).rev();
        Ok(versions.take(limit).map(|(_, version)| version.clone()).collect())
    }

    fn alias(&self, arn: &str) -> Result<Option<StoredAlias>, StoreError> {
        Ok(self.tables().aliases.get(arn).cloned())
    }

    fn aliases(&self, state_machine_arn: &str) -> Result<Vec<StoredAlias>, StoreError> {
        let tables = self.tables();
        let aliases = tables.aliases.values().filter(|alias| *alias.state_machine_arn == *state_machine_arn);
        Ok(aliases.cloned().collect())
    }

    fn activity(&self, arn: &str) -> Result<Option<StoredActivity>, StoreError> {
        Ok(self.tables().activities.get(arn).cloned())
    }

    fn activities(&self, after: Option<&str>, limit: usize) -> Result<Vec<StoredActivity>, StoreError> {
        let tables = self.tables();
        let activities = tables.activities.range::<str, _>(after_arn(after));
        Ok(activities.take(limit).map(|(_, activity)| activity.clone()).collect())
    }

    fn tags(&self, resource_arn: &str) -> Result<Vec<Tag>, StoreError> {
        Ok(self.tables().tags.get(resource_arn).cloned().unwrap_or_default())
    }

    fn token_secret(&self, fresh: TokenSecret) -> Result<TokenSecret, StoreError> {
        Ok(*self.tables().token_secret.get_or_insert(fresh))
    }

    fn park(&self, key: ExecutionKey, reason: Option<&str>) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let entry = tables.executions.get_mut(&key).ok_or(StoreError::Conflict { key })?;
        entry.execution.parked = reason.map(Text::from);
        Ok(())
    }
}

impl Filter {
    fn admits(&self, execution: &StoredExecution) -> bool {
        let identity = &execution.identity;
        let is_through = match &self.through {
            None => true,
            Some(StartedThrough::StateMachine(arn)) => *arn == identity.state_machine_arn,
            Some(StartedThrough::Version(arn)) => identity.qualifiers.version_arn.as_ref() == Some(arn),
            Some(StartedThrough::Alias(arn)) => identity.qualifiers.alias_arn.as_ref() == Some(arn),
        };
        is_through
            && self.status.is_none_or(|status| status == execution.status())
            && self.before.is_none_or(|before| execution.key < before)
    }
}

/// Everything behind this ARN.
fn after_arn(after: Option<&str>) -> (Bound<&str>, Bound<&str>) {
    (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
}

impl Tables {
    fn state_machine(&self, arn: &str) -> Option<&StoredStateMachine> {
        self.state_machines.get(arn).filter(|machine| match machine.status {
            StateMachineStatus::Active => true,
            StateMachineStatus::Deleting => self.is_running(arn),
        })
    }

    /// Whether an execution of this state machine has not ended.
    fn is_running(&self, state_machine_arn: &str) -> bool {
        self.executions.values().map(|entry| &entry.execution).any(|execution| {
            execution.end.is_none() && *execution.identity.state_machine_arn == *state_machine_arn
        })
    }

    /// Whether what a change names is there.
    fn check(&self, change: &Change) -> Result<(), StoreError> {
        let definition = match change {
            Change::PutStateMachine(machine) => &machine.revision.definition,
            Change::PutVersion(version) => &version.revision.definition,
            Change::DeleteStateMachine(_)
            | Change::DeleteVersion { .. }
            | Change::PutAlias(_)
            | Change::DeleteAlias(_)
            | Change::PutActivity(_)
            | Change::DeleteActivity(_)
            | Change::PutTags { .. } => return Ok(()),
        };
        if self.definitions.contains_key(definition) {
            return Ok(());
        }
        let reason = format!("there is no definition {definition}");
        Err(StoreError::Corrupt { place: "memory, state machines".into(), reason })
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::PutStateMachine(machine) => {
                self.revisions.insert(machine.revision.id.clone(), machine.revision.clone());
                self.state_machines.insert(machine.arn.clone(), machine);
            }
            Change::DeleteStateMachine(arn) => self.delete_state_machine(&arn),
            Change::PutVersion(version) => {
                self.revisions.insert(version.revision.id.clone(), version.revision.clone());
                self.versions.insert((version.state_machine_arn.clone(), version.number), version);
            }
            Change::DeleteVersion { state_machine_arn, number } => {
                self.versions.remove(&(state_machine_arn, number));
            }
            Change::PutAlias(alias) => {
                self.aliases.insert(alias.arn.clone(), alias);
            }
            Change::DeleteAlias(arn) => {
                self.aliases.remove(&arn);
            }
            Change::PutActivity(activity) => {
                self.activities.insert(activity.arn.clone(), activity);
            }
            Change::DeleteActivity(arn) => {
                self.activities.remove(&arn);
                self.tags.remove(&arn);
            }
            Change::PutTags { resource_arn, tags } => {
                self.tags.insert(resource_arn, tags);
            }
        }
    }

    fn delete_state_machine(&mut self, arn: &Text) {
        self.versions.retain(|(of, _), _| of != arn);
        self.aliases.retain(|_, alias| alias.state_machine_arn != *arn);
        self.tags.remove(arn);
        if self.is_running(arn) {
            if let Some(machine) = self.state_machines.get_mut(arn) {
                machine.status = StateMachineStatus::Deleting;
            }
        } else {
            self.state_machines.remove(arn);
        }
    }

    fn delete_ended(&mut self, ended_before: Timestamp, limit: usize) -> usize {
        let newest = self.executions.keys().next_back().copied();
        let ended = self.executions.iter().filter_map(|(key, entry)| {
            let ended_at = entry.execution.end.as_ref()?.ended_at;
            (ended_at < ended_before && Some(*key) != newest).then_some((ended_at, *key))
        });
        let mut ended: Vec<_> = ended.collect();
        ended.sort_unstable();
        ended.truncate(limit);
        for (_, key) in &ended {
            if let Some(entry) = self.executions.remove(key) {
                self.arns.remove(&entry.execution.identity.execution_arn);
            }
        }
        ended.len()
    }

    /// Whether all of the batch can be written, each append seen after those before it. Changes nothing.
    fn admit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut heads = HashMap::new();
        let mut arns = HashSet::new();
        for append in &batch.appends {
            let conflict = StoreError::Conflict { key: append.key };
            if let Some(start) = &append.start {
                let arn = &append.identity.execution_arn;
                let is_taken = self.executions.contains_key(&append.key)
                    || heads.contains_key(&append.key)
                    || self.arns.contains_key(arn)
                    || !arns.insert(arn);
                if is_taken || !self.definitions.contains_key(&start.definition) {
                    return Err(conflict);
                }
                heads.insert(
                    append.key,
                    Head { last: EventId::default(), is_open: true, is_redrivable: false },
                );
            }
            if append.events.is_empty() && append.end.is_none() && append.redrive.is_none() {
                continue;
            }
            let head = heads.get(&append.key).copied().or_else(|| self.head(append.key));
            match head.and_then(|head| head.after(append)) {
                Some(head) => heads.insert(append.key, head),
                None => return Err(conflict),
            };
        }
        Ok(())
    }

    fn head(&self, key: ExecutionKey) -> Option<Head> {
        let entry = self.executions.get(&key)?;
        let last = entry.pieces.last().map_or(EventId::default(), |(span, _)| span.last);
        let end = entry.execution.end.as_ref();
        Some(Head { last, is_open: end.is_none(), is_redrivable: end.is_some_and(End::is_bad) })
    }

    /// Writes an append that was admitted.
    fn write(&mut self, append: &Append) {
        if let Some(start) = &append.start {
            self.arns.insert(append.identity.execution_arn.clone(), append.key);
            let execution = StoredExecution {
                key: append.key,
                identity: append.identity.clone(),
                definition: start.definition.clone(),
                input: start.input.clone(),
                started_at: start.started_at,
                end: None,
                parked: None,
                parent: start.parent,
                redrive: None,
                asleep_until: None,
            };
            self.executions.insert(append.key, Entry { execution, pieces: Vec::new() });
        }
        let Some(entry) = self.executions.get_mut(&append.key) else {
            return; // An empty append to nothing.
        };
        if let Some(redrive) = append.redrive {
            entry.execution.end = None;
            entry.execution.redrive = Some(redrive);
        }
        if let Some(span) = Span::of(&append.events) {
            entry.pieces.push((span, piece::encode(&append.events)));
        }
        if let Some(end) = &append.end {
            entry.execution.end = Some(end.clone());
        }
        if let Some(sleep) = append.sleep {
            let until = match sleep {
                Sleep::Until(until) => Some(until),
                Sleep::Over => None,
            };
            if let Some(earlier) = std::mem::replace(&mut entry.execution.asleep_until, until) {
                self.sleepers.remove(&(earlier, append.key));
            }
            self.sleepers.extend(until.map(|until| (until, append.key)));
        }
    }
}

impl Head {
    /// The head after the append; `None` where the append does not fit on it.
    fn after(self, append: &Append) -> Option<Self> {
        let last = if append.events.is_empty() {
            self.last
        } else {
            Span::of(&append.events).filter(|span| span.follows(self.last))?.last
        };
        let is_open = self.is_open != append.redrive.is_some() && (self.is_open || self.is_redrivable);
        let is_redrivable = append.end.as_ref().is_some_and(End::is_bad);
        is_open.then_some(Self { last, is_open: append.end.is_none(), is_redrivable })
    }
}
