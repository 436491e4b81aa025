//! Pictures of state machines.
//!
//! A checked [`StateMachine`] goes in. [`lay_out`] makes a [`Drawing`] of it, a layered one: states in rows, from the
//! start downwards, Parallel and Map states as boxes around their own drawings. [`svg()`] writes a drawing as SVG and
//! [`mermaid()`] writes a machine as a Mermaid flowchart. Everything here is a function of its arguments, and the same
//! machine gives the same bytes.
//!
//! What is drawn never lies on something else: labels are laid out as states are, each with a place of its own in
//! a row between two rows of states, and edges bend only between rows.

mod error;
mod layout;
mod mermaid;
mod scope;
mod svg;
mod text;
mod wording;

use darkroom_asl::definition::StateMachine;

pub use error::{Error, VERTICES_MAX};
pub use layout::{Branch, Drawing, Label, Placed, Point, Rect, Route, Stretch};
pub use mermaid::mermaid;
pub use scope::{EdgeKind, What};
pub use svg::{Run, STYLE, Svg, svg};
pub use wording::{condition as condition_in_words, purpose as purpose_in_words};

/// Lays a machine out. Refused only where the picture would be larger than anybody could look at.
pub fn lay_out(machine: &StateMachine) -> Result<Drawing, Error> {
    layout::lay_out(machine, &scope::whole(machine))
}
