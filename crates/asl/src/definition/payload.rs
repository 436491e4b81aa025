//! Payload templates: `Parameters`, `ItemSelector`, `ResultSelector`, `Credentials`, `Assign`.
//!
//! The template itself is parsed by [`crate::data`]. Here stands what is said about it beside that: which
//! parts of the input it reads, which names it makes, and what in it is probably meant otherwise, such as a
//! path whose key lacks `.$`, or a `CloudFormation` function that nobody evaluates.
//!
//! Spec: States Language, "Payload Template".

use std::collections::HashMap;

use super::diagnostic::DiagnosticCode;
use super::draft::Read;
use super::expressions;
use super::location::Location;
use super::reader::Found;
use super::report::Report;
use super::shape::Shape;
use crate::data::Template;
use crate::json::{Member, Node, Span, Spanned, Text, Value};

/// A template and what is known of it.
#[derive(Debug)]
pub(super) struct Payload {
    /// `None` if something in it was reported.
    pub(super) template: Option<Template>,
    /// The names it makes, if it is an object.
    pub(super) shape: Option<Shape>,
    pub(super) reads: Reads,
}

/// What expressions read.
#[derive(Debug, Default)]
pub(super) struct Reads {
    /// Of their input, by top-level name.
    pub(super) input: Vec<Read>,
    /// Variables.
    pub(super) variables: Vec<Read>,
}

/// Reads the template of a field.
pub(super) fn read(found: &Found<'_>, report: &mut Report) -> Payload {
    let template = expressions::template(found, report);
    let shape = match &found.value.node {
        Node::Object(members) => Some(Shape::exactly(members.iter().map(made_name))),
        Node::Array(_) | Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) => None,
    };
    let mut inspection = Inspection { reads: Reads::default(), report };
    inspect(found.value, &found.location, 0, &mut inspection);
    Payload { template, shape, reads: inspection.reads }
}

/// What a walk of a template gathers.
struct Inspection<'r> {
    reads: Reads,
    report: &'r mut Report,
}

/// `name` for `"name.$"`.
fn made_name(member: &Member) -> Text {
    member.key.strip_suffix(".$").map_or_else(|| member.key.clone(), Text::from)
}

/// How deep templates are looked into. Our choice; the template itself is parsed to its own bound.
const INSPECTED_DEPTH_MAX: usize = 100;

fn inspect(value: &Spanned, location: &Location, depth: usize, into: &mut Inspection<'_>) {
    if depth > INSPECTED_DEPTH_MAX {
        return;
    }
    match &value.node {
        Node::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                inspect(item, &location.item(position), depth + 1, into);
            }
        }
        Node::Object(members) => {
            // Of members that make the same name, the template keeps one.
            let kept: HashMap<&str, &Member> = members.iter().map(|member| (&*member.key, member)).collect();
            for member in members {
                let is_kept = kept.get(&*member.key).is_some_and(|kept| std::ptr::eq(*kept, member));
                if is_kept && !kept.contains_key(&*format!("{}.$", member.key)) {
                    inspect_member(member, location, depth, into);
                }
            }
        }
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) => {}
    }
}

fn inspect_member(member: &Member, location: &Location, depth: usize, into: &mut Inspection<'_>) {
    let Member { key, key_span, value } = member;
    let inside = location.field(key);
    if let (true, Node::String(text)) = (key.ends_with(".$"), &value.node) {
        let Reads { input, variables } = reads_of(text, &inside, value.span);
        into.reads.input.extend(input);
        into.reads.variables.extend(variables);
        return;
    }
    if let Node::String(text) = &value.node
        && looks_evaluated(text)
    {
        let message = format!("The value for the field '{key}' looks like a path but is passed on as text");
        let help = format!("to have it evaluated, write \"{key}.$\": {}", quoted(text));
        into.report.warning(DiagnosticCode::NoDollar, &inside, value.span, message).help(help);
    }
    if let Some(function) = cloud_formation(member) {
        let message = format!("'{function}' is a CloudFormation function: a state passes it on as it stands");
        into.report
            .warning(DiagnosticCode::CloudFormationFunction, &inside, *key_span, message)
            .help(cloud_formation_help(member, location));
        return;
    }
    inspect(value, &inside, depth + 1, into);
}

/// Warns of text in a Pass state's `Result` that looks like a path: a result is never evaluated.
pub(super) fn warn_static(found: &Found<'_>, report: &mut Report) {
    warn_static_at(found, 0, report);
}

fn warn_static_at(found: &Found<'_>, depth: usize, report: &mut Report) {
    if depth > INSPECTED_DEPTH_MAX {
        return;
    }
    let Found { location, value } = found;
    let is_path = match &value.node {
        Node::String(text) => looks_evaluated(text),
        Node::Array(_) => {
            for item in found.items() {
                warn_static_at(&item, depth + 1, report);
            }
            false
        }
        Node::Object(members) => {
            for Member { key, value, .. } in members {
                warn_static_at(&Found { location: location.field(key), value }, depth + 1, report);
            }
            false
        }
        Node::Null | Node::Bool(_) | Node::Number(_) => false,
    };
    if is_path {
        let message = "A path in the Result of a Pass state is not evaluated";
        report
            .warning(DiagnosticCode::PassResultIsStatic, location, value.span, message)
            .help("use Parameters, with a key that ends in `.$`");
    }
}

