//! The functions there are. A new one is a line here.

use std::fmt;
use std::ops::RangeInclusive;

use super::{ARGUMENTS_MAX, Arguments, Evaluated, array, encoding, json, math, string};

/// A function: what it is called, how many arguments it takes, and what it does with them.
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) arguments: RangeInclusive<usize>,
    pub(super) evaluate: fn(&Arguments<'_>) -> Evaluated,
}

static FUNCTIONS: [Function; 18] = [
    function("States.Array", 0..=ARGUMENTS_MAX, array::array),
    function("States.ArrayContains", 2..=2, array::contains),
    function("States.ArrayGetItem", 2..=2, array::get_item),
    function("States.ArrayLength", 1..=1, array::length),
    function("States.ArrayPartition", 2..=2, array::partition),
    function("States.ArrayRange", 3..=3, array::range),
    function("States.ArrayUnique", 1..=1, array::unique),
    function("States.Base64Decode", 1..=1, encoding::base64_decode),
    function("States.Base64Encode", 1..=1, encoding::base64_encode),
    function("States.Format", 1..=ARGUMENTS_MAX, string::format),
    function("States.Hash", 2..=2, encoding::hash),
    function("States.JsonMerge", 3..=3, json::merge),
    function("States.JsonToString", 1..=1, json::to_string),
    function("States.MathAdd", 2..=2, math::add),
    function("States.MathRandom", 2..=3, math::random),
    function("States.StringSplit", 2..=2, string::split),
    function(STRING_TO_JSON, 1..=1, json::from_string),
    function("States.UUID", 0..=0, math::uuid),
];

const STRING_TO_JSON: &str = "States.StringToJson";

const fn function(
    name: &'static str,
    arguments: RangeInclusive<usize>,
    evaluate: fn(&Arguments<'_>) -> Evaluated,
) -> Function {
    Function { name, arguments, evaluate }
}

impl Function {
    pub(super) fn find(name: &str) -> Option<&'static Function> {
        FUNCTIONS.iter().find(|function| function.name == name)
    }

    pub(super) fn is_string_to_json(&self) -> bool {
        self.name == STRING_TO_JSON
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
