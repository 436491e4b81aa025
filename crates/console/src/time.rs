//! Times and durations for people.

use darkroom_asl::data::Timestamp;
use maud::{Markup, html};

/// A moment: to the second, the whole of it for whoever asks. The script shows it in the reader's own time.
pub fn moment(at: Timestamp) -> Markup {
    let whole = at.to_string();
    let short = whole.get(..19).unwrap_or(&whole).replace('T', " ");
    html! { time datetime=(whole) title=(whole) { (short) " UTC" } }
}

/// The time of day alone, to the millisecond.
pub fn clock(at: Timestamp) -> Markup {
    let whole = at.to_string();
    let short = whole.get(11..23).unwrap_or(&whole);
    html! { time datetime=(whole) title=(whole) data-clock { (short) } }
}

/// How long something took, in two units at most.
pub fn duration(millis: i64) -> String {
    let millis = millis.max(0);
    let (seconds, minutes, hours) = (millis / 1_000, millis / 60_000, millis / 3_600_000);
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{seconds}.{} s", millis % 1_000 / 100),
        60_000..3_600_000 => format!("{minutes} min {} s", seconds % 60),
        3_600_000..86_400_000 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

/// From one moment to another.
pub fn between(from: Timestamp, to: Timestamp) -> String {
    duration(to.as_millis() - from.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        for (millis, expected) in [
            (-5, "0 ms"),
            (999, "999 ms"),
            (1_450, "1.4 s"),
            (61_000, "1 min 1 s"),
            (3_600_000 + 120_000, "1 h 2 min"),
            (90_000_000, "1 d 1 h"),
        ] {
            assert_eq!(duration(millis), expected);
        }
    }
}
