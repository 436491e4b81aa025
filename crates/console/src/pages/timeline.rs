//! When each state ran: a waterfall, with each try of a task and the waits between them.

use darkroom_asl::data::Timestamp;
use maud::{Markup, html};

use crate::time;
use darkroom_engine::course::{Course, Visit};

/// Rows that are drawn.
const ROWS_MAX: usize = 300;
const WIDTH: f64 = 960.0;
const NAMES: f64 = 250.0;
/// What is written behind a bar.
const TOOK: f64 = 120.0;
const ROW: f64 = 24.0;
const TOP: f64 = 22.0;
/// Letters of a name.
const NAME_MAX: usize = 34;

/// Where a moment stands.
struct Scale {
    from: i64,
    per_pixel: f64,
}

impl Scale {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of an execution, to the pixel")]
    fn of(from: Timestamp, to: Timestamp) -> Self {
        let span = (to.as_millis() - from.as_millis()).max(1) as f64;
        Self { from: from.as_millis(), per_pixel: span / (WIDTH - NAMES - TOOK) }
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds of an execution, to the pixel")]
    fn x(&self, at: Timestamp) -> f64 {
        NAMES + (at.as_millis() - self.from).max(0) as f64 / self.per_pixel
    }
}

/// The waterfall of what is between two moments.
pub fn of(course: &Course, from: Timestamp, to: Timestamp, to_state: &dyn Fn(&str) -> String) -> Markup {
    let scale = Scale::of(from, to);
    let shown = course.visits.len().min(ROWS_MAX);
    #[expect(clippy::cast_precision_loss, reason = "there are some hundreds")]
    let height = TOP + shown as f64 * ROW + 6.0;
    html! {
        @if course.visits.is_empty() {
            p.quiet { "No state has been entered yet." }
        } @else {
            svg.timeline width=(WIDTH) height=(height) viewBox=(format!("0 0 {WIDTH} {height}")) role="group"
                aria-label=(format!("{} visits of states in {}", course.visits.len(), time::between(from, to))) {
                (axis(&scale, height))
                @for (place, visit) in course.visits.iter().take(ROWS_MAX).enumerate() {
                    (row(visit, place, &scale, to, to_state))
                }
            }
            @if course.visits.len() > shown {
                p.notice { "The first " (shown) " of " (course.visits.len()) " visits are drawn." }
            }
        }
    }
}

fn axis(scale: &Scale, height: f64) -> Markup {
    let steps = [0.0_f64, 0.25, 0.5, 0.75, 1.0];
    let span = WIDTH - NAMES - TOOK;
    html! {
        @for step in steps {
            @let x = NAMES + step * span;
            line.grid x1=(short(x)) x2=(short(x)) y1="16" y2=(short(height)) {}
            text.tick x=(short(x)) y="11" { (time::duration(millis(step * span * scale.per_pixel))) }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds of an execution")]
fn millis(number: f64) -> i64 {
    number as i64
}

fn row(
    visit: &Visit,
    place: usize,
    scale: &Scale,
    to: Timestamp,
    to_state: &dyn Fn(&str) -> String,
) -> Markup {
    #[expect(clippy::cast_precision_loss, reason = "there are some hundreds")]
    let (y, indent) = (TOP + place as f64 * ROW, visit.depth.min(8) as f64 * 12.0);
    let left = visit.left_at.unwrap_or(to);
    let (start, end) = (scale.x(visit.entered_at), scale.x(left));
    let class = visit.standing.class();
    let mut name: String = visit.state.chars().take(NAME_MAX).collect();
    if name.len() < visit.state.len() {
        name.push('…');
    }
    let took = time::between(visit.entered_at, left);
    let said = format!("{}: {}, {took}", visit.state, visit.standing.word());
    html! {
        a href=(to_state(&visit.state)) {
            title { (said) }
            rect.row x="0" y=(short(y)) width=(WIDTH) height=(short(ROW)) {}
            text.state x=(short(4.0 + indent)) y=(short(y + 16.0)) {
                (name) @if let Some(item) = visit.iteration { tspan.quiet { " [" (item) "]" } }
            }
            (bar(&format!("visit {class}"), start, end, y + 5.0, 14.0))
            @for (number, attempt) in visit.attempts.iter().enumerate() {
                @let class = if attempt.reason.is_some() { "try bad" } else { "try good" };
                @let attempt_end = attempt.ended_at.unwrap_or(left);
                (bar(class, scale.x(attempt.scheduled_at), scale.x(attempt_end), y + 8.0, 8.0))
                @if let Some(planned) = visit.retries.get(number) {
                    (bar("wait", scale.x(attempt_end), scale.x(planned.at.min(left)), y + 10.0, 4.0))
                }
            }
            text.took x=(short(end + 6.0)) y=(short(y + 16.0)) {
                (took) @if visit.attempts.len() > 1 { " · " (visit.attempts.len()) " tries" }
            }
        }
    }
}

/// What took no time is seen as well.
fn bar(class: &str, from: f64, to: f64, y: f64, height: f64) -> Markup {
    html! {
        rect class=(class) x=(short(from)) y=(short(y)) width=(short((to - from).max(2.0))) height=(short(height)) rx="2" {}
    }
}

fn short(number: f64) -> String {
    format!("{number:.1}")
}
