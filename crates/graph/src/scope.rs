//! A machine as nodes and edges, one scope at a time: what the layout lays out and Mermaid writes.
//!
//! A scope is the machine itself, a branch, or an item processor. Edges that lead from the same state to the same
//! state for the same kind of reason are one edge with several reasons.

use std::collections::{BTreeMap, BTreeSet};

use darkroom_asl::definition::{State, StateIndex, StateKind, StateMachine, Transition};

use crate::wording;

/// The states that can reach each other, and how.
#[derive(Debug)]
pub struct Scope {
    /// Its states in the order in which they are first reached, the marks of its start and end around them.
    pub nodes: Vec<Node>,
    /// By where they begin, and there in the order in which they are tried.
    pub edges: Vec<Edge>,
}

/// What stands in a picture.
#[derive(Debug)]
pub struct Node {
    /// Which.
    pub what: What,
    /// The branches of a Parallel, the processor of a Map.
    pub inside: Vec<Scope>,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Where the machine starts.
    Start,
    /// A state.
    State(StateIndex),
    /// Where states with `End` lead.
    End,
}

/// A way from one node to another, by their places in [`Scope::nodes`].
#[derive(Debug)]
pub struct Edge {
    /// Where it begins.
    pub from: usize,
    /// Where it leads.
    pub to: usize,
    /// Why it is taken.
    pub kind: EdgeKind,
    /// When it is taken, one text for each rule or catcher; nothing for those that need no word.
    pub reasons: Vec<String>,
}

/// Why an edge is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeKind {
    /// `Next`, `End`, or the start.
    Next,
    /// A rule of a Choice.
    Rule,
    /// `Default` of a Choice.
    Default,
    /// A catcher.
    Catch,
}

/// The machine as a scope, with the marks of its start and, if states end it, of its end.
pub fn whole(machine: &StateMachine) -> Scope {
    let mut scope = Scope { nodes: vec![Node { what: What::Start, inside: Vec::new() }], edges: Vec::new() };
    let first = reach(machine, machine.start_at, &mut scope);
    scope.edges.insert(0, Edge { from: 0, to: first, kind: EdgeKind::Next, reasons: Vec::new() });
    let ends: Vec<usize> = (0..scope.nodes.len()).filter(|node| ends(machine, &scope.nodes[*node])).collect();
    if !ends.is_empty() {
        let end = scope.nodes.len();
        scope.nodes.push(Node { what: What::End, inside: Vec::new() });
        let edge = |from| Edge { from, to: end, kind: EdgeKind::Next, reasons: Vec::new() };
        scope.edges.extend(ends.into_iter().map(edge));
    }
    scope
}

/// Whether a node is left by `End`. Succeed and Fail end the machine themselves, and look it.
fn ends(machine: &StateMachine, node: &Node) -> bool {
    let What::State(index) = node.what else { return false };
    matches!(transition(machine.state(index)), Some(Transition::End))
}

/// Adds what can be reached from `start`, and answers its place.
fn reach(machine: &StateMachine, start: StateIndex, scope: &mut Scope) -> usize {
    let first = scope.nodes.len();
    let mut found = vec![start];
    let mut places = BTreeMap::from([(start, first)]);
    let mut next = 0;
    while let Some(index) = found.get(next).copied() {
        let state = machine.state(index);
        let (mut same, mut said) = (BTreeMap::new(), BTreeSet::new());
        for (target, kind, reason) in ways(state) {
            let to = *places.entry(target).or_insert_with(|| {
                found.push(target);
                first + found.len() - 1
            });
            let edge = *same.entry((to, kind)).or_insert_with(|| {
                scope.edges.push(Edge { from: first + next, to, kind, reasons: Vec::new() });
                scope.edges.len() - 1
            });
            if let Some(reason) = reason
                && said.insert((edge, reason.clone()))
            {
                scope.edges[edge].reasons.push(reason);
            }
        }
        let inside = starts(state).iter().map(|start| {
            let mut inner = Scope { nodes: Vec::new(), edges: Vec::new() };
            reach(machine, *start, &mut inner);
            inner
        });
        let inside = inside.collect();
        scope.nodes.push(Node { what: What::State(index), inside });
        next += 1;
    }
    first
}

/// Where a state can go, in the order in which a reader thinks of it: on, then wherever rules and errors lead.
fn ways(state: &State) -> Vec<(StateIndex, EdgeKind, Option<String>)> {
    let mut ways = Vec::new();
    if let Some(Transition::Next(target)) = transition(state) {
        ways.push((target, EdgeKind::Next, None));
    }
    if let StateKind::Choice(choice) = &state.kind {
        let rules = choice.choices.iter();
        ways.extend(rules.map(|it| (it.next, EdgeKind::Rule, Some(wording::condition(&it.condition)))));
        ways.extend(choice.default.map(|target| (target, EdgeKind::Default, Some("default".to_owned()))));
    }
    let catchers = state.catch().iter();
    ways.extend(catchers.map(|it| (it.next, EdgeKind::Catch, Some(wording::errors(&it.error_equals)))));
    ways
}

/// `Next` or `End` of a state that has one of them.
fn transition(state: &State) -> Option<Transition> {
    match &state.kind {
        StateKind::Task(task) => Some(task.transition),
        StateKind::Pass(pass) => Some(pass.transition),
        StateKind::Wait(wait) => Some(wait.transition),
        StateKind::Parallel(parallel) => Some(parallel.transition),
        StateKind::Map(map) => Some(map.transition),
        StateKind::Choice(_) | StateKind::Succeed(_) | StateKind::Fail(_) => None,
    }
}

/// Where what runs inside a state starts.
fn starts(state: &State) -> &[StateIndex] {
    match &state.kind {
        StateKind::Parallel(parallel) => &parallel.branches,
        StateKind::Map(map) => std::slice::from_ref(&map.processor),
        StateKind::Task(_)
        | StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed(_)
        | StateKind::Fail(_) => &[],
    }
}
