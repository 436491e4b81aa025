//! Places across: vertices stand straight below each other where they can, and none nearer to its neighbour than
//! it may.
//!
//! The method is that of Brandes and Köpf. Vertices are aligned with the middle of their neighbours into blocks that
//! are upright; blocks are then pushed together. It is done four times, from above and from below, to the left and to
//! the right, and the place of a vertex is between the middle two. Each of the four keeps the distances, so that does
//! what comes of them.

use std::collections::BTreeSet;

use super::grid::{Grid, Kind, Vertex};
use super::order::positions;

/// The middle of each vertex, from the left.
pub fn across(grid: &Grid) -> Vec<f64> {
    let positions = positions(grid);
    let conflicts = conflicts(grid, &positions);
    let mut four: Vec<Vec<f64>> = Vec::with_capacity(4);
    for from_above in [true, false] {
        for to_left in [true, false] {
            let aligner = Aligner { grid, positions: &positions, conflicts: &conflicts, from_above, to_left };
            four.push(aligner.places());
        }
    }
    level(grid, &mut four);
    let mut places: Vec<f64> = (0..grid.vertices.len())
        .map(|vertex| {
            let mut places: Vec<f64> = four.iter().map(|places| places[vertex]).collect();
            places.sort_by(f64::total_cmp);
            f64::midpoint(places[1], places[2])
        })
        .collect();
    draw_labels_in(grid, &mut places);
    places
}

/// Moves labels that are straight with nothing to between their ends, as far as their neighbours let them.
fn draw_labels_in(grid: &Grid, places: &mut [f64]) {
    for row in &grid.rows {
        for (position, vertex) in row.iter().copied().enumerate() {
            let Vertex { kind: Kind::Label, above, below, .. } = &grid.vertices[vertex] else { continue };
            let (Some(upper), Some(lower)) = (above.first(), below.first()) else { continue };
            let (upper, lower) = (places[*upper], places[*lower]);
            if [upper, lower].iter().any(|end| (end - places[vertex]).abs() < 0.5) {
                continue;
            }
            let left = position.checked_sub(1).and_then(|left| row.get(left));
            let left = left.map_or(f64::NEG_INFINITY, |left| places[*left] + grid.distance(*left, vertex));
            let right = row.get(position + 1);
            let right = right.map_or(f64::INFINITY, |right| places[*right] - grid.distance(vertex, *right));
            places[vertex] = f64::midpoint(upper, lower).min(right).max(left);
        }
    }
}

/// Moves the four to the side of the narrowest one that each of them leans to.
fn level(grid: &Grid, four: &mut [Vec<f64>]) {
    let extent = |places: &[f64]| {
        let sides = places.iter().zip(&grid.vertices).map(|(x, vertex)| (*x, vertex.size.width / 2.0));
        sides.fold((f64::INFINITY, f64::NEG_INFINITY), |(left, right), (x, half)| {
            (left.min(x - half), right.max(x + half))
        })
    };
    let extents: Vec<(f64, f64)> = four.iter().map(|places| extent(places)).collect();
    let narrowest = extents.iter().copied().min_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)));
    let Some((left, right)) = narrowest else { return };
    for (index, places) in four.iter_mut().enumerate() {
        let leans_left = index % 2 == 0;
        let shift = if leans_left { left - extents[index].0 } else { right - extents[index].1 };
        for x in places {
            *x += shift;
        }
    }
}

/// Whether an edge passes here, which should be straight before anything else is.
fn is_passed(grid: &Grid, vertex: usize) -> bool {
    match grid.vertices[vertex].kind {
        Kind::Lane | Kind::Turn => true,
        Kind::Node | Kind::Label => false,
    }
}

/// The lane above a lane.
fn lane_above(grid: &Grid, vertex: usize) -> Option<usize> {
    let above = &grid.vertices[vertex].above;
    above.iter().copied().find(|above| is_passed(grid, *above) && is_passed(grid, vertex))
}

/// The ties, upper and lower end, that cross a straight stretch of an edge. They give way.
fn conflicts(grid: &Grid, positions: &[usize]) -> BTreeSet<(usize, usize)> {
    let mut conflicts = BTreeSet::new();
    for rows in grid.rows.windows(2) {
        let (upper, lower) = (&rows[0], &rows[1]);
        let (mut left, mut scanned) = (0, 0);
        for (position, vertex) in lower.iter().enumerate() {
            let straight = lane_above(grid, *vertex).map(|above| positions[above]);
            if straight.is_none() && position + 1 < lower.len() {
                continue;
            }
            let right = straight.unwrap_or(upper.len());
            for between in &lower[scanned..=position] {
                for above in &grid.vertices[*between].above {
                    let crosses = positions[*above] < left || positions[*above] > right;
                    if crosses && !(is_passed(grid, *above) && is_passed(grid, *between)) {
                        conflicts.insert((*above, *between));
                    }
                }
            }
            scanned = position + 1;
            left = right;
        }
    }
    conflicts
}

