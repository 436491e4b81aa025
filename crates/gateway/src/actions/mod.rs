//! The API's actions, one file each.

mod create_state_machine;
mod delete_state_machine;
mod describe_execution;
mod describe_state_machine;
mod describe_state_machine_for_execution;
mod get_execution_history;
mod list_executions;
mod list_state_machines;
mod start_execution;
mod stop_execution;
mod test_state;
mod validate_state_machine_definition;

use std::pin::Pin;

use crate::error::ApiError;
use crate::protocol::Call;

/// An action on its way.
type Running = Pin<Box<dyn Future<Output = Result<Vec<u8>, ApiError>> + Send>>;

/// What answers a call.
type Action = fn(Call) -> Running;

/// Every action that is served.
const ACTIONS: &[(&str, Action)] = &[
    ("CreateStateMachine", |call| Box::pin(call.run(create_state_machine::run))),
    ("DeleteStateMachine", |call| Box::pin(call.run(delete_state_machine::run))),
    ("DescribeExecution", |call| Box::pin(call.run(describe_execution::run))),
    ("DescribeStateMachine", |call| Box::pin(call.run(describe_state_machine::run))),
    ("DescribeStateMachineForExecution", |call| {
        Box::pin(call.run(describe_state_machine_for_execution::run))
    }),
    ("GetExecutionHistory", |call| Box::pin(call.run(get_execution_history::run))),
    ("ListExecutions", |call| Box::pin(call.run(list_executions::run))),
    ("ListStateMachines", |call| Box::pin(call.run(list_state_machines::run))),
    ("StartExecution", |call| Box::pin(call.run(start_execution::run))),
    ("StopExecution", |call| Box::pin(call.run(stop_execution::run))),
    ("TestState", |call| Box::pin(call.run(test_state::run))),
    ("ValidateStateMachineDefinition", |call| Box::pin(call.run(validate_state_machine_definition::run))),
];

/// The action of this name.
pub(crate) fn find(name: &str) -> Option<Action> {
    ACTIONS.iter().find(|(action, _)| *action == name).map(|(_, action)| *action)
}
