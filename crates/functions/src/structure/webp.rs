//! WebP: a RIFF file with a VP8, VP8L or VP8X chunk first. Spec: RFC 9649, "WebP Container Specification".

use super::{Structure, array, plain, u16_le, u32_le};
use crate::kind::Format;

const RIFF_HEADER_BYTES: usize = 12;
const CHUNK_HEADER_BYTES: usize = 8;
/// What stands in an animation's frame before its chunks: place, size, duration, flags.
const FRAME_HEADER_BYTES: usize = 16;

pub(super) fn read(bytes: &[u8]) -> Result<Structure, String> {
    let cut_off = "the WebP ends within its header: the file is truncated";
    let name = array(bytes, RIFF_HEADER_BYTES).ok_or(cut_off)?;
    let data = bytes.get(RIFF_HEADER_BYTES + CHUNK_HEADER_BYTES..).ok_or(cut_off)?;
    let (width, height) = dimensions(name, data).ok_or(cut_off)?;
    let flaw = flaw(bytes, (width, height)).map(str::to_owned);
    Ok(Structure { flaw, ..plain(Format::WebP, width, height, 32) })
}

/// The size that a chunk with a picture, or with the canvas of one, tells.
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

/// Walks all chunks: they must be in the file, and no picture may be larger than the canvas that was checked.
fn flaw(bytes: &[u8], canvas: (u32, u32)) -> Option<&'static str> {
    const CUT_OFF: &str = "the WebP ends in the middle of its image data: the file is truncated";
    const CONTRADICTION: &str = "the WebP's header and its picture say different sizes";
    let stated = u32_le(bytes, 4).and_then(|length| usize::try_from(length).ok()?.checked_add(8));
    let Some(file) = stated.and_then(|stated| bytes.get(..stated)) else { return Some(CUT_OFF) };
    let mut has_picture = false;
    let mut at = RIFF_HEADER_BYTES;
    while at + CHUNK_HEADER_BYTES <= file.len() {
        let Some((name, data, next)) = chunk(file, at) else { return Some(CUT_OFF) };
        at = next;
        match &name {
            b"VP8 " | b"VP8L" => {
                if dimensions(name, data) != Some(canvas) {
                    return Some(CONTRADICTION);
                }
                has_picture = true;
            }
            b"ANMF" => {
                if !frame_fits(data, canvas) {
                    return Some(CONTRADICTION);
                }
                has_picture = true;
            }
            _ => {}
        }
    }
    (!has_picture).then_some("the WebP has a header but no picture")
}

/// Whether an animation's frame, and the picture in it, are within the canvas.
fn frame_fits(frame: &[u8], canvas: (u32, u32)) -> bool {
    let within = |(width, height)| width <= canvas.0 && height <= canvas.1;
    let size = || Some((u24_le(frame, 6)? + 1, u24_le(frame, 9)? + 1));
    let mut at = FRAME_HEADER_BYTES;
    while let Some((name, data, next)) = chunk(frame, at) {
        if dimensions(name, data).is_some_and(|size| !within(size)) {
            return false;
        }
        at = next;
    }
    size().is_some_and(within)
}

/// A chunk's name and data, and where the next one begins: chunks have an even length.
fn chunk(bytes: &[u8], at: usize) -> Option<([u8; 4], &[u8], usize)> {
    let length = usize::try_from(u32_le(bytes, at + 4)?).ok()?;
    let start = at + CHUNK_HEADER_BYTES;
    let end = start.checked_add(length)?;
    Some((array(bytes, at)?, bytes.get(start..end)?, end.checked_add(length % 2)?))
}

fn u24_le(bytes: &[u8], at: usize) -> Option<u32> {
    let [a, b, c] = array(bytes, at)?;
    Some(u32::from_le_bytes([a, b, c, 0]))
}
