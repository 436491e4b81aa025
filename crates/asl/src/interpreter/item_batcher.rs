//! `ItemBatcher`: several items as one iteration's input, `{"BatchInput": …, "Items": […]}`.
//!
//! Spec: AWS, "`ItemBatcher`".

use crate::failure::{Failure, names};
use crate::json::{Object, Payload, Value};

/// How large a batch may be; what is not given does not bound it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Bounds {
    pub(super) items_max: Option<usize>,
    /// Bytes of the whole input's JSON text.
    pub(super) bytes_max: Option<usize>,
}

/// A batch that is being filled.
#[derive(Default)]
struct Batch {
    items: Vec<Value>,
    /// Of the items' texts and the commas between them.
    bytes: usize,
}

/// The inputs of the iterations: as many items in each as the bounds allow, in their order.
pub(super) fn batches(
    items: Vec<Value>,
    batch_input: Option<&Payload>,
    bounds: Bounds,
) -> Result<Vec<Value>, Failure> {
    let frame = input(Vec::new(), batch_input).to_text().len();
    let mut inputs = Vec::new();
    let mut batch = Batch::default();
    for item in items {
        let size = item.to_text().len();
        if bounds.bytes_max.is_some_and(|max| frame + size > max) {
            let cause = "An item is larger than the MaxInputBytesPerBatch of the ItemBatcher.";
            return Err(Failure::new(names::RUNTIME, cause.to_owned()));
        }
        if !batch.items.is_empty() && !batch.has_room(size, frame, bounds) {
            inputs.push(input(std::mem::take(&mut batch).items, batch_input));
        }
        batch.add(item, size);
    }
    if !batch.items.is_empty() {
        inputs.push(input(batch.items, batch_input));
    }
    Ok(inputs)
}

impl Batch {
    fn has_room(&self, size: usize, frame: usize, bounds: Bounds) -> bool {
        bounds.items_max.is_none_or(|max| self.items.len() < max)
            && bounds.bytes_max.is_none_or(|max| frame + self.bytes + 1 + size <= max)
    }

    fn add(&mut self, item: Value, size: usize) {
        self.bytes += size + usize::from(!self.items.is_empty());
        self.items.push(item);
    }
}

fn input(items: Vec<Value>, batch_input: Option<&Payload>) -> Value {
    let mut input = Object::new();
    if let Some(batch_input) = batch_input {
        input.insert("BatchInput", batch_input.value().clone());
    }
    input.insert("Items", items);
    input.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(batch_input: Option<&str>, bounds: Bounds, expected: Result<&[&str], &str>) {
        let items = ["1", "[22]", "333"].map(|text| crate::json::parse(text).expect("it is JSON")).to_vec();
        let batch_input = batch_input.map(|text| Payload::parse(text).expect("it is JSON"));
        let found = batches(items, batch_input.as_ref(), bounds);
        let found = found.map(|inputs| inputs.iter().map(Value::to_text).collect::<Vec<_>>());
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{bounds:?}"),
            (Err(found), Err(expected)) => assert_eq!(found.cause.as_deref(), Some(expected), "{bounds:?}"),
            (found, expected) => panic!("{bounds:?}: {found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn a_batch_is_as_large_as_it_may_be() {
        let all = Bounds::default();
        check(None, all, Ok(&[r#"{"Items":[1,[22],333]}"#]));
        check(
            Some(r#"{"a": 1}"#),
            Bounds { items_max: Some(2), ..all },
            Ok(&[r#"{"BatchInput":{"a":1},"Items":[1,[22]]}"#, r#"{"BatchInput":{"a":1},"Items":[333]}"#]),
        );
        // `{"Items":[1,[22]]}` has 18 bytes.
        check(
            None,
            Bounds { bytes_max: Some(18), ..all },
            Ok(&[r#"{"Items":[1,[22]]}"#, r#"{"Items":[333]}"#]),
        );
        check(
            None,
            Bounds { bytes_max: Some(17), ..all },
            Ok(&[r#"{"Items":[1]}"#, r#"{"Items":[[22]]}"#, r#"{"Items":[333]}"#]),
        );
        check(
            None,
            Bounds { bytes_max: Some(15), ..all },
            Err("An item is larger than the MaxInputBytesPerBatch of the ItemBatcher."),
        );
    }
}
