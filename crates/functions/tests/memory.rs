//! A header may claim any size: what it claims is not allocated. In a process of its own, because it measures it.

#![cfg(target_os = "linux")]

use darkroom_functions::{Claim, Limits, Quality, Size, Verdict, resize, validate};

/// The process's peak memory in bytes, as the kernel has seen it.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the kernel tells");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("among others, this");
    let kibibytes: u64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("in kB");
    kibibytes * 1024
}

#[test]
fn a_claimed_size_is_not_allocated() {
    let example = |name| {
        std::fs::read(format!("{}/../../examples/{name}", env!("CARGO_MANIFEST_DIR"))).expect("an example")
    };
    let mut jpeg = example("photos/china.jpg");
    let frame = jpeg.windows(2).position(|marker| marker == [0xFF, 0xC0]).expect("a baseline JPEG");
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0x27, 0x0F, 0x27, 0x0F]);

    let before = peak();
    for file in [example("broken/huge-header.png"), jpeg] {
        let limits = Limits::default();
        assert_eq!(validate(&file, &Claim::default(), &limits).result, Verdict::Invalid);
        assert!(resize(&file, &Size::ALL, Quality::default(), &limits).is_err());
    }
    let grown = peak() - before;
    assert!(grown < 8_000_000, "{grown} bytes for pictures that were refused");
}
