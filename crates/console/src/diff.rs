//! What is different between two JSON values, for people: which members came, went and changed.

use darkroom_asl::json::Value;
use maud::{Markup, html};

/// Differences that are shown.
const SHOWN_MAX: usize = 40;
/// Levels that are looked into.
const DEPTH_MAX: usize = 12;
/// Letters of a value that are shown.
const VALUE_MAX: usize = 90;

/// One difference.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// The path to it.
    pub path: String,
    /// What was there, as JSON.
    pub before: Option<String>,
    /// What is there, as JSON.
    pub after: Option<String>,
}

/// The differences, and whether there are more.
pub fn differences(before: &Value, after: &Value) -> (Vec<Difference>, bool) {
    let mut found = Vec::new();
    compare("$", Some(before), Some(after), DEPTH_MAX, &mut found);
    let is_cut = found.len() > SHOWN_MAX;
    found.truncate(SHOWN_MAX);
    (found, is_cut)
}

fn compare(
    path: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    depth: usize,
    found: &mut Vec<Difference>,
) {
    if found.len() > SHOWN_MAX || before == after {
        return;
    }
    if depth > 0
        && let (Some(Value::Object(before)), Some(Value::Object(after))) = (before, after)
    {
        for (name, value) in before.iter() {
            compare(&format!("{path}.{name}"), Some(value), after.get(name), depth - 1, found);
        }
        for (name, value) in after.iter().filter(|(name, _)| !before.contains_key(name)) {
            compare(&format!("{path}.{name}"), None, Some(value), depth - 1, found);
        }
        return;
    }
    let short = |value: Option<&Value>| value.map(|value| cut(&value.to_text()));
    found.push(Difference { path: cut(path), before: short(before), after: short(after) });
}

/// The text, cut where it is long.
pub fn cut(text: &str) -> String {
    let mut letters = text.chars();
    let mut short: String = letters.by_ref().take(VALUE_MAX).collect();
    if letters.next().is_some() {
        short.push('…');
    }
    short
}

/// The differences as a list.
pub fn shown(before: &Value, after: &Value) -> Markup {
    let (differences, is_cut) = differences(before, after);
    html! {
        @if differences.is_empty() {
            p.quiet { "The output is the input, unchanged." }
        } @else {
            ul.diff {
                @for Difference { path, before, after } in &differences {
                    li {
                        code.path { (path) } " "
                        @match (before, after) {
                            (None, Some(after)) => { ins { (after) } }
                            (Some(before), None) => { del { (before) } }
                            (Some(before), Some(after)) => { del { (before) } " → " ins { (after) } }
                            (None, None) => {}
                        }
                    }
                }
            }
            @if is_cut { p.quiet { "There are more." } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use darkroom_asl::json::parse;

    #[test]
    fn members_come_go_and_change() {
        let before = parse(r#"{"a": 1, "b": {"c": 1.0, "d": [1]}, "gone": null}"#).expect("it is JSON");
        let after = parse(r#"{"a": 1, "b": {"c": 1, "d": [1, 2]}, "new": {"x": 1}}"#).expect("it is JSON");
        let (found, is_cut) = differences(&before, &after);
        let found: Vec<_> =
            found.iter().map(|it| (&*it.path, it.before.as_deref(), it.after.as_deref())).collect();
        assert!(!is_cut);
        assert_eq!(
            found,
            [
                ("$.b.c", Some("1.0"), Some("1")),
                ("$.b.d", Some("[1]"), Some("[1,2]")),
                ("$.gone", Some("null"), None),
                ("$.new", None, Some("{\"x\":1}")),
            ]
        );
    }

    #[test]
    fn many_differences_are_cut() {
        let many: Vec<String> = (0..1_000).map(|number| format!("\"k{number}\": {number}")).collect();
        let many = parse(&format!("{{{}}}", many.join(","))).expect("it is JSON");
        let (found, is_cut) = differences(&parse("{}").expect("it is JSON"), &many);
        assert!(is_cut && found.len() == SHOWN_MAX);
    }
}
