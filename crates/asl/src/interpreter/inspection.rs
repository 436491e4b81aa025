//! What a state's fields make of its data, step by step: what is told of a state that is tested on its own.
//!
//! The data flow is the one of every execution. It says of each step that it was taken, and where nobody looks on,
//! as in an execution, that costs a comparison.
//!
//! Spec: Step Functions API, "`InspectionData`".

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::{self, Item};
use crate::json::{Payload, Text, Value};

/// One step of a state's data flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// `InputPath` has picked.
    AfterInputPath,
    /// `Parameters` have been filled.
    AfterParameters,
    /// `Arguments` have been evaluated.
    AfterArguments,
    /// `ItemsPath` has picked.
    AfterItemsPath,
    /// `ItemsPointer` has picked.
    AfterItemsPointer,
    /// What each iteration starts with, by `ItemSelector`.
    AfterItemSelector,
    /// The same in batches.
    AfterItemBatcher,
    /// The result as it came.
    Result,
    /// `ResultSelector` has been filled.
    AfterResultSelector,
    /// `ResultPath` has put the result into the input.
    AfterResultPath,
}

impl Step {
    /// The member of AWS's `InspectionData`.
    pub fn member(self) -> &'static str {
        match self {
            Self::AfterInputPath => "afterInputPath",
            Self::AfterParameters => "afterParameters",
            Self::AfterArguments => "afterArguments",
            Self::AfterItemsPath => "afterItemsPath",
            Self::AfterItemsPointer => "afterItemsPointer",
            Self::AfterItemSelector => "afterItemSelector",
            Self::AfterItemBatcher => "afterItemBatcher",
            Self::Result => "result",
            Self::AfterResultSelector => "afterResultSelector",
            Self::AfterResultPath => "afterResultPath",
        }
    }
}

/// The steps that were taken.
#[derive(Debug, Default)]
pub(super) struct Steps(RefCell<BTreeMap<Step, Payload>>);

impl Steps {
    pub(super) fn add(&self, step: Step, data: &Payload) {
        self.0.borrow_mut().insert(step, data.clone());
    }

    /// Those that were taken, of the ones asked for.
    pub(super) fn only(&self, wanted: &[Step]) -> BTreeMap<Step, Payload> {
        let taken = self.0.borrow();
        let taken = wanted.iter().filter_map(|step| Some((*step, taken.get(step)?.clone())));
        taken.collect()
    }
}

/// A state that is tested on its own.
#[derive(Clone, Copy)]
pub(super) struct Trial<'a> {
    /// What it sees as its context object.
    pub(super) context: &'a Value,
    /// Whether that was given, so that there is no more in it.
    pub(super) is_given: bool,
    /// Where its steps are noted.
    pub(super) steps: &'a Steps,
}

impl Trial<'_> {
    /// The context object, while an item or a task's token is at hand with that.
    pub(super) fn context(self, item: Option<&Item>, task_token: Option<&Text>) -> Value {
        let mut whole = self.context.clone();
        if let Value::Object(members) = &mut whole {
            if let Some(item) = item {
                Arc::make_mut(members).insert("Map", context::map_item(item));
            }
            if let Some(token) = task_token.filter(|_| !self.is_given) {
                Arc::make_mut(members).insert("Task", context::task(token));
            }
        }
        whole
    }
}
