//! Every bound that an uploaded file can push against, in one place.
//!
//! The numbers are our own choice: above what cameras make today, below what hurts. A file beyond one of
//! them is refused from its header, before anything of its size is allocated.

use crate::refusal::{Check, Refusal};
use crate::structure::Structure;

/// How many bytes a picture of more than [`PLAUSIBLE_ANYWAY_PIXELS`] may unpack to for each byte of its file.
///
/// Deflate reaches 1,032 and GIF's LZW about 2,700; nothing that holds a photo comes near this.
const EXPANSION_MAX: u64 = 4_096;

/// Below this many pixels an empty picture (a plain colour) may be as small as its format allows.
const PLAUSIBLE_ANYWAY_PIXELS: u64 = 4_000_000;

/// What is accepted. [`Limits::default`] is what the platform promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest file, in bytes on disk.
    pub file_bytes_max: u64,
    /// The largest width and the largest height, in pixels.
    pub side_pixels_max: u32,
    /// The largest product of width and height.
    pub pixels_max: u64,
    /// The most scans that a progressive JPEG may have: each costs a pass over the whole picture.
    pub scans_max: u32,
    /// The most pixels that all scans of a progressive JPEG together may pass over: what a decode costs in time.
    pub scan_pixels_max: u64,
    /// The most memory that decoding may take, by [`memory_estimate`](crate::memory_estimate).
    pub decode_bytes_max: u64,
    /// Whether a picture whose name or MIME type says another format is refused.
    pub name_must_match: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes_max: 50_000_000,
            side_pixels_max: 20_000,
            pixels_max: 100_000_000,
            scans_max: 100,
            scan_pixels_max: 2_000_000_000,
            decode_bytes_max: 512 * 1024 * 1024,
            name_must_match: true,
        }
    }
}

impl Limits {
    /// Refuses a file by its length alone, before it is read.
    pub(crate) fn check_length(&self, length: u64) -> Result<(), Refusal> {
        if length == 0 {
            return Err(Refusal::new(Check::FileSize, "the file is empty"));
        }
        if length > self.file_bytes_max {
            return Err(self.too_long(length));
        }
        Ok(())
    }

    /// The refusal of a file with more than [`Limits::file_bytes_max`] bytes.
    pub(crate) fn too_long(&self, length: u64) -> Refusal {
        let reason = format!("the file has {length} bytes; at most {} are accepted", self.file_bytes_max);
        Refusal::new(Check::FileSize, reason)
    }

    /// Refuses a picture by what its header says, before anything of its size is allocated.
    pub(crate) fn check_header(&self, structure: &Structure, length: u64) -> Result<(), Refusal> {
        let (width, height) = (structure.width, structure.height);
        if width == 0 || height == 0 {
            let reason = format!("the picture is {width}x{height} pixels: it has no area");
            return Err(Refusal::new(Check::Dimensions, reason));
        }
        if width > self.side_pixels_max || height > self.side_pixels_max {
            let most = self.side_pixels_max;
            let reason =
                format!("the picture is {width}x{height} pixels; at most {most} a side are accepted");
            return Err(Refusal::new(Check::Dimensions, reason));
        }
        if structure.pixels() > self.pixels_max {
            let reason = format!(
                "the picture has {} megapixels ({width}x{height}); at most {} are accepted",
                structure.pixels() / 1_000_000,
                self.pixels_max / 1_000_000
            );
            return Err(Refusal::new(Check::Dimensions, reason));
        }
        if structure.scans > self.scans_max {
            let (scans, most) = (structure.scans, self.scans_max);
            let reason = format!("the JPEG is made of {scans} scans; at most {most} are accepted");
            return Err(Refusal::new(Check::Format, reason));
        }
        if structure.pixels().saturating_mul(u64::from(structure.scans)) > self.scan_pixels_max {
            let reason = format!(
                "the JPEG passes over its {} megapixels {} times, which takes too long to decode",
                structure.pixels() / 1_000_000,
                structure.scans
            );
            return Err(Refusal::new(Check::Format, reason));
        }
        let implausible =
            structure.pixels() > PLAUSIBLE_ANYWAY_PIXELS && structure.raw_bytes() / EXPANSION_MAX > length;
        if implausible || structure.data_bytes_min > length {
            let reason = format!(
                "the header says {width}x{height} pixels, but the file's {length} bytes cannot hold that many"
            );
            return Err(Refusal::new(Check::Format, reason));
        }
        Ok(())
    }

    /// Refuses a picture that would take too much memory to decode.
    pub(crate) fn check_memory(&self, decode_bytes: u64) -> Result<(), Refusal> {
        if decode_bytes <= self.decode_bytes_max {
            return Ok(());
        }
        let mebibytes = |bytes: u64| bytes / (1024 * 1024);
        let reason = format!(
            "decoding the picture would take about {} MiB of memory; at most {} MiB are allowed",
            mebibytes(decode_bytes),
            mebibytes(self.decode_bytes_max)
        );
        Err(Refusal::new(Check::Dimensions, reason))
    }
}
