//! The Choice state. Spec: States Language, "Choice State".

use std::collections::BTreeSet;

use super::assign;
use super::diagnostic::DiagnosticCode;
use super::draft::Role;
use super::expressions;
use super::fields::{Field, Kind, QueryLanguage, both, json_path, jsonata};
use super::location::Location;
use super::machine::{Choice, ChoiceRule, Condition, DataFlow, PathFlow, Selection};
use super::payload;
use super::query::Moment;
use super::reader::{Found, Reader, nearest};
use super::state_reader::StateReader;
use crate::data::choice::{OperatorKind, Rule};
use crate::data::{Path, Query};
use crate::json::{Member, Node, Span, Text};

/// How deep `And`, `Or` and `Not` may nest. Our choice.
pub const RULE_DEPTH_MAX: usize = 32;

/// The fields of a Choice.
pub(super) const FIELDS: &[Field] = &[
    both("Choices", Kind::Items).required(),
    both("Default", Kind::Text),
    both("Assign", Kind::Object).or_expression(),
    json_path("InputPath", Kind::Path),
    json_path("OutputPath", Kind::Path),
    jsonata("Output", Kind::Any),
];

/// The fields of an entry of `Choices`, beside what it compares.
const RULE: &[Field] = &[
    both("Next", Kind::Text).required(),
    both("Assign", Kind::Object).or_expression(),
    both("Comment", Kind::Text),
    jsonata("Condition", Kind::Any).required(),
    jsonata("Output", Kind::Any),
];

/// The fields that combine rules.
const COMBINERS: &[&str] = &["And", "Or", "Not"];

/// How many names each route out of a Choice is known to have. Our choice; beyond it less is known.
const PRESENT_MAX: usize = 100;

/// Which names are known to be in the input once a rule has been tried: an absent one fails the
/// execution, except under `IsPresent`.
#[derive(Clone, Debug, Default)]
struct Presence {
    if_true: BTreeSet<Text>,
    if_false: BTreeSet<Text>,
}

/// A rule, and what it says of its input.
struct ReadRule {
    rule: Option<Rule>,
    presence: Presence,
}

pub(super) fn read(state: &mut StateReader<'_, '_>) -> Option<Choice> {
    let flow = state.data_flow(Moment::WithoutResult);
    let reads_before = state.draft.flow.reads.len();
    let mut choices = Vec::new();
    // What the rules that did not match have shown to be there.
    let mut shown = BTreeSet::new();
    for (position, item) in state.fields.items("Choices").iter().enumerate() {
        choices.push(read_entry(state, item, position, &mut shown));
    }
    let default = state.fields.text("Default");
    let default = default.and_then(|(found, name)| state.edge(Role::Default, &found, name));
    if let (Some(_), Some(edge)) = (default, state.draft.transitions.last_mut()) {
        edge.present = shown.into_iter().collect();
    }
    if !matches!(&flow, DataFlow::JsonPath(PathFlow { input_path: Selection::Whole, .. })) {
        // The rules see something else than the state's input.
        state.draft.flow.reads.truncate(reads_before);
        state.draft.transitions.iter_mut().for_each(|edge| edge.present.clear());
    }
    let assign = assign::read(state, state.fields, Moment::WithoutResult);
    Some(Choice { flow, choices: choices.into_iter().collect::<Option<_>>()?, default, assign })
}

/// One entry of `Choices`.
fn read_entry(
    state: &mut StateReader<'_, '_>,
    item: &Found<'_>,
    position: usize,
    shown: &mut BTreeSet<Text>,
) -> Option<ChoiceRule> {
    let fields = Reader::open_freely(item.value, &item.location, state.report())?;
    let (own, compared) = split(&fields, state);
    let ReadRule { rule, presence } = match state.language {
        QueryLanguage::JsonPath => read_rule(state, &compared, 0, position == 0),
        QueryLanguage::Jsonata => ReadRule { rule: None, presence: Presence::default() },
    };
    let condition = match state.language {
        QueryLanguage::JsonPath => rule.map(Condition::Rule),
        QueryLanguage::Jsonata => read_condition(state, &own),
    };
    let output = match state.language {
        QueryLanguage::JsonPath => None,
        QueryLanguage::Jsonata => state.query_template(&own, "Output", Moment::WithoutResult),
    };
    let assign = own.get("Assign").map(|_| assign::read(state, &own, Moment::WithoutResult));
    let next = own.text("Next").and_then(|(found, name)| state.edge(Role::Choice(position), &found, name));
    if let (Some(_), Some(edge)) = (next, state.draft.transitions.last_mut()) {
        edge.present = all_of(shown, &presence.if_true).into_iter().collect();
    }
    *shown = all_of(shown, &presence.if_false);
    Some(ChoiceRule { condition: condition?, next: next?, output, assign })
}

