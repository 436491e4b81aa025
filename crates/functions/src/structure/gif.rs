//! GIF: the screen descriptor and the chain of blocks up to the trailer. Spec: `GIF89a`.

use super::{Structure, plain, u16_le};
use crate::kind::Format;

const HEADER_BYTES: usize = 13;
const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2C;
const TRAILER: u8 = 0x3B;
/// An LZW code has at most 12 bits and stands for at most 4,096 pixels.
const PIXELS_PER_BYTE_MAX: u64 = 4_096 * 8 / 12;

pub(super) fn read(bytes: &[u8]) -> Result<Structure, String> {
    let header = bytes.get(..HEADER_BYTES).ok_or("the GIF ends within its header: the file is truncated")?;
    let (width, height) = (u16_le(header, 6).unwrap_or(0), u16_le(header, 8).unwrap_or(0));
    let (width, height) = (u32::from(width), u32::from(height));
    let frames = Frames::walk(bytes, HEADER_BYTES + table_bytes(header[10]));
    let flaw = match (frames.whole, frames.cut_off) {
        (0, true) => Some("the GIF ends in the middle of its first frame: the file is truncated"),
        (0, false) => Some("the GIF has a header but no picture"),
        (_, true) => Some("the GIF ends in the middle of a frame: the file is truncated"),
        (_, false) => None,
    };
    Ok(Structure {
        data_bytes_min: u64::from(width) * u64::from(height) / PIXELS_PER_BYTE_MAX,
        flaw: flaw.map(str::to_owned),
        ..plain(Format::Gif, width, height, 32)
    })
}

struct Frames {
    whole: u32,
    cut_off: bool,
}

impl Frames {
    fn walk(bytes: &[u8], mut at: usize) -> Self {
        let mut whole = 0;
        loop {
            let next = match bytes.get(at) {
                Some(&EXTENSION) => sub_blocks(bytes, at + 2),
                Some(&IMAGE) => {
                    let packed = bytes.get(at + 9).copied();
                    // The descriptor, the local colour table, and the byte of the least code size.
                    let end = packed.and_then(|p| sub_blocks(bytes, at + 10 + table_bytes(p) + 1));
                    whole += u32::from(end.is_some());
                    end
                }
                // Many encoders forget the trailer: between two blocks the file may end.
                Some(&TRAILER) | None => return Self { whole, cut_off: false },
                // Anything else after a frame is rubbish that players ignore, too.
                Some(_) => return Self { whole, cut_off: whole == 0 },
            };
            match next {
                Some(next) => at = next,
                None => return Self { whole, cut_off: true },
            }
        }
    }
}

/// A colour table's length by the packed byte that announces it.
fn table_bytes(packed: u8) -> usize {
    if packed & 0x80 == 0 { 0 } else { 3 << ((packed & 7) + 1) }
}

/// Where a chain of sub-blocks ends, behind its empty last one.
fn sub_blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}
