//! Answers, with what every one of them says to a browser.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use maud::{Markup, html};

use crate::error::ConsoleError;
use crate::guard::Refusal;
use crate::layout::{self, Tab};

/// What a page may do: use what this server has, and nothing else. No script and no style stands in a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// An answer of this kind.
pub fn of(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    response
}

/// A page.
pub fn page(markup: Markup) -> Response {
    of(StatusCode::OK, "text/html; charset=utf-8", markup.into_string())
}

/// What an action came to, for the script that called it: where to go, or that it is done.
pub fn done(go_to: &str) -> Response {
    of(StatusCode::OK, "application/json", serde_json::json!({ "location": go_to }).to_string())
}

/// Somewhere else.
pub fn redirect(to: &'static str) -> Response {
    let mut response = of(StatusCode::SEE_OTHER, "text/plain", "");
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(to));
    response
}

/// A request that is not answered.
pub fn refused(refusal: Refusal) -> Response {
    of(StatusCode::FORBIDDEN, "text/plain; charset=utf-8", refusal.to_string())
}

/// A page that is not there.
pub fn not_found() -> Response {
    failed(&ConsoleError::NotFound("this page".to_owned()))
}

/// A method that nothing here has.
pub fn not_allowed() -> Response {
    of(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "GET and POST are known here")
}

/// What went wrong, as a page.
pub fn failed(error: &ConsoleError) -> Response {
    let (status, title) = match error {
        ConsoleError::NotFound(_) => (StatusCode::NOT_FOUND, "Not found"),
        ConsoleError::Refused(_) | ConsoleError::Resource(_) => (StatusCode::BAD_REQUEST, "Not done"),
        ConsoleError::Platform(_) => (StatusCode::BAD_GATEWAY, "A service did not answer as it should"),
        ConsoleError::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "Stopping"),
        ConsoleError::Store(_) | ConsoleError::Engine(_) | ConsoleError::Panicked => {
            tracing::error!(%error, "a page of the console failed");
            (StatusCode::INTERNAL_SERVER_ERROR, "This did not work")
        }
    };
    let text = error.to_string();
    let body = html! {
        h1 { (title) }
        p.notice role="alert" { (text) }
    };
    let page = layout::page(title, Tab::None, None, &body);
    of(status, "text/html; charset=utf-8", page.into_string())
}