/// `Condition`: an expression, or a boolean as it is.
fn read_condition(state: &mut StateReader<'_, '_>, own: &Reader<'_>) -> Option<Condition> {
    let found = own.get("Condition")?;
    match &found.value.node {
        Node::Bool(holds) => Some(Condition::Fixed(*holds)),
        Node::String(text) if Query::is_meant(text) => {
            state.query_at(&found, Moment::WithoutResult).map(Condition::Query)
        }
        Node::Null | Node::Number(_) | Node::String(_) | Node::Array(_) | Node::Object(_) => {
            let message = "Expected value of type Boolean or a JSONata expression";
            state.report().schema(&found.location, found.value.span, message);
            None
        }
    }
}

/// What is compared, beside the fields that only an entry of `Choices` has.
struct Compared<'t> {
    location: Location,
    span: Span,
    members: Vec<&'t Member>,
}

/// Tells the entry's own fields from those of its rule.
fn split<'t>(fields: &Reader<'t>, state: &mut StateReader<'_, '_>) -> (Reader<'t>, Compared<'t>) {
    let is_own = |member: &&Member| RULE.iter().any(|field| field.name == &*member.key);
    let compared = Compared {
        location: fields.location.clone(),
        span: fields.span,
        members: match state.language {
            QueryLanguage::JsonPath => fields.members().filter(|member| !is_own(member)).collect(),
            QueryLanguage::Jsonata => Vec::new(),
        },
    };
    let own = match state.language {
        QueryLanguage::JsonPath => fields.only(is_own),
        QueryLanguage::Jsonata => fields.only(|_| true),
    };
    let own = own.conform(&[RULE], state.language, &mut state.builder.report);
    (own, compared)
}

/// A comparison or a combination of rules.
fn read_rule(
    state: &mut StateReader<'_, '_>,
    compared: &Compared<'_>,
    depth: usize,
    certain: bool,
) -> ReadRule {
    let nothing = ReadRule { rule: None, presence: Presence::default() };
    if depth > RULE_DEPTH_MAX {
        let message = format!("Rules are nested deeper than {RULE_DEPTH_MAX}");
        state.report().error(DiagnosticCode::TooDeeplyNested, &compared.location, compared.span, message);
        return nothing;
    }
    let combiner = compared.members.iter().find(|member| COMBINERS.contains(&&*member.key));
    match combiner {
        Some(combiner) => {
            refuse_others(state, compared, |member| member.key == combiner.key);
            read_combination(state, compared, combiner, depth, certain)
        }
        None => read_comparison(state, compared, certain),
    }
}

fn read_combination(
    state: &mut StateReader<'_, '_>,
    compared: &Compared<'_>,
    combiner: &Member,
    depth: usize,
    certain: bool,
) -> ReadRule {
    let found = Found { location: compared.location.field(&combiner.key), value: &combiner.value };
    if &*combiner.key == "Not" {
        let ReadRule { rule, presence } = read_nested(state, &found, depth, certain);
        let presence = Presence { if_true: presence.if_false, if_false: presence.if_true };
        return ReadRule { rule: rule.map(|rule| Rule::Not(Box::new(rule))), presence };
    }
    let is_and = &*combiner.key == "And";
    if !matches!(&found.value.node, Node::Array(items) if !items.is_empty()) {
        let is_array = matches!(found.value.node, Node::Array(_));
        let message = if is_array { "Value cannot be empty" } else { "Expected value of type Array" };
        state.report().schema(&found.location, found.value.span, message);
        return ReadRule { rule: None, presence: Presence::default() };
    }
    let mut rules = Vec::new();
    let mut presence: Option<Presence> = None;
    for (position, item) in found.items().iter().enumerate() {
        // The later ones may never be looked at.
        let nested = read_nested(state, item, depth, certain && position == 0);
        rules.push(nested.rule);
        presence = Some(match (presence, nested.presence) {
            (None, nested) => nested,
            (Some(so_far), nested) if is_and => Presence {
                if_true: all_of(&so_far.if_true, &nested.if_true),
                if_false: any_of(&so_far.if_false, &nested.if_false),
            },
            (Some(so_far), nested) => Presence {
                if_true: any_of(&so_far.if_true, &nested.if_true),
                if_false: all_of(&so_far.if_false, &nested.if_false),
            },
        });
    }
    let rules = rules.into_iter().collect::<Option<Vec<Rule>>>();
    let rule = rules.map(|rules| if is_and { Rule::And(rules) } else { Rule::Or(rules) });
    ReadRule { rule, presence: presence.unwrap_or_default() }
}

/// What is there when both are true.
fn all_of(left: &BTreeSet<Text>, right: &BTreeSet<Text>) -> BTreeSet<Text> {
    left.union(right).take(PRESENT_MAX).cloned().collect()
}

