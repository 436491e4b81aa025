//! Pictures of every kind come out right, compared by their pixels with the stated tolerance.

use darkroom_functions::{Claim, Limits, Quality, Resized, Size, Verdict, resize, validate};
use image::codecs::gif::GifEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, Frame, ImageEncoder, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use libjpeg_turbo_rs::{ColorSpace, Encoder, PixelFormat};
use moxcms::ColorProfile;

use crate::fixtures::{decode_jpeg, difference, encode, example, exif, jpeg, jpeg_encoder, photo, stored_as};

/// The mean difference that two JPEG codings at quality 85 with halved chroma make of a photo.
const CODING: f64 = 3.5;

const LARGE: Size = Size { name: "large", width: 2000, height: 2000, enlarge: false };
const BEST: u8 = 100;

/// The picture as the resize function shows it, at its own size.
fn shown(bytes: &[u8]) -> RgbImage {
    let validation = validate(bytes, &Claim::default(), &Limits::default());
    assert_eq!(validation.result, Verdict::Valid, "{:?}", validation.reasons);
    let resized = one(bytes, &LARGE);
    let metadata = validation.image_metadata.unwrap();
    assert_eq!((metadata.width, metadata.height), (resized.width, resized.height), "validation's size");
    decode_jpeg(&resized.jpeg)
}

fn one(bytes: &[u8], size: &Size) -> Resized {
    let sizes = std::slice::from_ref(size);
    resize(bytes, sizes, Quality::new(BEST).unwrap(), &Limits::default()).unwrap().remove(0)
}

fn color_space(bytes: &[u8]) -> String {
    validate(bytes, &Claim::default(), &Limits::default()).image_metadata.unwrap().color_space
}

fn shows(bytes: &[u8], expected: &RgbImage, what: &str) {
    let difference = difference(&shown(bytes), expected);
    assert!(difference < CODING, "{what} differs by {difference}");
}

/// One colour everywhere, within the rounding of a JPEG.
fn shows_colour(bytes: &[u8], expected: [u8; 3], what: &str) {
    let picture = shown(bytes);
    let pixel = picture.get_pixel(picture.width() / 2, picture.height() / 2).0;
    let near = pixel.iter().zip(expected).all(|(found, wanted)| found.abs_diff(wanted) <= 3);
    assert!(near, "{what}: {pixel:?}, expected {expected:?}");
}

#[test]
fn all_eight_orientations_come_out_upright_and_alike() {
    let upright = photo();
    for orientation in 1..=8 {
        let stored = stored_as(&upright, orientation);
        let exif = exif(orientation);
        let file = jpeg_encoder(&stored).exif_data(&exif).encode().unwrap();
        shows(&file, &upright, &format!("orientation {orientation} in JPEG"));

        let mut png = Vec::new();
        let mut encoder = PngEncoder::new(&mut png);
        encoder.set_exif_metadata(exif).unwrap();
        encoder
            .write_image(stored.as_raw(), stored.width(), stored.height(), image::ColorType::Rgb8.into())
            .unwrap();
        shows(&png, &upright, &format!("orientation {orientation} in PNG"));
    }
}

#[test]
fn a_turned_picture_fits_its_box_by_how_it_is_seen() {
    let stored = stored_as(&photo(), 6);
    let exif = exif(6);
    let file = jpeg_encoder(&stored).exif_data(&exif).encode().unwrap();
    let resized = one(&file, &Size { name: "box", width: 75, height: 75, enlarge: false });
    assert_eq!((resized.width, resized.height), (75, 50));
}

#[test]
fn every_format_shows_the_same_picture() {
    let expected = photo();
    let image = DynamicImage::from(expected.clone());
    shows(&jpeg(&expected), &expected, "JPEG");
    shows(&jpeg_encoder(&expected).progressive(true).encode().unwrap(), &expected, "progressive JPEG");
    shows(&encode(&image, ImageFormat::Png), &expected, "PNG");
    shows(&encode(&DynamicImage::from(image.to_rgb16()), ImageFormat::Png), &expected, "16-bit PNG");
    shows(&encode(&image, ImageFormat::WebP), &expected, "lossless WebP");
    shows(&encode(&image, ImageFormat::Tiff), &expected, "TIFF");
    shows(&encode(&DynamicImage::from(image.to_rgb16()), ImageFormat::Tiff), &expected, "16-bit TIFF");
    // This one was coded at quality 80, by libwebp.
    assert!(difference(&shown(include_bytes!("fixtures/chelsea-lossy.webp")), &expected) < 5.0);
    // A palette of 256 colours is coarser.
    assert!(difference(&shown(&encode(&image, ImageFormat::Gif)), &expected) < 8.0);
}

