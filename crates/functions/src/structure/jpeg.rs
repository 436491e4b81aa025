//! JPEG: the chain of markers from SOI to EOI.
//!
//! Spec: ITU-T T.81, annex B. Decoders fill what is missing from a cut-off file with grey and call it a
//! success; here the entropy-coded data is stepped over marker by marker, so a missing end is seen.

use super::{Structure, plain, u16_be};
use crate::kind::Format;

const SOI_BYTES: usize = 2;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const APP14: u8 = 0xEE;

/// The frame header (SOF), and what else bears on decoding it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JpegFrame {
    pub coding: Coding,
    pub components: u32,
    /// Samples in all components, with every component's own subsampling, padded to whole blocks.
    pub samples: u64,
    /// An Adobe segment is there: CMYK values are then stored inverted.
    pub adobe: bool,
}

/// How the coefficients are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Sequential,
    Progressive,
    Arithmetic,
    Lossless,
}

impl JpegFrame {
    /// A block is 64 samples, and each takes at least this much of the file.
    fn data_bytes_min(&self) -> u64 {
        let blocks = self.samples / 64;
        match self.coding {
            // At least one bit for the DC and one for the end of the block.
            Coding::Sequential => blocks * 2 / 8,
            // At least one bit for the DC; the AC bits of many blocks can share one code.
            Coding::Progressive => blocks / 8,
            // No firm bound: the arithmetic coder spends fractions of a bit.
            Coding::Arithmetic => blocks / 256,
            // At least one bit a sample.
            Coding::Lossless => self.samples / 8,
        }
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<Structure, String> {
    let walk = Walk::over(bytes);
    let Some((width, height, mut frame, bits)) = walk.frame else {
        return Err(match walk.end {
            End::CutOff => "the JPEG ends within its header: the file is truncated".to_owned(),
            End::Whole | End::Foreign | End::Twice => {
                "the JPEG has no frame header, so no picture".to_owned()
            }
        });
    };
    frame.adobe = walk.adobe;
    let flaw = match (walk.end, walk.scans) {
        (End::Whole, 0) => Some("the JPEG has a header but no image data"),
        (End::Whole, _) => None,
        (End::Twice, _) => Some("the JPEG has two frame headers, so its size is not certain"),
        (End::CutOff | End::Foreign, 0) => Some("the JPEG ends after its header: the file is truncated"),
        (End::CutOff | End::Foreign, _) => {
            Some("the JPEG ends in the middle of its image data: the file is truncated")
        }
    };
    Ok(Structure {
        data_bytes_min: frame.data_bytes_min(),
        scans: walk.scans,
        jpeg: Some(frame),
        flaw: flaw.map(str::to_owned),
        ..plain(Format::Jpeg, width, height, bits)
    })
}

/// How the chain of markers ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With an EOI.
    Whole,
    /// The file stopped first.
    CutOff,
    /// A segment is not what its marker says.
    Foreign,
    /// A second frame header contradicts the first, whose size was checked.
    Twice,
}

struct Walk {
    frame: Option<(u32, u32, JpegFrame, u64)>,
    scans: u32,
    adobe: bool,
    end: End,
}

impl Walk {
    fn over(bytes: &[u8]) -> Self {
        let mut walk = Self { frame: None, scans: 0, adobe: false, end: End::CutOff };
        let mut at = SOI_BYTES;
        // Each turn moves `at` forward, so the walk ends with the file.
        while let Some((marker, after)) = next_marker(bytes, at) {
            at = after;
            if marker == EOI {
                walk.end = End::Whole;
                break;
            }
            if is_standalone(marker) {
                continue;
            }
            let Some(segment) = segment(bytes, at) else { break };
            if is_frame_header(marker) {
                match frame_header(marker, segment) {
                    Some(frame) if walk.frame.is_none() => walk.frame = Some(frame),
                    Some(_) => {
                        walk.end = End::Twice;
                        break;
                    }
                    None => {
                        walk.end = End::Foreign;
                        break;
                    }
                }
            }
            walk.adobe |= marker == APP14 && segment.starts_with(b"Adobe");
            at += 2 + segment.len();
            if marker == SOS {
                walk.scans += 1;
                at = end_of_scan(bytes, at);
            }
        }
        walk
    }
}

/// The next marker code at or after `at`, and where its parameters begin. Stray bytes are stepped over, as
/// libjpeg does.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        at += memchr::memchr(0xFF, bytes.get(at..)?)?;
        while bytes.get(at) == Some(&0xFF) {
            at += 1;
        }
        match *bytes.get(at)? {
            0x00 => at += 1,
            marker => return Some((marker, at + 1)),
        }
    }
}

