//! JPEG, both ways, by libjpeg-turbo-rs.
//!
//! That crate has much `unsafe` inside; it is called from here and nowhere else, in its strict mode, in which
//! a stream that stops early is an error and not a grey area.

use libjpeg_turbo_rs::{
    ColorSpace, DecodeLimits, Decoder, Encoder, JpegError, PixelFormat, ScalingFactor, Subsampling,
};

use super::{About, ColourModel, Decoded, Detail, scratch};
use crate::limits::Limits;
use crate::picture::{Layout, Orientation, Picture};
use crate::refusal::Refusal;
use crate::structure::{Coding, JpegFrame, Structure};

/// JPEG's quality scale, 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quality(u8);

impl Quality {
    /// `None` outside 1 to 100.
    pub fn new(quality: u8) -> Option<Self> {
        (1..=100).contains(&quality).then_some(Self(quality))
    }
}

impl Default for Quality {
    /// 85: the level at which this stack and libvips were compared.
    fn default() -> Self {
        Self(85)
    }
}

pub(super) fn about(bytes: &[u8], limits: &Limits) -> Result<About, Refusal> {
    about_of(&decoder(bytes, limits)?)
}

pub(super) fn decode(
    bytes: &[u8],
    structure: &Structure,
    detail: Detail,
    limits: &Limits,
) -> Result<Decoded, Refusal> {
    let mut decoder = decoder(bytes, limits)?;
    let about = about_of(&decoder)?;
    let (layout, format) = match about.model {
        ColourModel::Grey => (Layout::Grey, PixelFormat::Grayscale),
        ColourModel::Rgb => (Layout::Rgb, PixelFormat::Rgb),
        ColourModel::Cmyk => (Layout::Cmyk, PixelFormat::Cmyk),
    };
    decoder.set_output_format(format);
    let factor = ScalingFactor::try_new(1, shrink(structure, detail)).map_err(damaged)?;
    decoder.set_scale(factor);
    let mut samples = scratch::take(decoder.output_buffer_size().map_err(damaged)?);
    let info = decoder.decode_image_into(&mut samples).map_err(damaged)?;
    let side = |pixels: usize| u32::try_from(pixels).map_err(|_| Refusal::format("the JPEG is too large"));
    let mut picture = Picture { width: side(info.width)?, height: side(info.height)?, layout, samples };
    if layout == Layout::Cmyk && structure.jpeg.as_ref().is_some_and(|frame| frame.adobe) {
        // Adobe stores the absence of ink.
        picture.samples.iter_mut().for_each(|sample| *sample = 255 - *sample);
    }
    Ok(Decoded { picture, about })
}

/// By how much the inverse transform scales down while decoding: 1, 2, 4 or 8.
fn shrink(structure: &Structure, detail: Detail) -> u32 {
    match detail {
        Detail::Full => 1,
        Detail::Probe => 8,
        // Half as much again as the target leaves the Lanczos filter enough to work with.
        Detail::For { width, height } => [8, 4, 2]
            .into_iter()
            .find(|by| {
                let enough = |have: u32, want: u32| 2 * u64::from(have.div_ceil(*by)) >= 3 * u64::from(want);
                enough(structure.width, width) && enough(structure.height, height)
            })
            .unwrap_or(1),
    }
}

/// Planes and pixels at the scale of the decode; the coefficients of a picture of several scans are all held.
pub(super) fn decode_bytes(structure: &Structure, detail: Detail) -> u64 {
    let Some(JpegFrame { samples, components, coding, .. }) = structure.jpeg.as_ref() else { return 0 };
    let components = u64::from(*components);
    let pixels = structure.pixels() * components;
    if *coding == Coding::Lossless || structure.bits_per_pixel > 8 * components {
        // Not scaled while decoding, and decoded to 16 bits first.
        return 4 * samples + 2 * pixels;
    }
    let coefficients = if structure.scans > 1 { 2 * samples } else { 0 };
    coefficients + (samples + pixels) / u64::from(shrink(structure, detail)).pow(2)
}

/// Writes RGB as a baseline JPEG with 4:2:0 chroma. Colours are sRGB, which needs no profile.
///
/// A restart marker after every row of blocks, some eight bytes each, lets the watermark replace rows.
pub(super) fn encode(picture: &Picture, quality: Quality) -> Result<Vec<u8>, Refusal> {
    let format = match picture.layout {
        Layout::Grey => PixelFormat::Grayscale,
        Layout::Rgb => PixelFormat::Rgb,
        Layout::Rgba => PixelFormat::Rgbx,
        Layout::Cmyk => PixelFormat::Cmyk,
    };
    Encoder::new(picture.pixels(), picture.width as usize, picture.height as usize, format)
        .quality(quality.0)
        .subsampling(Subsampling::S420)
        .restart_rows(1)
        .encode()
        .map_err(|error| Refusal::format(format!("the picture could not be written as JPEG: {error}")))
}

fn decoder<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Decoder<'a>, Refusal> {
    let side = limits.side_pixels_max as usize;
    let bounds = DecodeLimits {
        max_width: side,
        max_height: side,
        max_pixels: limits.pixels_max,
        max_scans: limits.scans_max as usize,
        // Ours knows of the scale, theirs does not.
        max_memory: None,
    };
    let mut decoder = Decoder::new_with_limits(bytes, bounds).map_err(damaged)?;
    decoder.set_limits(bounds);
    Ok(decoder)
}

fn about_of(decoder: &Decoder) -> Result<About, Refusal> {
    let model = match decoder.jpeg_color_space() {
        ColorSpace::Grayscale => ColourModel::Grey,
        ColorSpace::YCbCr | ColorSpace::Rgb => ColourModel::Rgb,
        ColorSpace::Cmyk | ColorSpace::Ycck => ColourModel::Cmyk,
        ColorSpace::Unknown => return Err(Refusal::format("the JPEG has an unknown number of colours")),
    };
    let orientation = decoder.exif_orientation().map_or(Orientation::UPRIGHT, Orientation::from_exif);
    Ok(About { orientation, profile: decoder.icc_profile().map_err(damaged)?, model })
}

fn damaged(error: JpegError) -> Refusal {
    match error {
        JpegError::UnexpectedEof => {
            Refusal::format("the JPEG's image data ends too early: the file is damaged or truncated")
        }
        JpegError::Unsupported(what) => {
            Refusal::format(format!("the JPEG is of a kind not supported: {what}"))
        }
        other => Refusal::format(format!("the JPEG is damaged: {other}")),
    }
}
