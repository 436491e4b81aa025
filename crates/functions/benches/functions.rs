//! How long one image takes, step by step, and as a whole job through the handlers on a folder and a SQLite
//! file. One command: `cargo bench -p darkroom-functions`.
//!
//! The inputs are mosaics of the example photos at quality 90, so they have a photo's detail at any size. The
//! figure is the median of the runs on one thread, in milliseconds.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use darkroom_functions::{
    Claim, FunctionName, Functions, Limits, Quality, Services, Size, SqliteRecords, Watermark, open_folder,
    resize, validate, watermark,
};
use image::RgbImage;
use libjpeg_turbo_rs::{Encoder, PixelFormat, Subsampling, decompress_to};

const RUNS: usize = 9;
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/photos");

fn main() {
    println!(
        "{:<16} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "input", "KiB", "validate", "resize", "watermark", "job"
    );
    for (name, width, height, progressive) in [
        ("2 MP", 1632, 1224, false),
        ("12 MP", 4000, 3000, false),
        ("24 MP", 6000, 4000, false),
        ("12 MP progr.", 4000, 3000, true),
    ] {
        measure(name, &mosaic(width, height, progressive));
    }
}

fn measure(name: &str, upload: &[u8]) {
    let limits = Limits::default();
    let make = || resize(upload, &Size::ALL, Quality::default(), &limits).expect("a good picture");
    let validated = median(|| drop(black_box(validate(upload, &Claim::default(), &limits))));
    let resized = median(|| drop(black_box(make())));
    let sizes = make();
    let marked = median(|| {
        for size in &sizes {
            black_box(watermark(&size.jpeg, &Watermark::default(), &limits).expect("a good picture"));
        }
    });
    let kibibytes = upload.len() / 1024;
    println!("{name:<16} {kibibytes:>9} {validated:>9.1} {resized:>9.1} {marked:>9.1} {:>9.1}", job(upload));
}

/// Validation, resize and watermark by their handlers, with every sync of the disk.
fn job(upload: &[u8]) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let open = |name: &str| open_folder(&folder.path().join(name)).expect("a folder");
    let records = Arc::new(SqliteRecords::open(folder.path().join("records.sqlite")).expect("a store"));
    let functions = Functions::new(Services::new(open("input"), open("output"), records));
    std::fs::write(folder.path().join("input/photo.jpg"), upload).expect("written");
    let event = r#"{"imageId":"photo","userId":"ann","s3Key":"photo.jpg"}"#;
    median(|| {
        functions.invoke(FunctionName::Validation, event).expect("valid");
        let resized = functions.invoke(FunctionName::Resize, event).expect("resized");
        let event = format!(r#"{{"imageId":"photo","userId":"ann","resizeResult":{resized}}}"#);
        functions.invoke(FunctionName::Watermark, &event).expect("marked");
    })
}

fn median(mut run: impl FnMut()) -> f64 {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[RUNS / 2].as_secs_f64() * 1000.0
}

/// A picture of this size, tiled with photos that are mirrored at their edges.
fn mosaic(width: u32, height: u32, progressive: bool) -> Vec<u8> {
    let photos: Vec<RgbImage> = ["china.jpg", "flower.jpg"].map(photo).to_vec();
    let (tile_width, tile_height) = photos[0].dimensions();
    let mirrored =
        |at: u32, side: u32| if (at / side).is_multiple_of(2) { at % side } else { side - 1 - at % side };
    let picture = RgbImage::from_fn(width, height, |x, y| {
        let tile = (x / tile_width + y / tile_height) as usize % photos.len();
        *photos[tile].get_pixel(mirrored(x, tile_width), mirrored(y, tile_height))
    });
    Encoder::new(picture.as_raw(), width as usize, height as usize, PixelFormat::Rgb)
        .quality(90)
        .subsampling(Subsampling::S420)
        .progressive(progressive)
        .encode()
        .expect("a good picture")
}

fn photo(name: &str) -> RgbImage {
    let file = std::fs::read(Path::new(EXAMPLES).join(name)).expect("an example");
    let decoded = decompress_to(&file, PixelFormat::Rgb).expect("a good picture");
    let side = |pixels: usize| u32::try_from(pixels).expect("a small picture");
    RgbImage::from_raw(side(decoded.width), side(decoded.height), decoded.data).expect("all its pixels")
}
