//! `GetExecutionHistory`.

use darkroom_asl::interpreter::event::EventId;
use darkroom_asl::interpreter::event::wire::{Record, to_api};
use serde::{Deserialize, Serialize};

use super::describe_execution;
use crate::error::ApiError;
use crate::page::{self, List};
use crate::protocol::Context;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    execution_arn: String,
    max_results: Option<i64>,
    reverse_order: Option<bool>,
    next_token: Option<String>,
    include_execution_data: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    events: Vec<Record>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) async fn run(context: Context, input: Input) -> Result<Output, ApiError> {
    let arn = input.execution_arn;
    let length = page::length(input.max_results);
    let reverse = input.reverse_order.unwrap_or(false);
    let pages = List::of(&context, &["history", &arn, if reverse { "reverse" } else { "" }]);
    let token: Option<u32> = input.next_token.as_deref().map(|token| pages.number(token)).transpose()?;
    let execution = describe_execution::find(&context, arn).await?;
    let include_data = input.include_execution_data.unwrap_or(true);
    let length = u32::try_from(length).unwrap_or(u32::MAX);

    context
        .blocking(move |engine| {
            let store = engine.store();
            let last = store.last_event(execution.key)?.0;
            // The page's events, from the lowest id to the highest.
            let (first, end) = if reverse {
                let end = token.unwrap_or(last).min(last);
                (end.saturating_sub(length - 1).max(1), end)
            } else {
                let first = token.unwrap_or(1).max(1);
                (first, first.saturating_add(length - 1).min(last))
            };
            let mut events = store.history_part(execution.key, EventId(first)..=EventId(end))?;
            if reverse {
                events.reverse();
            }
            let next = if reverse { (first > 1).then(|| first - 1) } else { (end < last).then(|| end + 1) };
            Ok(Output {
                events: events.iter().map(|event| to_api(event, include_data)).collect(),
                next_token: next.map(|next| pages.token(&next.to_string())),
            })
        })
        .await
}