#[test]
fn grey_pictures_stay_grey() {
    let grey = DynamicImage::from(photo()).to_luma8();
    let expected = DynamicImage::from(grey.clone()).to_rgb8();
    let image = DynamicImage::from(grey.clone());
    let (width, height) = (grey.width() as usize, grey.height() as usize);
    let file =
        Encoder::new(grey.as_raw(), width, height, PixelFormat::Grayscale).quality(96).encode().unwrap();
    assert_eq!(color_space(&file), "Gray");
    shows(&file, &expected, "grey JPEG");
    shows(&encode(&image, ImageFormat::Png), &expected, "grey PNG");
    shows(&encode(&DynamicImage::from(image.to_luma16()), ImageFormat::Png), &expected, "16-bit grey PNG");
    shows(&encode(&image, ImageFormat::Tiff), &expected, "grey TIFF");
}

/// Inks that show `pixel` on white paper; `black` takes over what all three colours have in common.
fn inks(pixel: Rgb<u8>) -> [u8; 4] {
    let brightest = pixel.0.into_iter().max().unwrap_or(0).max(1);
    let ink = |sample: u8| 255 - (u32::from(sample) * 255 / u32::from(brightest)) as u8;
    [ink(pixel[0]), ink(pixel[1]), ink(pixel[2]), 255 - brightest]
}

#[test]
fn cmyk_jpegs_show_the_same_picture() {
    let expected = photo();
    let (width, height) = (expected.width() as usize, expected.height() as usize);
    let plain: Vec<u8> = expected.pixels().flat_map(|pixel| inks(*pixel)).collect();
    let inverted: Vec<u8> = plain.iter().map(|ink| 255 - ink).collect();
    let encoder = |samples| Encoder::new(samples, width, height, PixelFormat::Cmyk).quality(96);
    let adobe = encoder(&inverted).colorspace(ColorSpace::Cmyk).write_adobe_marker(true).encode().unwrap();
    assert_eq!(color_space(&adobe), "CMYK");
    shows(&adobe, &expected, "Adobe's inverted CMYK");
    let bare = encoder(&plain).colorspace(ColorSpace::Cmyk).write_adobe_marker(false).encode().unwrap();
    shows(&bare, &expected, "CMYK without Adobe's marker");
    shows(&ycck(&inverted, width, height), &expected, "YCCK");
}

/// Adobe's YCCK: the first three inks coded as if they were RGB, the fourth as it is. The encoder writes no
/// YCCK, so the planes are converted here, coded as CMYK, and the marker is changed to say what they are.
fn ycck(cmyk: &[u8], width: usize, height: usize) -> Vec<u8> {
    let planes: Vec<u8> = cmyk
        .chunks_exact(4)
        .flat_map(|inks| {
            // libjpeg: C, M, Y are the complements of the RGB that the first three planes decode to.
            let [r, g, b] = [inks[0], inks[1], inks[2]].map(|ink| f64::from(255 - ink));
            let luma = 0.299 * r + 0.587 * g + 0.114 * b;
            let blue = 128.0 + (b - luma) * 0.564;
            let red = 128.0 + (r - luma) * 0.713;
            [luma.round() as u8, blue.round() as u8, red.round() as u8, inks[3]]
        })
        .collect();
    let mut file = Encoder::new(&planes, width, height, PixelFormat::Cmyk)
        .quality(96)
        .colorspace(ColorSpace::Cmyk)
        .write_adobe_marker(true)
        .encode()
        .unwrap();
    let marker = file.windows(5).position(|name| name == b"Adobe").unwrap();
    file[marker + 11] = 2;
    file
}

#[test]
fn transparency_shows_white_paper() {
    let solid =
        |pixel| encode(&DynamicImage::from(RgbaImage::from_pixel(20, 20, Rgba(pixel))), ImageFormat::Png);
    shows_colour(&solid([0, 0, 0, 0]), [255, 255, 255], "nothing");
    shows_colour(&solid([255, 0, 0, 128]), [255, 127, 127], "half red");
    shows_colour(&solid([10, 200, 30, 255]), [10, 200, 30], "opaque green");
    let webp =
        encode(&DynamicImage::from(RgbaImage::from_pixel(20, 20, Rgba([9, 9, 9, 0]))), ImageFormat::WebP);
    shows_colour(&webp, [255, 255, 255], "a transparent WebP");
}

