//! JSON texts as they are shown: with lines, and cut where they are long.
//!
//! The text is broken into lines as it stands, and never read as numbers: what is shown is what was written.

use maud::{Markup, html};

/// Bytes of a payload that a page shows. The rest is a link away.
const SHOWN_BYTES_MAX: usize = 12_000;
/// Levels that are indented further.
const INDENTED_MAX: usize = 40;

/// A payload, and where all of it is.
pub fn shown(text: &str, whole: Option<&str>) -> Markup {
    let (lines, is_cut) = lines(text, SHOWN_BYTES_MAX);
    html! {
        pre.json tabindex="0" { (lines) }
        @if is_cut {
            p.notice {
                "This is the beginning of " (text.len()) " bytes. "
                @if let Some(whole) = whole { a href=(whole) { "Show the event" } }
            }
        }
    }
}

/// All of the text, with lines.
pub fn whole(text: &str) -> String {
    lines(text, usize::MAX).0
}

/// The text with lines if it is JSON, or as it is.
pub fn lines_if_json(text: &str) -> String {
    if text.starts_with(['{', '[']) && darkroom_asl::json::check(text).is_ok() {
        return lines(text, SHOWN_BYTES_MAX).0;
    }
    text.chars().take(SHOWN_BYTES_MAX).collect()
}

/// The text with lines, and whether it is only its beginning.
pub fn lines(text: &str, bytes_max: usize) -> (String, bool) {
    let mut out = String::with_capacity(text.len().min(bytes_max).saturating_mul(2));
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    let mut letters = text.chars().peekable();
    let new_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth.min(INDENTED_MAX)));
    };
    while let Some(letter) = letters.next() {
        if out.len() > bytes_max {
            return (out, true);
        }
        if in_string {
            out.push(letter);
            in_string = is_escaped || letter != '"';
            is_escaped = !is_escaped && letter == '\\';
            continue;
        }
        match letter {
            '"' => {
                in_string = true;
                out.push(letter);
            }
            '{' | '[' => {
                out.push(letter);
                while letters.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(end) = letters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            letter if letter.is_ascii_whitespace() => {}
            letter => out.push(letter),
        }
    }
    (out, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_gets_lines() {
        for (text, expected) in [
            ("{}", "{}"),
            ("[ ]", "[]"),
            ("1.0", "1.0"),
            (
                r#"{"a":[1,{"b":"x,:{\"}"}],"c":null}"#,
                "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x,:{\\\"}\"\n    }\n  ],\n  \"c\": null\n}",
            ),
        ] {
            assert_eq!(lines(text, 1_000), (expected.to_owned(), false));
        }
    }

    #[test]
    fn what_is_long_is_cut() {
        let (shown, is_cut) = lines(&format!("[{}1]", "1,".repeat(100_000)), 1_000);
        assert!(is_cut && shown.len() < 1_200);
        let (deep, _) = lines(&"[".repeat(2_000), 20_000);
        assert!(deep.len() < 25_000);
    }
}
