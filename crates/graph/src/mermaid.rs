//! A machine as a Mermaid flowchart, for a README or a pull request.
//!
//! Nodes are named by their places, since a state's name may hold anything; the names stand in their labels.

use std::fmt::Write as _;

use darkroom_asl::definition::{StateKind, StateMachine};

use crate::scope::{self, EdgeKind, Node, Scope, What};

/// Writes the machine. It is as long as its definition, whatever its size.
pub fn mermaid(machine: &StateMachine) -> String {
    let mut writer =
        Writer { machine, out: "flowchart TD\n".to_owned(), frames: 0, catches: Vec::new(), edges: 0 };
    writer.scope(&scope::whole(machine), 1);
    if !writer.catches.is_empty() {
        let numbers: Vec<String> = writer.catches.iter().map(ToString::to_string).collect();
        writer.line(1, &format!("linkStyle {} stroke:#c6283a", numbers.join(",")));
    }
    writer.out
}

struct Writer<'m> {
    machine: &'m StateMachine,
    out: String,
    frames: usize,
    /// The edges of catchers, by their places among all edges.
    catches: Vec<usize>,
    edges: usize,
}

impl Writer<'_> {
    fn line(&mut self, depth: usize, text: &str) {
        writeln!(self.out, "{:width$}{text}", "", width = 2 * depth)
            .expect("writing to a string does not fail");
    }

    fn scope(&mut self, scope: &Scope, depth: usize) {
        for node in &scope.nodes {
            self.node(node, depth);
        }
        for edge in &scope.edges {
            let (from, to) = (id(scope.nodes[edge.from].what), id(scope.nodes[edge.to].what));
            let arrow = match edge.kind {
                EdgeKind::Next | EdgeKind::Rule => "-->",
                EdgeKind::Default | EdgeKind::Catch => "-.->",
            };
            let label = if edge.reasons.is_empty() {
                String::new()
            } else {
                let reasons: Vec<String> = edge.reasons.iter().map(|reason| quoted(reason)).collect();
                format!("|\"{}\"|", reasons.join("<br>"))
            };
            self.line(depth, &format!("{from} {arrow}{label} {to}"));
            if edge.kind == EdgeKind::Catch {
                self.catches.push(self.edges);
            }
            self.edges += 1;
        }
    }

    fn node(&mut self, node: &Node, depth: usize) {
        let own = id(node.what);
        let What::State(index) = node.what else {
            let name = if node.what == What::Start { "Start" } else { "End" };
            return self.line(depth, &format!("{own}([{name}])"));
        };
        let state = self.machine.state(index);
        let name = quoted(&state.name);
        if node.inside.is_empty() {
            let shape = match &state.kind {
                StateKind::Choice(_) => format!("{{\"{name}\"}}"),
                StateKind::Wait(_) => format!("([\"{name}\"])"),
                StateKind::Succeed(_) | StateKind::Fail(_) => format!("(((\"{name}\")))"),
                StateKind::Task(_) | StateKind::Pass(_) | StateKind::Parallel(_) | StateKind::Map(_) => {
                    format!("[\"{name}\"]")
                }
            };
            return self.line(depth, &format!("{own}{shape}"));
        }
        self.line(depth, &format!("subgraph {own}[\"{name}\"]"));
        let has_frames = node.inside.len() > 1;
        for (number, scope) in node.inside.iter().enumerate() {
            if has_frames {
                self.frames += 1;
                self.line(depth + 1, &format!("subgraph b{}[\"{}\"]", self.frames, number + 1));
            }
            self.scope(scope, depth + 1 + usize::from(has_frames));
            if has_frames {
                self.line(depth + 1, "end");
            }
        }
        self.line(depth, "end");
    }
}

fn id(what: What) -> String {
    match what {
        What::Start => "start".to_owned(),
        What::End => "finish".to_owned(),
        What::State(index) => format!("s{}", index.as_usize()),
    }
}

/// A text within double quotes, in which Mermaid knows characters by their numbers.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            letter if letter.is_alphanumeric() || " .,:_-+=$/()".contains(letter) => quoted.push(letter),
            letter if letter.is_control() => quoted.push(' '),
            letter => quoted.extend(["#", &u32::from(letter).to_string(), ";"]),
        }
    }
    quoted
}
