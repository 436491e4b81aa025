//! What a file cannot say of its object: ETag, headers, tags. A row holds for the file that it was written for.

use std::path::{Path, PathBuf};

use http::HeaderMap;
use md5::{Digest, Md5};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};

use super::{S3, blocking, folder, no_such_key};
use crate::database::object;
use crate::wire::{Fault, hex, text};

/// Headers that come with an object and go with it again.
const KEPT: [&str; 6] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
];
/// What AWS says of an object that nobody gave a type.
const TYPE_DEFAULT: &str = "binary/octet-stream";
/// Bytes of `x-amz-meta-` headers, names and values. AWS's own bound.
const METADATA_BYTES_MAX: usize = 2048;

/// What is known of an object.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) bytes: u64,
    pub(super) modified_ns: i64,
    /// With its quotes.
    pub(super) etag: String,
    /// Names in lower case and texts: the kept ones, metadata, checksums.
    pub(super) headers: Map<String, Value>,
    pub(super) tags: Map<String, Value>,
}

/// An object's headers, as its request has them.
pub(super) fn headers_of(request: &HeaderMap) -> Result<Map<String, Value>, Fault> {
    let mut headers = Map::new();
    let mut metadata_bytes = 0;
    for (name, value) in request {
        let (name, Ok(value)) = (name.as_str(), value.to_str()) else { continue };
        if let Some(own) = name.strip_prefix("x-amz-meta-") {
            metadata_bytes += own.len() + value.len();
        } else if !KEPT.contains(&name) {
            continue;
        }
        // How a body travels is no property of the object.
        let codings = value.split(',').map(str::trim).filter(|coding| *coding != "aws-chunked");
        let value =
            if name == "content-encoding" { codings.collect::<Vec<_>>().join(",") } else { value.to_owned() };
        if !value.is_empty() {
            headers.insert(name.to_owned(), Value::String(value));
        }
    }
    if metadata_bytes > METADATA_BYTES_MAX {
        let message = "Your metadata headers exceed the maximum allowed metadata size";
        return Err(Fault::sender(400, "MetadataTooLarge", message));
    }
    headers.entry("content-type").or_insert_with(|| Value::from(TYPE_DEFAULT));
    Ok(headers)
}

/// The tags of `x-amz-tagging`.
pub(super) fn tags_of(request: &HeaderMap) -> Map<String, Value> {
    let tags = text(request, "x-amz-tagging").unwrap_or_default();
    let pairs = crate::wire::query::pairs(tags.as_bytes());
    pairs.into_iter().map(|(key, value)| (key, Value::String(value))).collect()
}

/// Writes a row, which holds for a file of this size and time.
pub(super) fn save(connection: &Connection, bucket: &str, key: &str, known: &Known) -> Result<(), Fault> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO s3_objects VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            bucket,
            key,
            known.bytes,
            known.modified_ns,
            known.etag,
            Value::Object(known.headers.clone()).to_string(),
            Value::Object(known.tags.clone()).to_string()
        ])?;
    Ok(())
}

/// Forgets an object that is gone.
pub(super) fn forget(connection: &Connection, bucket: &str, key: &str) -> Result<(), Fault> {
    connection
        .prepare_cached("DELETE FROM s3_objects WHERE bucket = ?1 AND key = ?2")?
        .execute([bucket, key])?;
    Ok(())
}

fn read(connection: &Connection, bucket: &str, key: &str) -> Result<Option<Known>, Fault> {
    let found = connection
        .prepare_cached(
            "SELECT bytes, modified_ns, etag, headers, tags FROM s3_objects WHERE bucket = ?1 AND key = ?2",
        )?
        .query_row([bucket, key], |row| {
            Ok(Known {
                bytes: row.get(0)?,
                modified_ns: row.get(1)?,
                etag: row.get(2)?,
                headers: object(row, 3)?,
                tags: object(row, 4)?,
            })
        })
        .optional()?;
    Ok(found)
}

impl S3 {
    /// What is known of an object, which may have been put into the folder by someone else.
    pub(super) async fn known(&self, bucket: &str, key: &str) -> Result<(PathBuf, Known), Fault> {
        let (_, path) = self.place(bucket, key)?;
        let at = path.clone();
        let found = blocking(&path, move || match std::fs::metadata(at) {
            Ok(metadata) if metadata.is_file() => Ok(Some(metadata)),
            Ok(_) => Ok(None),
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        });
        let metadata = found.await?.ok_or_else(no_such_key)?;
        let (bytes, modified_ns) = (metadata.len(), folder::modified_ns(&metadata));
        let names = (bucket.to_owned(), key.to_owned());
        let stored = self.database.read(move |connection| read(connection, &names.0, &names.1)).await?;
        if let Some(known) = stored.filter(|known| known.bytes == bytes && known.modified_ns == modified_ns) {
            return Ok((path, known));
        }
        let known = Known {
            bytes,
            modified_ns,
            etag: etag_of(&path).await?,
            headers: Map::from_iter([("content-type".to_owned(), Value::from(type_of(key)))]),
            tags: Map::new(),
        };
        let (names, row) = ((bucket.to_owned(), key.to_owned()), known.clone());
        if let Err(fault) =
            self.database.run(move |connection| save(connection, &names.0, &names.1, &row)).await
        {
            // It is there all the same, and what is known of it is worked out again.
            tracing::warn!(bucket, reason = fault.message, "what is known of an object could not be kept");
        }
        Ok((path, known))
    }
}

async fn etag_of(path: &Path) -> Result<String, Fault> {
    let at = path.to_owned();
    let digest = move || {
        let mut md5 = Md5::new();
        std::io::copy(&mut std::fs::File::open(at)?, &mut md5)?;
        Ok(format!("\"{}\"", hex(&md5.finalize())))
    };
    blocking(path, digest).await
}

/// The type of a file that someone else put there, by its name.
fn type_of(key: &str) -> &'static str {
    let extension = key.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("png") => "image/png",
        Some("webp") => "image/webp",
        Some("gif") => "image/gif",
        Some("tif" | "tiff") => "image/tiff",
        Some("json") => "application/json",
        Some("txt") => "text/plain",
        _ => TYPE_DEFAULT,
    }
}
