//! `darkroom process`: each photo becomes one execution of the image workflow.
//!
//! A photo's id is made of its content, so that the same photo is the same execution, today and after a
//! crash: feeders copy it into the input bucket, start its execution unless there is one already, and the
//! outcome is read from what the engine has made durable. Nothing is kept of a run but the data folder.

mod contact_sheet;
pub mod discover;
mod feed;
mod outcome;
mod progress;
mod report;

use std::borrow::Cow;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Instant;

use anyhow::{Context, bail};

use self::discover::Photo;
use self::feed::Feeder;
pub use self::feed::image_id;
use self::outcome::{Ends, Outcome};
use self::progress::Progress;
use crate::cli::ProcessArguments;
use crate::platform::Platform;
use crate::workflow::IMAGE_PROCESSING;

/// Photos that are on their way at once, for each that is worked on: the queue that keeps workers busy while
/// others are copied, started and committed.
const ON_THEIR_WAY_PER_JOB: usize = 4;

/// Runs the command.
pub fn run(arguments: &ProcessArguments) -> anyhow::Result<ExitCode> {
    check_user(&arguments.user)?;
    let data = arguments.data.clone().unwrap_or_else(|| arguments.out.join(".darkroom"));
    let photos = discover::photos(&arguments.inputs, &[&arguments.out, &data])?;
    if photos.is_empty() {
        bail!("no photos there: name files, or folders that hold JPEG, PNG, WebP, GIF or TIFF files");
    }
    let jobs = jobs(arguments.jobs);
    std::fs::create_dir_all(&data)
        .with_context(|| format!("the data folder {} cannot be made", data.display()))?;

    let began = Instant::now();
    let ends = Arc::new(Ends::default());
    let definition = match &arguments.workflow {
        None => Cow::Borrowed(IMAGE_PROCESSING),
        Some(file) => std::fs::read_to_string(file)
            .with_context(|| format!("{} cannot be read", file.display()))?
            .into(),
    };
    let platform = Platform::open(&data, &arguments.out, &definition, jobs, ends.clone())?;
    let outcomes = process(&Feeder { platform: &platform, arguments, ends: &ends }, &photos, jobs)?;
    contact_sheet::write(&arguments.out, &outcomes)
        .with_context(|| format!("{} cannot be written", arguments.out.join("index.html").display()))?;

    if arguments.json {
        report::json(&outcomes)?;
    } else {
        report::table(&outcomes, &arguments.out, began.elapsed());
    }
    let all_done = outcomes.iter().all(Outcome::is_done);
    Ok(if all_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Takes every photo to its end, a few at a time; the outcomes are in the order of the photos.
fn process(feeder: &Feeder<'_>, photos: &[Photo], jobs: usize) -> anyhow::Result<Vec<Outcome>> {
    let progress = Progress::new(photos.len(), !feeder.arguments.json);
    let next = AtomicUsize::new(0);
    let (sender, receiver) = channel();
    let mut outcomes: Vec<(usize, anyhow::Result<Outcome>)> = std::thread::scope(|scope| {
        for _ in 0..(jobs * ON_THEIR_WAY_PER_JOB).min(photos.len()) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let place = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(photo) = photos.get(place)
                {
                    // The receiver lives as long as this scope.
                    let _ = sender.send((place, feeder.process(photo)));
                }
            });
        }
        drop(sender);
        receiver
            .iter()
            .inspect(|(_, outcome)| progress.one_more(outcome.as_ref().is_ok_and(Outcome::is_done)))
            .collect()
    });
    progress.finish();
    outcomes.sort_by_key(|(place, _)| *place);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// A user's id is a part of a path.
pub fn check_user(user: &str) -> anyhow::Result<()> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    if user.is_empty() || user.len() > 128 || user.starts_with('.') || !user.chars().all(allowed) {
        bail!(
            "--user {user:?} is not an id: use 1 to 128 letters, digits, dots, underscores and hyphens, not \
             starting with a dot"
        );
    }
    Ok(())
}

fn jobs(given: Option<u16>) -> usize {
    given.map_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get), usize::from)
}
