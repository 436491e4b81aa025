//! What a definition is read for.

/// What else decides whether a definition is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The type that the machine is created with.
    pub machine_type: MachineType,
}

/// The two types of state machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MachineType {
    /// Durable, up to a year.
    #[default]
    Standard,
    /// Up to five minutes; no jobs, callbacks, activities or distributed maps.
    Express,
}
