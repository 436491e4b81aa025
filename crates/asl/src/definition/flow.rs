//! A data-flow check: paths that read what, on some route from `StartAt`, nobody has put there.
//!
//! Every scope is followed from its start over every transition, carrying the [`Shape`] of the state's
//! input, until nothing changes; then every read is held against the shape at its state. An execution's
//! input is unknown and may hold anything, so a name counts as missing only if
//!
//! * the whole input was replaced by a result whose names are known, and it is not among them, or
//! * some routes put it there and others do not, and it cannot have come with the input, because it is
//!   put there before it is first read.
//!
//! Only top-level names are followed, and only of `JSONPath` states. All of it is advice: what this check
//! says are warnings, and where a definition is too large for it, it says nothing.
//!
//! Spec: States Language, "Input and Output Processing".

use std::collections::{HashMap, HashSet};

use super::diagnostic::{Diagnostic, DiagnosticCode};
use super::draft::{Draft, Edge, Read, Role, Scope};
use super::integrations;
use super::machine::{CaughtOutput, DataFlow, ResultPath, Selection, StateIndex, StateKind};
use super::reachability;
use super::report::Report;
use super::shape::{Answer, How, Replaced, Shape};
use crate::json::Text;

/// How much work one definition is worth: transitions followed, times the names that each carries. Our choice;
/// a workflow of a hundred states takes some thousands.
const WORK_MAX: usize = 2_000_000;

/// How many reads that may miss are looked into. Our choice: each may cost a walk of the graph.
const MISSES_MAX: usize = 50;

/// How many routes of a kind a message names. Our choice.
const ROUTES_MAX: usize = 5;

/// Warns of reads that can miss, in every scope.
pub(super) fn check(scopes: &[Scope], drafts: &[Draft], report: &mut Report) {
    let reads = drafts.iter().flat_map(|draft| &draft.flow.reads);
    let names = reads.map(|read| read.name.clone()).collect();
    let mut flow = Flow { drafts, names, inputs: HashMap::new(), work_left: WORK_MAX, misses: 0 };
    // The states of an outer scope are followed first, because they say what the inner ones start with. Scopes
    // are in the order in which they were read to their end: inner ones first.
    for scope in scopes.iter().rev() {
        flow.follow(scope);
    }
    for scope in scopes {
        let Some(start) = scope.start else { continue };
        for index in &scope.states {
            flow.report_reads(*index, start, report);
        }
    }
}

struct Flow<'d> {
    drafts: &'d [Draft],
    /// The input of each state that has been reached.
    inputs: HashMap<StateIndex, Shape>,
    /// The names that somebody reads: no other is followed.
    names: HashSet<Text>,
    work_left: usize,
    /// How many reads that may miss have been seen.
    misses: usize,
}

