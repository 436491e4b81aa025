//! Places down, and the lines of edges.
//!
//! In its row an edge runs straight down, and between rows it curves. So it meets no node and no label but its own,
//! whatever else there is.

use super::grid::{Grid, Kind};
use super::{Drawing, Label, MARGIN, Placed, Point, Rect, Route, Stretch};
use crate::scope::Scope;

/// Between two rows: at least, at most, and what a curve gets for each pixel that it goes across.
const GAP_MIN: f64 = 17.0;
const GAP_MAX: f64 = 52.0;
const GAP_PER_ACROSS: f64 = 0.07;
/// What ends of edges keep from a node's corners and from each other.
const PORT_INSET: f64 = 14.0;
const PORT_GAP: f64 = 18.0;

/// A row's top and bottom.
#[derive(Clone, Copy, Default)]
struct Row {
    top: f64,
    bottom: f64,
}

/// Puts it all together.
pub fn draw(scope: &Scope, mut nodes: Vec<Placed>, grid: &Grid, across: &[f64]) -> Drawing {
    let left = grid.vertices.iter().zip(across).map(|(vertex, x)| x - vertex.size.width / 2.0);
    let shift = MARGIN - left.fold(f64::INFINITY, f64::min);
    let across: Vec<f64> = across.iter().map(|x| if shift.is_finite() { x + shift } else { *x }).collect();
    let right = grid.vertices.iter().zip(&across).map(|(vertex, x)| x + vertex.size.width / 2.0);
    let width = right.fold(0.0, f64::max) + MARGIN;
    let (rows, height) = rows(grid, &across);
    for (index, node) in nodes.iter_mut().enumerate() {
        let (row, size) = (rows[grid.vertices[index].row], grid.vertices[index].size);
        let dx = across[index] - size.width / 2.0;
        let dy = f64::midpoint(row.top, row.bottom) - size.height / 2.0;
        node.area = Rect { x: dx, y: dy, ..node.area };
        for branch in &mut node.branches {
            branch.area = Rect { x: branch.area.x + dx, y: branch.area.y + dy, ..branch.area };
        }
    }
    let drafter = Drafter { scope, grid, across: &across, rows: &rows, nodes: &nodes };
    let routes = drafter.routes();
    Drawing { width, height, nodes, routes }
}

/// The rows' places, and how high all of it is. A row in which nothing stands takes no room.
fn rows(grid: &Grid, across: &[f64]) -> (Vec<Row>, f64) {
    let mut rows = vec![Row::default(); grid.rows.len()];
    let mut bottom = None;
    for (index, row) in grid.rows.iter().enumerate() {
        if row.is_empty() {
            continue;
        }
        let height = row.iter().map(|vertex| grid.vertices[*vertex].size.height).fold(0.0, f64::max);
        let ties = row.iter().flat_map(|vertex| {
            grid.vertices[*vertex].above.iter().map(|above| (across[*above] - across[*vertex]).abs())
        });
        let widest = ties.fold(0.0, f64::max);
        let top = match bottom {
            None => MARGIN,
            Some(bottom) => bottom + (GAP_MIN + GAP_PER_ACROSS * widest).min(GAP_MAX),
        };
        rows[index] = Row { top, bottom: top + height };
        bottom = Some(top + height);
    }
    (rows, bottom.unwrap_or(MARGIN) + MARGIN)
}

struct Drafter<'g> {
    scope: &'g Scope,
    grid: &'g Grid,
    across: &'g [f64],
    rows: &'g [Row],
    nodes: &'g [Placed],
}

