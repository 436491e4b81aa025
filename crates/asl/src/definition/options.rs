//! What a definition is read for.

/// What else decides whether a definition is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The type that the machine is created with.
    pub machine_type: MachineType,
}

/// What becomes of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is executed here.
    Execution,
    /// It is looked at, or one of its states is tested.
    Inspection,
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

impl MachineType {
    /// AWS's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::Express => "EXPRESS",
        }
    }

    /// The type of this word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Standard, Self::Express].into_iter().find(|machine_type| machine_type.as_str() == word)
    }
}
