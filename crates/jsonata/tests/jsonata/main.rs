//! Expressions: what the reference answers to them, and what holds for any.

mod differential;
mod places;
mod properties;
mod same;
mod suite;
mod surroundings;
