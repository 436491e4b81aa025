//! From bytes to pixels and back: the only place that calls the codecs.
//!
//! Their panics end here as errors, their limits are always set, and what they may allocate is known before
//! they are called ([`decode_bytes`]).

mod jpeg;
mod raster;
mod scratch;

use crate::caught::caught;
use crate::kind::Format;
use crate::limits::Limits;
use crate::picture::{Orientation, Picture};
use crate::refusal::Refusal;
use crate::structure::Structure;

pub use jpeg::Quality;
pub(crate) use scratch::recycle;

/// A picture as it is stored, and what is needed to show it.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub picture: Picture,
    pub about: About,
}

/// What a file's metadata says about showing its picture.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub orientation: Orientation,
    /// An ICC profile, unchecked.
    pub profile: Option<Vec<u8>>,
    pub model: ColourModel,
}

/// What the file stores. CMYK TIFFs are already RGB when their decoder hands them over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColourModel {
    Grey,
    Rgb,
    Cmyk,
}

/// How much of the picture is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Every pixel.
    Full,
    /// Enough for scaling down to this size (stored, not upright) without a visible loss.
    For { width: u32, height: u32 },
    /// As few pixels as the codec can be made to give while it still reads every byte: to find out whether
    /// the file decodes.
    Probe,
}

/// Reads what the metadata says, and no pixels.
pub(crate) fn about(bytes: &[u8], structure: &Structure, limits: &Limits) -> Result<About, Refusal> {
    guarded(structure.format, || match structure.format {
        Format::Jpeg => jpeg::about(bytes, limits),
        Format::Png | Format::WebP | Format::Gif | Format::Tiff => raster::about(bytes, structure, limits),
    })
}

/// Decodes a file whose structure was found good.
pub(crate) fn decode(
    bytes: &[u8],
    structure: &Structure,
    detail: Detail,
    limits: &Limits,
) -> Result<Decoded, Refusal> {
    guarded(structure.format, || match structure.format {
        Format::Jpeg => jpeg::decode(bytes, structure, detail, limits),
        Format::Png | Format::WebP | Format::Gif | Format::Tiff => raster::decode(bytes, structure, limits),
    })
}

/// Writes an RGB picture as a baseline JPEG with 4:2:0 chroma.
pub(crate) fn encode_jpeg(picture: &Picture, quality: Quality) -> Result<Vec<u8>, Refusal> {
    guarded(Format::Jpeg, || jpeg::encode(picture, quality))
}

/// About how much memory [`decode`] takes, in bytes: an upper bound from the header alone.
pub(crate) fn decode_bytes(structure: &Structure, detail: Detail) -> u64 {
    match structure.format {
        Format::Jpeg => jpeg::decode_bytes(structure, detail),
        Format::Png | Format::WebP | Format::Gif | Format::Tiff => raster::decode_bytes(structure),
    }
}

/// Runs a codec; its panic is a damaged file.
fn guarded<T>(format: Format, work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    caught(work).unwrap_or_else(|| {
        Err(Refusal::format(format!("the {} is damaged: its decoder gave up on it", format.as_str())))
    })
}
