//! A waterfall: what ran when, in rows of bars below each other. Of an execution its visits of states, with each try of
//! a task and the waits between them; of a trace its segments.

use darkroom_asl::data::Timestamp;
use darkroom_engine::course::{Course, Visit};
use maud::{Markup, html};

use crate::time;

/// Rows that are drawn.
pub const ROWS_MAX: usize = 300;
const WIDTH: f64 = 960.0;
const NAMES: f64 = 250.0;
/// What is written behind a bar.
const TOOK: f64 = 120.0;
const ROW: f64 = 24.0;
const TOP: f64 = 22.0;
/// Letters of a name.
const NAME_MAX: usize = 34;

/// A row.
pub struct Row {
    /// What it is called.
    pub name: String,
    /// What is said behind its name.
    pub note: Option<String>,
    /// How deep it lies in others.
    pub depth: usize,
    /// When it began and ended, or until when it is known to go on.
    pub from: Timestamp,
    /// See above.
    pub to: Timestamp,
    /// The class of its bar.
    pub class: &'static str,
    /// What is said of it to whoever does not see it.
    pub said: String,
    /// What is written behind its bar.
    pub took: String,
    /// What lies on its bar.
    pub bars: Vec<Bar>,
    /// Where it leads.
    pub href: Option<String>,
}

/// A bar on another one.
pub struct Bar {
    class: &'static str,
    from: Timestamp,
    to: Timestamp,
    height: f64,
}

/// Where a moment stands.
struct Scale {
    from: i64,
    per_pixel: f64,
}

impl Scale {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of an execution, to the pixel")]
    fn of(from: Timestamp, to: Timestamp) -> Self {
        let span = to.as_millis().saturating_sub(from.as_millis()).max(1) as f64;
        Self { from: from.as_millis(), per_pixel: span / (WIDTH - NAMES - TOOK) }
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds of an execution, to the pixel")]
    fn x(&self, at: Timestamp) -> f64 {
        NAMES + at.as_millis().saturating_sub(self.from).max(0) as f64 / self.per_pixel
    }
}

/// The waterfall of an execution between two moments.
pub fn of(course: &Course, from: Timestamp, to: Timestamp, to_state: &dyn Fn(&str) -> String) -> Markup {
    let rows: Vec<Row> =
        course.visits.iter().take(ROWS_MAX).map(|visit| of_visit(visit, to, to_state)).collect();
    html! {
        @if rows.is_empty() {
            p.quiet { "No state has been entered yet." }
        } @else {
            (draw(&rows, from, to, &format!("{} visits of states", course.visits.len())))
            @if course.visits.len() > rows.len() {
                p.notice { "The first " (rows.len()) " of " (course.visits.len()) " visits are drawn." }
            }
        }
    }
}

/// The waterfall of rows between two moments.
pub fn draw(rows: &[Row], from: Timestamp, to: Timestamp, what: &str) -> Markup {
    let scale = Scale::of(from, to);
    #[expect(clippy::cast_precision_loss, reason = "there are some hundreds")]
    let height = TOP + rows.len() as f64 * ROW + 6.0;
    html! {
        svg.timeline width=(WIDTH) height=(height) viewBox=(format!("0 0 {WIDTH} {height}")) role="group"
            aria-label=(format!("{what} in {}", time::between(from, to))) {
            (axis(&scale, height))
            @for (place, row) in rows.iter().enumerate() {
                @match &row.href {
                    Some(href) => a href=(href) { (row_of(row, place, &scale)) },
                    None => g { (row_of(row, place, &scale)) },
                }
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

fn of_visit(visit: &Visit, to: Timestamp, to_state: &dyn Fn(&str) -> String) -> Row {
    let left = visit.left_at.unwrap_or(to);
    let took = time::between(visit.entered_at, left);
    let tries =
        if visit.attempts.len() > 1 { format!(" · {} tries", visit.attempts.len()) } else { String::new() };
    let mut bars = Vec::new();
    for (number, attempt) in visit.attempts.iter().enumerate() {
        let class = if attempt.reason.is_some() { "try bad" } else { "try good" };
        let end = attempt.ended_at.unwrap_or(left);
        bars.push(Bar { class, from: attempt.scheduled_at, to: end, height: 8.0 });
        if let Some(planned) = visit.retries.get(number) {
            bars.push(Bar { class: "wait", from: end, to: planned.at.min(left), height: 4.0 });
        }
    }
    Row {
        name: visit.state.to_string(),
        note: visit.iteration.map(|item| format!("[{item}]")),
        depth: visit.depth,
        from: visit.entered_at,
        to: left,
        class: visit.standing.class(),
        said: format!("{}: {}, {took}", visit.state, visit.standing.word()),
        took: format!("{took}{tries}"),
        bars,
        href: Some(to_state(&visit.state)),
    }
}

fn row_of(row: &Row, place: usize, scale: &Scale) -> Markup {
    #[expect(clippy::cast_precision_loss, reason = "there are some hundreds")]
    let (y, indent) = (TOP + place as f64 * ROW, row.depth.min(8) as f64 * 12.0);
    // What does not fit behind the name is left to what is said.
    let taken = row.name.chars().count() + 2 * row.depth.min(8);
    let note = row.note.as_ref().filter(|note| taken + note.chars().count() < NAME_MAX);
    let mut name: String = row.name.chars().take(NAME_MAX).collect();
    if name.len() < row.name.len() {
        name.push('…');
    }
    html! {
        title { (row.said) }
        rect.row x="0" y=(short(y)) width=(WIDTH) height=(short(ROW)) {}
        text.state x=(short(4.0 + indent)) y=(short(y + 16.0)) {
            (name) @if let Some(note) = note { tspan.quiet { " " (note) } }
        }
        (bar(&format!("visit {}", row.class), scale.x(row.from), scale.x(row.to), y, 14.0))
        @for Bar { class, from, to, height } in &row.bars {
            (bar(class, scale.x(*from), scale.x(*to), y, *height))
        }
        text.took x=(short(scale.x(row.to) + 6.0)) y=(short(y + 16.0)) { (row.took) }
    }
}

/// In the middle of its row. What took no time is seen as well.
fn bar(class: &str, from: f64, to: f64, y: f64, height: f64) -> Markup {
    let y = y + (ROW - height) / 2.0;
    html! {
        rect class=(class) x=(short(from)) y=(short(y)) width=(short((to - from).max(2.0))) height=(short(height)) rx="2" {}
    }
}

fn short(number: f64) -> String {
    format!("{number:.1}")
}
