//! The order in which Java's `HashSet` gives its elements back.
//!
//! AWS: `States.ArrayUnique` of `[true, false]` was seen to be `[false, true]`, and of `[[1,2],[2,1]]` to be
//! `[[2,1],[1,2]]`: what a `HashSet` made from the list answers. So this is `HashMap`'s layout: a table of a
//! power of two buckets, filled in order, read bucket by bucket. Buckets that Java turns into trees, with more
//! than eight colliding elements, keep that order too.

use std::collections::HashMap;

use crate::json::{Number, Value};

/// The distinct items, in the order of a `new HashSet<>(items)`.
pub(super) fn unique(items: &[Value]) -> Vec<Value> {
    // HashSet's own sizing: (int) (size / .75f) + 1, at least 16, up to a power of two.
    let buckets = (items.len() * 4 / 3 + 1).max(16).next_power_of_two();
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
