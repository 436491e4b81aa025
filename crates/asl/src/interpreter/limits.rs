//! The bounds that AWS sets on an execution, each a setting that a self-hoster can lift.

use std::time::Duration;

/// Bounds on one execution. The defaults are AWS's quotas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Input or output of a state, a task or an execution: UTF-8 bytes of its JSON text.
    pub payload_bytes_max: usize,
    /// The values of one variable, and of all that one `Assign` sets: UTF-8 bytes of their JSON text.
    pub variable_bytes_max: usize,
    /// The values of all variables that an execution holds at one time.
    pub variables_bytes_max: usize,
    /// Events in one history; the last one is the failure.
    pub history_events_max: u32,
    /// Iterations of an inline Map that run at once.
    pub inline_map_concurrency_max: u32,
    /// What one `JSONata` expression may cost.
    pub jsonata: darkroom_jsonata::Limits,
    /// Events in one turn: a machine that loops gives way to others after so many. Ours, not AWS's.
    pub turn_events_max: usize,
}

impl Limits {
    /// AWS: "Quotas", input or output size for a task, state, or execution.
    pub const PAYLOAD_BYTES_MAX: usize = 262_144;
    /// AWS: "Passing data between states with variables", size of a variable and of an `Assign`.
    pub const VARIABLE_BYTES_MAX: usize = 262_144;
    /// AWS: the same page, all variables of an execution.
    pub const VARIABLES_BYTES_MAX: usize = 10 * 1024 * 1024;
    /// AWS: "Quotas", maximum execution history size.
    pub const HISTORY_EVENTS_MAX: u32 = 25_000;
    /// AWS: "Map state", concurrency of the inline mode.
    pub const INLINE_MAP_CONCURRENCY_MAX: u32 = 40;
    /// How long one `JSONata` expression may run. Ours: AWS does not say.
    pub const JSONATA_MILLISECONDS_MAX: u32 = 250;
    /// How much memory one may take. Ours: AWS was seen to allow about as much.
    pub const JSONATA_BYTES_MAX: usize = 64 * 1024 * 1024;
    /// About a millisecond of small states.
    pub const TURN_EVENTS_MAX: usize = 1_000;
}

impl Limits {
    /// The same for an Express execution. AWS: its events are not bounded.
    #[must_use]
    pub fn express(&self) -> Self {
        Self { history_events_max: u32::MAX, ..self.clone() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload_bytes_max: Self::PAYLOAD_BYTES_MAX,
            variable_bytes_max: Self::VARIABLE_BYTES_MAX,
            variables_bytes_max: Self::VARIABLES_BYTES_MAX,
            history_events_max: Self::HISTORY_EVENTS_MAX,
            inline_map_concurrency_max: Self::INLINE_MAP_CONCURRENCY_MAX,
            jsonata: darkroom_jsonata::Limits {
                time: Duration::from_millis(Self::JSONATA_MILLISECONDS_MAX.into()),
                memory_bytes: Self::JSONATA_BYTES_MAX,
                ..darkroom_jsonata::Limits::default()
            },
            turn_events_max: Self::TURN_EVENTS_MAX,
        }
    }
}
