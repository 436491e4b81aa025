//! Whether a scope ends at all, and whether every state in it can be reached.
//!
//! AWS: a scope without a terminal state is told only that; its unreachable states are not listed.
//! Spec: States Language, "Transitions".

use std::collections::HashSet;

use super::diagnostic::DiagnosticCode;
use super::draft::{Draft, Edge, Scope};
use super::machine::StateIndex;
use super::report::Report;

/// Reports what of one scope cannot end or cannot be reached.
pub(super) fn check(scope: &Scope, drafts: &[Draft], report: &mut Report) {
    let draft = |index: &StateIndex| &drafts[index.as_usize()];
    if scope.states.iter().any(|index| draft(index).is_unclear) {
        // What follows from a fault that was told already is no news.
        return;
    }
    if !scope.states.iter().any(|index| draft(index).is_terminal) {
        report
            .error_without_place(DiagnosticCode::MissingEndState, "Workflow has no terminal state")
            .help("end one of the states: \"End\": true, or a Succeed or Fail state behind it");
        return;
    }
    let Some(start) = scope.start else { return };
    let reached = walk(start, drafts, |_, _| true);
    for index in scope.states.iter().filter(|index| !reached.contains(index)) {
        let Draft { name, location, span, .. } = draft(index);
        if scope.by_name.get(name) != Some(index) {
            continue;
        }
        let message = format!("State \"{name}\" is not reachable.");
        report.error(DiagnosticCode::MissingTransitionTarget, location, *span, message);
    }
}

/// The states that can be reached from `start` over the transitions that `takes` lets pass.
pub(super) fn walk(
    start: StateIndex,
    drafts: &[Draft],
    takes: impl Fn(StateIndex, &Edge) -> bool,
) -> HashSet<StateIndex> {
    let mut reached = HashSet::from([start]);
    let mut waiting = vec![start];
    while let Some(index) = waiting.pop() {
        for edge in &drafts[index.as_usize()].transitions {
            if takes(index, edge) && reached.insert(edge.target) {
                waiting.push(edge.target);
            }
        }
    }
    reached
}