/// What is there when one of two is true.
fn any_of(left: &BTreeSet<Text>, right: &BTreeSet<Text>) -> BTreeSet<Text> {
    left.intersection(right).cloned().collect()
}

/// A rule inside another: it has no `Next` and no `Assign`.
fn read_nested(state: &mut StateReader<'_, '_>, found: &Found<'_>, depth: usize, certain: bool) -> ReadRule {
    let Some(fields) = Reader::open_freely(found.value, &found.location, state.report()) else {
        return ReadRule { rule: None, presence: Presence::default() };
    };
    let compared = Compared {
        location: fields.location.clone(),
        span: fields.span,
        members: fields.members().filter(|member| &*member.key != "Comment").collect(),
    };
    read_rule(state, &compared, depth + 1, certain)
}

/// `Variable` and one operator.
fn read_comparison(state: &mut StateReader<'_, '_>, compared: &Compared<'_>, certain: bool) -> ReadRule {
    let nothing = ReadRule { rule: None, presence: Presence::default() };
    let refused = refuse_others(state, compared, |member| &*member.key == "Variable" || is_operator(member));
    let variable = compared.members.iter().find(|member| &*member.key == "Variable");
    let mut operators = compared.members.iter().filter(|member| is_operator(member));
    let (Some(variable), Some(operator)) = (variable, operators.next()) else {
        let what =
            if variable.is_none() { "Variable" } else { "a comparison operator, such as StringEquals" };
        if !refused {
            let message = format!("These fields are required: [{what}]");
            state.report().schema(&compared.location, compared.span, message);
        }
        return nothing;
    };
    if let Some(second) = operators.next() {
        let message = format!("Only one of these fields is allowed: [{}, {}]", operator.key, second.key);
        state.report().schema(&compared.location, second.key_span, message);
    }
    let found = Found { location: compared.location.known_field("Variable"), value: &variable.value };
    let Some(path) = read_variable(state, &found) else { return nothing };
    let name = path.input_name().cloned();
    let tests_presence = &*operator.key == "IsPresent";
    if certain && !tests_presence {
        state.note_reads(&found, path.text());
    }
    let wants_presence = operator.value.node == Node::Bool(true);
    let known: BTreeSet<Text> = name.into_iter().collect();
    let presence = match (tests_presence, wants_presence) {
        (false, _) => Presence { if_true: known.clone(), if_false: known },
        (true, true) => Presence { if_true: known, if_false: BTreeSet::new() },
        (true, false) => Presence { if_true: BTreeSet::new(), if_false: known },
    };
    ReadRule { rule: read_operator(state, compared, operator, path, certain), presence }
}

fn read_variable(state: &mut StateReader<'_, '_>, found: &Found<'_>) -> Option<Path> {
    let Node::String(text) = &found.value.node else {
        state.report().schema(&found.location, found.value.span, "Expected value of type String");
        return None;
    };
    state.path_at(found, text)
}

/// The operator with what it compares to.
fn read_operator(
    state: &mut StateReader<'_, '_>,
    compared: &Compared<'_>,
    operator: &Member,
    variable: Path,
    certain: bool,
) -> Option<Rule> {
    let found = Found { location: compared.location.field(&operator.key), value: &operator.value };
    match (&found.value.node, operator.key.ends_with("Path")) {
        (Node::String(text), false) => payload::warn_no_path(&found, &operator.key, text, state.report()),
        (Node::String(text), true) => {
            let reads = payload::reads_of(text, &found.location, found.value.span);
            state.check_variables(&reads.variables);
            state.draft.flow.reads.extend(reads.input.into_iter().filter(|_| certain));
        }
        _ => {}
    }
    expressions::comparison(variable, &operator.key, &found, state.report())
}

/// Reports members that a rule of this form does not have. Answers whether there were any.
fn refuse_others(
    state: &mut StateReader<'_, '_>,
    compared: &Compared<'_>,
    belongs: impl Fn(&Member) -> bool,
) -> bool {
    let mut refused = false;
    for member in compared.members.iter().filter(|member| !belongs(member)) {
        refused = true;
        if state.report().is_full() {
            break;
        }
        let operators: Vec<String> = OperatorKind::field_names().collect();
        let known =
            operators.iter().map(String::as_str).chain(["Variable", "And", "Or", "Not", "Next", "Assign"]);
        let near = nearest(&member.key, known).filter(|near| **near != *member.key);
        let help = match &*member.key {
            "Next" | "Assign" => Some("it belongs to the outermost rule".to_owned()),
            _ => near.map(|near| format!("did you mean `{near}`?")),
        };
        let message = format!("Field '{}' is not supported", member.key);
        state.report().schema(&compared.location, member.key_span, message).help = help;
    }
    refused
}

fn is_operator(member: &Member) -> bool {
    OperatorKind::from_field_name(&member.key).is_some()
}
