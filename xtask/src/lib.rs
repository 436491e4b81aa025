//! The checks that the project makes on itself.
