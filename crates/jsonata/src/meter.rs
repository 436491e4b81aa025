//! The memory that an evaluation takes, counted as it goes.
//!
//! [`crate::guard`] has put calls into the tree that say what is about to be made. Here they are added up, and the
//! evaluation fails before it takes more than it may. What a function's body made is taken off again when the body
//! answers with a plain value: nothing else of it can be reached any more.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use jsonata_core::evaluator::EvaluatorError;
use jsonata_core::value::JValue;

use crate::Error;
use crate::cost::{self, ITEM_BYTES};
use crate::host::{Answer, Host};

/// How many values one value may consist of, counted as often as each is reached. A value that holds the same one
/// twice, over and over, is small in memory and has no end to walk.
pub(crate) const NODES_MAX: usize = 1_000_000;

/// How many values all of an expression's own arrays and objects may be made of together.
const NODES_TOTAL_MAX: usize = 8_000_000;

/// What was counted so far.
#[derive(Default)]
pub(crate) struct Meter {
    bytes: Cell<usize>,
    nodes: Cell<usize>,
    /// The counts at which the bodies that run were entered.
    entered: RefCell<Vec<(usize, usize)>>,
    /// Arguments of calls whose last one is not evaluated yet.
    held: RefCell<Vec<JValue>>,
}

impl Meter {
    /// Begins at nothing.
    pub(crate) fn reset(&self) {
        self.bytes.set(0);
        self.nodes.set(0);
        self.entered.borrow_mut().clear();
        self.held.borrow_mut().clear();
    }
}

impl Host {
    /// Counts memory that is about to be taken.
    pub(crate) fn charge(&self, bytes: usize) -> Result<(), EvaluatorError> {
        let total = self.meter.bytes.get().saturating_add(bytes);
        // A quarter is left to the stack, and to copies that a function makes while it runs.
        if total > self.limits.memory_bytes / 4 * 3 {
            return Err(self.fail(Error::memory_limit()));
        }
        self.meter.bytes.set(total);
        Ok(())
    }

    /// Counts a string that is about to be made.
    pub(crate) fn charge_text(&self, bytes: usize) -> Result<(), EvaluatorError> {
        if bytes > self.limits.string_bytes {
            return Err(self.fail(Error::memory_limit()));
        }
        self.charge(bytes)
    }

    /// Counts the values that a new one consists of.
    fn charge_nodes(&self, value: &JValue) -> Result<(), EvaluatorError> {
        let nodes = cost::nodes(value, NODES_MAX);
        let total = self.meter.nodes.get().saturating_add(nodes);
        if nodes >= NODES_MAX || total > NODES_TOTAL_MAX {
            return Err(self.fail(Error::memory_limit()));
        }
        self.meter.nodes.set(total);
        Ok(())
    }
}

/// `pay(bytes, value)`: the value, for which so much is taken.
pub(crate) fn pay(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    host.charge(arguments.first().map_or(0, size))?;
    Ok(last(arguments))
}

/// `keep(value)`: a value that a path made and that something is about to hold.
pub(crate) fn keep(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    let value = last(arguments);
    if let JValue::Array(items) = &value {
        if items.sequence {
            host.charge(items.len().saturating_mul(ITEM_BYTES))?;
        }
        host.charge_nodes(&value)?;
    } else if let JValue::Object(_) = &value {
        host.charge_nodes(&value)?;
    }
    Ok(value)
}

/// `copy(value)`: a value whose items, if it is an array, are put into another.
pub(crate) fn copy(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    let value = last(arguments);
    match &value {
        JValue::Array(items) => host.charge(items.len().saturating_mul(ITEM_BYTES))?,
        JValue::Object(_) => {}
        _ => return Ok(value),
    }
    host.charge_nodes(&value)?;
    Ok(value)
}

/// `tuples(value)`: a value of whose items a path makes an object each.
pub(crate) fn tuples(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    let value = last(arguments);
    let items = if let JValue::Array(items) = &value { items.len() } else { 1 };
    host.charge(items.saturating_mul(cost::TUPLE_BYTES))?;
    Ok(value)
}

/// `refuse()`: there is something that would take too much.
pub(crate) fn refuse(host: &Rc<Host>, _: &[JValue]) -> Answer {
    Err(host.fail(Error::memory_limit()))
}

/// `emit(value)`: text that a function gives to `$replace`, which puts it into its own.
pub(crate) fn emit(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    let value = last(arguments);
    if let JValue::String(text) = &value {
        host.charge_text(text.len())?;
    }
    Ok(value)
}

/// `enter(bytes)`: a body begins, which makes functions and literals of so much.
pub(crate) fn enter(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    host.meter.entered.borrow_mut().push((host.meter.bytes.get(), host.meter.nodes.get()));
    host.charge(arguments.first().map_or(0, size))?;
    Ok(JValue::Undefined)
}

/// `leave(enter(…), result)`: it ends.
pub(crate) fn leave(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    let result = keep(host, arguments)?;
    let Some((bytes, nodes)) = host.meter.entered.borrow_mut().pop() else { return Ok(result) };
    let made = host.meter.bytes.get().saturating_sub(bytes);
    let kept = match &result {
        JValue::Null | JValue::Undefined | JValue::Bool(_) | JValue::Number(_) => 0,
        JValue::String(text) => made.min(text.len()),
        JValue::Array(_)
        | JValue::Object(_)
        | JValue::Lambda(_)
        | JValue::Builtin { .. }
        | JValue::Regex { .. } => made,
    };
    host.meter.bytes.set(bytes + kept);
    host.meter.nodes.set(nodes);
    Ok(result)
}

/// `mark(number, operand)`: an operator or a call is about to work on its operands.
#[expect(clippy::unnecessary_wraps, reason = "it is one of the functions of a table")]
pub(crate) fn mark(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    host.mark(arguments.first().map_or(0, size));
    Ok(last(arguments))
}

/// `hold(argument)`: an argument of a call or an operand, for the check of the last one.
#[expect(clippy::unnecessary_wraps, reason = "it is one of the functions of a table")]
pub(crate) fn hold(host: &Rc<Host>, arguments: &[JValue]) -> Answer {
    let value = last(arguments);
    host.meter.held.borrow_mut().push(value.clone());
    Ok(value)
}

/// The check of a call's last argument: `check(argument, how many are held, context)`.
pub(crate) fn check(host: &Rc<Host>, name: &str, arguments: &[JValue]) -> Answer {
    let [value, held, context] = arguments else { return Ok(last(arguments)) };
    let mut all = {
        let mut stack = host.meter.held.borrow_mut();
        let from = stack.len().saturating_sub(size(held));
        stack.split_off(from)
    };
    all.push(value.clone());
    cost::charge_call(host, name, context, all)?;
    Ok(value.clone())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the guard wrote it: a small whole number"
)]
fn size(value: &JValue) -> usize {
    value.as_f64().map_or(0, |number| number as usize)
}

fn last(arguments: &[JValue]) -> JValue {
    arguments.last().cloned().unwrap_or(JValue::Undefined)
}
