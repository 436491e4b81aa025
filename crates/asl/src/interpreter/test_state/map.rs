//! A Map on its own: its items, what each iteration starts with, and how many of them may fail.

use super::super::Surroundings;
use super::super::context::Item;
use super::super::event::{BranchId, Reason};
use super::super::inspection::Step;
use super::super::item_batcher::{self, Bounds};
use super::super::item_reader;
use super::super::queries::Queries;
use super::super::states::map::count;
use super::super::turn::Turn;
use super::{Configuration, MapBounds, Mock, Outcome, Refusal, Test, finish, placed};
use crate::definition::{Distributed, ItemBatcher, ItemReader, ItemsPointer, Map, Mode};
use crate::failure::{Failure, names};
use crate::json::{Payload, Value};

/// What is known of a Map before its iterations would start.
struct Prepared {
    bounds: MapBounds,
    /// How many items there are, where that is known.
    length: Option<usize>,
}

impl Test {
    /// Runs a Map as far as its iterations, and on from where they would have ended.
    pub(super) fn run_map(
        &mut self,
        map: &Map,
        mock: Option<Mock>,
        surroundings: Surroundings<'_>,
    ) -> Result<Outcome, Refusal> {
        let configuration = self.configuration.clone();
        let (prepared, failure) = self.in_turn(surroundings, |turn, _, raw| {
            let mut prepared = Prepared { bounds: MapBounds::default(), length: None };
            let failure = prepare(turn, map, raw, &configuration, &mut prepared).err();
            (prepared, failure.map(|failure| placed(turn, failure)))
        });
        self.map = prepared.bounds;
        if let Some(reason) = failure {
            return Ok(Outcome::Failed(reason));
        }
        let mock = mock.expect("a Map is not tested without a mock");
        let failures = configuration.map_iteration_failure_count.unwrap_or(0);
        if let Some(items) = prepared.length
            && usize::try_from(failures).is_ok_and(|failures| failures > items)
        {
            return Err(Refusal::MoreFailuresThanItems { failures, items });
        }
        Ok(match mock {
            Mock::Result(_) if exceeds(failures, &prepared) => Outcome::Failed(threshold_exceeded()),
            Mock::Result(_) | Mock::Error(_) => self.in_turn(surroundings, |turn, _, raw| {
                finish(turn, mock, |result| turn.collected(BranchId::ROOT, map, raw, result))
            }),
        })
    }
}

/// AWS: recorded; a Map that says nothing of failures is not failed by them here.
fn exceeds(failures: u32, prepared: &Prepared) -> bool {
    let failures = f64::from(failures);
    let by_count = prepared.bounds.tolerated_failure_count.is_some_and(|tolerated| failures > tolerated);
    #[expect(clippy::cast_precision_loss, reason = "there are far fewer items than 2^53")]
    let items = prepared.length.filter(|items| *items > 0).map(|items| items as f64);
    let by_percentage = prepared
        .bounds
        .tolerated_failure_percentage
        .zip(items)
        .is_some_and(|(tolerated, items)| failures / items * 100.0 > tolerated);
    by_count || by_percentage
}

fn threshold_exceeded() -> Reason {
    Reason {
        error: Some(names::EXCEED_TOLERATED_FAILURE_THRESHOLD.into()),
        cause: Some("The specified tolerated failure threshold was exceeded".into()),
    }
}

/// Evaluates what a Map has beside its iterations.
fn prepare(
    turn: &Turn<'_>,
    map: &Map,
    raw: &Payload,
    configuration: &Configuration,
    prepared: &mut Prepared,
) -> Result<(), Failure> {
    let distributed = match &map.mode {
        Mode::Inline => None,
        Mode::Distributed(distributed) => Some(&**distributed),
    };
    let items = match distributed.and_then(|distributed| distributed.item_reader.as_ref()) {
        None => Some(turn.items(BranchId::ROOT, map, raw)?.0.value().as_array().unwrap_or_default().to_vec()),
        Some(reader) => read_items(turn, map, reader, raw, configuration)?,
    };
    prepared.length = items.as_ref().map(Vec::len);
    let bounds = turn.bounds(BranchId::ROOT, map, raw)?;
    prepared.bounds = MapBounds {
        max_concurrency: Some(bounds.max_concurrency),
        tolerated_failure_count: bounds.tolerated_failure_count,
        tolerated_failure_percentage: bounds.tolerated_failure_percentage,
    };
    let inputs = items.map(|items| select_items(turn, map, items)).transpose()?;
    if let Some(distributed) = distributed {
        distribute(turn, map, distributed, raw, inputs)?;
    }
    Ok(())
}

