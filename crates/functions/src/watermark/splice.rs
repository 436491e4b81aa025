//! Marking a JPEG that we wrote ourselves without coding again what is not under the mark.
//!
//! Our JPEGs have a restart marker after every row of blocks, so their rows can be read and replaced one by
//! one. Only those under the mark are decoded, stamped and coded; the others are copied. That takes a fraction
//! of the time, and leaves most of the picture without the loss of a second coding.
//!
//! A file that is not exactly of our making (other tables, sampling or segments) gets `None`, and the full
//! treatment.

use super::stamp;
use crate::codec;
use crate::codec::Quality;
use crate::develop::develop;
use crate::inspect::inspect;
use crate::limits::Limits;

use super::mark::Mark;

/// With 4:2:0 chroma, a row of blocks is this high.
const ROW_PIXELS: usize = 16;
const EOI: [u8; 2] = [0xFF, 0xD9];

/// Marks a JPEG by replacing the rows under the mark.
pub(super) fn splice(
    bytes: &[u8],
    mark: impl FnOnce((u32, u32)) -> Marking,
    limits: &Limits,
) -> Option<Vec<u8>> {
    inspect(bytes, limits).ok()?;
    let original = Sliced::of(bytes)?;
    let Marking { mark, quality } = mark((original.width, original.height));
    let (_, top) = mark.place((original.width as usize, original.height as usize));
    let first = top / ROW_PIXELS;
    let end = (top + mark.height).div_ceil(ROW_PIXELS);
    // A strip of a row or two has too little context for its chroma; most of a picture is coded as a whole.
    if end > original.rows.len() || end - first > original.rows.len() / 2 {
        return None;
    }
    let strip_top = first * ROW_PIXELS;
    let strip_pixels = ((end - first) * ROW_PIXELS).min(original.height as usize - strip_top);
    let strip_file = original.with_height(strip_pixels)?.joined(&original.rows[first..end]);

    let mut strip = develop(&strip_file, limits, |size| size).ok()?.picture;
    stamp(&mut strip, &mark, (original.width as usize, original.height as usize), strip_top);
    let stamped_file = codec::encode_jpeg(&strip, quality).ok()?;
    let stamped = Sliced::of(&stamped_file)?;
    if stamped.with_height(original.height as usize)?.0 != original.header
        || stamped.rows.len() != end - first
    {
        return None;
    }
    let mut rows = original.rows.clone();
    rows[first..end].copy_from_slice(&stamped.rows);
    Some(Header(original.header.to_vec()).joined(&rows))
}

/// What to write on a picture of a known size, and how well to code it.
pub(super) struct Marking {
    pub mark: std::sync::Arc<Mark>,
    pub quality: Quality,
}

/// A JPEG of ours, taken apart.
struct Sliced<'a> {
    width: u32,
    height: u32,
    /// Everything up to the coded rows.
    header: &'a [u8],
    /// Where the frame header has its height.
    height_at: usize,
    /// Coded rows of blocks, without the restart markers between them.
    rows: Vec<&'a [u8]>,
}

impl<'a> Sliced<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let (mut frame, mut interval, mut at) = (None, 0, 2);
        // The segments of a file of ours: JFIF, tables, one baseline frame, the restart interval, one scan.
        let header_end = loop {
            let marker = bytes.get(at..at + 2)?;
            let length = usize::from(u16::from_be_bytes(bytes.get(at + 2..at + 4)?.try_into().ok()?));
            let segment = bytes.get(at + 4..at + 2 + length.max(2))?;
            match marker {
                [0xFF, 0xE0 | 0xDB | 0xC4] => {}
                [0xFF, 0xC0] => frame = Some((at + 5, segment)),
                [0xFF, 0xDD] => interval = usize::from(u16::from_be_bytes(segment.try_into().ok()?)),
                [0xFF, 0xDA] => break at + 2 + length,
                _ => return None,
            }
            at += 2 + length;
        };
        let (height_at, frame) = frame?;
        let &[8, high, low, wide, narrow, 3, _, 0x22, _, _, 0x11, _, _, 0x11, _] = frame else { return None };
        let height = u16::from_be_bytes([high, low]);
        let width = u16::from_be_bytes([wide, narrow]);
        let rows = split_at_restarts(bytes.get(header_end..)?.strip_suffix(&EOI)?)?;
        let ours = interval == usize::from(width).div_ceil(ROW_PIXELS)
            && rows.len() == usize::from(height).div_ceil(ROW_PIXELS);
        ours.then(|| Self {
            width: width.into(),
            height: height.into(),
            header: &bytes[..header_end],
            height_at,
            rows,
        })
    }

    /// The header of the same picture with another height.
    fn with_height(&self, height: usize) -> Option<Header> {
        let mut header = self.header.to_vec();
        let height = u16::try_from(height).ok()?;
        header[self.height_at..self.height_at + 2].copy_from_slice(&height.to_be_bytes());
        Some(Header(header))
    }
}

