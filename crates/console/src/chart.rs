//! Charts, as SVG without colours: the page's style has them.

use maud::{Markup, html};

use crate::changes::{MINUTES, Minute};
use crate::platform::{Durations, Spread};
use crate::time;

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 130.0;
const GAP: f64 = 2.0;

/// What ended in each of the last minutes, well below and badly above.
pub fn throughput(minutes: &[Minute]) -> Markup {
    let highest = minutes.iter().map(|minute| minute.succeeded + minute.failed).max().unwrap_or(0);
    let scale = HEIGHT / f64::from(highest.max(1));
    #[expect(clippy::cast_precision_loss, reason = "there are sixty")]
    let step = WIDTH / minutes.len().max(1) as f64;
    let (succeeded, failed) = minutes.iter().fold((0, 0), |(good, bad), minute| {
        (good + u64::from(minute.succeeded), bad + u64::from(minute.failed))
    });
    html! {
        figure.chart {
            figcaption {
                "Executions that ended, by the minute: " strong { (succeeded) } " well, " strong { (failed) }
                " badly in the last hour"
            }
            (frame(
                &format!("{succeeded} executions ended well and {failed} badly in the last hour"),
                (highest > 0).then(|| format!("up to {highest} a minute")),
                &html! { @for (place, minute) in minutes.iter().enumerate() { (bar(minute, place, step, scale)) } },
            ))
        }
    }
}

fn bar(minute: &Minute, place: usize, step: f64, scale: f64) -> Markup {
    #[expect(clippy::cast_precision_loss, reason = "there are sixty")]
    let x = place as f64 * step;
    let (good, bad) = (f64::from(minute.succeeded) * scale, f64::from(minute.failed) * scale);
    let part = |class: &str, top: f64, height: f64| {
        html! {
            rect class=(class) x=(format!("{x:.1}")) y=(format!("{top:.1}")) width=(format!("{:.1}", step - GAP))
                height=(format!("{height:.1}")) {}
        }
    };
    html! {
        @if minute.succeeded > 0 { (part("good", HEIGHT - good, good)) }
        @if minute.failed > 0 { (part("bad", HEIGHT - good - bad, bad)) }
    }
}

/// How long executions took that ended in each of the last minutes up to this one: half of them, and 99 of 100.
pub fn durations(durations: &Durations, last: i64) -> Markup {
    let highest = durations.minutes.iter().map(|(_, spread)| spread.p99_ms).fold(0.0, f64::max);
    let said = durations.all.map(|all| {
        format!("half took up to {}, 99 of 100 up to {}", in_words(all.p50_ms), in_words(all.p99_ms))
    });
    let first = last + 1 - i64::try_from(MINUTES).unwrap_or(0);
    let scale = HEIGHT / highest.max(1.0);
    html! {
        figure.chart {
            figcaption {
                "How long executions took, by the minute: "
                @match durations.all {
                    Some(all) => {
                        span.p50 { "half up to " strong { (in_words(all.p50_ms)) } } ", "
                        span.p99 { "99 of 100 up to " strong { (in_words(all.p99_ms)) } } " in the last hour"
                    }
                    None => "none ended in the last hour",
                }
            }
            (frame(
                &said.map_or_else(|| "No execution ended in the last hour".to_owned(), |said| format!("Of the executions of the last hour {said}")),
                (highest > 0.0).then(|| format!("up to {}", in_words(highest))),
                &html! { @for (minute, spread) in &durations.minutes { (range(minute - first, *spread, scale)) } },
            ))
        }
    }
}

/// What a chart shows, as wide as there is place, and the words around it, which are as large as any.
fn frame(label: &str, highest: Option<String>, content: &Markup) -> Markup {
    html! {
        p.highest { (highest.unwrap_or_default()) }
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(label) { (content) }
        p.ends { span { "an hour ago" } span { "now" } }
    }
}

/// A minute: a bar for what 99 of 100 took, and before it one for half of them.
fn range(place: i64, spread: Spread, scale: f64) -> Markup {
    #[expect(clippy::cast_precision_loss, reason = "there are sixty")]
    let (step, place) = (WIDTH / MINUTES as f64, place as f64);
    let part = |class: &str, value: f64| {
        // What is there is seen, however short it is beside the longest.
        let height = (value * scale).max(1.5);
        html! {
            rect class=(class) x=(format!("{:.1}", place * step)) y=(format!("{:.1}", HEIGHT - height))
                width=(format!("{:.1}", step - GAP)) height=(format!("{height:.1}")) {}
        }
    };
    html! { (part("p99", spread.p99_ms)) (part("p50", spread.p50_ms)) }
}

#[expect(clippy::cast_possible_truncation, reason = "a duration that is too long is shown as the longest")]
fn in_words(milliseconds: f64) -> String {
    time::duration(milliseconds.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_stands_at_its_place_and_the_text_says_it_too() {
        let spread = |p50_ms, p99_ms| Spread { p50_ms, p99_ms };
        let minutes = vec![(1_000, spread(10.0, 40.0)), (1_059, spread(100.0, 2_000.0))];
        let drawn = durations(&Durations { all: Some(spread(20.0, 2_000.0)), minutes }, 1_059).into_string();
        for part in [
            r#"aria-label="Of the executions of the last hour half took up to 20 ms, 99 of 100 up to 2.0 s""#,
            r#"class="p99" x="0.0" y="127.4""#,
            r#"class="p99" x="983.3" y="0.0""#,
            r#"class="p50" x="983.3" y="123.5""#,
            "up to 2.0 s",
        ] {
            assert!(drawn.contains(part), "{part} is not in {drawn}");
        }
        let none = durations(&Durations::default(), 1_059).into_string();
        assert!(none.contains("No execution ended in the last hour") && !none.contains("<rect"), "{none}");
    }
}
