//! Where everything stands: a layered layout, as it was first described by Sugiyama, of each scope on its own.
//!
//! The steps, a file each: [`ranks`] puts nodes into rows so that edges lead downwards, [`grid`] gives labels and the
//! rows that edges pass vertices of their own, [`order`] sorts each row so that few edges cross, [`place`] gives
//! vertices their place across, [`route`] the rows theirs down and edges their lines. A state with states inside is as
//! large as what it holds, which is laid out first.
//!
//! Places are in pixels, from the upper left corner of the drawing that they are in.

mod grid;
mod order;
mod place;
mod ranks;
mod route;

use darkroom_asl::definition::{State, StateMachine};

use crate::error::Error;
use crate::scope::{EdgeKind, Node, Scope, What};
use crate::text::Face;
use crate::wording;

/// A scope that is laid out.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
    /// Its nodes.
    pub nodes: Vec<Placed>,
    /// Its edges.
    pub routes: Vec<Route>,
}

/// A node with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// Which.
    pub what: What,
    /// Where.
    pub area: Rect,
    /// Its name as it is written, line by line.
    pub name: Vec<String>,
    /// What it does, in a line.
    pub detail: String,
    /// How often its retriers try again altogether; 0 without any.
    pub retries: u64,
    /// What is inside, from left to right.
    pub branches: Vec<Branch>,
}

/// A drawing inside a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// Its frame, within the drawing that the node is in. Its own drawing begins at the frame's corner.
    pub area: Rect,
    /// What is in it.
    pub drawing: Drawing,
}

/// An edge with its line.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Where it begins, by its place in [`Drawing::nodes`].
    pub from: usize,
    /// Where it leads.
    pub to: usize,
    /// Why it is taken.
    pub kind: EdgeKind,
    /// When it is taken, in full.
    pub reasons: Vec<String>,
    /// Where it begins, below the node that it leaves.
    pub start: Point,
    /// Its stretches one after the other.
    pub stretches: Vec<Stretch>,
    /// How many of them it has to itself: the rest is the line of an edge before it, which it has joined.
    pub own: usize,
    /// What is written on it.
    pub label: Option<Label>,
}

/// A stretch of an edge, from where the one before it ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stretch {
    /// Straight.
    Line(Point),
    /// A curve that leaves and arrives upright, with the two points that pull it.
    Curve(Point, Point, Point),
}

/// What is written on an edge.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Where.
    pub area: Rect,
    /// The text, line by line.
    pub lines: Vec<String>,
}

/// A point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// An upright rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// Its left side.
    pub x: f64,
    /// Its top.
    pub y: f64,
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
}

/// A width and a height.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Size {
    width: f64,
    height: f64,
}

impl Rect {
    /// Its right side.
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    /// Its lower side.
    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }

    /// Whether a part of it lies on the other.
    pub fn overlaps(&self, other: &Rect) -> bool {
        self.x < other.right() && other.x < self.right() && self.y < other.bottom() && other.y < self.bottom()
    }
}

impl Stretch {
    /// Where it ends.
    pub fn end(&self) -> Point {
        match self {
            Self::Line(end) | Self::Curve(_, _, end) => *end,
        }
    }
}

/// Around a drawing.
const MARGIN: f64 = 14.0;
/// The mark of a start or an end.
const MARK: Size = Size { width: 58.0, height: 26.0 };
/// Of a node: what its text keeps from its sides, and the icon left of it.
const PADDING: f64 = 12.0;
/// The icon with the gap behind it.
pub const ICON: f64 = 28.0;
/// The widest and narrowest text of a node.
const TEXT_MAX: f64 = 200.0;
const TEXT_MIN: f64 = 84.0;
/// Lines of a name.
const NAME_LINES: usize = 2;
/// Between branches.
const BRANCH_GAP: f64 = 14.0;

/// Lays a scope out, and first what is inside its states. As deep as states nest.
pub fn lay_out(machine: &StateMachine, scope: &Scope) -> Result<Drawing, Error> {
    let nodes = scope.nodes.iter().map(|node| measure(machine, node));
    let nodes: Vec<Placed> = nodes.collect::<Result<_, _>>()?;
    let ranks = ranks::assign(scope);
    let mut grid = grid::build(scope, &nodes, &ranks)?;
    order::sort(&mut grid);
    let across = place::across(&grid);
    Ok(route::draw(scope, nodes, &grid, &across))
}

/// A node's size and what is in it; where it stands is not known yet.
fn measure(machine: &StateMachine, node: &Node) -> Result<Placed, Error> {
    let mark = |name: &str| Placed {
        what: node.what,
        area: Rect { x: 0.0, y: 0.0, width: MARK.width, height: MARK.height },
        name: vec![name.to_owned()],
        detail: String::new(),
        retries: 0,
        branches: Vec::new(),
    };
    match node.what {
        What::Start => Ok(mark("Start")),
        What::End => Ok(mark("End")),
        What::State(index) => measure_state(machine, machine.state(index), node),
    }
}

fn measure_state(machine: &StateMachine, state: &State, node: &Node) -> Result<Placed, Error> {
    let inside = node.inside.iter().map(|scope| lay_out(machine, scope));
    let inside: Vec<Drawing> = inside.collect::<Result<_, _>>()?;
    let retries: u64 = state.retry().iter().map(|retrier| u64::from(retrier.max_attempts)).sum();
    // A box around others has room for its name on one line.
    let inner_width = inside.iter().map(|drawing| drawing.width + BRANCH_GAP).sum::<f64>() - BRANCH_GAP;
    let text_max = TEXT_MAX.max(inner_width - ICON);
    let name = Face::Name.wrap(&state.name, text_max, NAME_LINES);
    let detail = Face::Detail.cut(&wording::purpose(&state.kind), text_max);
    let badge = if retries > 0 { BADGE } else { 0.0 };
    let text = name.iter().map(|line| Face::Name.width(line)).fold(Face::Detail.width(&detail), f64::max);
    let header_width = text.max(TEXT_MIN) + ICON + badge + 2.0 * PADDING;
    #[expect(clippy::cast_precision_loss, reason = "a name has two lines at most")]
    let header_height = name.len() as f64 * Face::Name.line() + Face::Detail.line() + 2.0 * (PADDING - 3.0);

    let width = if inside.is_empty() { header_width } else { header_width.max(inner_width + 2.0 * PADDING) };
    let mut left = (width - inner_width) / 2.0;
    let mut tallest = 0.0_f64;
    for drawing in &inside {
        tallest = tallest.max(drawing.height);
    }
    let branches: Vec<Branch> = inside
        .into_iter()
        .map(|drawing| {
            let area = Rect { x: left, y: header_height, width: drawing.width, height: tallest };
            left = area.right() + BRANCH_GAP;
            Branch { area, drawing }
        })
        .collect();
    let height = if branches.is_empty() { header_height } else { header_height + tallest + PADDING };
    let area = Rect { x: 0.0, y: 0.0, width, height };
    Ok(Placed { what: node.what, area, name, detail, retries, branches })
}

/// Room for the mark of a state that is tried again.
const BADGE: f64 = 34.0;