/// Takes coded data apart at its restart markers, which must be in order.
fn split_at_restarts(data: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rows = Vec::new();
    let mut start = 0;
    for at in memchr::memchr_iter(0xFF, data) {
        match data.get(at + 1)? {
            0x00 => {}
            marker if usize::from(*marker) == 0xD0 + rows.len() % 8 => {
                rows.push(&data[start..at]);
                start = at + 2;
            }
            _ => return None,
        }
    }
    rows.push(&data[start..]);
    Some(rows)
}

/// Everything up to the coded rows.
struct Header(Vec<u8>);

impl Header {
    /// The file with these rows.
    fn joined(self, rows: &[&[u8]]) -> Vec<u8> {
        let mut file = self.0;
        file.reserve(rows.iter().map(|row| row.len() + 2).sum());
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                file.extend_from_slice(&[
                    0xFF,
                    [0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7][(index - 1) % 8],
                ]);
            }
            file.extend_from_slice(row);
        }
        file.extend_from_slice(&EOI);
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Layout, Picture};

    fn picture(width: u32, height: u32) -> Picture {
        let samples = (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| [x * 7 + y, x + y * 3, (x ^ y) * 5]))
            .map(|sample| u8::try_from(sample % 256).expect("below 256"))
            .collect();
        Picture { width, height, layout: Layout::Rgb, samples }
    }

    fn decoded(jpeg: &[u8]) -> Picture {
        develop(jpeg, &Limits::default(), |size| size).expect("a whole JPEG").picture
    }

    fn marking(size: (u32, u32)) -> Marking {
        Marking { mark: Mark::fitting("Processed by Image Platform", size), quality: Quality::default() }
    }

    #[test]
    fn rows_that_are_not_under_the_mark_stay_as_they_are() {
        for (width, height) in [(800, 450), (1200, 675), (333, 600), (641, 479)] {
            let file = codec::encode_jpeg(&picture(width, height), Quality::default()).expect("encoded");
            let spliced = splice(&file, marking, &Limits::default()).expect("a file of ours");
            let (before, after) = (decoded(&file), decoded(&spliced));
            let (_, top) = marking((width, height)).mark.place((width as usize, height as usize));
            // Chroma reaches over from the first row that was coded again.
            let untouched = (top / ROW_PIXELS * ROW_PIXELS - 2) * before.row_bytes();
            assert!(before.pixels()[..untouched] == after.pixels()[..untouched], "{width}x{height}");
            assert!(before.pixels() != after.pixels(), "{width}x{height} is marked");
        }
    }

    #[test]
    fn what_is_not_of_our_making_is_left_to_the_full_treatment() {
        let ours = codec::encode_jpeg(&picture(800, 450), Quality::default()).expect("encoded");
        let other_quality = codec::encode_jpeg(&picture(800, 450), Quality::new(60).expect("a quality"));
        let mut no_end = ours.clone();
        no_end.truncate(ours.len() - 2);
        let mut with_exif = ours[..2].to_vec();
        with_exif.extend_from_slice(&[0xFF, 0xE1, 0, 4, 0, 0]);
        with_exif.extend_from_slice(&ours[2..]);
        let mut lost_restart = ours.clone();
        let restart = ours.windows(2).rposition(|marker| marker[0] == 0xFF && marker[1] & 0xF8 == 0xD0);
        lost_restart[restart.expect("a restart") + 1] = 0;
        for file in [other_quality.expect("encoded"), no_end, with_exif, lost_restart, b"none".to_vec()] {
            assert!(splice(&file, marking, &Limits::default()).is_none());
        }
        assert!(splice(&ours, marking, &Limits::default()).is_some());
    }
}
