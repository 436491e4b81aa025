//! The context object: what a state can read about its execution as `$$`.
//!
//! Built when an expression first asks for it, and only then.
//!
//! Spec: Step Functions, "Accessing execution data from the Context object".

use super::event::BranchId;
use super::execution::{Execution, Phase, Position};
use crate::definition::StateKind;
use crate::json::{Object, Text, Value};

/// An item at hand, while a Map's `ItemSelector` is evaluated.
pub(super) struct Item {
    pub(super) index: u32,
    pub(super) value: Value,
}

impl Execution {
    /// The context object as the branch's state sees it.
    pub(super) fn context(&self, branch: BranchId, item: Option<&Item>, task_token: Option<&Text>) -> Value {
        let mut context = Object::new();
        context.insert("Execution", self.execution_context());
        context.insert(
            "StateMachine",
            object([
                ("Id", Value::from(&*self.identity.state_machine_arn)),
                ("Name", Value::from(&*self.identity.state_machine_name)),
            ]),
        );
        if let Some(state) = self.state_context(branch) {
            context.insert("State", state);
        }
        if let Some(map) = self.map_context(branch, item) {
            context.insert("Map", map);
        }
        if let Some(token) = task_token {
            context.insert("Task", task(token));
        }
        Value::from(context)
    }

    fn execution_context(&self) -> Value {
        let mut members = vec![
            ("Id", Value::from(&*self.identity.execution_arn)),
            ("Input", self.input.value().clone()),
            ("Name", Value::from(&*self.identity.execution_name)),
            ("RoleArn", Value::from(&*self.identity.role_arn)),
            ("StartTime", Value::from(self.started_at.to_string())),
            ("RedriveCount", Value::from(i64::from(self.redrive_count))),
        ];
        if let Some(at) = self.redriven_at {
            members.push(("RedriveTime", Value::from(at.to_string())));
        }
        object(members)
    }

    fn state_context(&self, branch: BranchId) -> Option<Value> {
        let visit = self.visit(branch)?;
        let state = self.machine.state(visit.state);
        let mut members = vec![
            ("Name", Value::from(&*state.name)),
            ("EnteredTime", Value::from(visit.entered_at.to_string())),
        ];
        // AWS: only what can be retried counts its retries.
        if matches!(state.kind, StateKind::Task(_)) {
            members.push(("RetryCount", Value::from(i64::from(visit.retry_count()))));
        }
        Some(object(members))
    }

    /// The item of the innermost Map around the branch.
    fn map_context(&self, branch: BranchId, item: Option<&Item>) -> Option<Value> {
        if let Some(item) = item {
            return Some(map_item(item));
        }
        let mut scope = self.branches.get(branch)?;
        while let Some(parent) = scope.parent {
            scope = self.branches.get(parent.branch)?;
            if let Position::In(visit) = &scope.position
                && let Phase::Map(iterations) = &visit.phase
            {
                let items = iterations.items.value().as_array()?;
                let value = items.get(parent.index as usize)?.clone();
                return Some(map_item(&Item { index: parent.index, value }));
            }
        }
        None
    }
}

/// The member `Task`.
pub(super) fn task(token: &Text) -> Value {
    object([("Token", Value::from(&**token))])
}

/// The member `Map`.
pub(super) fn map_item(item: &Item) -> Value {
    let members = [("Index", Value::from(i64::from(item.index))), ("Value", item.value.clone())];
    object([("Item", object(members))])
}

fn object<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::from(members.into_iter().map(|(name, value)| (Text::from(name), value)).collect::<Object>())
}
