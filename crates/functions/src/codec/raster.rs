//! PNG, WebP, GIF and TIFF in, by the `image` crate. Its limits are always set.

use std::io::Cursor;

use image::codecs::{gif::GifDecoder, png::PngDecoder, tiff::TiffDecoder, webp::WebPDecoder};
use image::{DynamicImage, ImageDecoder, ImageError};

use super::{About, ColourModel, Decoded};
use crate::kind::Format;
use crate::limits::Limits;
use crate::picture::{Layout, Orientation, Picture};
use crate::refusal::Refusal;
use crate::structure::Structure;

/// Room for what is not pixels: a PNG's compressed colour profile, above all, which may unpack to anything.
const METADATA_BYTES_MAX: u64 = 16 * 1024 * 1024;

pub(super) fn about(bytes: &[u8], structure: &Structure, limits: &Limits) -> Result<About, Refusal> {
    let mut decoder = decoder(bytes, structure, limits)?;
    about_of(decoder.as_mut(), structure.format)
}

/// Animations give their first frame.
pub(super) fn decode(bytes: &[u8], structure: &Structure, limits: &Limits) -> Result<Decoded, Refusal> {
    let mut decoder = decoder(bytes, structure, limits)?;
    let about = about_of(decoder.as_mut(), structure.format)?;
    let image = DynamicImage::from_decoder(decoder).map_err(|error| damaged(&error, structure.format))?;
    Ok(Decoded { picture: to_eight_bits(image), about })
}

/// The unpacked picture, once as its decoder makes it and once as eight bits a sample; WebP and GIF paint on
/// a canvas of their own.
pub(super) fn decode_bytes(structure: &Structure) -> u64 {
    let channels = match structure.format {
        Format::WebP | Format::Gif => 4,
        Format::Png | Format::Tiff | Format::Jpeg => {
            if structure.bits_per_pixel <= 32 {
                0
            } else {
                4
            }
        }
    };
    structure.raw_bytes().saturating_add(structure.pixels() * channels)
}

fn decoder<'a>(
    bytes: &'a [u8],
    structure: &Structure,
    limits: &Limits,
) -> Result<Box<dyn ImageDecoder + 'a>, Refusal> {
    let format = structure.format;
    let mut bounds = image::Limits::default();
    bounds.max_image_width = Some(limits.side_pixels_max);
    bounds.max_image_height = Some(limits.side_pixels_max);
    bounds.max_alloc = Some(decode_bytes(structure).min(limits.decode_bytes_max) + METADATA_BYTES_MAX);
    let source = Cursor::new(bytes);
    let opened: Result<Box<dyn ImageDecoder + 'a>, ImageError> = match format {
        Format::Png => PngDecoder::with_limits(source, bounds.clone()).map(|d| Box::new(d) as _),
        Format::WebP => WebPDecoder::new(source).map(|d| Box::new(d) as _),
        Format::Gif => GifDecoder::new(source).map(|d| Box::new(d) as _),
        Format::Tiff => TiffDecoder::new(source).map(|d| Box::new(d) as _),
        Format::Jpeg => unreachable!("JPEG has a codec of its own"),
    };
    let mut decoder = opened.map_err(|error| damaged(&error, format))?;
    decoder.set_limits(bounds).map_err(|error| damaged(&error, format))?;
    if decoder.dimensions() != (structure.width, structure.height) {
        // What was checked is not what would be decoded.
        return Err(Refusal::format(format!("the {} says two different sizes", format.as_str())));
    }
    Ok(decoder)
}

fn about_of(decoder: &mut (dyn ImageDecoder + '_), format: Format) -> Result<About, Refusal> {
    // Damaged metadata is no reason to refuse a picture that decodes: it is shown as without.
    let orientation =
        decoder.orientation().map_or(Orientation::UPRIGHT, |o| Orientation::from_exif(o.to_exif()));
    let profile = decoder.icc_profile().unwrap_or(None);
    let color = decoder.original_color_type();
    let model = match color {
        image::ExtendedColorType::Cmyk8 | image::ExtendedColorType::Cmyk16 => ColourModel::Cmyk,
        _ if decoder.color_type().has_color() => ColourModel::Rgb,
        _ => ColourModel::Grey,
    };
    if decoder.total_bytes() == 0 {
        return Err(Refusal::format(format!("the {} has no pixels", format.as_str())));
    }
    Ok(About { orientation, profile, model })
}

fn to_eight_bits(image: DynamicImage) -> Picture {
    let (width, height) = (image.width(), image.height());
    let color = image.color();
    let (layout, samples) = match (color.has_alpha(), color.has_color()) {
        (false, false) => (Layout::Grey, image.into_luma8().into_raw()),
        (false, true) => (Layout::Rgb, image.into_rgb8().into_raw()),
        (true, _) => (Layout::Rgba, image.into_rgba8().into_raw()),
    };
    Picture { width, height, layout, samples }
}

fn damaged(error: &ImageError, format: Format) -> Refusal {
    let name = format.as_str();
    match error {
        ImageError::Unsupported(what) => {
            Refusal::format(format!("the {name} is of a kind not supported: {what}"))
        }
        ImageError::Limits(what) => Refusal::format(format!("the {name} needs too much memory: {what}")),
        other => Refusal::format(format!("the {name} is damaged: {other}")),
    }
}
