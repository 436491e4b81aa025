//! A class and an icon for each type of state. Icons are drawn with lines in a square of 18.

use darkroom_asl::definition::{Resource, StateKind};

/// The class and the lines of a state's icon.
pub fn of(kind: &StateKind) -> (&'static str, &'static str) {
    match kind {
        StateKind::Task(task) => match &task.resource {
            Resource::LambdaFunction { .. } => ("task", LAMBDA),
            Resource::Service { resource_type, .. } if &**resource_type == "lambda" => ("task", LAMBDA),
            Resource::Service { .. } => {
                ("task", "M9 1.5l6.5 3.75v7.5L9 16.5l-6.5 -3.75v-7.5zM2.5 5.25L9 9l6.5 -3.75M9 9v7.5")
            }
            Resource::Activity { .. } => {
                ("task", "M9 8.5a3.25 3.25 0 1 0 0 -6.5a3.25 3.25 0 0 0 0 6.5zM2.5 16.5c0 -7.5 13 -7.5 13 0")
            }
        },
        StateKind::Pass(_) => ("pass", "M2 9h13M10.5 4.5L15 9l-4.5 4.5"),
        StateKind::Choice(_) => ("choice", "M9 1.5L16.5 9L9 16.5L1.5 9zM6.5 7.5l2.5 -2.5l2.5 2.5M9 5v8"),
        StateKind::Wait(_) => ("wait", "M9 1.5a7.5 7.5 0 1 0 0 15a7.5 7.5 0 0 0 0 -15zM9 4.5V9l3.5 2"),
        StateKind::Succeed(_) => {
            ("succeed", "M9 1.5a7.5 7.5 0 1 0 0 15a7.5 7.5 0 0 0 0 -15zM5.5 9.5l2.5 2.5l5 -5.5")
        }
        StateKind::Fail(_) => ("fail", "M9 1.5a7.5 7.5 0 1 0 0 15a7.5 7.5 0 0 0 0 -15zM6 6l6 6M12 6l-6 6"),
        StateKind::Parallel(_) => ("parallel", "M9 1.5v3M4 8V4.5h10V8M4 8v4.5h10V8M9 12.5v4"),
        StateKind::Map(_) => ("map", "M5.5 1.5h11v11h-11zM5.5 4h-2.5v11h11v-2.5M8 5.5h6M8 8.5h6"),
    }
}

const LAMBDA: &str = "M4 2h3l7.5 14.5M8.3 7.5L3.5 16.5";
