//! Laws that hold for every input: no panic, and validation and resize are of one mind.

use std::sync::LazyLock;

use darkroom_functions::{
    Claim, Limits, Quality, Size, Verdict, Watermark, memory_estimate, resize, validate, watermark,
};
use image::{DynamicImage, ImageFormat};
use proptest::prelude::*;

use crate::fixtures::{encode, exif, jpeg_encoder, photo};

/// One small picture of each kind.
static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let photo = image::imageops::thumbnail(&photo(), 48, 32);
    let image = DynamicImage::from(photo.clone());
    let exif = exif(6);
    let profile = moxcms::ColorProfile::new_adobe_rgb().encode().unwrap();
    vec![
        jpeg_encoder(&photo).exif_data(&exif).icc_profile(&profile).encode().unwrap(),
        jpeg_encoder(&photo).progressive(true).encode().unwrap(),
        jpeg_encoder(&photo).arithmetic(true).encode().unwrap(),
        encode(&image, ImageFormat::Png),
        encode(&DynamicImage::from(image.to_rgba16()), ImageFormat::Png),
        encode(&image, ImageFormat::WebP),
        include_bytes!("fixtures/chelsea-lossy.webp").to_vec(),
        encode(&image, ImageFormat::Gif),
        encode(&image, ImageFormat::Tiff),
    ]
});

/// A seed with some bytes changed and perhaps its end cut off.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let changes = proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..8);
    (0..SEEDS.len(), changes, 0_usize..400).prop_map(|(seed, changes, cut)| {
        let mut bytes = SEEDS[seed].clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(bytes.len() - cut.saturating_sub(200).min(bytes.len()));
        bytes
    })
}

/// Small, so that a header that was damaged upwards does not slow the test down.
fn limits() -> Limits {
    Limits { pixels_max: 4_000_000, ..Limits::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn damaged_pictures_never_panic_and_what_is_valid_can_be_resized(bytes in damaged()) {
        let validation = validate(&bytes, &Claim::default(), &limits());
        let resized = resize(&bytes, &Size::ALL, Quality::default(), &limits());
        prop_assert_eq!(validation.result == Verdict::Valid, resized.is_ok(), "{:?} {:?}", validation, resized);
        prop_assert_eq!(validation.result == Verdict::Invalid, !validation.reasons.is_empty());
        drop(watermark(&bytes, &Watermark::default(), &limits()));
        prop_assert!(memory_estimate(&bytes, &limits()).is_none_or(|bytes| bytes < 128_000_000));
    }

    #[test]
    fn any_bytes_behind_any_magic_never_panic(magic in 0..SEEDS.len(), rest in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = SEEDS[magic][..12].to_vec();
        bytes.extend(rest);
        drop(validate(&bytes, &Claim::default(), &limits()));
    }
}