/// Warns of a field whose text looks like a path although it is taken as it stands.
pub(super) fn warn_no_path(found: &Found<'_>, name: &str, text: &str, report: &mut Report) {
    if looks_evaluated(text) {
        let message = format!("The value for the field '{name}' looks like a path but is taken as text");
        report
            .warning(DiagnosticCode::NoPath, &found.location, found.value.span, message)
            .help(format!("to have it evaluated, write \"{name}Path\": {}", quoted(text)));
    }
}

/// Whether a text would be a path or an intrinsic if it stood where those are evaluated.
pub(super) fn looks_evaluated(text: &str) -> bool {
    let is_path = text == "$" || text.starts_with("$.") || text.starts_with("$[") || text.starts_with("$$.");
    (is_path || text.starts_with("States.") && text.ends_with(')')) && expressions::expression(text).is_ok()
}

/// What a path or intrinsic reads of the input, by top-level name, and which variables.
///
/// Of the input, only paths that must find something count: `$.a[*]` may find nothing.
pub(super) fn reads_of(text: &str, location: &Location, span: Span) -> Reads {
    let mut reads = Reads::default();
    let Ok(expression) = expressions::expression(text) else { return reads };
    expression.visit_paths(&mut |path| {
        let read = |name: &Text| {
            let (name, path, location) = (name.clone(), path.text().clone(), location.clone());
            Read { name, path, location, span }
        };
        reads.input.extend(path.input_name().map(read));
        reads.variables.extend(path.variable().map(read));
    });
    reads
}

/// `Fn::Join` and its like, and a `Ref` alone in its object, which is how `CloudFormation` has it.
fn cloud_formation(member: &Member) -> Option<&Text> {
    let inner = match &member.value.node {
        Node::Object(members) if members.len() == 1 => members.first(),
        _ => None,
    };
    let is_function = |key: &&Text| key.starts_with("Fn::");
    let own = Some(&member.key).filter(is_function);
    own.or_else(|| inner.map(|inner| &inner.key).filter(|key| is_function(key) || &***key == "Ref"))
}

/// The intrinsic that does what the author wanted of `CloudFormation`.
fn cloud_formation_help(member: &Member, location: &Location) -> String {
    let (name, function) = if member.key.starts_with("Fn::") {
        ("…", Some(member))
    } else {
        let inner = match &member.value.node {
            Node::Object(members) => members.first(),
            _ => None,
        };
        (&*member.key, inner)
    };
    let Some(expression) = function.and_then(expression_for) else {
        return format!(
            "use a path or an intrinsic function instead, with a key in {location} that ends in `.$`"
        );
    };
    format!("write \"{name}.$\": {}", quoted(&expression))
}

/// `States.Format('… {} …', $.imageId)` for a `Fn::Join` with `Ref`s in it, `$.imageId` for a lone `Ref`.
fn expression_for(function: &Member) -> Option<String> {
    let reference = |value: &Spanned| match &value.get("Ref")?.value.node {
        Node::String(name) => Some(format!("$.{name}")),
        _ => None,
    };
    if let ("Ref", Node::String(name)) = (&*function.key, &function.value.node) {
        return Some(format!("$.{name}"));
    }
    let ("Fn::Join", Node::Array(arguments)) = (&*function.key, &function.value.node) else { return None };
    let [Spanned { node: Node::String(delimiter), .. }, Spanned { node: Node::Array(parts), .. }] =
        arguments.as_slice()
    else {
        return None;
    };
    let mut pieces = Vec::new();
    let mut paths = String::new();
    for part in parts {
        if let Node::String(text) = &part.node {
            pieces.push(escape_for_format(text));
        } else {
            paths.push_str(", ");
            paths.push_str(&reference(part)?);
            pieces.push("{}".to_owned());
        }
    }
    let text = pieces.join(&escape_for_format(delimiter));
    Some(format!("States.Format('{text}'{paths})"))
}

fn escape_for_format(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '\'' | '{' | '}') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// A text as JSON has it.
fn quoted(text: &str) -> String {
    Value::from(text).to_text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_found_in_paths_and_intrinsics() {
        for (text, expected) in [
            ("$", &[][..]),
            ("$.error", &["error: $.error"]),
            ("$.error.Cause", &["error: $.error.Cause"]),
            ("$['odd name'][0]", &["odd name: $['odd name'][0]"]),
            ("$$.Execution.Id", &[]),
            ("$failedStep", &["$failedStep: $failedStep"]),
            ("$failed.step[0]", &["$failed: $failed.step[0]"]),
            ("$.items[*].id", &[]),
            ("$..id", &[]),
            ("$[0]", &[]),
            (
                "States.Format('$.no {} it\\'s', $.imageId, $step, States.JsonToString($.error.Error))",
                &["imageId: $.imageId", "error: $.error.Error", "$step: $step"],
            ),
        ] {
            let reads = reads_of(text, &Location::top(), Span::default());
            let input = reads.input.iter().map(|read| format!("{}: {}", read.name, read.path));
            let variables = reads.variables.iter().map(|read| format!("${}: {}", read.name, read.path));
            let found: Vec<String> = input.chain(variables).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_joined_text_becomes_a_format() {
        let text = r#"{"Fn::Join": ["", ["for ", {"Ref": "imageId"}, ": it's {x}"]]}"#;
        let root = crate::json::parse_spanned(text).unwrap();
        let found = root.get("Fn::Join").and_then(expression_for);
        assert_eq!(found.as_deref(), Some(r"States.Format('for {}: it\'s \{x\}', $.imageId)"));
    }
}