impl Drafter<'_> {
    fn routes(&self) -> Vec<Route> {
        let leaving = self.ports(|path| (path[0], path[1]));
        let arriving = self.ports(|path| (path[path.len() - 1], path[path.len() - 2]));
        let mut is_drawn = vec![false; self.grid.vertices.len()];
        self.scope
            .edges
            .iter()
            .enumerate()
            .map(|(index, edge)| {
                let path = &self.grid.paths[index];
                let start = Point { x: leaving[index], y: self.nodes[edge.from].area.bottom() };
                let end = Point { x: arriving[index], y: self.nodes[edge.to].area.y };
                let (stretches, own) = self.line(path, start, end, &is_drawn);
                for vertex in path {
                    is_drawn[*vertex] = true;
                }
                Route {
                    from: edge.from,
                    to: edge.to,
                    kind: edge.kind,
                    reasons: edge.reasons.clone(),
                    start,
                    stretches,
                    own,
                    label: self.label(index, path),
                }
            })
            .collect()
    }

    /// Where each edge touches one of its ends: as near to where it comes from or goes to as its node's side reaches.
    /// Edges that come out of one vertex share a place.
    fn ports(&self, ends: impl Fn(&[usize]) -> (usize, usize)) -> Vec<f64> {
        let mut at_node: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        for path in &self.grid.paths {
            let (node, other) = ends(path);
            if !at_node[node].contains(&other) {
                at_node[node].push(other);
            }
        }
        let places: Vec<Vec<(usize, f64)>> = at_node
            .into_iter()
            .enumerate()
            .map(|(node, mut others)| {
                others.sort_by(|a, b| self.across[*a].total_cmp(&self.across[*b]));
                let wanted: Vec<f64> = others.iter().map(|other| self.across[*other]).collect();
                let area = &self.nodes[node].area;
                let inset = PORT_INSET.min(area.width / 2.0);
                let places = spread(&wanted, area.x + inset, area.right() - inset);
                others.into_iter().zip(places).collect()
            })
            .collect();
        let place = |path: &Vec<usize>| {
            let (node, other) = ends(path);
            places[node].iter().find(|(at, _)| *at == other).map_or(self.across[node], |(_, x)| *x)
        };
        self.grid.paths.iter().map(place).collect()
    }

    fn label(&self, index: usize, path: &[usize]) -> Option<Label> {
        let vertex = path.iter().find(|vertex| self.grid.vertices[**vertex].kind == Kind::Label)?;
        let (size, row) = (self.grid.vertices[*vertex].size, self.rows[self.grid.vertices[*vertex].row]);
        let area = Rect {
            x: self.across[*vertex] - size.width / 2.0,
            y: f64::midpoint(row.top, row.bottom) - size.height / 2.0,
            width: size.width,
            height: size.height,
        };
        Some(Label { area, lines: self.grid.labels[index].clone() })
    }

    /// The line of an edge: down, or down, up and down again. And how many of its stretches it has until it joins the
    /// line of an edge that is drawn already: from where two share a lane they go the same way.
    fn line(&self, path: &[usize], start: Point, end: Point, is_drawn: &[bool]) -> (Vec<Stretch>, usize) {
        let mut pen = Pen { at: start, stretches: Vec::new() };
        let row = |vertex: usize| self.rows[self.grid.vertices[vertex].row];
        let first = row(path[0]);
        let last = row(path[path.len() - 1]);
        pen.straight_to(first.bottom);
        let mut is_going_up = false;
        let mut own = None;
        for pair in path.windows(2).take(path.len().saturating_sub(2)) {
            let vertex = pair[1];
            let (x, row) = (self.across[vertex], row(vertex));
            if self.grid.vertices[vertex].kind == Kind::Turn {
                is_going_up = !is_going_up;
                continue;
            }
            if is_going_up {
                // The first stretch upwards begins where the line turned: at the bottom of the row that it left.
                if pen.at.y <= row.bottom {
                    pen.turn_to(x, self.depth(vertex, 1));
                } else {
                    pen.curve_to(x, row.bottom);
                }
                own = own.or(is_drawn[vertex].then_some(pen.stretches.len()));
                pen.straight_to(row.top);
            } else {
                pen.curve_to(x, row.top);
                own = own.or(is_drawn[vertex].then_some(pen.stretches.len()));
                pen.straight_to(row.bottom);
            }
        }
        let came_up = path.len() > 2 && self.grid.vertices[path[path.len() - 2]].kind == Kind::Turn;
        if came_up {
            pen.turn_to(end.x, -self.depth(path[path.len() - 1], -1));
        } else {
            pen.curve_to(end.x, last.top);
        }
        pen.straight_to(end.y);
        let own = own.unwrap_or(pen.stretches.len());
        (pen.stretches, own)
    }

    /// How far a turn may reach into the gap below a vertex's row, or above it.
    fn depth(&self, vertex: usize, direction: isize) -> f64 {
        let row = self.grid.vertices[vertex].row;
        let (own, next) =
            (self.rows[row], row.checked_add_signed(direction).and_then(|it| self.rows.get(it)));
        match next {
            Some(next) if direction > 0 => next.top - own.bottom,
            Some(next) => own.top - next.bottom,
            None => GAP_MIN,
        }
    }
}

