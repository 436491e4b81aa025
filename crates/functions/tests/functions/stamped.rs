//! The watermark: where it is, that it can be read on anything, and that it touches nothing else.

use darkroom_functions::{Limits, Quality, Watermark, watermark};
use image::{Rgb, RgbImage};
use proptest::prelude::*;

use crate::fixtures::{decode_jpeg, jpeg, photo};

fn marked(picture: &RgbImage) -> RgbImage {
    let best = Watermark { quality: Quality::new(100).unwrap(), ..Watermark::default() };
    decode_jpeg(&watermark(&jpeg(picture), &best, &Limits::default()).unwrap())
}

/// The pixels that the mark has changed visibly, as left, top, right, bottom, and the darkest and lightest.
struct Found {
    box_: (u32, u32, u32, u32),
    darkest: u8,
    lightest: u8,
}

fn find(before: u8, picture: &RgbImage) -> Found {
    let (mut left, mut top, mut right, mut bottom) = (u32::MAX, u32::MAX, 0, 0);
    let (mut darkest, mut lightest) = (before, before);
    for (x, y, pixel) in picture.enumerate_pixels() {
        if pixel[1].abs_diff(before) > 12 {
            (left, top) = (left.min(x), top.min(y));
            (right, bottom) = (right.max(x), bottom.max(y));
            (darkest, lightest) = (darkest.min(pixel[1]), lightest.max(pixel[1]));
        }
    }
    Found { box_: (left, top, right, bottom), darkest, lightest }
}

#[test]
fn it_stands_bottom_right_and_is_legible_on_light_and_dark() {
    for (width, height) in [(1200, 900), (800, 450), (338, 600), (150, 100)] {
        for background in [0, 128, 255] {
            let picture = RgbImage::from_pixel(width, height, Rgb([background; 3]));
            let found = find(background, &marked(&picture));
            let (left, top, right, bottom) = found.box_;
            let what = format!("{width}x{height} on {background}: {:?}", found.box_);
            assert!(right < width && right > width * 9 / 10, "at the right: {what}");
            assert!(bottom < height && bottom > height * 8 / 10, "at the bottom: {what}");
            assert!(top > height / 2, "in the lower half: {what}");
            let share = (right - left) * 100 / width;
            assert!((25..=92).contains(&share), "{share} % wide: {what}");
            assert!(found.lightest - found.darkest > 80, "contrast of letters and ground: {what}");
        }
    }
}

#[test]
fn it_is_half_transparent() {
    // A letter's inside on black is light, but no white: the picture still counts.
    let black = find(0, &marked(&RgbImage::from_pixel(1200, 900, Rgb([0; 3]))));
    assert!((150..230).contains(&black.lightest), "{}", black.lightest);
    let white = find(255, &marked(&RgbImage::from_pixel(1200, 900, Rgb([255; 3]))));
    assert!(white.darkest > 90, "{}", white.darkest);
}

#[test]
fn the_rest_of_the_picture_is_left_alone() {
    let picture = photo();
    let with = marked(&picture);
    let upper = |image: &RgbImage| image::imageops::crop_imm(image, 0, 0, 150, 60).to_image();
    let difference = crate::fixtures::difference(&upper(&picture), &upper(&with));
    assert!(difference < 3.0, "the upper part differs by {difference}");
}

#[test]
fn the_same_picture_gives_the_same_bytes() {
    let file = jpeg(&photo());
    let once = watermark(&file, &Watermark::default(), &Limits::default()).unwrap();
    assert_eq!(once, watermark(&file, &Watermark::default(), &Limits::default()).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_text_on_any_size_keeps_the_size(width in 1_u32..300, height in 1_u32..300, text in ".{0,40}") {
        let file = jpeg(&RgbImage::from_pixel(width, height, Rgb([80; 3])));
        let mark = Watermark { text, ..Watermark::default() };
        let marked = decode_jpeg(&watermark(&file, &mark, &Limits::default()).unwrap());
        prop_assert_eq!(marked.dimensions(), (width, height));
    }
}
