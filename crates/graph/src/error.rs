//! What cannot be drawn.

use thiserror::Error;

/// Things that one level of a picture may have: its states, its labels, and the rows that its edges pass. Our choice:
/// a picture of so many takes about a second, and nobody can read it.
pub const VERTICES_MAX: usize = 20_000;

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// It would have too many parts.
    #[error("the picture would have more than {VERTICES_MAX} parts on one level")]
    TooLarge,
}