/// One of the four.
struct Aligner<'g> {
    grid: &'g Grid,
    positions: &'g [usize],
    conflicts: &'g BTreeSet<(usize, usize)>,
    from_above: bool,
    to_left: bool,
}

impl Aligner<'_> {
    fn places(&self) -> Vec<f64> {
        let blocks = self.align();
        let mut places = self.compact(&blocks);
        if !self.to_left {
            for x in &mut places {
                *x = -*x;
            }
        }
        places
    }

    /// A row as this one goes through it.
    fn row(&self, row: usize) -> Box<dyn Iterator<Item = usize> + '_> {
        let row = self.grid.rows[row].iter().copied();
        if self.to_left { Box::new(row) } else { Box::new(row.rev()) }
    }

    /// A vertex's place in its row, as this one counts.
    fn position(&self, vertex: usize) -> usize {
        let position = self.positions[vertex];
        if self.to_left {
            position
        } else {
            self.grid.rows[self.grid.vertices[vertex].row].len() - 1 - position
        }
    }

    /// Each vertex's block, named by the vertex that it begins with.
    fn align(&self) -> Vec<usize> {
        let mut block: Vec<usize> = (0..self.grid.vertices.len()).collect();
        let mut is_taken = vec![false; self.grid.vertices.len()];
        let rows = 0..self.grid.rows.len();
        let rows: Box<dyn Iterator<Item = usize>> =
            if self.from_above { Box::new(rows) } else { Box::new(rows.rev()) };
        for row in rows {
            // Everything from here on is free: alignments must not cross.
            let mut free_from = 0;
            for vertex in self.row(row) {
                for other in self.middle(vertex) {
                    let is_free = !is_taken[other] && self.position(other) >= free_from;
                    if is_free && !self.conflicts.contains(&self.tie(vertex, other)) {
                        block[vertex] = block[other];
                        is_taken[other] = true;
                        free_from = self.position(other) + 1;
                        break;
                    }
                }
            }
        }
        block
    }

    fn tie(&self, vertex: usize, other: usize) -> (usize, usize) {
        if self.from_above { (other, vertex) } else { (vertex, other) }
    }

    /// The middle neighbours of a vertex, one or two: of a lane those that it goes on in, else those on the main way.
    fn middle(&self, vertex: usize) -> Vec<usize> {
        let vertices = &self.grid.vertices;
        let tied = if self.from_above { &vertices[vertex].above } else { &vertices[vertex].below };
        let mut tied: Vec<usize> = tied.clone();
        if is_passed(self.grid, vertex) && tied.iter().any(|other| is_passed(self.grid, *other)) {
            tied.retain(|other| is_passed(self.grid, *other));
        }
        if tied.iter().any(|other| self.grid.spine.contains(&self.tie(vertex, *other))) {
            tied.retain(|other| self.grid.spine.contains(&self.tie(vertex, *other)));
        }
        tied.sort_by_key(|other| self.position(*other));
        let Some(last) = tied.len().checked_sub(1) else { return tied };
        tied[last / 2..=last.div_ceil(2)].to_vec()
    }

    /// Pushes the blocks as far to the left as they go, and then to the right as far as nothing gets wider.
    fn compact(&self, block: &[usize]) -> Vec<f64> {
        let count = block.len();
        let mut after: Vec<Vec<(usize, f64)>> = vec![Vec::new(); count];
        let mut waiting_for = vec![0_usize; count];
        for row in 0..self.grid.rows.len() {
            let mut left = None;
            for vertex in self.row(row) {
                if let Some(left) = left {
                    let distance = if self.to_left {
                        self.grid.distance(left, vertex)
                    } else {
                        self.grid.distance(vertex, left)
                    };
                    after[block[left]].push((block[vertex], distance));
                    waiting_for[block[vertex]] += 1;
                }
                left = Some(vertex);
            }
        }
        let mut place = vec![0.0_f64; count];
        let mut sorted: Vec<usize> =
            (0..count).filter(|vertex| block[*vertex] == *vertex && waiting_for[*vertex] == 0).collect();
        let mut next = 0;
        while let Some(from) = sorted.get(next).copied() {
            for (to, distance) in &after[from] {
                place[*to] = place[*to].max(place[from] + distance);
                waiting_for[*to] -= 1;
                if waiting_for[*to] == 0 {
                    sorted.push(*to);
                }
            }
            next += 1;
        }
        for from in sorted.into_iter().rev() {
            let room = after[from].iter().map(|(to, distance)| place[*to] - distance);
            let room = room.fold(f64::INFINITY, f64::min);
            if room.is_finite() {
                place[from] = place[from].max(room);
            }
        }
        block.iter().map(|block| place[*block]).collect()
    }
}
