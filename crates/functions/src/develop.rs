//! From a decoded picture to one that can be shown anywhere: upright, sRGB, opaque.
//!
//! The steps, in this order: decode, scale, orient, convert the colours, composite on white. Scaling comes
//! first because the others then touch a million pixels instead of twenty; the result is the same, since
//! turning commutes with scaling and the filter works on premultiplied alpha.

use crate::codec::{self, Decoded, Detail};
use crate::colour;
use crate::inspect::inspect;
use crate::limits::Limits;
use crate::picture::{Layout, Picture};
use crate::refusal::Refusal;
use crate::scale::scale;

/// A developed picture, and the size that its source has when it is upright.
pub(crate) struct Developed {
    /// RGB, sRGB, upright, without alpha.
    pub picture: Picture,
    pub source: (u32, u32),
}

/// Develops a file at the size that `target` answers for its upright size.
pub(crate) fn develop(
    bytes: &[u8],
    limits: &Limits,
    target: impl FnOnce((u32, u32)) -> (u32, u32),
) -> Result<Developed, Refusal> {
    let structure = inspect(bytes, limits)?;
    let about = codec::about(bytes, &structure, limits)?;
    let source = about.orientation.upright((structure.width, structure.height));
    let (width, height) = about.orientation.upright(target(source));
    let detail = if (width, height) == (structure.width, structure.height) {
        Detail::Full
    } else {
        Detail::For { width, height }
    };
    limits.check_memory(codec::decode_bytes(&structure, detail))?;
    let Decoded { picture, about } = codec::decode(bytes, &structure, detail, limits)?;
    let picture = scaled(picture, (width, height))?;
    let picture = picture.upright(about.orientation);
    let picture = colour::to_srgb(picture, about.profile.as_deref());
    Ok(Developed { picture: on_white(picture), source })
}

/// Scales where there is need to, and hands a large buffer on to the next decode.
fn scaled(mut picture: Picture, size: (u32, u32)) -> Result<Picture, Refusal> {
    if (picture.width, picture.height) == size {
        return Ok(picture);
    }
    let small = scale(&mut picture, size)?;
    codec::recycle(picture.samples);
    Ok(small)
}

/// Lays the picture on white paper: JPEG has no transparency, and white is what a page has behind it.
fn on_white(picture: Picture) -> Picture {
    if picture.layout != Layout::Rgba {
        return picture;
    }
    let samples = picture
        .pixels()
        .chunks_exact(4)
        .flat_map(|pixel| {
            let alpha = u32::from(pixel[3]);
            [pixel[0], pixel[1], pixel[2]].map(|sample| {
                let mixed = (u32::from(sample) * alpha + 255 * (255 - alpha) + 127) / 255;
                u8::try_from(mixed).unwrap_or(u8::MAX)
            })
        })
        .collect();
    Picture { layout: Layout::Rgb, samples, ..picture }
}
