//! Map: runs its item processor once for each item. Spec: States Language, "Map State".
//!
//! The inline mode: iterations are branches of this execution. Items that have not started cost nothing but
//! their place in the array.

use crate::data::{Path, QueryTemplate};
use crate::definition::{Count, Items, Map, Mode, PayloadTemplate, Selection, State};
use crate::failure::{Failure, names};
use crate::interpreter::context::Item;
use crate::interpreter::event::{BranchId, EventKind, Iteration, MapStarted};
use crate::interpreter::execution::{Iterations, Phase};
use crate::interpreter::inspection::Step;
use crate::interpreter::queries::Queries;
use crate::interpreter::turn::{Leave, Turn};
use crate::json::{Payload, Value};

impl Turn<'_> {
    pub(in crate::interpreter) fn enter_map(
        &mut self,
        branch: BranchId,
        state: &State,
        map: &Map,
        input: &Payload,
    ) {
        self.emit_entered(branch, state, input, None);
        self.attempt_map(branch, map);
    }

    /// Starts the iterations, for the first time or again.
    pub(in crate::interpreter) fn attempt_map(&mut self, branch: BranchId, map: &Map) {
        if let Mode::Distributed(_) = map.mode {
            // No definition that is executed holds one.
            return self.fail_evaluation(branch, runtime("distributed maps are not supported yet"));
        }
        let Some(raw) = self.raw_input(branch) else { return };
        let (items, length) = match self.items(branch, map, &raw) {
            Ok(found) => found,
            Err(failure) => return self.fail_evaluation(branch, failure),
        };
        if let Some(state) = self.state(branch)
            && let Some(failure) = self.too_large(&state.name, &items)
        {
            return self.fail(branch, failure.into());
        }
        // AWS: a bound that cannot be read fails the state after it has started.
        let bounds = self.bounds(branch, map, &raw);
        let max_concurrency = bounds.as_ref().map_or(0, |bounds| bounds.max_concurrency);
        self.emit_next(branch, EventKind::MapStateStarted(MapStarted { length, items, max_concurrency }));
        match bounds {
            Ok(_) => self.continue_map(branch, map),
            Err(failure) => self.fail_evaluation(branch, failure),
        }
    }

    /// The items, an array, and how many there are.
    pub(in crate::interpreter) fn items(
        &self,
        branch: BranchId,
        map: &Map,
        raw: &Payload,
    ) -> Result<(Payload, u32), Failure> {
        let queries = self.queries(branch, raw);
        let items = match &map.items {
            Items::At(path) => {
                let found = queries.scene().select(path, &queries.effective(&map.flow)?)?;
                queries.scene().took(Step::AfterItemsPath, &found);
                found
            }
            Items::Query(None) => raw.clone(),
            Items::Query(Some(items)) => computed_items(items, &queries)?,
        };
        let length = items.value().as_array().and_then(|items| u32::try_from(items.len()).ok());
        match length {
            Some(length) => Ok((items, length)),
            None => Err(no_array(&map.items, &items)),
        }
    }

    /// The Map's bounds, each after a look at whether it can be one.
    pub(in crate::interpreter) fn bounds(
        &self,
        branch: BranchId,
        map: &Map,
        raw: &Payload,
    ) -> Result<Bounds, Failure> {
        let queries = self.queries(branch, raw);
        let effective = queries.effective(&map.flow)?;
        let max_concurrency = count(&queries, &map.max_concurrency, "MaxConcurrency", &effective)?;
        if max_concurrency < 0.0 {
            return Err(runtime("MaxConcurrency cannot be negative."));
        }
        let counted = |given: Option<&Count>, field: &str| {
            given.map(|given| count(&queries, given, field, &effective)).transpose()
        };
        let tolerated_failure_count = counted(map.tolerated_failure_count.as_ref(), "ToleratedFailureCount")?;
        if tolerated_failure_count.is_some_and(|failures| failures < 0.0) {
            return Err(runtime("ToleratedFailureCount cannot be negative."));
        }
        let tolerated_failure_percentage =
            counted(map.tolerated_failure_percentage.as_ref(), "ToleratedFailurePercentage")?;
        if tolerated_failure_percentage.is_some_and(|percentage| !(0.0..=100.0).contains(&percentage)) {
            return Err(runtime("ToleratedFailurePercentage must be between 0 and 100."));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative; a number too large saturates, which is no limit"
        )]
        let max_concurrency = max_concurrency as u32;
        Ok(Bounds { max_concurrency, tolerated_failure_count, tolerated_failure_percentage })
    }

    /// Starts as many iterations as may run, and ends the Map when all have ended.
    pub(in crate::interpreter) fn continue_map(&mut self, branch: BranchId, map: &Map) {
        while let Some(index) = self.next_item(branch) {
            let Some(iteration) = self.iteration(branch, index) else { return };
            let input = match &map.item_selector {
                None => None,
                Some(selector) => match self.select_item(branch, map, selector, &self.item(branch, index)) {
                    Ok(input) => Some(input),
                    Err(failure) => return self.fail_evaluation(branch, failure),
                },
            };
            if let Some(failure) = input.as_ref().and_then(|input| self.too_large(&iteration.name, input)) {
                return self.fail(branch, failure.into());
            }
            self.emit_next(branch, EventKind::MapIterationStarted { iteration, input });
        }
        if let Some(outputs) = self.iterations(branch).and_then(all_outputs) {
            self.end_map(branch, map, outputs);
        }
    }

    /// The item to start next, if one is left and may start.
    fn next_item(&self, branch: BranchId) -> Option<u32> {
        let iterations = self.iterations(branch).filter(|_| self.execution.is_running())?;
        let ceiling = self.limits.inline_map_concurrency_max;
        let at_once = match iterations.max_concurrency {
            0 => ceiling,
            given => given.min(ceiling),
        };
        let left = (iterations.next as usize) < iterations.outputs.len();
        (left && iterations.running < at_once).then_some(iterations.next)
    }

    fn iterations(&self, branch: BranchId) -> Option<&Iterations> {
        match &self.execution.visit(branch)?.phase {
            Phase::Map(iterations) => Some(iterations),
            Phase::Working
            | Phase::Waiting { .. }
            | Phase::Task(_)
            | Phase::Backoff { .. }
            | Phase::Parallel { .. } => None,
        }
    }

    fn item(&self, branch: BranchId, index: u32) -> Item {
        let value = self
            .iterations(branch)
            .and_then(|iterations| iterations.items.value().as_array()?.get(index as usize).cloned())
            .unwrap_or(Value::Null);
        Item { index, value }
    }

    /// What an iteration starts with, by `ItemSelector`.
    pub(in crate::interpreter) fn select_item(
        &self,
        branch: BranchId,
        map: &Map,
        selector: &PayloadTemplate,
        item: &Item,
    ) -> Result<Payload, Failure> {
        let raw = self.raw_input(branch).expect("a Map's items are selected while its branch is in it");
        let effective = self.queries(branch, &raw).effective(&map.flow)?;
        let mut scene = self.scene(branch);
        scene.item = Some(item);
        Queries::new(scene, &raw).fill(Some(selector), "ItemSelector", &effective)
    }

    /// An iteration's last state was left.
    pub(in crate::interpreter) fn iteration_ended(
        &mut self,
        branch: BranchId,
        child: BranchId,
        iteration: Iteration,
        map: &Map,
    ) {
        self.emit_next(child, EventKind::MapIterationSucceeded(iteration));
        self.continue_map(branch, map);
    }

    fn end_map(&mut self, branch: BranchId, map: &Map, outputs: Vec<Value>) {
        self.emit_next(branch, EventKind::MapStateSucceeded);
        let Some(raw) = self.raw_input(branch) else { return };
        match self.collected(branch, map, &raw, &Payload::from_value(Value::from(outputs))) {
            Ok(leave) => self.leave(branch, leave),
            Err(failure) => self.fail_evaluation(branch, failure),
        }
    }

    pub(in crate::interpreter) fn collected(
        &self,
        branch: BranchId,
        map: &Map,
        raw: &Payload,
        outputs: &Payload,
    ) -> Result<Leave, Failure> {
        let queries = self.queries(branch, raw).with_result(outputs);
        queries.leave(&map.flow, &map.assign, map.transition, outputs)
    }
}

