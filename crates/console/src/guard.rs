//! Who may ask: pages of the console, and nobody's pages elsewhere.
//!
//! A browser sends requests for any page that it shows, to any server that it reaches, this machine's among them. So
//! what changes something must come from a page of ours: it carries a header that a page elsewhere cannot set without
//! being asked first, and the browser's own word on where it comes from must not speak against it. And a name of
//! somebody else's that was made to lead to this machine would make his pages ours: only names are answered to that
//! nobody else can give, and addresses.

use http::{HeaderMap, Method, header};

/// What a change carries beside what it is about.
pub const HEADER: &str = "x-darkroom-console";

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The server was called by a name that may be anybody's.
    #[error("the console answers to addresses and to localhost, not to other names")]
    Name,
    /// A change was asked for by a page elsewhere, or by none.
    #[error("changes are made from pages of the console alone")]
    Elsewhere,
}

/// Whether a request may be answered.
pub fn check(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    let host = text(headers, header::HOST.as_str()).unwrap_or_default();
    if !is_ours(host) {
        return Err(Refusal::Name);
    }
    if method == Method::GET || method == Method::HEAD {
        return Ok(());
    }
    let origin_is_ours = match text(headers, header::ORIGIN.as_str()) {
        None => true,
        Some(origin) => origin.split_once("://").is_some_and(|(_, from)| from == host),
    };
    let site_is_ours = matches!(text(headers, "sec-fetch-site"), None | Some("same-origin"));
    let is_marked = headers.contains_key(HEADER);
    if origin_is_ours && site_is_ours && is_marked { Ok(()) } else { Err(Refusal::Elsewhere) }
}

/// Whether a host is an address, or a name that only this machine has.
fn is_ours(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.ends_with(".localhost") || name.parse::<std::net::IpAddr>().is_ok()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_come_from_pages_of_the_console() {
        let host = ("host", "127.0.0.1:4566");
        let mark = (HEADER, "1");
        for (method, headers, expected) in [
            ("GET", vec![host], Ok(())),
            ("GET", vec![("host", "localhost:4566")], Ok(())),
            ("GET", vec![("host", "[::1]:4566")], Ok(())),
            ("GET", vec![("host", "rebound.example:4566")], Err(Refusal::Name)),
            ("GET", vec![], Err(Refusal::Name)),
            ("POST", vec![host], Err(Refusal::Elsewhere)),
            ("POST", vec![host, mark], Ok(())),
            ("POST", vec![host, mark, ("origin", "http://127.0.0.1:4566")], Ok(())),
            ("POST", vec![host, mark, ("origin", "http://127.0.0.1:8080")], Err(Refusal::Elsewhere)),
            ("POST", vec![host, mark, ("origin", "null")], Err(Refusal::Elsewhere)),
            ("POST", vec![host, mark, ("sec-fetch-site", "same-origin")], Ok(())),
            ("POST", vec![host, mark, ("sec-fetch-site", "same-site")], Err(Refusal::Elsewhere)),
            ("POST", vec![host, mark, ("sec-fetch-site", "cross-site")], Err(Refusal::Elsewhere)),
            ("POST", vec![host, ("origin", "http://127.0.0.1:4566")], Err(Refusal::Elsewhere)),
            ("POST", vec![("host", "rebound.example"), mark], Err(Refusal::Name)),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in &headers {
                map.insert(*name, value.parse().expect("it is a header"));
            }
            let method = method.parse().expect("it is a method");
            assert_eq!(check(&method, &map), expected, "{method} {headers:?}");
        }
    }
}
