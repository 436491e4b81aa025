//! What does the engine cost? The same photos by `darkroom process`, and by the functions alone.
//!
//! Both sides use as many threads, the same folders' file system and the same durable writes of photos and
//! records; what `process` does beside is its own: the log, the uploads, hashing, the report. Run with
//! `cargo bench -p darkroom`, or `cargo bench -p darkroom -- FOLDER` for photos of your own.

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use darkroom_functions::{FunctionName, Functions, Services, SqliteRecords, open_folder};
use support::{Workspace, photo_with_comment};

const PHOTOS: usize = 200;
const ROUNDS: usize = 5;

fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let photos = match folder {
        Some(folder) => files(Path::new(&folder)),
        None => generated(),
    };
    println!("{} photos, {jobs} threads, {ROUNDS} rounds, in turn", photos.1.len());
    let (mut alone, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.push(functions_alone(&photos.1, jobs));
        whole.push(process(&photos.0, jobs));
    }
    let (alone, whole) = (median(alone), median(whole));
    let rate =
        |time: Duration| f64::from(u32::try_from(photos.1.len()).expect("few photos")) / time.as_secs_f64();
    println!("functions alone   {:>8.1} photos/s", rate(alone));
    println!("darkroom process  {:>8.1} photos/s", rate(whole));
    println!(
        "engine and all    {:>8.1} % of the time",
        100.0 * (1.0 - alone.as_secs_f64() / whole.as_secs_f64())
    );
}

/// A folder of photos, and the photos in it. The folder lives as long as the process.
fn generated() -> (PathBuf, Vec<PathBuf>) {
    let folder = tempfile::tempdir().expect("a folder").keep();
    for number in 0..PHOTOS {
        let source = ["china.jpg", "flower.jpg", "rocket.jpg"][number % 3];
        let bytes = photo_with_comment(source, &format!("photo {number}"));
        std::fs::write(folder.join(format!("{number:03}.jpg")), bytes).expect("a photo");
    }
    files(&folder)
}

fn files(folder: &Path) -> (PathBuf, Vec<PathBuf>) {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    (folder.canonicalize().expect("a folder"), files)
}

fn functions_alone(photos: &[PathBuf], jobs: usize) -> Duration {
    let workspace = Workspace::new();
    let input = workspace.path().join("input");
    std::fs::create_dir_all(input.join("uploads/local")).expect("a folder");
    for (number, photo) in photos.iter().enumerate() {
        std::fs::copy(photo, input.join(key(number))).expect("an upload");
    }
    let records = Arc::new(SqliteRecords::open(workspace.path().join("platform.db")).expect("records"));
    let (input, output) = (open_folder(&input), open_folder(&workspace.path().join("out")));
    let (input, output) = (input.expect("a bucket"), output.expect("a bucket"));
    let functions = Functions::new(Services::new(input, output, records));
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let number = next.fetch_add(1, Ordering::Relaxed)
                    && number < photos.len()
                {
                    one(&functions, number, &photos[number]);
                }
            });
        }
    });
    began.elapsed()
}

fn key(number: usize) -> String {
    format!("uploads/local/img_{number}.jpg")
}

/// What the workflow does with a photo, without the workflow.
fn one(functions: &Functions, number: usize, photo: &Path) {
    let call = |function, event: serde_json::Value| -> serde_json::Value {
        let answer = functions.invoke(function, &event.to_string()).expect("a photo that is fine");
        serde_json::from_str(&answer).expect("JSON")
    };
    let length = std::fs::metadata(photo).expect("a photo").len();
    let (image, user) = (format!("img_{number}"), "local");
    let base = serde_json::json!({
        "imageId": image, "userId": user, "s3Key": key(number),
        "fileName": format!("{number}.jpg"), "fileSize": length, "fileType": "image/jpeg",
    });
    let valid = call(FunctionName::Validation, base.clone());
    let mut event = base;
    event["validationResult"] = valid;
    let resized = call(FunctionName::Resize, event);
    call(
        FunctionName::Watermark,
        serde_json::json!({ "imageId": image, "userId": user, "resizeResult": resized }),
    );
}

fn process(folder: &Path, jobs: usize) -> Duration {
    let workspace = Workspace::new();
    let began = Instant::now();
    let (code, report) = workspace.process(&[folder], &["--jobs", &jobs.to_string()]);
    let elapsed = began.elapsed();
    assert_eq!(code, 0, "{report:#}");
    elapsed
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
