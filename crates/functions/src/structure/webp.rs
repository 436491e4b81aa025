//! WebP: a RIFF file with a VP8, VP8L or VP8X chunk first. Spec: RFC 9649, "WebP Container Specification".

use super::{Structure, array, plain, u16_le, u32_le};
use crate::kind::Format;

const RIFF_HEADER_BYTES: usize = 12;
const CHUNK_HEADER_BYTES: usize = 8;

pub(super) fn read(bytes: &[u8]) -> Result<Structure, String> {
    let at = RIFF_HEADER_BYTES + CHUNK_HEADER_BYTES;
    let (width, height) = array(bytes, RIFF_HEADER_BYTES)
        .and_then(|name: [u8; 4]| dimensions(name, bytes.get(at..)?))
        .ok_or("the WebP ends within its header: the file is truncated")?;
    let stated = u32_le(bytes, 4).map_or(0, u64::from) + 8;
    let flaw = (stated > bytes.len() as u64)
        .then(|| "the WebP ends in the middle of its image data: the file is truncated".to_owned());
    Ok(Structure { flaw, ..plain(Format::WebP, width, height, 32) })
}

fn dimensions(name: [u8; 4], data: &[u8]) -> Option<(u32, u32)> {
    match &name {
        b"VP8X" => Some((u24_le(data, 4)? + 1, u24_le(data, 7)? + 1)),
        // A frame tag of 3 bytes and a start code of 3; then 14 bits of size and 2 of scaling each.
        b"VP8 " => Some((u32::from(u16_le(data, 6)? & 0x3FFF), u32::from(u16_le(data, 8)? & 0x3FFF))),
        // A signature byte, then 14 bits each.
        b"VP8L" => {
            let packed = u32_le(data, 1)?;
            Some(((packed & 0x3FFF) + 1, ((packed >> 14) & 0x3FFF) + 1))
        }
        _ => None,
    }
}

fn u24_le(bytes: &[u8], at: usize) -> Option<u32> {
    let [a, b, c] = array(bytes, at)?;
    Some(u32::from_le_bytes([a, b, c, 0]))
}