/// A Map's bounds, as numbers.
pub(in crate::interpreter) struct Bounds {
    /// How many iterations run at once; 0 is no limit.
    pub(in crate::interpreter) max_concurrency: u32,
    /// How many iterations may fail, where that is said.
    pub(in crate::interpreter) tolerated_failure_count: Option<f64>,
    /// The same in percent of all.
    pub(in crate::interpreter) tolerated_failure_percentage: Option<f64>,
}

/// The outputs in the order of the items, once none is missing.
fn all_outputs(iterations: &Iterations) -> Option<Vec<Value>> {
    if !iterations.is_done() {
        return None;
    }
    iterations.outputs.iter().map(|output| output.as_ref().map(|output| output.value().clone())).collect()
}

/// `Items`, which a lone expression must make an array.
fn computed_items(items: &QueryTemplate, queries: &Queries<'_>) -> Result<Payload, Failure> {
    match items.as_query() {
        None => items.evaluate(queries, "Items"),
        Some(query) => query.evaluate_as(queries, "Items", "array", |found| {
            found.as_array().is_some().then(|| Payload::from_value(found.clone()))
        }),
    }
}

/// Why a Map cannot go over what it was given.
fn no_array(items: &Items, found: &Payload) -> Failure {
    match items {
        Items::At(path) => {
            let path = match path {
                Selection::Whole | Selection::Empty => "$",
                Selection::At(path) => path.text(),
            };
            runtime(&format!("Reference path \"{path}\" must point to array."))
        }
        Items::Query(_) => {
            let cause = format!("Map state input must be an array but was: {}", found.text());
            Failure::new(names::QUERY_EVALUATION_ERROR, cause)
        }
    }
}

/// One of a Map's bounds.
pub(in crate::interpreter) fn count(
    queries: &Queries<'_>,
    count: &Count,
    field: &str,
    input: &Payload,
) -> Result<f64, Failure> {
    match count {
        Count::Fixed(count) => Ok(*count),
        Count::At(path) => {
            let found = queries.scene().at(path, input)?;
            as_count(&found).ok_or_else(|| not_an_integer(field, path, &found))
        }
        Count::Query(query) => query
            .evaluate_as(queries, field, "number", |found| found.as_number().cloned())
            .map(|number| number.as_f64()),
    }
}

/// A bound as read from the input. AWS: a string that holds an integer will do.
#[expect(clippy::cast_precision_loss, reason = "a bound beyond 2^53 is no bound")]
fn as_count(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_i64().map(|count| count as f64),
        Value::String(text) => text.parse::<i64>().ok().map(|count| count as f64),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn not_an_integer(field: &str, path: &Path, found: &Value) -> Failure {
    let found = match found {
        Value::String(text) => text.to_string(),
        other => other.to_text(),
    };
    Failure::new(
        names::RUNTIME,
        format!(
            "The {field}Path field refers to value \"{found}\" which is not a valid integer: {}",
            path.text()
        ),
    )
}

fn runtime(cause: &str) -> Failure {
    Failure::new(names::RUNTIME, cause.to_owned())
}