impl Flow<'_> {
    fn draft(&self, index: StateIndex) -> &Draft {
        &self.drafts[index.as_usize()]
    }

    /// Finds the input of every state of a scope.
    fn follow(&mut self, scope: &Scope) {
        let Some(start) = scope.start else { return };
        let mut entry = scope.owner.map_or_else(Shape::unknown, |owner| self.handed_down(owner));
        entry.keep(|name| self.names.contains(name));
        self.inputs.insert(start, entry);
        let mut waiting = vec![start];
        while let Some(index) = waiting.pop() {
            let transitions = &self.drafts[index.as_usize()].transitions;
            let reads = self.draft(index).flow.reads.len();
            let cost = transitions.len().saturating_mul(self.names.len() + reads + 1);
            let Some(work_left) = self.work_left.checked_sub(cost) else {
                // Half a result would be wrong.
                scope.states.iter().for_each(|index| drop(self.inputs.remove(index)));
                return;
            };
            self.work_left = work_left;
            for edge in transitions {
                let (target, shape) = (edge.target, self.along(index, edge));
                let changed = match self.inputs.get_mut(&target) {
                    Some(known) => known.join(&shape),
                    None => self.inputs.insert(target, shape).is_none(),
                };
                if changed {
                    waiting.push(target);
                }
            }
        }
    }

    /// What a Parallel's branches or a Map's iterations start with.
    fn handed_down(&self, owner: StateIndex) -> Shape {
        let draft = self.draft(owner);
        if let Some(payload) = &draft.flow.payload {
            return payload.clone().replaced_by(owner, How::HandedDown);
        }
        match (&draft.kind, self.inputs.get(&owner)) {
            (Some(StateKind::Parallel(parallel)), Some(input)) => match &parallel.flow {
                DataFlow::JsonPath(flow) => selected(owner, &flow.input_path, input),
                DataFlow::Jsonata(_) => Shape::unknown(),
            },
            _ => Shape::unknown(),
        }
    }

    /// A state's input after its reads, which must have found what they asked for.
    fn after_reads(&self, index: StateIndex) -> Shape {
        let mut shape = self.inputs.get(&index).cloned().unwrap_or_else(Shape::unknown);
        for read in &self.draft(index).flow.reads {
            shape.see(&read.name);
        }
        shape
    }

    /// What a transition carries.
    fn along(&self, index: StateIndex, edge: &Edge) -> Shape {
        let mut input = self.after_reads(index);
        for name in &edge.present {
            input.see(name);
        }
        let mut shape = match (&self.draft(index).kind, edge.role) {
            (None, _) => Shape::unknown(),
            (Some(kind), Role::Catch(position)) => caught(index, kind, position, input),
            (Some(kind), Role::Next | Role::Choice(_) | Role::Default) => self.output(index, kind, input),
        };
        shape.keep(|name| self.names.contains(name));
        shape
    }

    /// A state's output, by its type.
    fn output(&self, index: StateIndex, kind: &StateKind, input: Shape) -> Shape {
        let flow = &self.draft(index).flow;
        let Some(DataFlow::JsonPath(paths)) = kind.flow() else { return Shape::unknown() };
        let result = match kind {
            StateKind::Choice(_) | StateKind::Wait(_) => {
                let effective = selected(index, &paths.input_path, &input);
                return selected(index, &paths.output_path, &effective);
            }
            StateKind::Succeed(_) | StateKind::Fail(_) => return input,
            StateKind::Pass(pass) => {
                let made = flow.literal.as_ref().or(flow.payload.as_ref()).cloned();
                let made = made.or_else(|| pass.parameters.is_some().then(Shape::unknown));
                match made {
                    Some(shape) => shape.replaced_by(index, How::Result),
                    None => selected(index, &paths.input_path, &input),
                }
            }
            StateKind::Task(task) => {
                let names = integrations::answer(&task.resource);
                let answer = names.map(|names| Shape::exactly(names.iter().copied().map(Text::from)));
                let result = flow.selected.clone().or(answer).unwrap_or_else(Shape::unknown);
                result.replaced_by(index, How::Result)
            }
            StateKind::Parallel(_) | StateKind::Map(_) => self.results(index),
        };
        let placed = placed(&paths.result_path, input, || result);
        selected(index, &paths.output_path, &placed)
    }

    /// What came of branches or iterations: an array, unless a `ResultSelector` makes something of it.
    fn results(&self, index: StateIndex) -> Shape {
        match &self.draft(index).flow.selected {
            Some(selected) => selected.clone().replaced_by(index, How::Result),
            None => Shape::array_by(index),
        }
    }

    fn report_reads(&mut self, index: StateIndex, start: StateIndex, report: &mut Report) {
        let Some(input) = self.inputs.get(&index).cloned() else { return };
        let mut told = HashSet::new();
        for read in &self.drafts[index.as_usize()].flow.reads {
            if !told.insert(&read.name) {
                continue;
            }
            let answer = input.has(&read.name);
            self.misses += usize::from(answer != Answer::Yes);
            if self.misses > MISSES_MAX {
                return;
            }
            match answer {
                Answer::Yes => {}
                Answer::No(replaced) => {
                    let (message, help) = self.explain(read, &replaced);
                    warn(read, message, report).help(help);
                }
                Answer::Sometimes => {
                    if self.is_written_before(index, start, &read.name) {
                        self.report_sometimes(index, read, report);
                    }
                }
            }
        }
    }

    /// Says what took the place of what is read, and how to keep that.
    fn explain(&self, read: &Read, replaced: &Replaced) -> (String, String) {
        let (path, with, by) = (&read.path, &replaced.with, &self.draft(replaced.by).name);
        let own_path = format!("a ResultPath of its own, such as \"$.{}Result\", or null", lower_first(by));
        match replaced.how {
            How::Result => (
                format!("`{path}` is not there after {by}, whose result, {with}, replaces everything"),
                format!("keep what was there: give {by} {own_path}"),
            ),
            How::ErrorOutput => (
                format!(
                    "`{path}` is not there when {by} failed: its error output, {with}, replaces everything"
                ),
                format!("keep what was there: give the Catch of {by} a ResultPath, such as \"$.error\""),
            ),
            How::HandedDown => (
                format!("`{path}` is not there: {by} hands down {with} only"),
                format!("add it to the ItemSelector or Parameters of {by}"),
            ),
            How::Nothing => (
                format!(
                    "`{path}` is not there: {by} has an InputPath or OutputPath of null, which leaves {{}}"
                ),
                format!("leave that path out of {by}"),
            ),
        }
    }

    /// Names the transitions that bring a name and those that do not.
    fn report_sometimes(&self, index: StateIndex, read: &Read, report: &mut Report) {
        let edges = self.drafts.iter().enumerate().flat_map(|(position, draft)| {
            let from = StateIndex::new(position);
            draft.transitions.iter().filter(|edge| edge.target == index).map(move |edge| (from, edge))
        });
        let reached = edges.filter(|(from, _)| self.inputs.contains_key(from));
        let (with, without): (Vec<_>, Vec<_>) =
            reached.partition(|(from, edge)| self.along(*from, edge).has_surely(&read.name));
        let described = |edges: &[(StateIndex, &Edge)]| -> String {
            let described: Vec<String> = edges
                .iter()
                .take(ROUTES_MAX)
                .map(|(from, edge)| format!("{} ({})", self.draft(*from).name, role_name(edge.role)))
                .collect();
            described.join(" and ")
        };
        let (path, name) = (format!("$.{}", read.name), &self.draft(index).name);
        let message = if without.is_empty() || with.is_empty() {
            format!("`{}` may not be there: only some of the routes to {name} put `{path}` there", read.path)
        } else {
            let (with, without) = (described(&with), described(&without));
            format!("`{}` may not be there: it is on the way from {with}, but not from {without}", read.path)
        };
        let help = match without.as_slice() {
            [(from, _)] => {
                let from = &self.draft(*from).name;
                format!("put a Pass state between {from} and {name} whose ResultPath is \"{path}\"")
            }
            _ => format!(
                "let every route put it there, for example by a Pass state whose ResultPath is \"{path}\""
            ),
        };
        warn(read, message, report).help(help);
    }

    /// Whether some state puts `name` there on a route that has not yet come through `reader`. If not, the
    /// first visit of the reader finds what came with the input.
    fn is_written_before(&self, reader: StateIndex, start: StateIndex, name: &Text) -> bool {
        if reader == start {
            return false;
        }
        let before = reachability::walk(start, self.drafts, |from, _| from != reader);
        before.iter().filter(|index| **index != reader).any(|index| {
            self.draft(*index).transitions.iter().any(|edge| self.along(*index, edge).has_written(name))
        })
    }
}