#[test]
fn transparent_pixels_do_not_bleed_when_scaled() {
    // Green that is fully transparent, beside opaque red: no green may come through.
    let image =
        RgbaImage::from_fn(64, 64, |x, _| if x < 32 { Rgba([0, 255, 0, 0]) } else { Rgba([255, 0, 0, 255]) });
    let file = encode(&DynamicImage::from(image), ImageFormat::Png);
    let resized = one(&file, &Size { name: "box", width: 16, height: 16, enlarge: false });
    for pixel in decode_jpeg(&resized.jpeg).pixels() {
        // White and red have as much green as blue; only the transparent colour has more.
        assert!(pixel[1].saturating_sub(pixel[2]) < 12, "{pixel:?} is greenish");
    }
}

#[test]
fn a_palette_with_transparency_is_unpacked() {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 16, 16);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Four);
    encoder.set_palette(vec![200, 30, 60, 0, 0, 0]);
    encoder.set_trns(vec![255, 0]);
    encoder.write_header().unwrap().write_image_data(&[0x00; 8 * 16]).unwrap();
    shows_colour(&file, [200, 30, 60], "palette entry 0");
    assert_eq!(color_space(&file), "sRGB");
}

#[test]
fn an_animation_shows_its_first_frame() {
    let frame = |colour| Frame::new(RgbaImage::from_pixel(20, 20, Rgba(colour)));
    let mut file = Vec::new();
    let mut encoder = GifEncoder::new(&mut file);
    encoder.encode_frames([frame([220, 20, 60, 255]), frame([0, 0, 255, 255])]).unwrap();
    drop(encoder);
    shows_colour(&file, [220, 20, 60], "the first frame");
}

#[test]
fn profiles_are_converted_to_srgb() {
    let with_profile = |pixel: [u8; 3], profile: &ColorProfile| {
        let image = RgbImage::from_pixel(16, 16, Rgb(pixel));
        let icc = profile.encode().unwrap();
        jpeg_encoder(&image).icc_profile(&icc).encode().unwrap()
    };
    // The same greens, by the two spaces' own formulas: linear, through XYZ, and back.
    shows_colour(&with_profile([120, 160, 120], &ColorProfile::new_adobe_rgb()), [99, 161, 119], "Adobe RGB");
    shows_colour(
        &with_profile([120, 160, 120], &ColorProfile::new_display_p3()),
        [108, 162, 117],
        "Display P3",
    );
    shows_colour(&with_profile([120, 160, 120], &ColorProfile::new_srgb()), [120, 160, 120], "sRGB");
    assert_eq!(color_space(&example("photos/rocket.jpg")), "Adobe RGB (1998)");
}

#[test]
fn a_damaged_profile_is_ignored() {
    let image = RgbImage::from_pixel(16, 16, Rgb([120, 160, 120]));
    let file = jpeg_encoder(&image).icc_profile(b"this is no profile at all").encode().unwrap();
    shows_colour(&file, [120, 160, 120], "without its profile");
}

#[test]
fn sizes_are_made_in_the_order_asked_for_and_never_enlarged() {
    let photo = photo();
    let wide = image::imageops::resize(&photo, 1920, 1080, FilterType::Triangle);
    let resized = resize(&jpeg(&wide), &Size::ALL, Quality::default(), &Limits::default()).unwrap();
    let sizes: Vec<_> = resized.iter().map(|size| (size.name, size.width, size.height)).collect();
    assert_eq!(sizes, [("small", 800, 450), ("medium", 1200, 675)]);
    for size in &resized {
        let expected = image::imageops::resize(&photo, size.width, size.height, FilterType::Lanczos3);
        let difference = difference(&decode_jpeg(&size.jpeg), &expected);
        assert!(difference < CODING, "{} differs by {difference}", size.name);
    }
    let small = resize(&jpeg(&photo), &Size::ALL, Quality::default(), &Limits::default()).unwrap();
    assert!(small.iter().all(|size| (size.width, size.height) == (150, 100)));
    let enlarged = one(&jpeg(&photo), &Size { name: "big", width: 300, height: 300, enlarge: true });
    assert_eq!((enlarged.width, enlarged.height), (300, 200));
}

#[test]
fn pictures_of_a_single_pixel_line_survive() {
    for (width, height) in [(1, 1), (1, 3000), (3000, 1)] {
        let line = DynamicImage::from(image::GrayImage::from_pixel(width, height, Luma([90])));
        let resized =
            resize(&encode(&line, ImageFormat::Png), &Size::ALL, Quality::default(), &Limits::default());
        assert!(resized.unwrap().iter().all(|size| size.width >= 1 && size.height >= 1));
    }
}
