//! Watermark: a line of text over the bottom right corner of a picture.

mod mark;
mod splice;

use crate::codec::{self, Quality};
use crate::develop::develop;
use crate::limits::Limits;
use crate::picture::Picture;
use crate::refusal::Refusal;

use mark::Mark;
use splice::{Marking, splice};

/// What is written over a picture, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watermark {
    /// One line.
    pub text: String,
    /// Of the JPEG that is written.
    pub quality: Quality,
}

impl Default for Watermark {
    fn default() -> Self {
        Self { text: "Processed by Image Platform".to_owned(), quality: Quality::default() }
    }
}

/// Writes the text over a picture and answers a JPEG of the same size.
///
/// The letters are light with a dark edge, both half transparent, so that they are read on any background.
/// They take about a third of the picture's width, and more on a very small one, but never all of it.
///
/// # Errors
/// The reason why the picture cannot be read, in words for its owner.
pub fn watermark(bytes: &[u8], watermark: &Watermark, limits: &Limits) -> Result<Vec<u8>, Refusal> {
    let marking = |size| Marking { mark: Mark::fitting(&watermark.text, size), quality: watermark.quality };
    if let Some(marked) = splice(bytes, marking, limits) {
        return Ok(marked);
    }
    let mut picture = develop(bytes, limits, |source| source)?.picture;
    let size = (picture.width, picture.height);
    stamp(&mut picture, &marking(size).mark, (size.0 as usize, size.1 as usize), 0);
    let jpeg = codec::encode_jpeg(&picture, watermark.quality)?;
    codec::recycle(picture.samples);
    Ok(jpeg)
}

/// Blends the mark into RGB: into a whole picture, or into a strip of it that begins `strip_top` rows down.
fn stamp(strip: &mut Picture, mark: &Mark, whole: (usize, usize), strip_top: usize) {
    let (left, top) = mark.place(whole);
    let row_bytes = strip.row_bytes();
    for y in 0..mark.height {
        let start = (top - strip_top + y) * row_bytes + left * 3;
        let row = &mut strip.samples[start..start + mark.width * 3];
        for (pixel, cell) in row.chunks_exact_mut(3).zip(mark.row(y)) {
            for sample in pixel {
                *sample = cell.over(*sample);
            }
        }
    }
}
