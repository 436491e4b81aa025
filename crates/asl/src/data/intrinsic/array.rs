//! Arrays: `States.Array` and its kin.

use super::{Arguments, BoundedText, Evaluated, Fault};
use crate::data::java_hash;
use crate::json::Value;

/// How many items `States.ArrayRange` may make. AWS: the quota.
const RANGE_ITEMS_MAX: usize = 1000;

#[expect(clippy::unnecessary_wraps, reason = "the table's shape")]
pub(super) fn array(arguments: &Arguments<'_>) -> Evaluated {
    Ok(arguments.values.clone().into())
}

/// AWS: items are compared by how they show as text, so `1` is found as `"1"`, and `{"a":1,"b":2}` is not
/// found as `{"b":2,"a":1}`.
pub(super) fn contains(arguments: &Arguments<'_>) -> Evaluated {
    let mut wanted = BoundedText::default();
    wanted.push(arguments.value(1)?)?;
    for item in arguments.array(0)? {
        let mut shown = BoundedText::default();
        shown.push(item)?;
        if shown.0 == wanted.0 {
            return Ok(true.into());
        }
    }
    Ok(false.into())
}

/// AWS: an index beyond the end is an error, and `null` where the array is empty.
pub(super) fn get_item(arguments: &Arguments<'_>) -> Evaluated {
    let items = arguments.array(0)?;
    let index = usize::try_from(arguments.integer(1)?).map_err(|_| Fault::Arguments)?;
    match items.get(index) {
        Some(item) => Ok(item.clone()),
        None if items.is_empty() => Ok(Value::Null),
        None => Err(Fault::Arguments),
    }
}

pub(super) fn length(arguments: &Arguments<'_>) -> Evaluated {
    Ok(arguments.array(0)?.len().into())
}

pub(super) fn partition(arguments: &Arguments<'_>) -> Evaluated {
    let items = arguments.array(0)?;
    let size = usize::try_from(arguments.integer(1)?).map_err(|_| Fault::Arguments)?;
    if size == 0 {
        return Err(Fault::Arguments);
    }
    Ok(items.chunks(size).map(|chunk| Value::from(chunk.to_vec())).collect::<Vec<_>>().into())
}

/// From the first to the last, which is in it where a step lands there.
pub(super) fn range(arguments: &Arguments<'_>) -> Evaluated {
    let (first, last, step) = (arguments.integer(0)?, arguments.integer(1)?, arguments.integer(2)?);
    if step == 0 {
        return Err(Fault::Arguments);
    }
    let mut items = Vec::new();
    let mut next = Some(first);
    while let Some(item) = next.filter(|&item| if step > 0 { item <= last } else { item >= last }) {
        if items.len() == RANGE_ITEMS_MAX {
            return Err(Fault::Arguments);
        }
        items.push(Value::from(item));
        next = item.checked_add(step);
    }
    Ok(items.into())
}

/// The distinct items. AWS: in the order of a Java `HashSet`.
pub(super) fn unique(arguments: &Arguments<'_>) -> Evaluated {
    Ok(java_hash::unique(arguments.array(0)?).into())
}
