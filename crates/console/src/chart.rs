//! Charts, as SVG without colours: the page's style has them.

use maud::{Markup, html};

use crate::changes::Minute;

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
            svg viewBox=(format!("0 0 {WIDTH} {}", HEIGHT + 18.0)) role="img"
                aria-label=(format!("{succeeded} executions ended well and {failed} badly in the last hour")) {
                line.axis x1="0" y1=(HEIGHT) x2=(WIDTH) y2=(HEIGHT) {}
                @for (place, minute) in minutes.iter().enumerate() { (bar(minute, place, step, scale)) }
                text x="0" y=(HEIGHT + 14.0) { "an hour ago" }
                text.end x=(WIDTH) y=(HEIGHT + 14.0) { "now" }
                @if highest > 0 { text x="0" y="12" { "up to " (highest) " a minute" } }
            }
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
                height=(format!("{height:.1}")) rx="1" {}
        }
    };
    html! {
        @if minute.succeeded > 0 { (part("good", HEIGHT - good, good)) }
        @if minute.failed > 0 { (part("bad", HEIGHT - good - bad, bad)) }
    }
}
