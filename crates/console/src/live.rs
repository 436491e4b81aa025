//! Word of changes, as server-sent events. What is different stands in the page, which is fetched again.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use darkroom_asl::json::Text;
use futures::Stream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use crate::Console;
use crate::query::Query;

/// Changes of one execution that come within this time are told of once; and those of all executions.
const ONE: Duration = Duration::from_millis(150);
const ALL: Duration = Duration::from_secs(1);

/// How long a stream lives. A browser opens the next by itself; one that never ended would hold a place of the port's
/// though nobody may look any more.
const LIFE: Duration = Duration::from_secs(20);
/// How long a browser waits before it does.
const PAUSE: Duration = Duration::from_millis(300);

struct Listener {
    changes: broadcast::Receiver<Text>,
    closing: watch::Receiver<bool>,
    arn: Option<String>,
    /// When the stream ends.
    until: Instant,
    is_new: bool,
}

/// An event for every change of the execution that the query names, or of any.
pub fn stream(console: &Console, query: &Query) -> Response<Body> {
    let (changes, closing) = console.changes.listen();
    let arn = query.get("arn").map(str::to_owned);
    let listener = Listener { changes, closing, arn, until: Instant::now() + LIFE, is_new: true };
    Sse::new(events(listener)).keep_alive(KeepAlive::default()).into_response()
}

fn events(listener: Listener) -> impl Stream<Item = Result<Event, Infallible>> {
    futures::stream::unfold(listener, |mut listener| async move {
        let closed = |closing: &mut watch::Receiver<bool>| *closing.borrow_and_update();
        if closed(&mut listener.closing) {
            return None;
        }
        if std::mem::take(&mut listener.is_new) {
            return Some((Ok(Event::default().retry(PAUSE).comment("listening")), listener));
        }
        tokio::select! {
            () = tokio::time::sleep_until(listener.until) => return None,
            _ = listener.closing.changed() => return None,
            heard = hear(&mut listener.changes, listener.arn.as_deref()) => {
                if !heard {
                    return None;
                }
            }
        }
        tokio::time::sleep(if listener.arn.is_some() { ONE } else { ALL }).await;
        while !matches!(
            listener.changes.try_recv(),
            Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed)
        ) {}
        Some((Ok(Event::default().data("change")), listener))
    })
}

/// Waits for a change that is meant. Answers `false` when none can come any more.
async fn hear(changes: &mut broadcast::Receiver<Text>, arn: Option<&str>) -> bool {
    loop {
        match changes.recv().await {
            Ok(other) if arn.is_some_and(|arn| arn != &*other) => {}
            // Whoever fell behind may have missed what it waits for.
            Ok(_) | Err(RecvError::Lagged(_)) => return true,
            Err(RecvError::Closed) => return false,
        }
    }
}
