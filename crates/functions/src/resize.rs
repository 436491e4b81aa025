//! Resize: one picture in, one JPEG a size out.

use crate::codec::{self, Quality};
use crate::develop::develop;
use crate::limits::Limits;
use crate::picture::Picture;
use crate::refusal::Refusal;
use crate::scale::{fit, scale};

/// A size to make: a box that the picture is fitted into, its aspect ratio kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Size {
    /// `small`, `medium`: it becomes part of the object's key, so it is a safe path segment.
    pub name: &'static str,
    /// Of the box, in pixels.
    pub width: u32,
    /// Of the box, in pixels.
    pub height: u32,
    /// Whether a picture that is smaller than the box is enlarged.
    pub enlarge: bool,
}

impl Size {
    /// The platform's sizes.
    pub const ALL: [Self; 2] = [
        Self { name: "small", width: 800, height: 600, enlarge: false },
        Self { name: "medium", width: 1200, height: 900, enlarge: false },
    ];

    fn for_source(&self, source: (u32, u32)) -> (u32, u32) {
        fit(source, (self.width, self.height), self.enlarge)
    }

    fn area(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// A finished size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resized {
    /// The [`Size::name`].
    pub name: &'static str,
    /// In pixels, upright.
    pub width: u32,
    /// In pixels, upright.
    pub height: u32,
    /// A baseline JPEG in sRGB.
    pub jpeg: Vec<u8>,
}

/// Makes all of `sizes` of a picture, in the order in which they are asked for.
///
/// The largest is made from the source and each smaller one from the next larger: no loss can be measured, and
/// the source is decoded once, at the coarsest scale that the largest size allows.
///
/// # Errors
/// The reason why the picture cannot be read, in words for its owner. Then there is no size at all.
pub fn resize(
    bytes: &[u8],
    sizes: &[Size],
    quality: Quality,
    limits: &Limits,
) -> Result<Vec<Resized>, Refusal> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(sizes[*index].area()));
    let Some(largest) = order.first() else { return Ok(Vec::new()) };
    let developed = develop(bytes, limits, |source| sizes[*largest].for_source(source))?;

    let mut resized: Vec<Option<Resized>> = vec![None; sizes.len()];
    let mut picture = developed.picture;
    for index in order {
        picture = smaller(picture, sizes[index].for_source(developed.source))?;
        let jpeg = codec::encode_jpeg(&picture, quality)?;
        let (width, height) = (picture.width, picture.height);
        resized[index] = Some(Resized { name: sizes[index].name, width, height, jpeg });
    }
    codec::recycle(picture.samples);
    Ok(resized.into_iter().flatten().collect())
}

fn smaller(mut picture: Picture, size: (u32, u32)) -> Result<Picture, Refusal> {
    if (picture.width, picture.height) == size { Ok(picture) } else { scale(&mut picture, size) }
}
