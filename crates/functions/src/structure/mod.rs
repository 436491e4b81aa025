//! What a picture file says about itself, read by walking its container: no pixel is decoded and nothing of
//! the picture's size is allocated.
//!
//! Two decoders that we use accept files that were cut off, so whether a file is whole is found out here,
//! and so is how long it must at least be for the size that its header claims.

mod gif;
mod jpeg;
mod png;
mod tiff;
mod webp;

use crate::kind::Format;
use crate::refusal::Refusal;

pub(crate) use jpeg::{Coding, JpegFrame};

/// A container's own account of the picture in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Structure {
    pub format: Format,
    /// As stored, before any EXIF orientation.
    pub width: u32,
    pub height: u32,
    /// Of the unpacked picture, in its own sample depth.
    pub bits_per_pixel: u64,
    /// The fewest bytes a file with these dimensions can have, where the format sets a firm bound.
    pub data_bytes_min: u64,
    /// Passes over the picture: more than one only in JPEG.
    pub scans: u32,
    /// Only in JPEG.
    pub jpeg: Option<JpegFrame>,
    /// Why the file is not whole, if it is not.
    pub flaw: Option<String>,
}

impl Structure {
    pub(crate) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The picture's size when unpacked, in bytes.
    pub(crate) fn raw_bytes(&self) -> u64 {
        (self.pixels().saturating_mul(self.bits_per_pixel)).div_ceil(8)
    }
}

/// Reads the structure of `bytes`, whose format is found from the bytes themselves.
///
/// # Errors
/// Where not even the dimensions can be read. A file that was cut off later has a [`Structure::flaw`].
pub(crate) fn read(bytes: &[u8]) -> Result<Structure, Refusal> {
    let format = Format::sniff(bytes)?;
    let structure = match format {
        Format::Jpeg => jpeg::read(bytes),
        Format::Png => png::read(bytes),
        Format::WebP => webp::read(bytes),
        Format::Gif => gif::read(bytes),
        Format::Tiff => tiff::read(bytes),
    };
    structure.map_err(Refusal::format)
}

/// A structure with the common defaults, to be completed by a format's reader.
fn plain(format: Format, width: u32, height: u32, bits_per_pixel: u64) -> Structure {
    Structure { format, width, height, bits_per_pixel, data_bytes_min: 0, scans: 1, jpeg: None, flaw: None }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u16_be(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

fn u32_be(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

fn u16_le(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}
