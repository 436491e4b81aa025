//! `Assign`: variables and their names. Spec: States Language, "Assign"; AWS, "Variables".

use super::draft::Scope;
use super::machine::Assign;
use super::query::Moment;
use super::reader::{Found, Reader};
use super::report::Report;
use super::state_reader::StateReader;
use crate::json::{Member, Node, Spanned, Text};

/// Characters in a variable's name. Source: AWS, "Variables".
pub const VARIABLE_CHARACTERS_MAX: usize = 80;

/// The name under which `JSONata` finds what a state has: no variable may take it.
const RESERVED: &str = "states";

/// The `Assign` of a state, a choice rule or a catcher.
pub(super) fn read(state: &mut StateReader<'_, '_>, fields: &Reader<'_>, moment: Moment) -> Assign {
    let Some(found) = fields.get("Assign") else { return Assign::default() };
    if let Node::Object(members) = &found.value.node {
        for member in members {
            check_name(variable(member), &found, member, state.scope, &mut state.builder.report);
        }
    }
    Assign(state.template(fields, "Assign", moment))
}

/// The variables that a state assigns, its rules and catchers included, before anything is checked.
pub(super) fn names_in_state(state: &Spanned) -> Vec<Text> {
    let assigned = |value: &Spanned| match value.get("Assign").map(|member| &member.value.node) {
        Some(Node::Object(members)) => members.iter().map(|member| Text::from(variable(member))).collect(),
        _ => Vec::new(),
    };
    let inside = |field: &str| match state.get(field).map(|member| &member.value.node) {
        Some(Node::Array(items)) => items.iter().flat_map(assigned).collect(),
        _ => Vec::new(),
    };
    [assigned(state), inside("Choices"), inside("Catch")].concat()
}

/// The variable's name without the `.$` of its value.
fn variable(member: &Member) -> &str {
    member.key.strip_suffix(".$").unwrap_or(&member.key)
}

fn check_name(name: &str, found: &Found<'_>, member: &Member, scope: &Scope, report: &mut Report) {
    let problem = if name == RESERVED {
        Some(format!("Variable name '{RESERVED}' is reserved"))
    } else if name.chars().count() > VARIABLE_CHARACTERS_MAX {
        Some(format!("Variable name '{name}' exceeds {VARIABLE_CHARACTERS_MAX} characters"))
    } else if !is_identifier(name) {
        Some(format!("Variable name '{name}' is not a valid identifier"))
    } else if scope.variables.is_taken_around(name) {
        Some(format!("Variable name '{name}' is already used in an outer scope"))
    } else {
        None
    };
    if let Some(message) = problem {
        report.schema(&found.location.field(&member.key), member.key_span, message);
    }
}

/// A letter or underscore, then letters, digits and underscores.
fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|character| character.is_alphanumeric() || character == '_')
}
