//! The files that pages use.

use axum::response::Response;
use http::StatusCode;

use crate::answer;

/// The file of this name.
pub fn find(name: &str) -> Option<Response> {
    let (kind, text) = match name {
        "console.css" => ("text/css; charset=utf-8", include_str!("assets/console.css")),
        "graph.css" => ("text/css; charset=utf-8", darkroom_graph::STYLE),
        "console.js" => ("text/javascript; charset=utf-8", include_str!("assets/console.js")),
        "icon.svg" => ("image/svg+xml", include_str!("assets/icon.svg")),
        _ => return None,
    };
    Some(answer::of(StatusCode::OK, kind, text))
}