/// What a catcher carries.
fn caught(index: StateIndex, kind: &StateKind, position: usize, input: Shape) -> Shape {
    let catch = match kind {
        StateKind::Task(task) => &task.catch,
        StateKind::Parallel(parallel) => &parallel.catch,
        StateKind::Map(map) => &map.catch,
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed(_)
        | StateKind::Fail(_) => return input,
    };
    let Some(catcher) = catch.get(position) else { return Shape::unknown() };
    let error = || Shape::exactly(["Error", "Cause"].map(Text::from)).replaced_by(index, How::ErrorOutput);
    match &catcher.output {
        CaughtOutput::At(result_path) => placed(result_path, input, error),
        CaughtOutput::Query(None) => error(),
        CaughtOutput::Query(Some(_)) => Shape::unknown(),
    }
}

/// `InputPath` or `OutputPath`.
fn selected(index: StateIndex, selection: &Selection, from: &Shape) -> Shape {
    match selection {
        Selection::Whole => from.clone(),
        Selection::Empty => Shape::exactly([]).replaced_by(index, How::Nothing),
        Selection::At(_) => Shape::unknown(),
    }
}

/// `ResultPath`: where the result goes in the input.
fn placed(result_path: &ResultPath, mut input: Shape, result: impl FnOnce() -> Shape) -> Shape {
    match result_path {
        ResultPath::Replace => result(),
        ResultPath::Discard => input,
        ResultPath::At(path) => match path.as_path().input_name() {
            Some(name) => {
                input.write(name);
                input
            }
            None => Shape::unknown(),
        },
    }
}

fn warn<'r>(read: &Read, message: String, report: &'r mut Report) -> &'r mut Diagnostic {
    report.warning(DiagnosticCode::PathNotProduced, &read.location, read.span, message)
}

/// The field of a transition, as locations have it.
fn role_name(role: Role) -> String {
    match role {
        Role::Next => "Next".to_owned(),
        Role::Choice(position) => format!("Choices[{position}]"),
        Role::Default => "Default".to_owned(),
        Role::Catch(position) => format!("Catch[{position}]"),
    }
}

/// `SendNotification` as a member's name: `sendNotification`.
fn lower_first(name: &str) -> String {
    let letters: String = name.chars().filter(|letter| letter.is_alphanumeric()).collect();
    let mut rest = letters.chars();
    rest.next().map(|first| first.to_lowercase().chain(rest).collect()).unwrap_or_default()
}
