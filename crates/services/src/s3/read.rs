//! GetObject and HeadObject: whole or a range, if it is as the caller wishes.

use std::io::SeekFrom;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, Method};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::index::Known;
use super::{Answer, Call, S3, failed};
use crate::wire::{self, Fault, text};

/// Bytes that are read at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Parameters of a URL that replace headers of the answer.
const REPLACED: [(&str, &str); 6] = [
    ("response-cache-control", "cache-control"),
    ("response-content-disposition", "content-disposition"),
    ("response-content-encoding", "content-encoding"),
    ("response-content-language", "content-language"),
    ("response-content-type", "content-type"),
    ("response-expires", "expires"),
];

pub(super) async fn get_object(s3: &S3, call: &Call) -> Answer {
    let (path, known) = s3.known(&call.bucket, &call.key).await?;
    check_conditions(&call.headers, "", &known)?;
    let range = match call.header("range") {
        Some(range) => range_of(range, known.bytes)?,
        None => None,
    };
    let (start, length) = range.unwrap_or((0, known.bytes));
    let body = if call.method == Method::HEAD {
        Body::empty()
    } else {
        let mut file = tokio::fs::File::open(&path).await.map_err(|error| failed(&path, error))?;
        file.seek(SeekFrom::Start(start)).await.map_err(|error| failed(&path, error))?;
        Body::from_stream(pieces(file, length))
    };
    let mut response = wire::response(if range.is_some() { 206 } else { 200 }, "", body);
    let headers = response.headers_mut();
    describe(headers, &known);
    wire::set(headers, "content-length", &length.to_string());
    if range.is_some() {
        let range = format!("bytes {start}-{}/{}", start + length - 1, known.bytes);
        wire::set(headers, "content-range", &range);
    }
    let checksums_wanted =
        call.header("x-amz-checksum-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("enabled"));
    if checksums_wanted && range.is_none() {
        for (name, value) in known.headers.iter().filter(|(name, _)| name.starts_with("x-amz-checksum-")) {
            insert(headers, name, value);
        }
    }
    for (parameter, header) in REPLACED {
        if let Some(value) = call.query.get(parameter) {
            wire::set(headers, header, value);
        }
    }
    Ok(response)
}

fn describe(headers: &mut HeaderMap, known: &Known) {
    for (name, value) in known.headers.iter().filter(|(name, _)| !name.starts_with("x-amz-checksum-")) {
        insert(headers, name, value);
    }
    wire::set(headers, "etag", &known.etag);
    wire::set(headers, "last-modified", &http_date(known.modified_ns));
    wire::set(headers, "accept-ranges", "bytes");
    // AWS: every object is encrypted at rest, and says so. Here that is the disk's business, but clients and
    // recorded answers expect the header.
    wire::set(headers, "x-amz-server-side-encryption", "AES256");
    if !known.tags.is_empty() {
        wire::set(headers, "x-amz-tagging-count", &known.tags.len().to_string());
    }
}

fn insert(headers: &mut HeaderMap, name: &str, value: &Value) {
    let name = name.parse::<http::HeaderName>();
    if let (Ok(name), Some(Ok(value))) = (name, value.as_str().map(str::parse)) {
        headers.insert(name, value);
    }
}

/// `Wed, 21 Oct 2015 07:28:00 GMT`.
pub(super) fn http_date(ns: i64) -> String {
    let time = Timestamp::from_nanosecond(i128::from(ns)).unwrap_or_default();
    DateTimePrinter::new().timestamp_to_rfc9110_string(&time).unwrap_or_default()
}

/// A file's bytes, as many as were asked for.
fn pieces(file: tokio::fs::File, length: u64) -> impl stream::Stream<Item = std::io::Result<Bytes>> + Send {
    stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut piece = vec![0; usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES))];
        let read = file.read(&mut piece).await?;
        if read == 0 {
            // The file was cut short: an answer that breaks off is better than one that is filled up.
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        piece.truncate(read);
        Ok(Some((Bytes::from(piece), (file, left - read as u64))))
    })
}

/// Where a range begins and how long it is. AWS: a range that cannot be read is as none.
fn range_of(text: &str, bytes: u64) -> Result<Option<(u64, u64)>, Fault> {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    let range = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => Some((first, last.min(bytes.saturating_sub(1)))),
        (Ok(first), Err(_)) if last.trim().is_empty() => Some((first, bytes.saturating_sub(1))),
        (Err(_), Ok(length)) if first.trim().is_empty() => {
            Some((if length == 0 { bytes } else { bytes.saturating_sub(length) }, bytes.saturating_sub(1)))
        }
        _ => None,
    };
    match range {
        None => Ok(None),
        Some((first, last)) if first < bytes => Ok(Some((first, last - first + 1))),
        Some(_) => Err(Fault::sender(416, "InvalidRange", "The requested range is not satisfiable")),
    }
}

/// Checks `If-Match` and the others, whose names begin with `prefix` where they are about a copy's source.
pub(super) fn check_conditions(headers: &HeaderMap, prefix: &str, known: &Known) -> Result<(), Fault> {
    let get = |name: &str| text(headers, &format!("{prefix}{name}"));
    let is_listed = |list: &str| {
        list.split(',').any(|etag| {
            let etag = etag.trim().trim_start_matches("W/");
            etag == "*" || etag.trim_matches('"') == known.etag.trim_matches('"')
        })
    };
    let failed = || {
        Fault::sender(
            412,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
        )
    };
    let not_modified =
        || if prefix.is_empty() { Fault::sender(304, "NotModified", "Not Modified") } else { failed() };
    let modified_s = known.modified_ns.div_euclid(1_000_000_000);
    let seconds = |date: &str| jiff::fmt::rfc2822::parse(date).ok().map(|time| time.timestamp().as_second());
    match get("if-match") {
        Some(list) if !is_listed(list) => return Err(failed()),
        None if get("if-unmodified-since").and_then(seconds).is_some_and(|since| modified_s > since) => {
            return Err(failed());
        }
        Some(_) | None => {}
    }
    match get("if-none-match") {
        Some(list) if is_listed(list) => Err(not_modified()),
        None if get("if-modified-since").and_then(seconds).is_some_and(|since| modified_s <= since) => {
            Err(not_modified())
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_what_is_there() {
        for (range, expected) in [
            ("bytes=0-3", Ok(Some((0, 4)))),
            ("bytes=8-100", Ok(Some((8, 2)))),
            ("bytes=5-", Ok(Some((5, 5)))),
            ("bytes=-4", Ok(Some((6, 4)))),
            ("bytes=-40", Ok(Some((0, 10)))),
            ("bytes=10-", Err(416)),
            ("bytes=-0", Err(416)),
            ("bytes=3-1", Ok(None)),
            ("lines=1-2", Ok(None)),
        ] {
            assert_eq!(range_of(range, 10).map_err(|fault| fault.status), expected, "{range}");
        }
        assert_eq!(range_of("bytes=0-", 0).map_err(|fault| fault.status), Err(416));
    }
}
