//! Rows: every node below the nodes that lead to it, but for the edges that go back.

use crate::scope::Scope;

/// What is known of a scope's nodes and edges.
pub struct Ranks {
    /// Each node's row, from 0.
    pub of_node: Vec<usize>,
    /// Whether an edge goes back, up or to where it comes from.
    pub goes_back: Vec<bool>,
}

/// Where a search stands with a node.
#[derive(Clone, Copy, PartialEq)]
enum Visit {
    New,
    Open,
    Done,
}

/// Gives each node its row: as far down as its longest way from the start has edges.
pub fn assign(scope: &Scope) -> Ranks {
    let outgoing = outgoing(scope);
    let (goes_back, finished) = search(scope, &outgoing);
    let mut of_node = vec![0; scope.nodes.len()];
    // Every node comes before those that it leads to.
    for from in finished.into_iter().rev() {
        for edge in &outgoing[from] {
            let to = scope.edges[*edge].to;
            if !goes_back[*edge] {
                of_node[to] = of_node[to].max(of_node[from] + 1);
            }
        }
    }
    Ranks { of_node, goes_back }
}

fn outgoing(scope: &Scope) -> Vec<Vec<usize>> {
    let mut outgoing = vec![Vec::new(); scope.nodes.len()];
    for (index, edge) in scope.edges.iter().enumerate() {
        outgoing[edge.from].push(index);
    }
    outgoing
}

/// Goes through the scope depth first, without recursion: a chain may be as long as a definition. Answers which
/// edges lead back to a node that is still open, and the nodes in the order in which they were done with.
fn search(scope: &Scope, outgoing: &[Vec<usize>]) -> (Vec<bool>, Vec<usize>) {
    let mut goes_back = vec![false; scope.edges.len()];
    let mut visits = vec![Visit::New; scope.nodes.len()];
    let mut finished = Vec::with_capacity(scope.nodes.len());
    for root in 0..scope.nodes.len() {
        if visits[root] != Visit::New {
            continue;
        }
        visits[root] = Visit::Open;
        let mut path = vec![(root, 0)];
        while let Some((node, next)) = path.last_mut() {
            let Some(edge) = outgoing[*node].get(*next).copied() else {
                visits[*node] = Visit::Done;
                finished.push(*node);
                path.pop();
                continue;
            };
            *next += 1;
            let to = scope.edges[edge].to;
            match visits[to] {
                Visit::New => {
                    visits[to] = Visit::Open;
                    path.push((to, 0));
                }
                Visit::Open => goes_back[edge] = true,
                Visit::Done => {}
            }
        }
    }
    (goes_back, finished)
}
