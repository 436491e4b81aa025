//! Rows of vertices: the nodes, and between them what edges need room for.
//!
//! Nodes stand in odd rows, so that there is a row above and below each of them. An edge takes a vertex in every row
//! that it passes: its label has the first, and what is left are *lanes*. Edges of one kind with one target share
//! their lanes: they are told apart where they begin, and where they lead is the same. An edge that goes back runs
//! up beside the rows between its ends, and turns in the row below the one and above the other.

use std::collections::{BTreeMap, BTreeSet};

use super::{Placed, Size, ranks::Ranks};
use crate::error::{Error, VERTICES_MAX};
use crate::scope::{Edge, EdgeKind, Scope};
use crate::text::Face;

/// All vertices of a scope.
pub struct Grid {
    /// The vertices; the first are the scope's nodes.
    pub vertices: Vec<Vertex>,
    /// The rows from top to bottom, each from left to right.
    pub rows: Vec<Vec<usize>>,
    /// The way of each edge through the rows, its ends included.
    pub paths: Vec<Vec<usize>>,
    /// The lines of each edge's label.
    pub labels: Vec<Vec<String>>,
    /// The ties, upper and lower end, of the edges that are a node's main way on. They should be straight.
    pub spine: BTreeSet<(usize, usize)>,
}

/// Something that has a place in a row.
pub struct Vertex {
    /// Which row.
    pub row: usize,
    /// What it is.
    pub kind: Kind,
    /// Its room.
    pub size: Size,
    /// What it is tied to in the row above.
    pub above: Vec<usize>,
    /// What it is tied to in the row below.
    pub below: Vec<usize>,
}

/// What a vertex is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A node.
    Node,
    /// An edge's label.
    Label,
    /// Where edges pass.
    Lane,
    /// Where an edge that goes back turns.
    Turn,
}

/// Which edges share a lane: those with one target and one class, going one way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct LaneKey {
    row: usize,
    target: usize,
    is_catch: bool,
    goes_back: bool,
}

/// Of a label: its text's width at most, its lines at most, and what the text keeps from its sides.
const LABEL_WIDTH_MAX: f64 = 178.0;
const LABEL_LINES_MAX: usize = 4;
const LABEL_PADDING: f64 = 5.0;

/// Builds the rows of a scope.
pub fn build(scope: &Scope, nodes: &[Placed], ranks: &Ranks) -> Result<Grid, Error> {
    let mut builder = Builder { grid: Grid::of_nodes(nodes, ranks), lanes: BTreeMap::new() };
    let mut has_way_on = vec![false; nodes.len()];
    for (index, edge) in scope.edges.iter().enumerate() {
        let lines = label(&edge.reasons);
        let size = label_size(&lines);
        let path = if ranks.goes_back[index] {
            builder.backwards(edge, size)?
        } else {
            builder.forwards(edge, size)?
        };
        // Edges stand in the order in which a reader thinks of them: the first is the main one.
        if !ranks.goes_back[index] && !std::mem::replace(&mut has_way_on[edge.from], true) {
            builder.grid.spine.extend(path.windows(2).map(|pair| (pair[0], pair[1])));
        }
        builder.grid.labels.push(lines);
        builder.grid.paths.push(path);
    }
    Ok(builder.grid)
}

/// The lines of an edge's label, one reason below the other.
fn label(reasons: &[String]) -> Vec<String> {
    let shown = if reasons.len() > LABEL_LINES_MAX { LABEL_LINES_MAX - 1 } else { reasons.len() };
    let lines_each = LABEL_LINES_MAX / shown.max(1);
    let mut lines: Vec<String> = reasons
        .iter()
        .take(shown)
        .flat_map(|reason| Face::Reason.wrap(reason, LABEL_WIDTH_MAX, lines_each))
        .collect();
    if reasons.len() > shown {
        lines.push(format!("and {} more", reasons.len() - shown));
    }
    lines
}

fn label_size(lines: &[String]) -> Size {
    let width = lines.iter().map(|line| Face::Reason.width(line)).fold(0.0, f64::max);
    #[expect(clippy::cast_precision_loss, reason = "a label has a few lines")]
    let height = lines.len() as f64 * Face::Reason.line();
    if lines.is_empty() {
        return Size::default();
    }
    Size { width: width + 2.0 * LABEL_PADDING, height: height + LABEL_PADDING }
}

struct Builder {
    grid: Grid,
    lanes: BTreeMap<LaneKey, usize>,
}

