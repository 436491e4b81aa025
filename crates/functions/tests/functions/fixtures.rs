//! Pictures for the tests, made from the photos in `examples/photos`.

use std::io::Cursor;
use std::path::PathBuf;

use image::imageops::{FilterType, flip_horizontal, flip_vertical, resize, rotate90, rotate180, rotate270};
use image::{DynamicImage, ImageFormat, RgbImage};
use libjpeg_turbo_rs::{Encoder, PixelFormat, Subsampling, decompress_to};

pub fn example(path: &str) -> Vec<u8> {
    let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples")).join(path);
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A photo of 150 x 100 pixels without a colour profile.
pub fn photo() -> RgbImage {
    let cat = image::load_from_memory(&example("photos/chelsea.png")).unwrap().to_rgb8();
    resize(&cat, 150, 100, FilterType::Lanczos3)
}

pub fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// An encoder for a picture of high quality, to be completed.
pub fn jpeg_encoder(image: &RgbImage) -> Encoder<'_> {
    Encoder::new(image.as_raw(), image.width() as usize, image.height() as usize, PixelFormat::Rgb)
        .quality(96)
        .subsampling(Subsampling::S444)
}

pub fn jpeg(image: &RgbImage) -> Vec<u8> {
    jpeg_encoder(image).encode().unwrap()
}

pub fn decode_jpeg(jpeg: &[u8]) -> RgbImage {
    let image = decompress_to(jpeg, PixelFormat::Rgb).unwrap();
    RgbImage::from_raw(image.width as u32, image.height as u32, image.data).unwrap()
}

/// How a camera that is held in the way of `orientation` stores what it sees.
pub fn stored_as(upright: &RgbImage, orientation: u8) -> RgbImage {
    match orientation {
        1 => upright.clone(),
        2 => flip_horizontal(upright),
        3 => rotate180(upright),
        4 => flip_vertical(upright),
        5 => flip_horizontal(&rotate90(upright)),
        6 => rotate270(upright),
        7 => flip_vertical(&rotate90(upright)),
        8 => rotate90(upright),
        other => panic!("there is no orientation {other}"),
    }
}

/// An EXIF block that has nothing but an orientation.
pub fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\x01\0".to_vec();
    // Tag 0x0112, type SHORT, one value; and no next directory.
    exif.extend_from_slice(&[0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0]);
    exif
}

/// The mean difference of two pictures' samples, in 255ths. Their sizes must be the same.
pub fn difference(one: &RgbImage, other: &RgbImage) -> f64 {
    assert_eq!(one.dimensions(), other.dimensions());
    let sum: u64 = one.iter().zip(other.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / one.len() as f64
}
