//! The API's actions, one file each.

mod create_activity;
mod create_state_machine;
mod create_state_machine_alias;
mod delete_activity;
mod delete_state_machine;
mod delete_state_machine_alias;
mod delete_state_machine_version;
mod describe_activity;
mod describe_execution;
mod describe_map_run;
mod describe_state_machine;
mod describe_state_machine_alias;
mod describe_state_machine_for_execution;
mod get_activity_task;
mod get_execution_history;
mod list_activities;
mod list_executions;
mod list_map_runs;
mod list_state_machine_aliases;
mod list_state_machine_versions;
mod list_state_machines;
mod list_tags_for_resource;
mod publish_state_machine_version;
mod redrive_execution;
mod send_task_failure;
mod send_task_heartbeat;
mod send_task_success;
mod start_execution;
mod start_sync_execution;
mod stop_execution;
mod tag_resource;
mod test_state;
mod untag_resource;
mod update_map_run;
mod update_state_machine;
mod update_state_machine_alias;
mod validate_state_machine_definition;

use std::pin::Pin;

use crate::error::ApiError;
use crate::protocol::Call;

/// An action on its way.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<Vec<u8>, ApiError>> + Send>>;

/// What answers a call.
pub(crate) type Action = fn(Call) -> Running;

/// Every action that is served.
pub(crate) const ACTIONS: &[(&str, Action)] = &[
    ("CreateActivity", |call| Box::pin(call.run(create_activity::run))),
    ("CreateStateMachine", |call| Box::pin(call.run(create_state_machine::run))),
    ("CreateStateMachineAlias", |call| Box::pin(call.run(create_state_machine_alias::run))),
    ("DeleteActivity", |call| Box::pin(call.run(delete_activity::run))),
    ("DeleteStateMachine", |call| Box::pin(call.run(delete_state_machine::run))),
    ("DeleteStateMachineAlias", |call| Box::pin(call.run(delete_state_machine_alias::run))),
    ("DeleteStateMachineVersion", |call| Box::pin(call.run(delete_state_machine_version::run))),
    ("DescribeActivity", |call| Box::pin(call.run(describe_activity::run))),
    ("DescribeExecution", |call| Box::pin(call.run(describe_execution::run))),
    ("DescribeMapRun", |call| Box::pin(call.run(describe_map_run::run))),
    ("DescribeStateMachine", |call| Box::pin(call.run(describe_state_machine::run))),
    ("DescribeStateMachineAlias", |call| Box::pin(call.run(describe_state_machine_alias::run))),
    ("DescribeStateMachineForExecution", |call| {
        Box::pin(call.run(describe_state_machine_for_execution::run))
    }),
    ("GetActivityTask", |call| Box::pin(call.run(get_activity_task::run))),
    ("GetExecutionHistory", |call| Box::pin(call.run(get_execution_history::run))),
    ("ListActivities", |call| Box::pin(call.run(list_activities::run))),
    ("ListExecutions", |call| Box::pin(call.run(list_executions::run))),
    ("ListMapRuns", |call| Box::pin(call.run(list_map_runs::run))),
    ("ListStateMachineAliases", |call| Box::pin(call.run(list_state_machine_aliases::run))),
    ("ListStateMachineVersions", |call| Box::pin(call.run(list_state_machine_versions::run))),
    ("ListStateMachines", |call| Box::pin(call.run(list_state_machines::run))),
    ("ListTagsForResource", |call| Box::pin(call.run(list_tags_for_resource::run))),
    ("PublishStateMachineVersion", |call| Box::pin(call.run(publish_state_machine_version::run))),
    ("RedriveExecution", |call| Box::pin(call.run(redrive_execution::run))),
    ("SendTaskFailure", |call| Box::pin(call.run(send_task_failure::run))),
    ("SendTaskHeartbeat", |call| Box::pin(call.run(send_task_heartbeat::run))),
    ("SendTaskSuccess", |call| Box::pin(call.run(send_task_success::run))),
    ("StartExecution", |call| Box::pin(call.run(start_execution::run))),
    ("StartSyncExecution", |call| Box::pin(call.run(start_sync_execution::run))),
    ("StopExecution", |call| Box::pin(call.run(stop_execution::run))),
    ("TagResource", |call| Box::pin(call.run(tag_resource::run))),
    ("TestState", |call| Box::pin(call.run(test_state::run))),
    ("UntagResource", |call| Box::pin(call.run(untag_resource::run))),
    ("UpdateMapRun", |call| Box::pin(call.run(update_map_run::run))),
    ("UpdateStateMachine", |call| Box::pin(call.run(update_state_machine::run))),
    ("UpdateStateMachineAlias", |call| Box::pin(call.run(update_state_machine_alias::run))),
    ("ValidateStateMachineDefinition", |call| Box::pin(call.run(validate_state_machine_definition::run))),
];

/// The action of this name.
pub(crate) fn find(name: &str) -> Option<Action> {
    place_of(name).and_then(|place| ACTIONS.get(place)).map(|(_, action)| *action)
}

/// Where the action of this name stands in the table.
pub(crate) fn place_of(name: &str) -> Option<usize> {
    ACTIONS.iter().position(|(action, _)| *action == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model;

    #[test]
    fn the_model_knows_every_action_s_input() {
        for (action, _) in ACTIONS {
            assert!(model::of_action(action).is_some(), "{action}");
        }
    }
}
