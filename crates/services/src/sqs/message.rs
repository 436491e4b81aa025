//! A message's attributes, and the digests by which clients check what they sent and got.

use md5::{Digest, Md5};
use serde_json::{Map, Value};

use crate::wire::{Fault, hex};

/// Attributes of a message. AWS's own bound.
const ATTRIBUTES_MAX: usize = 10;

/// The MD5 of a text, as hexadecimal.
pub(super) fn md5(text: &str) -> String {
    hex(&Md5::digest(text.as_bytes()))
}

/// The MD5 of attributes, or nothing where there are none.
///
/// AWS: by name in order of their bytes; each name, type and value after its length in four bytes, and before
/// the value a byte that tells text from binary.
pub(super) fn md5_of_attributes(attributes: &Map<String, Value>) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut sorted: Vec<_> = attributes.iter().collect();
    sorted.sort_by_key(|(name, _)| name.as_bytes());
    let mut digest = Md5::new();
    for (name, value) in sorted {
        let data_type = value["DataType"].as_str().unwrap_or_default();
        let (transport, content) = match value["BinaryValue"].as_str() {
            Some(binary) => (2, crate::base64::decode(binary).unwrap_or_default()),
            None => (1, value["StringValue"].as_str().unwrap_or_default().as_bytes().to_vec()),
        };
        add(&mut digest, name.as_bytes());
        add(&mut digest, data_type.as_bytes());
        digest.update([transport]);
        add(&mut digest, &content);
    }
    Some(hex(&digest.finalize()))
}

fn add(digest: &mut Md5, bytes: &[u8]) {
    // Lengths are below the bound of a message.
    digest.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    digest.update(bytes);
}

/// Checks a message's attributes, and answers how many bytes they count.
pub(super) fn check_attributes(attributes: &Map<String, Value>) -> Result<usize, Fault> {
    let refused = |message: String| Err(Fault::sender(400, "InvalidParameterValue", message));
    if attributes.len() > ATTRIBUTES_MAX {
        let count = attributes.len();
        return refused(format!(
            "Number of message attributes [{count}] exceeds the allowed maximum [{ATTRIBUTES_MAX}]."
        ));
    }
    let mut bytes = 0;
    for (name, value) in attributes {
        let Some(data_type) = value["DataType"].as_str().filter(|data_type| !data_type.is_empty()) else {
            return refused(format!(
                "The message attribute '{name}' must contain non-empty message attribute type."
            ));
        };
        let kind = data_type.split('.').next().unwrap_or_default();
        let content = match kind {
            "String" | "Number" => value["StringValue"].as_str(),
            "Binary" => value["BinaryValue"].as_str(),
            _ => {
                return refused(format!(
                    "The message attribute '{name}' has an invalid message attribute type, the set of \
                     supported type prefixes is Binary, Number, and String."
                ));
            }
        };
        let Some(content) = content.filter(|content| !content.is_empty()) else {
            return refused(format!(
                "The message attribute '{name}' must contain non-empty message attribute value for message \
                 attribute type '{kind}'."
            ));
        };
        if kind == "Number" && content.parse::<f64>().is_err() {
            return refused(format!("Can't cast the value of message attribute '{name}' to a number."));
        }
        bytes += name.len() + data_type.len() + content.len();
    }
    Ok(bytes)
}

/// Checks a message's system attributes. AWS: there is one that may be sent, a text, which counts no bytes.
pub(super) fn check_system_attributes(attributes: &Map<String, Value>) -> Result<(), Fault> {
    let refused = |message: String| Err(Fault::sender(400, "InvalidParameterValue", message));
    for (name, value) in attributes {
        if name != "AWSTraceHeader" {
            return refused(format!("Message system attribute name '{name}' is invalid."));
        }
        let is_text = value["DataType"] == "String" && value["StringValue"].is_string();
        if !is_text {
            return refused(format!("The message system attribute '{name}' must be of type String."));
        }
    }
    Ok(())
}

/// Whether a message's characters are among those that XML can carry, as AWS demands.
pub(super) fn is_sendable(body: &str) -> bool {
    body.chars().all(|character| match character {
        '\t' | '\n' | '\r' => true,
        '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => false,
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn digests_are_those_that_clients_compute() {
        assert_eq!(md5("This is a test message"), "fafb00f5732ab283681e124bf8747ed1");
        // Computed with the rule that AWS documents, by hand, in Python.
        let attributes = json!({
            "b": {"DataType": "Binary", "BinaryValue": "AAEC"},
            "a": {"DataType": "String", "StringValue": "x"},
        });
        let attributes = attributes.as_object().unwrap();
        assert_eq!(md5_of_attributes(attributes).as_deref(), Some("c7b075151a8e2e09ccb36b393bdb284a"));
        assert_eq!(md5_of_attributes(&Map::new()), None);
    }

    #[test]
    fn the_trace_is_the_one_system_attribute() {
        for (name, attribute, accepted) in [
            ("AWSTraceHeader", json!({"DataType": "String", "StringValue": "Root=1"}), true),
            ("AWSTraceHeader", json!({"DataType": "Binary", "BinaryValue": "AAEC"}), false),
            ("AWSTraceHeader", json!({"DataType": "String"}), false),
            ("SenderId", json!({"DataType": "String", "StringValue": "x"}), false),
        ] {
            let attributes = Map::from_iter([(name.to_owned(), attribute)]);
            assert_eq!(check_system_attributes(&attributes).is_ok(), accepted, "{attributes:?}");
        }
    }

    #[test]
    fn attributes_without_type_or_value_are_refused() {
        for (attribute, accepted) in [
            (json!({"DataType": "String", "StringValue": "x"}), true),
            (json!({"DataType": "Number.int", "StringValue": "1"}), true),
            (json!({"DataType": "Number", "StringValue": "one"}), false),
            (json!({"DataType": "String"}), false),
            (json!({"StringValue": "x"}), false),
            (json!({"DataType": "Colour", "StringValue": "x"}), false),
        ] {
            let attributes = Map::from_iter([("n".to_owned(), attribute)]);
            assert_eq!(check_attributes(&attributes).is_ok(), accepted, "{attributes:?}");
        }
    }
}
