//! Texts in other clothes: Base64 and hashes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::digest::Digest;

use super::{Arguments, BoundedText, Evaluated, Fault};

/// The longest text that these functions take, in UTF-16 units, which are Java's characters. AWS: the quota.
const CHARACTERS_MAX: usize = 10_000;

pub(super) fn base64_encode(arguments: &Arguments<'_>) -> Evaluated {
    let text = arguments.text(0)?;
    check_length(text)?;
    Ok(STANDARD.encode(text).into())
}

/// AWS: was seen to take what is not Base64. This is what Apache's codec does: characters outside of the
/// alphabet are passed over, the first `=` ends it, and bits that don't fill a byte are dropped. Bytes that are
/// no UTF-8 become U+FFFD.
pub(super) fn base64_decode(arguments: &Arguments<'_>) -> Evaluated {
    let text = arguments.text(0)?;
    check_length(text)?;
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut bit_count) = (0_u32, 0);
    for sextet in text.bytes().take_while(|&byte| byte != b'=').filter_map(sextet) {
        bits = (bits << 6 | sextet) & 0xFFFF;
        bit_count += 6;
        if bit_count >= 8 {
            bit_count -= 8;
            bytes.push(u8::try_from((bits >> bit_count) & 0xFF).expect("eight bits"));
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned().into())
}

fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(value.into())
}

/// AWS: data that is no string is hashed as the text it shows as.
pub(super) fn hash(arguments: &Arguments<'_>) -> Evaluated {
    let mut data = BoundedText::default();
    data.push(arguments.value(0)?)?;
    check_length(&data.0)?;
    let hash = match arguments.text(1)? {
        "MD5" => hex::<md5::Md5>(&data.0),
        "SHA-1" => hex::<sha1::Sha1>(&data.0),
        "SHA-256" => hex::<sha2::Sha256>(&data.0),
        "SHA-384" => hex::<sha2::Sha384>(&data.0),
        "SHA-512" => hex::<sha2::Sha512>(&data.0),
        _ => return Err(Fault::Arguments),
    };
    Ok(hash.into())
}

fn hex<D: Digest>(data: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = D::digest(data).into_iter().flat_map(|byte| [byte >> 4, byte & 15]).collect::<Vec<_>>();
    nibbles.into_iter().map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

fn check_length(text: &str) -> Result<(), Fault> {
    if text.encode_utf16().count() > CHARACTERS_MAX { Err(Fault::Arguments) } else { Ok(()) }
}
