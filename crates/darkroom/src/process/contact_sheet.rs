//! The contact sheet: one page that shows every photo of the run and what was made of it.

use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::outcome::{Outcome, Problem};

/// The page's look. No script, no font and no picture from elsewhere: it works from a folder, offline.
const STYLE: &str = "
:root { color-scheme: light dark; --line: #8884; --bad: #c0392b; --good: #27824b; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .2rem; }
.sum { margin: 0 0 1.5rem; opacity: .75; }
ul { display: grid; gap: 1.2rem; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); list-style: none; padding: 0; }
li { border: 1px solid var(--line); border-radius: .6rem; overflow: hidden; display: flex; flex-direction: column; }
li > a img { aspect-ratio: 4/3; display: block; object-fit: contain; width: 100%; background: #8882; }
.text { padding: .7rem .9rem .9rem; overflow-wrap: anywhere; }
.name { font-weight: 600; }
.SUCCEEDED { color: var(--good); }
.FAILED, .TIMED_OUT, .ABORTED { color: var(--bad); }
.files { font-size: .85rem; margin: .4rem 0 0; }
.why { margin: .4rem 0 0; }
";

/// Writes `index.html` into the output folder.
pub fn write(out: &Path, outcomes: &[Outcome]) -> std::io::Result<()> {
    let temporary = out.join("index.html.part");
    std::fs::write(&temporary, page(outcomes).into_string())?;
    std::fs::rename(temporary, out.join("index.html"))
}

fn page(outcomes: &[Outcome]) -> Markup {
    let done = outcomes.iter().filter(|outcome| outcome.is_done()).count();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Contact sheet" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Contact sheet" }
                p.sum { (outcomes.len()) " photos, " (done) " done, " (outcomes.len() - done) " failed" }
                ul { @for outcome in outcomes { (card(outcome)) } }
            }
        }
    }
}

fn card(outcome: &Outcome) -> Markup {
    let name = outcome.file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    // The watermarked small one is what a visitor would be shown.
    let preview = outcome.outputs.iter().find(|key| key.ends_with("-small-watermarked.jpg"));
    html! {
        li {
            @if let Some(key) = preview {
                a href=(link(key)) { img src=(link(key)) alt=(name) loading="lazy"; }
            }
            div.text {
                div.name { (name) }
                div class=(outcome.status) { (outcome.status) }
                @match &outcome.error {
                    Some(Problem { step, error, reason }) => {
                        p.why { (step.as_deref().unwrap_or(error)) ": " (reason) }
                    }
                    None => {
                        p.files {
                            @for (place, key) in outcome.outputs.iter().enumerate() {
                                @if place > 0 { " · " }
                                a href=(link(key)) { (label(key)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `small`, `medium watermarked`: what a key says behind the image's id.
fn label(key: &str) -> String {
    let file = key.rsplit('/').next().unwrap_or(key).trim_end_matches(".jpg");
    let words: Vec<&str> = file.split('-').skip(1).collect();
    if words.is_empty() { file.to_owned() } else { words.join(" ") }
}

/// A key as a relative link. Keys are made of ids and fixed words, which need no encoding; a `?` or `#` in
/// one would be an error elsewhere, and must not become a broken link here.
fn link(key: &str) -> String {
    key.replace('%', "%25").replace('?', "%3F").replace('#', "%23")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(file: &str, error: Option<Problem>) -> Outcome {
        Outcome {
            file: file.into(),
            image_id: "img_1".into(),
            execution_arn: String::new(),
            status: if error.is_some() { "FAILED" } else { "SUCCEEDED" },
            duration_ms: 1,
            from_earlier_run: false,
            outputs: vec!["processed/local/img_1-small-watermarked.jpg".into()],
            error,
        }
    }

    #[test]
    fn a_hostile_file_name_is_text_and_not_markup() {
        let text = page(&[outcome("<script>alert(1)<b>.jpg", None)]).into_string();
        assert!(!text.contains("<script>"), "{text}");
        assert!(text.contains("&lt;script&gt;"));
    }

    #[test]
    fn a_photo_that_failed_says_why() {
        let problem = Problem {
            step: Some("validation".into()),
            error: "E".into(),
            reason: "the file is empty".into(),
        };
        let text = page(&[outcome("a.jpg", Some(problem))]).into_string();
        assert!(text.contains("validation: the file is empty"), "{text}");
    }

    #[test]
    fn labels_say_what_a_file_is() {
        assert_eq!(label("processed/u/img_1-small.jpg"), "small");
        assert_eq!(label("processed/u/img_1-medium-watermarked.jpg"), "medium watermarked");
    }
}
