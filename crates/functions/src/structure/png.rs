//! PNG: the chain of chunks from IHDR to IEND. Spec: PNG (W3C), "Datastream structure".

use super::{Structure, plain, u32_be};
use crate::kind::Format;

const SIGNATURE_BYTES: usize = 8;
/// Deflate's best ratio is 1,032; a little more leaves room for how it is counted.
const DEFLATE_RATIO_MAX: u64 = 1_040;

pub(super) fn read(bytes: &[u8]) -> Result<Structure, String> {
    let header = chunk(bytes, SIGNATURE_BYTES)
        .filter(|(name, data)| name == b"IHDR" && data.len() == 13)
        .map(|(_, data)| data)
        .ok_or("the PNG ends within its header: the file is truncated")?;
    let (width, height) = (u32_be(header, 0).unwrap_or(0), u32_be(header, 4).unwrap_or(0));
    let channels = match header[9] {
        0 | 3 => 1,
        4 => 2,
        2 => 3,
        6 => 4,
        other => return Err(format!("the PNG has the unknown colour type {other}")),
    };
    let bits_stored = channels * u64::from(header[8]);
    // A palette is unpacked to colours, and small samples to bytes.
    let bits_unpacked = if header[9] == 3 { 32 } else { bits_stored.max(8 * channels) };
    let row_bytes = (u64::from(width) * bits_stored).div_ceil(8) + 1;
    let stored = u64::from(height).saturating_mul(row_bytes);
    Ok(Structure {
        data_bytes_min: stored / DEFLATE_RATIO_MAX,
        flaw: flaw(bytes),
        ..plain(Format::Png, width, height, bits_unpacked)
    })
}

fn flaw(bytes: &[u8]) -> Option<String> {
    let mut at = SIGNATURE_BYTES;
    let mut has_data = false;
    while let Some((name, data)) = chunk(bytes, at) {
        match &name {
            b"IEND" if has_data => return None,
            b"IEND" => return Some("the PNG has a header but no image data".to_owned()),
            b"IDAT" => has_data = true,
            _ => {}
        }
        at += 12 + data.len();
    }
    let place = if has_data { "in the middle of its image data" } else { "before its image data" };
    Some(format!("the PNG ends {place}: the file is truncated"))
}

/// A chunk's name and data, where all of it, with its checksum, is there.
fn chunk(bytes: &[u8], at: usize) -> Option<([u8; 4], &[u8])> {
    let length = usize::try_from(u32_be(bytes, at)?).ok()?;
    let name = super::array(bytes, at + 4)?;
    let data = bytes.get(at + 8..at.checked_add(8)?.checked_add(length)?)?;
    bytes.get(at + 8 + length..at + 12 + length)?;
    Some((name, data))
}
