//! The paths that a target takes parts of an event by: `$`, `$.detail.key`, `$.list[0]`, `$['a key']`.

use serde_json::Value;

/// Steps of a path.
const STEPS_MAX: usize = 64;

/// One step down.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Member(String),
    Element(usize),
}

/// Nothing where the text is no such path.
pub(super) fn parse(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if steps.len() == STEPS_MAX {
            return None;
        }
        let (step, after) = step(rest)?;
        steps.push(step);
        rest = after;
    }
    Some(steps)
}

fn step(text: &str) -> Option<(Step, &str)> {
    if let Some(name) = text.strip_prefix('.') {
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (name, after) = name.split_at(end);
        return (!name.is_empty()).then(|| (Step::Member(name.to_owned()), after));
    }
    let (inside, after) = text.strip_prefix('[')?.split_once(']')?;
    let quoted = |quote: char| inside.strip_prefix(quote)?.strip_suffix(quote);
    match quoted('\'').or_else(|| quoted('"')) {
        Some(name) => Some((Step::Member(name.to_owned()), after)),
        None => Some((Step::Element(inside.parse().ok()?), after)),
    }
}

/// What the path finds.
pub(super) fn find<'a>(steps: &[Step], value: &'a Value) -> Option<&'a Value> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Member(name) => value.as_object()?.get(name),
        Step::Element(at) => value.as_array()?.get(*at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_find_parts() {
        let event = json!({"detail": {"list": [{"a": 1}], "a key": 2}, "none": null});
        for (path, expected) in [
            ("$", Some(event.clone())),
            ("$.detail.list[0].a", Some(json!(1))),
            ("$['detail'][\"a key\"]", Some(json!(2))),
            ("$.none", Some(Value::Null)),
            ("$.missing", None),
            ("$.detail.list[1]", None),
        ] {
            assert_eq!(find(&parse(path).unwrap(), &event).cloned(), expected, "{path}");
        }
        for path in ["", "detail", "$.", "$..a", "$[x]", "$.a[0", "$a"] {
            assert_eq!(parse(path), None, "{path}");
        }
    }
}
