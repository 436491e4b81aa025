//! The disk, on its own: how long it takes to make a small write durable.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

/// What is written between two syncs: a page of the engine's log.
const WRITE_BYTES: usize = 8_192;
const SYNCS_MAX: usize = 500;
const TIME_MAX: Duration = Duration::from_secs(1);

/// How long a write and `fdatasync` take.
#[derive(Clone, Copy)]
pub struct Syncs {
    /// Half of them take no longer.
    pub p50: Duration,
    /// Ninety-nine of a hundred take no longer.
    pub p99: Duration,
}

impl Syncs {
    /// The slower of two probes.
    pub fn slower(one: Self, other: Self) -> Self {
        if one.p50 >= other.p50 { one } else { other }
    }

    /// How many the disk does in a second, one after the other.
    pub fn per_second(&self) -> f64 {
        1.0 / self.p50.as_secs_f64().max(f64::EPSILON)
    }
}

/// Measures the disk that this folder is on.
pub fn probe(folder: &Path) -> anyhow::Result<Syncs> {
    let path = folder.join("probe");
    let times = write_and_sync(&path).with_context(|| format!("{} cannot be written", path.display()));
    // Removed whatever came of it; the folder itself goes too.
    let _ = std::fs::remove_file(&path);
    let mut times = times?;
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    Ok(Syncs { p50: at(50), p99: at(99) })
}

fn write_and_sync(path: &Path) -> std::io::Result<Vec<Duration>> {
    let mut file = File::create(path)?;
    let page = vec![0x5a; WRITE_BYTES];
    let began = Instant::now();
    let mut times = Vec::with_capacity(SYNCS_MAX);
    while times.len() < SYNCS_MAX && began.elapsed() < TIME_MAX {
        let before = Instant::now();
        file.write_all(&page)?;
        file.sync_data()?;
        times.push(before.elapsed());
    }
    Ok(times)
}
