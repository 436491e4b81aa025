//! What a run shows at its end: a table for people, or one JSON document for scripts.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::outcome::{Outcome, Problem};
use crate::json::print_json;
use crate::table::{Style, Table, duration};

/// Prints one JSON document: every photo, and the sums.
pub fn json(outcomes: &[Outcome]) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Report<'a> {
        photos: &'a [Outcome],
        summary: Summary,
    }
    print_json(&Report { photos: outcomes, summary: Summary::of(outcomes) })
}

/// Prints the table and a line that sums it up.
pub fn table(outcomes: &[Outcome], out: &Path, elapsed: Duration) {
    let style = Style::of_stdout();
    let mut table = Table::new(&["photo", "status", "time", "outputs, or what went wrong"]);
    for outcome in outcomes {
        let time =
            if outcome.from_earlier_run { "earlier".to_owned() } else { duration(outcome.duration_ms) };
        let mut lines = what_came_of_it(outcome).into_iter();
        table.row([
            outcome.file.display().to_string(),
            style.status(outcome.status),
            time,
            lines.next().unwrap_or_default(),
        ]);
        for line in lines {
            table.row([String::new(), String::new(), String::new(), line]);
        }
    }
    print!("{}", table.render());
    println!("\n{}", Summary::of(outcomes).sentence(elapsed));
    println!("results: {}", out.join("index.html").display());
}

fn what_came_of_it(outcome: &Outcome) -> Vec<String> {
    match &outcome.error {
        Some(Problem { step: Some(step), reason, .. }) => vec![format!("{step}: {reason}")],
        Some(Problem { step: None, error, reason }) => vec![format!("{error}: {reason}")],
        None => outcome.outputs.clone(),
    }
}

/// The sums of a run.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    total: usize,
    succeeded: usize,
    failed: usize,
    from_earlier_run: usize,
}

impl Summary {
    fn of(outcomes: &[Outcome]) -> Self {
        let succeeded = outcomes.iter().filter(|outcome| outcome.is_done()).count();
        Self {
            total: outcomes.len(),
            succeeded,
            failed: outcomes.len() - succeeded,
            from_earlier_run: outcomes.iter().filter(|outcome| outcome.from_earlier_run).count(),
        }
    }

    fn sentence(&self, elapsed: Duration) -> String {
        let Self { total, succeeded, failed, from_earlier_run } = self;
        let photos = if *total == 1 { "photo" } else { "photos" };
        let milliseconds = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
        let earlier = match from_earlier_run {
            0 => String::new(),
            _ => format!(" ({from_earlier_run} from an earlier run)"),
        };
        let elapsed = duration(milliseconds);
        format!("{total} {photos}: {succeeded} done, {failed} failed, in {elapsed}{earlier}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_counts() {
        let summary = Summary { total: 1, succeeded: 1, failed: 0, from_earlier_run: 0 };
        assert_eq!(summary.sentence(Duration::from_millis(1_500)), "1 photo: 1 done, 0 failed, in 1.50 s");
        let summary = Summary { total: 7, succeeded: 5, failed: 2, from_earlier_run: 3 };
        assert_eq!(
            summary.sentence(Duration::from_millis(20)),
            "7 photos: 5 done, 2 failed, in 20 ms (3 from an earlier run)"
        );
    }
}
