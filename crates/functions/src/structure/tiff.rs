//! TIFF: the first image directory, and whether the data it points to is there. Spec: TIFF 6.0, section 2.

use super::{Structure, array, plain};
use crate::kind::Format;

const IMAGE_WIDTH: u16 = 256;
const IMAGE_LENGTH: u16 = 257;
const BITS_PER_SAMPLE: u16 = 258;
const SAMPLES_PER_PIXEL: u16 = 277;
/// Offsets and lengths: first of strips, then of tiles.
const DATA_TAGS: [(u16, u16); 2] = [(273, 279), (324, 325)];
/// Entries that are looked at; a real directory has a few dozen.
const ENTRIES_MAX: u64 = 1_024;
/// Values of one entry that are looked at: strips of a picture with 20,000 rows, and more tiles than that has.
const VALUES_MAX: u64 = 200_000;

pub(super) fn read(bytes: &[u8]) -> Result<Structure, String> {
    let directory =
        Directory::first(bytes).ok_or("the TIFF's directory is not in the file: it is truncated")?;
    let side = |tag| directory.values(tag).first().copied();
    let (Some(width), Some(height)) = (side(IMAGE_WIDTH), side(IMAGE_LENGTH)) else {
        return Err("the TIFF does not say how large its picture is".to_owned());
    };
    let samples = side(SAMPLES_PER_PIXEL).unwrap_or(1).clamp(1, 64);
    let bits = side(BITS_PER_SAMPLE).unwrap_or(1).clamp(8, 64);
    let saturate = |side: u64| u32::try_from(side).unwrap_or(u32::MAX);
    let flaw = directory.flaw().map(str::to_owned);
    Ok(Structure { flaw, ..plain(Format::Tiff, saturate(width), saturate(height), samples * bits) })
}

struct Directory<'a> {
    bytes: &'a [u8],
    big_endian: bool,
    /// `BigTIFF`: 8-byte offsets and counts.
    big: bool,
    entries_at: usize,
    entries: u64,
}

impl<'a> Directory<'a> {
    fn first(bytes: &'a [u8]) -> Option<Self> {
        let big_endian = bytes.first() == Some(&b'M');
        let mut directory = Self { bytes, big_endian, big: false, entries_at: 0, entries: 0 };
        directory.big = directory.number(2, 2)? == 43;
        let (offset_at, offset_bytes, count_bytes) = if directory.big { (8, 8, 8) } else { (4, 4, 2) };
        let at = usize::try_from(directory.number(offset_at, offset_bytes)?).ok()?;
        directory.entries = directory.number(at, count_bytes)?.min(ENTRIES_MAX);
        directory.entries_at = at.checked_add(count_bytes)?;
        // The last entry must be in the file.
        let length = usize::try_from(directory.entries).ok()? * directory.entry_bytes();
        bytes.get(directory.entries_at..directory.entries_at.checked_add(length)?)?;
        Some(directory)
    }

    fn entry_bytes(&self) -> usize {
        if self.big { 20 } else { 12 }
    }

    /// An unsigned number of 1, 2, 4 or 8 bytes.
    fn number(&self, at: usize, bytes: usize) -> Option<u64> {
        let mut wide = [0_u8; 8];
        let source = self.bytes.get(at..at.checked_add(bytes)?)?;
        if self.big_endian {
            wide[8 - bytes..].copy_from_slice(source);
            Some(u64::from_be_bytes(wide))
        } else {
            wide[..bytes].copy_from_slice(source);
            array(&wide, 0).map(u64::from_le_bytes)
        }
    }

    /// The unsigned values of a tag, as far as they are in the file.
    fn values(&self, tag: u16) -> Vec<u64> {
        self.entry(tag).and_then(|at| self.values_of_entry(at)).unwrap_or_default()
    }

    fn entry(&self, tag: u16) -> Option<usize> {
        (0..usize::try_from(self.entries).ok()?)
            .map(|index| self.entries_at + index * self.entry_bytes())
            .find(|at| self.number(*at, 2) == Some(u64::from(tag)))
    }

    fn values_of_entry(&self, at: usize) -> Option<Vec<u64>> {
        let value_bytes = match self.number(at + 2, 2)? {
            1 => 1,
            3 => 2,
            4 => 4,
            16 => 8,
            _ => return None,
        };
        let word = if self.big { 8 } else { 4 };
        let count = self.number(at + 4, word)?.min(VALUES_MAX);
        let inline_at = at + 4 + word;
        let fits_inline = count * value_bytes as u64 <= word as u64;
        let values_at =
            if fits_inline { inline_at } else { usize::try_from(self.number(inline_at, word)?).ok()? };
        let value = |index: usize| self.number(values_at.checked_add(index * value_bytes)?, value_bytes);
        Some((0..usize::try_from(count).ok()?).map_while(value).collect())
    }

    fn flaw(&self) -> Option<&'static str> {
        let (offsets, lengths) = DATA_TAGS
            .iter()
            .map(|(offsets, lengths)| (self.values(*offsets), self.values(*lengths)))
            .find(|(offsets, _)| !offsets.is_empty())
            .unwrap_or_default();
        if offsets.is_empty() {
            return Some("the TIFF has a header but no image data");
        }
        let end_of_data =
            offsets.iter().zip(&lengths).map(|(offset, length)| offset.saturating_add(*length)).max();
        (end_of_data.unwrap_or(0) > self.bytes.len() as u64)
            .then_some("the TIFF points to image data behind its end: the file is truncated")
    }
}