/// A segment's content, without its length.
fn segment(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let length = usize::from(u16_be(bytes, at)?);
    bytes.get(at + 2..at.checked_add(length.max(2))?)
}

/// Where the entropy-coded data that begins at `at` ends: at the next marker that is no restart.
fn end_of_scan(bytes: &[u8], mut at: usize) -> usize {
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr(0xFF, rest)) {
        at += found;
        match bytes.get(at + 1) {
            Some(0x00 | 0xD0..=0xD7) => at += 2,
            // A fill byte.
            Some(0xFF) => at += 1,
            Some(_) => return at,
            None => break,
        }
    }
    bytes.len()
}

fn is_standalone(marker: u8) -> bool {
    matches!(marker, 0x01 | 0xD0..=0xD8)
}

/// SOF0 to SOF15, without the three codes of that range that mean something else (DHT, JPG, DAC).
fn is_frame_header(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

fn frame_header(marker: u8, segment: &[u8]) -> Option<(u32, u32, JpegFrame, u64)> {
    let coding = match marker {
        0xC0 | 0xC1 => Coding::Sequential,
        0xC2 => Coding::Progressive,
        0xC3 => Coding::Lossless,
        _ => Coding::Arithmetic,
    };
    let precision = u64::from(*segment.first()?);
    let (height, width) = (u32::from(u16_be(segment, 1)?), u32::from(u16_be(segment, 3)?));
    let components = usize::from(*segment.get(5)?);
    let factors: Vec<(u64, u64)> = segment
        .get(6..6 + 3 * components)?
        .chunks_exact(3)
        .map(|component| (u64::from(component[1] >> 4), u64::from(component[1] & 15)))
        .collect();
    let horizontal_max = factors.iter().map(|factor| factor.0).max()?.max(1);
    let vertical_max = factors.iter().map(|factor| factor.1).max()?.max(1);
    let units_wide = u64::from(width).div_ceil(8 * horizontal_max);
    let units_high = u64::from(height).div_ceil(8 * vertical_max);
    let samples = factors.iter().map(|(h, v)| units_wide * h * 8 * units_high * v * 8).sum();
    let frame = JpegFrame { coding, components: u32::try_from(components).ok()?, samples, adobe: false };
    Some((width, height, frame, precision * components as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SOI, a 16x8 baseline grey frame, one scan with a stuffed byte and a restart, EOI.
    const WHOLE: &[u8] = &[
        0xFF, 0xD8, // SOI
        0xFF, 0xC0, 0, 11, 8, 0, 8, 0, 16, 1, 1, 0x11, 0, // SOF0
        0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0, // SOS
        1, 2, 0xFF, 0x00, 3, 0xFF, 0xD0, 4, // entropy-coded data
        0xFF, 0xD9, // EOI
    ];

    #[test]
    fn a_file_cut_at_any_byte_is_seen_to_be_cut() {
        assert_eq!(read(WHOLE).map(|structure| structure.flaw), Ok(None));
        for length in SOI_BYTES..WHOLE.len() {
            let cut = read(&WHOLE[..length]);
            assert!(!matches!(&cut, Ok(structure) if structure.flaw.is_none()), "{length}: {cut:?}");
        }
    }

    #[test]
    fn the_frame_header_gives_size_and_samples() {
        let structure = read(WHOLE).expect("a whole file");
        assert_eq!((structure.width, structure.height, structure.scans), (16, 8, 1));
        assert_eq!(structure.jpeg.map(|frame| frame.samples), Some(128));
    }

    #[test]
    fn what_follows_the_end_is_not_looked_at() {
        let mut longer = WHOLE.to_vec();
        longer.extend_from_slice(b"\xFF\xD8 a second picture");
        assert_eq!(read(&longer).map(|structure| structure.flaw), Ok(None));
    }
}
