//! A server that is somewhere else: it keeps what it is asked, and fails when it is told to.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::any;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

pub struct Elsewhere {
    pub url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

/// A request, and whether it was answered with success.
#[derive(Clone, Debug)]
pub struct Heard {
    pub headers: HeaderMap,
    pub body: Value,
    pub is_ok: bool,
}

impl Elsewhere {
    /// `fails` says of each body whether its request fails. To be called within a runtime, which stops it.
    pub async fn start(fails: impl FnMut(&Value) -> bool + Send + 'static) -> Self {
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let (kept, fails) = (heard.clone(), Arc::new(Mutex::new(fails)));
        let answer = move |headers: HeaderMap, body: String| async move {
            let body: Value = serde_json::from_str(&body).unwrap_or(Value::String(body));
            let is_ok = !fails.lock().unwrap()(&body);
            kept.lock().unwrap().push(Heard { headers, body, is_ok });
            (if is_ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, "{}")
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(any(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, heard }
    }

    pub fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}
