//! The order within rows: sorted again and again by the neighbours' places, and the best that was seen is kept.

use super::grid::Grid;

/// How often all rows are sorted. Our choice: more has changed no picture that we looked at.
const SWEEPS: usize = 24;

/// Sorts the rows so that few edges cross.
pub fn sort(grid: &mut Grid) {
    begin(grid);
    let mut positions = positions(grid);
    let mut best = (crossings(grid, &positions), grid.rows.clone());
    for sweep in 0..SWEEPS {
        if best.0 == 0 {
            break;
        }
        let downwards = sweep % 2 == 0;
        for step in 1..grid.rows.len() {
            let row = if downwards { step } else { grid.rows.len() - 1 - step };
            sort_row(grid, &mut positions, row, downwards, sweep % 4 >= 2);
        }
        let found = crossings(grid, &positions);
        if found < best.0 {
            best = (found, grid.rows.clone());
        }
    }
    grid.rows = best.1;
}

/// The first order: as a search from the top meets the vertices, so that what belongs together stands together.
fn begin(grid: &mut Grid) {
    let mut met = vec![false; grid.vertices.len()];
    let mut rows: Vec<Vec<usize>> = grid.rows.iter().map(|row| Vec::with_capacity(row.len())).collect();
    let roots: Vec<usize> = grid.rows.iter().flatten().copied().collect();
    for root in roots {
        let mut to_visit = vec![root];
        while let Some(vertex) = to_visit.pop() {
            if !std::mem::replace(&mut met[vertex], true) {
                rows[grid.vertices[vertex].row].push(vertex);
                to_visit.extend(grid.vertices[vertex].below.iter().rev());
            }
        }
    }
    grid.rows = rows;
}

/// Where each vertex stands in its row.
pub fn positions(grid: &Grid) -> Vec<usize> {
    let mut positions = vec![0; grid.vertices.len()];
    for row in &grid.rows {
        for (position, vertex) in row.iter().enumerate() {
            positions[*vertex] = position;
        }
    }
    positions
}

/// Sorts a row by the middle of what its vertices are tied to; those tied to nothing stay. `from_right` decides
/// whom equals let pass.
fn sort_row(grid: &mut Grid, positions: &mut [usize], row: usize, downwards: bool, from_right: bool) {
    let middle = |vertex: usize| {
        let tied = if downwards { &grid.vertices[vertex].above } else { &grid.vertices[vertex].below };
        #[expect(clippy::cast_precision_loss, reason = "a row has at most some thousand places")]
        let middle = tied.iter().map(|other| positions[*other]).sum::<usize>() as f64 / tied.len() as f64;
        (!tied.is_empty()).then_some(middle)
    };
    let mut sorted: Vec<(f64, usize)> =
        grid.rows[row].iter().filter_map(|vertex| Some((middle(*vertex)?, *vertex))).collect();
    if from_right {
        sorted.reverse();
    }
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut sorted = sorted.into_iter().map(|(_, vertex)| vertex);
    let tied = |vertex: usize| {
        !(if downwards { &grid.vertices[vertex].above } else { &grid.vertices[vertex].below }).is_empty()
    };
    let arranged = grid.rows[row].iter().map(|vertex| {
        let next = if tied(*vertex) { sorted.next() } else { None };
        next.unwrap_or(*vertex)
    });
    let arranged: Vec<usize> = arranged.collect();
    for (position, vertex) in arranged.iter().enumerate() {
        positions[*vertex] = position;
    }
    grid.rows[row] = arranged;
}

/// How many pairs of ties cross.
fn crossings(grid: &Grid, positions: &[usize]) -> usize {
    grid.rows.windows(2).map(|rows| crossings_between(grid, positions, &rows[0], rows[1].len())).sum()
}

/// Ties are met from left to right by their upper ends; each crosses those met before whose lower end is further
/// right. These are counted in a tree of partial sums.
fn crossings_between(grid: &Grid, positions: &[usize], upper: &[usize], lower_length: usize) -> usize {
    let mut tree = vec![0_usize; lower_length + 1];
    let (mut met, mut crossings) = (0, 0);
    for vertex in upper {
        let mut ends: Vec<usize> = grid.vertices[*vertex].below.iter().map(|it| positions[*it]).collect();
        ends.sort_unstable();
        for end in &ends {
            let mut at_most = 0;
            let mut at = end + 1;
            while at > 0 {
                at_most += tree[at];
                at -= lowest_bit(at);
            }
            crossings += met - at_most;
        }
        for end in &ends {
            met += 1;
            let mut at = end + 1;
            while at < tree.len() {
                tree[at] += 1;
                at += lowest_bit(at);
            }
        }
    }
    crossings
}

fn lowest_bit(number: usize) -> usize {
    number & number.wrapping_neg()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::Size;
    use super::super::grid::{Kind, Vertex};
    use super::*;

    /// Two rows of `upper` and `lower` vertices with the ties given by their places.
    fn grid(upper: usize, lower: usize, ties: &[(usize, usize)]) -> Grid {
        let vertex = |row| Vertex {
            row,
            kind: Kind::Node,
            size: Size::default(),
            above: Vec::new(),
            below: Vec::new(),
        };
        let mut vertices: Vec<Vertex> = (0..upper).map(|_| vertex(0)).collect();
        vertices.extend((0..lower).map(|_| vertex(1)));
        for (from, to) in ties {
            vertices[*from].below.push(upper + to);
            vertices[upper + to].above.push(*from);
        }
        let rows = vec![(0..upper).collect(), (upper..upper + lower).collect()];
        Grid { vertices, rows, paths: Vec::new(), labels: Vec::new(), spine: BTreeSet::new() }
    }

    #[test]
    fn crossings_are_counted() {
        for (ties, expected) in [
            (vec![(0, 0), (1, 1)], 0),
            (vec![(0, 1), (1, 0)], 1),
            (vec![(0, 2), (1, 1), (2, 0)], 3),
            (vec![(0, 0), (0, 1), (1, 0), (1, 1)], 1),
            (vec![(0, 0), (1, 0), (2, 0)], 0),
        ] {
            let grid = grid(3, 3, &ties);
            assert_eq!(crossings(&grid, &positions(&grid)), expected, "{ties:?}");
        }
    }

    #[test]
    fn what_can_be_untangled_is() {
        let mut grid = grid(4, 4, &[(0, 3), (1, 2), (2, 1), (3, 0), (0, 2)]);
        sort(&mut grid);
        assert_eq!(crossings(&grid, &positions(&grid)), 0);
    }
}