impl Builder {
    /// Down, from row to row.
    fn forwards(&mut self, edge: &Edge, label: Size) -> Result<Vec<usize>, Error> {
        let (first, last) = (self.grid.vertices[edge.from].row, self.grid.vertices[edge.to].row);
        let mut path = vec![edge.from];
        for row in first + 1..last {
            let vertex = if row == first + 1 && label != Size::default() {
                self.add(row, Kind::Label, label)?
            } else {
                self.lane(edge, row, false)?
            };
            self.tie(path.last().copied(), vertex);
            path.push(vertex);
        }
        self.tie(path.last().copied(), edge.to);
        path.push(edge.to);
        Ok(path)
    }

    /// Down into the row below, up beside all rows to the one above the target, and down again.
    fn backwards(&mut self, edge: &Edge, label: Size) -> Result<Vec<usize>, Error> {
        let (last, first) = (self.grid.vertices[edge.from].row, self.grid.vertices[edge.to].row);
        let turn = self.add(last + 1, Kind::Turn, Size { width: 0.0, height: 2.0 })?;
        self.tie(Some(edge.from), turn);
        let mut path = vec![edge.from, turn];
        // A label stands in the row between, or where there is none beside the node that leads to itself.
        let label_row = if first == last { first } else { last - 1 };
        for row in (first..=last).rev() {
            let vertex = if label == Size::default() {
                self.lane(edge, row, true)?
            } else if row == label_row {
                self.add(row, Kind::Label, label)?
            } else if row > label_row {
                self.add(row, Kind::Lane, Size::default())?
            } else {
                self.lane(edge, row, true)?
            };
            self.tie(Some(vertex), path[path.len() - 1]);
            path.push(vertex);
        }
        let turn = self.turn_above(edge, first - 1)?;
        self.tie(Some(turn), path[path.len() - 1]);
        self.tie(Some(turn), edge.to);
        path.extend([turn, edge.to]);
        Ok(path)
    }

    fn turn_above(&mut self, edge: &Edge, row: usize) -> Result<usize, Error> {
        let turn = self.lane(edge, row, true)?;
        self.grid.vertices[turn].kind = Kind::Turn;
        self.grid.vertices[turn].size.height = 2.0;
        Ok(turn)
    }

    /// The lane of an edge in a row, shared with those that may share it.
    fn lane(&mut self, edge: &Edge, row: usize, goes_back: bool) -> Result<usize, Error> {
        let key = LaneKey { row, target: edge.to, is_catch: edge.kind == EdgeKind::Catch, goes_back };
        if let Some(lane) = self.lanes.get(&key) {
            return Ok(*lane);
        }
        let lane = self.add(row, Kind::Lane, Size::default())?;
        self.lanes.insert(key, lane);
        Ok(lane)
    }

    fn add(&mut self, row: usize, kind: Kind, size: Size) -> Result<usize, Error> {
        if self.grid.vertices.len() >= VERTICES_MAX {
            return Err(Error::TooLarge);
        }
        let vertex = self.grid.vertices.len();
        self.grid.vertices.push(Vertex { row, kind, size, above: Vec::new(), below: Vec::new() });
        self.grid.rows[row].push(vertex);
        Ok(vertex)
    }

    fn tie(&mut self, upper: Option<usize>, lower: usize) {
        let Some(upper) = upper else { return };
        if !self.grid.vertices[upper].below.contains(&lower) {
            self.grid.vertices[upper].below.push(lower);
            self.grid.vertices[lower].above.push(upper);
        }
    }
}

impl Grid {
    fn of_nodes(nodes: &[Placed], ranks: &Ranks) -> Self {
        let rows = ranks.of_node.iter().max().map_or(0, |last| 2 * last + 3);
        let mut grid = Self {
            vertices: Vec::new(),
            rows: vec![Vec::new(); rows],
            paths: Vec::new(),
            labels: Vec::new(),
            spine: BTreeSet::new(),
        };
        for (node, rank) in nodes.iter().zip(&ranks.of_node) {
            let row = 2 * rank + 1;
            grid.rows[row].push(grid.vertices.len());
            let size = Size { width: node.area.width, height: node.area.height };
            grid.vertices.push(Vertex { row, kind: Kind::Node, size, above: Vec::new(), below: Vec::new() });
        }
        grid
    }

    /// How far apart the middles of two vertices of a row must be at least.
    pub fn distance(&self, left: usize, right: usize) -> f64 {
        let (left, right) = (&self.vertices[left], &self.vertices[right]);
        let gap = match (left.kind, right.kind) {
            (Kind::Node, Kind::Node) => 34.0,
            (Kind::Lane | Kind::Turn, Kind::Lane | Kind::Turn) => 14.0,
            (Kind::Label, Kind::Label) => 12.0,
            (Kind::Node, Kind::Label | Kind::Lane | Kind::Turn)
            | (Kind::Label, Kind::Node | Kind::Lane | Kind::Turn)
            | (Kind::Lane | Kind::Turn, Kind::Node | Kind::Label) => 18.0,
        };
        f64::midpoint(left.size.width, right.size.width) + gap
    }
}
