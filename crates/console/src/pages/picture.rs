//! A state machine's picture, coloured by what an execution did.

use std::collections::{BTreeMap, BTreeSet};

use darkroom_asl::definition::StateMachine;
use darkroom_engine::store::StoredExecution;
use darkroom_graph::{EdgeKind, Run, Svg, lay_out, svg};
use maud::{Markup, PreEscaped, html};

use super::execution::Story;
use darkroom_engine::course::{Standing, Visit};

/// The picture of a machine.
pub fn of_machine(machine: &StateMachine, title: &str) -> Markup {
    match lay_out(machine) {
        Ok(drawing) => PreEscaped(svg(machine, &drawing, Svg { title, ..Svg::default() })),
        Err(error) => html! { p.notice { "There is no picture: " (error) } },
    }
}

/// The picture of a machine with what an execution did in it. Each state leads where `to_state` says.
pub fn of_execution(
    machine: &StateMachine,
    story: &Story,
    stored: &StoredExecution,
    to_state: &dyn Fn(&str) -> String,
) -> Markup {
    let drawing = match lay_out(machine) {
        Ok(drawing) => drawing,
        Err(error) => return html! { p.notice { "There is no picture: " (error) } },
    };
    let title = format!("{}: {}", stored.identity.state_machine_name, stored.status().as_str());
    let seen = Seen::of(story, to_state);
    PreEscaped(svg(machine, &drawing, Svg { title: &title, has_style: false, run: Some(&seen) }))
}

/// What is seen of an execution.
struct Seen<'s> {
    standings: BTreeMap<&'s str, Standing>,
    /// Where visits came from and went, and whether by a catcher.
    ways: BTreeSet<(&'s str, &'s str, bool)>,
    first: Option<&'s str>,
    to_state: &'s dyn Fn(&str) -> String,
}

impl<'s> Seen<'s> {
    fn of(story: &'s Story, to_state: &'s dyn Fn(&str) -> String) -> Self {
        let mut standings = story.course.standings();
        if let Some(tail) = &story.tail {
            // What happened between is not known here: what has not been seen since was left somehow.
            for standing in standings.values_mut().filter(|it| **it == Standing::Running) {
                *standing = Standing::Succeeded;
            }
            standings.extend(tail.standings());
        }
        let visits = story.course.visits.iter().chain(story.tail.iter().flat_map(|tail| &tail.visits));
        let first = story.course.visits.first().map(|visit| &*visit.state);
        Self { standings, ways: visits.filter_map(way).collect(), first, to_state }
    }
}

impl Run for Seen<'_> {
    fn link(&self, state: &str) -> String {
        (self.to_state)(state)
    }

    fn class(&self, state: &str) -> &'static str {
        self.standings.get(state).map_or("", |standing| standing.class())
    }

    fn is_taken(&self, from: &str, to: &str, kind: EdgeKind) -> bool {
        match from {
            "" => self.first == Some(to),
            from => self.ways.contains(&(from, to, kind == EdgeKind::Catch)),
        }
    }
}

/// Where a visit came from and went, and whether by a catcher.
fn way(visit: &Visit) -> Option<(&str, &str, bool)> {
    visit.left_at?;
    match visit.standing {
        Standing::Succeeded | Standing::Caught => {
            Some((&visit.state, visit.next.as_deref().unwrap_or(""), visit.standing == Standing::Caught))
        }
        Standing::Running | Standing::Failed | Standing::Aborted => None,
    }
}

/// What the colours mean.
pub fn legend() -> Markup {
    let all = [Standing::Running, Standing::Succeeded, Standing::Caught, Standing::Failed, Standing::Aborted];
    html! {
        ul.legend aria-label="What the colours mean" {
            @for standing in all {
                li { span class=(format!("status {}", standing.class())) { (standing.word()) } }
            }
        }
    }
}
