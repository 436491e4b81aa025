//! JSON as text and back, and merged.

use super::{Arguments, BoundedText, Evaluated, Fault};
use crate::data::java_hash;
use crate::json::{Value, parse};

/// AWS: the empty text was seen to be `null`.
pub(super) fn from_string(arguments: &Arguments<'_>) -> Evaluated {
    match arguments.text(0)? {
        "" => Ok(Value::Null),
        text => parse(text).map_err(|_| Fault::Arguments),
    }
}

pub(super) fn to_string(arguments: &Arguments<'_>) -> Evaluated {
    let mut text = BoundedText::default();
    text.push_json(arguments.value(0)?)?;
    Ok(text.0.into())
}

/// Shallow: of a member that both have, the second's is kept.
///
/// AWS: recorded: in the order of a Java `HashMap`. Only `true` asks for a deep merge, which there is none of;
/// anything else was seen to be as good as `false`.
pub(super) fn merge(arguments: &Arguments<'_>) -> Evaluated {
    let (Value::Object(first), Value::Object(second)) = (arguments.value(0)?, arguments.value(1)?) else {
        return Err(Fault::Arguments);
    };
    if arguments.value(2)?.as_bool() == Some(true) {
        return Err(Fault::Arguments);
    }
    Ok(java_hash::merged(first, second).into())
}
