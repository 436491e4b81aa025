//! Files that are refused: each with the sentence that `examples/broken/README.md` promises.

use darkroom_functions::{Claim, Limits, Quality, Size, Validation, Verdict, resize, validate};
use image::{DynamicImage, ImageFormat};

use crate::fixtures::{encode, example, jpeg, jpeg_encoder, photo};

fn check(bytes: &[u8], claim: &Claim) -> Validation {
    let validation = validate(bytes, claim, &Limits::default());
    let all = validation.validation_details;
    let passed = all.file_size_valid && all.format_valid && all.dimensions_valid;
    assert_eq!(validation.result == Verdict::Valid, passed);
    assert_eq!(validation.reasons.is_empty(), passed, "a reason for each no: {:?}", validation.reasons);
    validation
}

fn refused(bytes: &[u8], reason: &str) {
    let validation = check(bytes, &Claim::default());
    assert!(validation.reasons.iter().any(|found| found.contains(reason)), "{:?}", validation.reasons);
    let limits = Limits::default();
    assert!(resize(bytes, &Size::ALL, Quality::default(), &limits).is_err(), "resize must refuse it, too");
}

#[test]
fn each_broken_example_is_refused_with_its_reason() {
    let readme = String::from_utf8(example("broken/README.md")).unwrap();
    let rows: Vec<Vec<&str>> = readme
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 7);
    for row in rows {
        refused(&example(&format!("broken/{}", row[0].trim_matches('`'))), row[2]);
    }
}

#[test]
fn every_format_that_is_cut_off_is_refused() {
    let image = DynamicImage::from(photo());
    let progressive = jpeg_encoder(&photo()).progressive(true).encode().unwrap();
    let files = [
        jpeg(&photo()),
        progressive,
        encode(&image, ImageFormat::Png),
        encode(&image, ImageFormat::WebP),
        encode(&image, ImageFormat::Tiff),
        encode(&image, ImageFormat::Gif),
    ];
    for file in files {
        assert_eq!(check(&file, &Claim::default()).result, Verdict::Valid);
        for percent in [10, 50, 90, 99] {
            let cut = &file[..file.len() * percent / 100];
            let validation = check(cut, &Claim::default());
            assert_eq!(validation.result, Verdict::Invalid, "{percent} % of {:?}", &file[..4]);
        }
    }
}

#[test]
fn a_header_that_claims_more_than_the_file_can_hold_is_refused() {
    let mut claims_more = jpeg(&photo());
    let frame = claims_more.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    claims_more[frame + 5..frame + 9].copy_from_slice(&[0x27, 0x0F, 0x27, 0x0F]);
    refused(&claims_more, "the header says 9999x9999 pixels, but the file's");

    let mut gif = encode(&DynamicImage::from(photo()), ImageFormat::Gif);
    gif[6..10].copy_from_slice(&[0x0F, 0x27, 0x0F, 0x27]);
    refused(&gif, "the header says 9999x9999 pixels, but the file's");
}

#[test]
fn a_jpeg_of_too_many_scans_is_refused() {
    let progressive = jpeg_encoder(&photo()).progressive(true).encode().unwrap();
    let last_scan = progressive.windows(2).rposition(|marker| marker == [0xFF, 0xDA]).unwrap();
    let end = progressive.len() - 2;
    let mut many = progressive[..end].to_vec();
    for _ in 0..120 {
        many.extend_from_slice(&progressive[last_scan..end]);
    }
    many.extend_from_slice(&progressive[end..]);
    refused(&many, "scans; at most 100 are accepted");
}

#[test]
fn limits_are_the_callers() {
    let bytes = jpeg(&photo());
    let cases = [
        (Limits { file_bytes_max: 100, ..Limits::default() }, "at most 100 are accepted"),
        (Limits { side_pixels_max: 149, ..Limits::default() }, "at most 149 a side"),
        (Limits { pixels_max: 14_999, ..Limits::default() }, "megapixels"),
        (Limits { decode_bytes_max: 100, ..Limits::default() }, "of memory"),
    ];
    for (limits, reason) in cases {
        let validation = validate(&bytes, &Claim::default(), &limits);
        assert!(validation.reasons.iter().any(|found| found.contains(reason)), "{:?}", validation.reasons);
    }
}

#[test]
fn the_claim_is_compared_and_not_believed() {
    let bytes = jpeg(&photo());
    let named = |name: &str| Claim { file_name: Some(name.to_owned()), ..Claim::default() };
    let typed = |mime: &str| Claim { file_type: Some(mime.to_owned()), ..Claim::default() };
    for good in
        [named("a.jpg"), named("a.JPEG"), named("no extension"), named("IMG.2024"), typed("image/jpeg")]
    {
        assert_eq!(check(&bytes, &good).result, Verdict::Valid, "{good:?}");
    }
    for bad in [named("a.png"), named("a.heic"), typed("image/png"), typed("text/plain")] {
        let validation = check(&bytes, &bad);
        assert!(!validation.validation_details.format_valid, "{bad:?}");
        assert!(validation.reasons[0].contains("its content is JPEG"), "{:?}", validation.reasons);
    }
    // A size that was announced wrongly is odd and no more: the size on disk counts.
    let announced = Claim { file_size: Some(1), ..Claim::default() };
    let validation = check(&bytes, &announced);
    assert_eq!(validation.result, Verdict::Valid);
    assert!(validation.notes[0].starts_with("the file was announced with 1 bytes"));
}
