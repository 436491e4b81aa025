//! Hexadecimal text, escaped URLs and numbers of messages.

/// Characters of a message's group or deduplication id. AWS's own bound.
pub(crate) const MESSAGE_ID_MAX: usize = 128;

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}

/// AWS: what SQS and SNS number messages with, twenty digits that grow.
pub(crate) fn sequence_number(sequence: i64) -> String {
    format!("{:020}", 10_000_000_000_000_000_000_u64.saturating_add(sequence.unsigned_abs()))
}

/// Whether a text may be a message's group or deduplication id. AWS: up to 128 letters, digits and punctuation marks.
pub(crate) fn is_message_id(text: &str) -> bool {
    text.len() <= MESSAGE_ID_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A part of a URL: everything but unreserved characters and those in `kept` is escaped.
pub fn encoded(text: &str, kept: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let character = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-._~".contains(character) || kept.contains(character) {
            encoded.push(character);
        } else {
            // Writing to a string cannot fail.
            _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
