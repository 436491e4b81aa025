//! The orders in which Java's `HashSet` and `HashMap` give back what is in them.
//!
//! AWS: they show through. `States.ArrayUnique` of `[true, false]` was seen to be `[false, true]`, and of
//! `[[1,2],[2,1]]` to be `[[2,1],[1,2]]`; `States.JsonMerge` and the computed members of payload templates are
//! recorded in such an order. So this is `HashMap`'s layout: a table of a power of two buckets, filled in order,
//! read bucket by bucket. Buckets that Java turns into trees, with more than eight colliding elements, keep that
//! order too.

use std::collections::HashMap;

use crate::json::{Number, Object, Text, Value};

/// The distinct items, in the order of a `new HashSet<>(items)`.
pub(super) fn unique(items: &[Value]) -> Vec<Value> {
    let buckets = buckets_for_all(items.len()).max(BUCKETS_MIN);
    let mut by_hash: HashMap<i32, Vec<usize>> = HashMap::new();
    let mut kept: Vec<(usize, usize)> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let hash = hash_code(item);
        let alike = by_hash.entry(hash).or_default();
        if alike.iter().all(|&other| items[other] != *item) {
            alike.push(index);
            kept.push((bucket(hash, buckets), index));
        }
    }
    kept.sort_unstable();
    kept.into_iter().map(|(_, index)| items[index].clone()).collect()
}

/// The members of two objects, the second's where both have one, in the order of an empty `HashMap` after a
/// `putAll` of each.
pub(super) fn merged(first: &Object, second: &Object) -> Object {
    let mut members = first.clone();
    members.extend(second.iter().map(|(key, value)| (key.clone(), value.clone())));
    let mut buckets = buckets_for_all(if first.is_empty() { second.len() } else { first.len() });
    while second.len().max(members.len()) > threshold(buckets) {
        buckets *= 2;
    }
    let mut in_order: Vec<_> = members.iter().collect();
    in_order.sort_by_key(|(key, _)| bucket(text_hash(key), buckets));
    in_order.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Sorts distinct names as a `HashMap` gives them back that they were put into one by one.
pub(super) fn sort_as_keys<T>(items: &mut [T], name: impl Fn(&T) -> &Text) {
    let mut buckets = BUCKETS_MIN;
    while items.len() > threshold(buckets) {
        buckets *= 2;
    }
    items.sort_by_key(|item| bucket(text_hash(name(item)), buckets));
}

const BUCKETS_MIN: usize = 16;

/// As many as Java makes for a collection that is put in whole: `(int) (size / 0.75f + 1)`, up to a power of two.
fn buckets_for_all(size: usize) -> usize {
    (size * 4 / 3 + 1).next_power_of_two()
}

/// How many elements a table takes before it is doubled.
fn threshold(buckets: usize) -> usize {
    buckets * 3 / 4
}

fn bucket(hash: i32, buckets: usize) -> usize {
    let bits = hash.cast_unsigned();
    (bits ^ (bits >> 16)) as usize & (buckets - 1)
}

/// `hashCode` of what Jackson reads a value into.
fn hash_code(value: &Value) -> i32 {
    match value {
        Value::Null => 0,
        Value::Bool(true) => 1231,
        Value::Bool(false) => 1237,
        Value::Number(number) => number_hash(number),
        Value::String(text) => text_hash(text),
        Value::Array(items) => {
            items.iter().fold(1_i32, |hash, item| hash.wrapping_mul(31).wrapping_add(hash_code(item)))
        }
        Value::Object(members) => members
            .iter()
            .fold(0_i32, |hash, (key, value)| hash.wrapping_add(text_hash(key) ^ hash_code(value))),
    }
}

fn text_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

fn number_hash(number: &Number) -> i32 {
    match number.as_i64() {
        Some(long) => i32::try_from(long).unwrap_or_else(|_| folded(long.cast_unsigned())),
        None if number.is_integer() => big_integer_hash(&number.to_string()),
        None => folded(number.as_f64().to_bits()),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "Java's (int) (bits ^ (bits >>> 32))")]
fn folded(bits: u64) -> i32 {
    ((bits ^ (bits >> 32)) as u32).cast_signed()
}

/// The magnitude's 32-bit words, from the highest, as a polynomial in 31; times the sign.
fn big_integer_hash(text: &str) -> i32 {
    let digits = text.trim_start_matches('-');
    let mut words: Vec<u32> = Vec::new();
    for digit in digits.bytes() {
        let mut carry = u64::from(digit - b'0');
        for word in &mut words {
            let wide = u64::from(*word) * 10 + carry;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the low half is kept, the high half carried"
            )]
            let low = wide as u32;
            *word = low;
            carry = wide >> 32;
        }
        if carry > 0 {
            words.push(u32::try_from(carry).expect("a carry is below 2^32"));
        }
    }
    let hash =
        words.iter().rev().fold(0_i32, |hash, word| hash.wrapping_mul(31).wrapping_add(word.cast_signed()));
    if text.starts_with('-') { hash.wrapping_neg() } else { hash }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn hash_codes_are_javas() {
        for (json, expected) in [
            ("null", 0),
            ("true", 1231),
            ("7", 7),
            ("-1", -1),
            ("4294967296", 1),
            ("-4294967296", -1),
            ("1.5", 1_073_217_536),
            ("18446744073709551616", 961),
            ("-18446744073709551616", -961),
            (r#""Hello""#, 69_609_650),
            ("[1,2]", 994),
            (r#"{"a":1}"#, 96),
        ] {
            assert_eq!(hash_code(&parse(json).unwrap()), expected, "{json}");
        }
    }

    #[test]
    fn merged_objects_are_in_the_order_of_a_hash_map() {
        for (first, second, expected) in [
            ("{}", "{}", "{}"),
            (r#"{"a":1,"b":2,"d":3}"#, r#"{"a":4,"c":5,"d":6}"#, r#"{"a":4,"b":2,"c":5,"d":6}"#),
            (
                r#"{"constant_in_literal":1}"#,
                r#"{"constant_input_field":2}"#,
                r#"{"constant_input_field":2,"constant_in_literal":1}"#,
            ),
        ] {
            let [first, second] = [first, second].map(|json| parse(json).unwrap());
            let merged = merged(first.as_object().unwrap(), second.as_object().unwrap());
            assert_eq!(Value::from(merged).to_text(), expected);
        }
    }

    #[test]
    fn the_order_is_a_hash_sets() {
        for (json, expected) in [
            ("[]", "[]"),
            ("[1,2,2,3,3,4]", "[1,2,3,4]"),
            ("[true,false,true,false]", "[false,true]"),
            ("[[1,2],[1,2],[2,1]]", "[[2,1],[1,2]]"),
            ("[null,null,1,null]", "[null,1]"),
            (r#"[1,"1",1,"01"]"#, r#"[1,"1","01"]"#),
            (r#"["a","b","a","c","b"]"#, r#"["a","b","c"]"#),
            (r#"[{"a":1,"b":2},{"b":2,"a":1}]"#, r#"[{"a":1,"b":2}]"#),
            ("[3,1,17,2]", "[1,17,2,3]"),
            ("[1,1.0]", "[1.0,1]"),
        ] {
            let items = parse(json).unwrap();
            assert_eq!(Value::from(unique(items.as_array().unwrap())).to_text(), expected, "{json}");
        }
    }
}