struct Pen {
    at: Point,
    stretches: Vec<Stretch>,
}

impl Pen {
    fn straight_to(&mut self, y: f64) {
        if (y - self.at.y).abs() > 1e-6 {
            self.at.y = y;
            self.stretches.push(Stretch::Line(self.at));
        }
    }

    /// Across a gap, upright at both ends.
    fn curve_to(&mut self, x: f64, y: f64) {
        if (x - self.at.x).abs() < 1e-6 {
            return self.straight_to(y);
        }
        let middle = f64::midpoint(self.at.y, y);
        let end = Point { x, y };
        let pull = (Point { x: self.at.x, y: middle }, Point { x, y: middle });
        self.stretches.push(Stretch::Curve(pull.0, pull.1, end));
        self.at = end;
    }

    /// Out of a row into the gap and back into the row. A curve reaches three quarters of what pulls it.
    fn turn_to(&mut self, x: f64, pull: f64) {
        let end = Point { x, y: self.at.y };
        let pulled = |from: f64| Point { x: from, y: self.at.y + pull };
        self.stretches.push(Stretch::Curve(pulled(self.at.x), pulled(x), end));
        self.at = end;
    }
}

/// Places as near to the wanted ones as their distances and the bounds allow; `wanted` is sorted.
///
/// Without distances the mean of what is out of order would be right for all of it; what each place is from the first
/// is taken off before, and added again after.
fn spread(wanted: &[f64], from: f64, to: f64) -> Vec<f64> {
    let Some(gaps) = wanted.len().checked_sub(1) else { return Vec::new() };
    #[expect(clippy::cast_precision_loss, reason = "edges of one node are counted in thousands at most")]
    let (gaps, room) = (gaps as f64, to - from);
    let gap = if gaps > 0.0 { PORT_GAP.min(room / gaps) } else { 0.0 };
    let mut pools: Vec<(f64, f64)> = Vec::new();
    let mut offset = 0.0;
    for place in wanted {
        pools.push((place.clamp(from, to) - offset, 1.0));
        offset += gap;
        while let [.., before, last] = pools.as_slice()
            && before.0 > last.0
        {
            let joined = ((before.0 * before.1 + last.0 * last.1) / (before.1 + last.1), before.1 + last.1);
            pools.truncate(pools.len() - 2);
            pools.push(joined);
        }
    }
    let mut offset = 0.0;
    let mut places = Vec::with_capacity(wanted.len());
    for (place, mut count) in pools {
        while count > 0.0 {
            places.push(place.clamp(from, to - gap * gaps) + offset);
            offset += gap;
            count -= 1.0;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_spread_within_the_side() {
        for (wanted, expected) in [
            (vec![], vec![]),
            (vec![50.0], vec![50.0]),
            (vec![-90.0], vec![0.0]),
            (vec![20.0, 80.0], vec![20.0, 80.0]),
            (vec![50.0, 50.0], vec![41.0, 59.0]),
            (vec![120.0, 130.0, 140.0], vec![64.0, 82.0, 100.0]),
            (vec![50.0; 11], (0..11).map(|it| f64::from(it) * 10.0).collect()),
        ] {
            let places = spread(&wanted, 0.0, 100.0);
            assert_eq!(places.len(), expected.len());
            let near = places.iter().zip(&expected).all(|(a, b): (&f64, &f64)| (a - b).abs() < 1e-6);
            assert!(near, "{wanted:?}: {places:?}, not {expected:?}");
        }
    }
}
