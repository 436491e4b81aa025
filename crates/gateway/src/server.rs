//! The listener: connections in, until it is told to stop.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

use crate::protocol::Gateway;

/// Serves the API on this listener until `stop` is ready, and then until what was begun is answered.
pub async fn serve(
    listener: TcpListener,
    gateway: Gateway,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new().fallback(answer).with_state(Arc::new(gateway));
    let listener = listener.tap_io(|connection| {
        // Answers are small and awaited; where the option is refused they only come later.
        let _ = connection.set_nodelay(true);
    });
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

async fn answer(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    gateway.answer(request).await
}
