//! Warnings about how a workflow fails, which need its whole graph.
//!
//! A state is a *failure state* if it is reached only by a Catch, or by a Choice that turns to where a Catch
//! turns to. What happens there decides whether a failed execution is seen as one.

use std::collections::HashSet;

use super::diagnostic::DiagnosticCode;
use super::draft::{Draft, Edge, Role, Scope};
use super::machine::{StateIndex, StateKind, Task};
use super::reachability::walk;
use super::report::Report;

/// Warns about the tasks of every scope and the failure states of the outermost one.
pub(super) fn check(scopes: &[Scope], drafts: &[Draft], report: &mut Report) {
    for draft in drafts {
        if let Some(StateKind::Task(task)) = &draft.kind {
            check_timeout(draft, task, report);
        }
    }
    let Some(start) = scopes.last().and_then(|outermost| outermost.start) else { return };
    for index in failure_states(start, drafts) {
        let draft = &drafts[index.as_usize()];
        check_end(draft, report);
        if let Some(StateKind::Task(task)) = &draft.kind {
            check_protection(draft, task, report);
        }
    }
}

/// The states that are reached only when something has failed, in the order of the arena.
fn failure_states(start: StateIndex, drafts: &[Draft]) -> Vec<StateIndex> {
    let edges = || drafts.iter().flat_map(|draft| &draft.transitions);
    let is_catch = |edge: &Edge| matches!(edge.role, Role::Catch(_));
    let handlers: HashSet<StateIndex> =
        edges().filter(|edge| is_catch(edge)).map(|edge| edge.target).collect();
    // A Choice that only leads to handlers has nothing to do with success.
    let leads_elsewhere: Vec<bool> = drafts
        .iter()
        .map(|draft| draft.transitions.iter().any(|edge| !handlers.contains(&edge.target)))
        .collect();
    let is_failure = |from: StateIndex, edge: &Edge| match edge.role {
        Role::Catch(_) => true,
        Role::Next => false,
        Role::Choice(_) | Role::Default => {
            handlers.contains(&edge.target) && leads_elsewhere[from.as_usize()]
        }
    };
    let all = walk(start, drafts, |_, _| true);
    let in_order = walk(start, drafts, |from, edge| !is_failure(from, edge));
    let mut failures: Vec<StateIndex> = all.difference(&in_order).copied().collect();
    failures.sort_unstable();
    failures
}

fn check_timeout(draft: &Draft, task: &Task, report: &mut Report) {
    if task.timeout.is_none() {
        let message = "The task has no time-out: one that hangs is waited for up to a year".to_owned();
        report
            .warning(DiagnosticCode::TaskWithoutTimeout, &draft.location, draft.span, message)
            .help("give it \"TimeoutSeconds\"");
    }
}

fn check_end(draft: &Draft, report: &mut Report) {
    let Some((location, span)) = &draft.end else { return };
    let message = format!(
        "{} is reached only when something failed, yet the execution ends here as SUCCEEDED",
        draft.name
    );
    report
        .warning(DiagnosticCode::FailureEndsInSuccess, location, *span, message)
        .help("go on to a Fail state, so that the failure is seen, counted and alarmed");
}

fn check_protection(draft: &Draft, task: &Task, report: &mut Report) {
    if task.retry.is_empty() && task.catch.is_empty() {
        let message = format!(
            "{} runs only when something failed, and has neither Retry nor Catch: one more fault ends the \
             execution before the failure is dealt with",
            draft.name
        );
        report
            .warning(DiagnosticCode::UnprotectedErrorHandler, &draft.location, draft.span, message)
            .help("give it a Retry, and a Catch that goes on to the next step of the clean-up");
    }
}
