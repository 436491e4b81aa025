//! Fitting a picture into a box, and scaling it with the Lanczos filter.

use std::cell::RefCell;

use fast_image_resize::images::TypedImage;
use fast_image_resize::pixels::{U8, U8x3, U8x4};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use crate::picture::{Layout, Picture};
use crate::refusal::Refusal;

/// The size at which a picture fills `bounds` as far as its aspect ratio lets it.
///
/// Never larger than the source unless `enlarge` is set; each side at least 1 and at most its bound.
pub fn fit(source: (u32, u32), bounds: (u32, u32), enlarge: bool) -> (u32, u32) {
    let (width, height) = (source.0.max(1), source.1.max(1));
    let (most_wide, most_high) = (bounds.0.max(1), bounds.1.max(1));
    if !enlarge && width <= most_wide && height <= most_high {
        return (width, height);
    }
    let widest = u64::from(most_wide) * u64::from(height) <= u64::from(most_high) * u64::from(width);
    if widest {
        (most_wide, proportional(height, most_wide, width).min(most_high))
    } else {
        (proportional(width, most_high, height).min(most_wide), most_high)
    }
}

/// `side * numerator / denominator`, rounded to the nearest, at least 1.
fn proportional(side: u32, numerator: u32, denominator: u32) -> u32 {
    let denominator = u64::from(denominator);
    let rounded = (u64::from(side) * u64::from(numerator) + denominator / 2) / denominator;
    u32::try_from(rounded.max(1)).unwrap_or(u32::MAX)
}

thread_local! {
    // Its inner buffers are worth keeping from picture to picture.
    static RESIZER: RefCell<Resizer> = RefCell::new(Resizer::new());
}

/// Scales to exactly `width` x `height`. Transparent pixels don't bleed into their neighbours.
///
/// The picture is left as it is; it is borrowed as if it were written to for what [`scale_pixels`] says.
pub(crate) fn scale(picture: &mut Picture, (width, height): (u32, u32)) -> Result<Picture, Refusal> {
    let samples = match picture.layout {
        Layout::Grey => scale_pixels::<U8>(picture, (width, height)),
        Layout::Rgb => scale_pixels::<U8x3>(picture, (width, height)),
        Layout::Rgba | Layout::Cmyk => scale_pixels::<U8x4>(picture, (width, height)),
    };
    let samples =
        samples.map_err(|error| Refusal::format(format!("the picture could not be scaled: {error}")))?;
    Ok(Picture { width, height, layout: picture.layout, samples })
}

/// The types are chosen for what they cost to build. Typed, because the crate's own choice of a type at run time brings
/// in its code for every pixel type there is. And the source is of the type of the target, though it could be a view that
/// is only read: the crate's own picture between two passes is of that type too, so that each pass is there once, and not
/// for every pair of types.
fn scale_pixels<P: PixelTrait>(picture: &mut Picture, to: (u32, u32)) -> Result<Vec<u8>, String> {
    let layout = picture.layout;
    let source = TypedImage::<P>::from_buffer(picture.width, picture.height, &mut picture.samples)
        .map_err(|error| error.to_string())?;
    let (width, height) = to;
    let mut samples = vec![0; width as usize * height as usize * layout.channels()];
    let mut target =
        TypedImage::<P>::from_buffer(width, height, &mut samples).map_err(|error| error.to_string())?;
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .use_alpha(layout == Layout::Rgba);
    RESIZER
        .with_borrow_mut(|resizer| resizer.resize_typed(&source, &mut target, &options))
        .map_err(|error| error.to_string())?;
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pictures_fit_their_boxes() {
        let cases = [
            ((1920, 1080), (800, 600), (800, 450)),
            ((1920, 1080), (1200, 900), (1200, 675)),
            ((1080, 1920), (800, 600), (338, 600)),
            ((640, 480), (800, 600), (640, 480)),
            ((800, 600), (800, 600), (800, 600)),
            ((10_000, 1), (800, 600), (800, 1)),
            ((1, 10_000), (800, 600), (1, 600)),
        ];
        for (source, bounds, expected) in cases {
            assert_eq!(fit(source, bounds, false), expected, "{source:?} into {bounds:?}");
        }
        assert_eq!(fit((400, 300), (800, 600), true), (800, 600));
    }

    proptest! {
        #[test]
        fn fitting_keeps_the_aspect_ratio_and_the_bounds(
            source in (1_u32..30_000, 1_u32..30_000),
            bounds in (1_u32..4_000, 1_u32..4_000),
            enlarge: bool,
        ) {
            let (width, height) = fit(source, bounds, enlarge);
            prop_assert!(width >= 1 && height >= 1);
            prop_assert!(width <= bounds.0 && height <= bounds.1);
            prop_assert!(enlarge || (width <= source.0 && height <= source.1));
            let ideal_height = f64::from(width) * f64::from(source.1) / f64::from(source.0);
            let ideal_width = f64::from(height) * f64::from(source.0) / f64::from(source.1);
            let near = |side: u32, ideal: f64| (f64::from(side) - ideal).abs() <= 1.0;
            prop_assert!(near(height, ideal_height) || near(width, ideal_width));
            // It fills the box on one side, unless it is smaller than the box.
            prop_assert!(width == bounds.0 || height == bounds.1 || (width, height) == source);
        }
    }
}