/// The items in what the reader is said to have read, if it is said.
fn read_items(
    turn: &Turn<'_>,
    map: &Map,
    reader: &ItemReader,
    raw: &Payload,
    configuration: &Configuration,
) -> Result<Option<Vec<Value>>, Failure> {
    let queries = turn.queries(BranchId::ROOT, raw);
    let effective = queries.effective(&map.flow)?;
    queries.fill(reader.arguments.as_ref(), "ItemReader/Arguments", &effective)?;
    let max_items = match &reader.config.max_items {
        None => 0.0,
        Some(max_items) => count(&queries, max_items, "MaxItems", &effective)?,
    };
    let Some(data) = &configuration.map_item_reader_data else { return Ok(None) };
    let pointer = match &reader.config.items_pointer {
        None => None,
        Some(ItemsPointer::Fixed(pointer)) => Some(pointer.to_string()),
        Some(ItemsPointer::Query(query)) => {
            let field = "ItemReader/ReaderConfig/ItemsPointer";
            Some(query.evaluate_as(&queries, field, "string", |found| found.as_str().map(str::to_owned))?)
        }
    };
    let read = item_reader::read(&reader.config, pointer.as_deref(), data)?;
    if pointer.is_some() {
        queries.scene().took(Step::AfterItemsPointer, read.found());
    }
    let mut items = read.items()?;
    items.truncate(item_reader::kept(max_items, items.len())?);
    Ok(Some(items))
}

/// What each iteration starts with.
fn select_items(turn: &Turn<'_>, map: &Map, items: Vec<Value>) -> Result<Vec<Value>, Failure> {
    let Some(selector) = &map.item_selector else { return Ok(items) };
    let selected = (0_u32..).zip(items).map(|(index, value)| {
        let selected = turn.select_item(BranchId::ROOT, map, selector, &Item { index, value })?;
        Ok(selected.value().clone())
    });
    let selected = selected.collect::<Result<Vec<Value>, Failure>>()?;
    let all = Payload::from_value(Value::from(selected.clone()));
    turn.scene(BranchId::ROOT).took(Step::AfterItemSelector, &all);
    Ok(selected)
}

/// What only a distributed Map does: batches are made, and the writer's arguments are looked at.
fn distribute(
    turn: &Turn<'_>,
    map: &Map,
    distributed: &Distributed,
    raw: &Payload,
    inputs: Option<Vec<Value>>,
) -> Result<(), Failure> {
    let queries = turn.queries(BranchId::ROOT, raw);
    let effective = queries.effective(&map.flow)?;
    if let Some(batcher) = &distributed.item_batcher {
        let bounds = batch_bounds(&queries, batcher, &effective)?;
        let batch_input = match &batcher.batch_input {
            None => None,
            template @ Some(_) => {
                Some(queries.fill(template.as_ref(), "ItemBatcher/BatchInput", &effective)?)
            }
        };
        if let Some(inputs) = inputs {
            let batches = item_batcher::batches(inputs, batch_input.as_ref(), bounds)?;
            queries.scene().took(Step::AfterItemBatcher, &Payload::from_value(Value::from(batches)));
        }
    }
    if let Some(writer) = &distributed.result_writer {
        queries.fill(writer.arguments.as_ref(), "ResultWriter/Arguments", &effective)?;
    }
    Ok(())
}

fn batch_bounds(
    queries: &Queries<'_>,
    batcher: &ItemBatcher,
    effective: &Payload,
) -> Result<Bounds, Failure> {
    let bound = |given: Option<&_>, field: &str| {
        let Some(given) = given else { return Ok(None) };
        let found = count(queries, given, field, effective)?;
        if found < 1.0 {
            return Err(Failure::new(names::RUNTIME, format!("{field} must be positive.")));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive; it saturates")]
        Ok(Some(found as usize))
    };
    Ok(Bounds {
        items_max: bound(batcher.items_max.as_ref(), "MaxItemsPerBatch")?,
        bytes_max: bound(batcher.bytes_max.as_ref(), "MaxInputBytesPerBatch")?,
    })
}
