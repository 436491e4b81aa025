//! PutObject, CopyObject, DeleteObject and its batch, and an object's tags.

use std::path::{Path, PathBuf};

use axum::body::Body;
use http::{HeaderMap, Method};
use serde_json::{Map, Value};

use super::index::{self, Known};
use super::upload::{self, Unfinished, Written};
use super::{
    Answer, Call, S3, blocking, bucket, document, document_in, folder, malformed_xml, no_content,
    no_such_key, read,
};
use crate::clock::iso_ms;
use crate::wire::query::decoded;
use crate::wire::{self, Fault, xml};

/// Keys of a batch. AWS's own bound.
const BATCH_MAX: usize = 1000;
/// Bytes of an object that is copied in one call. AWS's own bound, 5 GiB.
const COPY_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

pub(super) async fn put_object(s3: &S3, call: &Call, body: Body) -> Answer {
    let (folder, path) = s3.place(&call.bucket, &call.key)?;
    let headers = index::headers_of(&call.headers)?;
    let tags = index::tags_of(&call.headers);
    let unfinished = prepare(&folder, &path).await?;
    let guard = Unfinished::at(unfinished.clone());
    let written = upload::write(body, &call.headers, &unfinished).await?;
    let object = New { headers, tags, etag: written.etag(), written: Some(&written) };
    let known = s3.put_into_place(call, &path, &unfinished, object).await?;
    guard.keep();
    s3.changed(call, "PutObject", Some((known.bytes, &known.etag))).await?;
    let mut response = wire::response(200, "", Body::empty());
    let answer = response.headers_mut();
    wire::set(answer, "etag", &known.etag);
    wire::set(answer, "x-amz-server-side-encryption", "AES256");
    for (name, value) in known.headers.iter().filter(|(name, _)| name.starts_with("x-amz-checksum-")) {
        if let (Ok(name), Some(Ok(value))) =
            (name.parse::<http::HeaderName>(), value.as_str().map(str::parse))
        {
            answer.insert(name, value);
        }
    }
    Ok(response)
}

/// Makes the folders for a file, and an empty one, in which it is to be written first.
pub(super) async fn prepare(folder: &Path, path: &Path) -> Result<PathBuf, Fault> {
    let (bucket, at) = (folder.to_owned(), path.to_owned());
    let made = blocking(path, move || {
        if at.is_dir() { Err(std::io::ErrorKind::IsADirectory.into()) } else { folder::begin(&at, &bucket) }
    });
    made.await
}

/// What is to be known of a new object.
pub(super) struct New<'a> {
    pub(super) headers: Map<String, Value>,
    pub(super) tags: Map<String, Value>,
    pub(super) etag: String,
    pub(super) written: Option<&'a Written>,
}

impl S3 {
    /// Gives a written file its name, if the caller's conditions hold. After it returns all of it is on disk.
    pub(super) async fn put_into_place(
        &self,
        call: &Call,
        path: &Path,
        unfinished: &Path,
        mut new: New<'_>,
    ) -> Result<Known, Fault> {
        if let Some((name, value)) = new.written.and_then(|written| written.checksum.clone()) {
            new.headers.insert(format!("x-amz-checksum-{name}"), Value::String(value));
        }
        let _placing = self.placing.lock().await;
        let only_if_absent = call.header("if-none-match").is_some();
        if call.header("if-match").is_some() {
            let (_, known) = self.known(&call.bucket, &call.key).await?;
            let mut condition = HeaderMap::new();
            condition
                .extend(call.headers.get("if-match").map(|value| (http::header::IF_MATCH, value.clone())));
            read::check_conditions(&condition, "", &known)?;
        }
        let (from, to) = (unfinished.to_owned(), path.to_owned());
        let placed = move || {
            if only_if_absent {
                match folder::put_if_absent(&from, &to) {
                    Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(None),
                    placed => placed?,
                }
                std::fs::remove_file(&from)?;
            } else {
                folder::put_into_place(&from, &to)?;
            }
            std::fs::metadata(&to).map(Some)
        };
        let metadata = blocking(path, placed).await?.ok_or_else(|| {
            let message = "At least one of the pre-conditions you specified did not hold";
            Fault::sender(412, "PreconditionFailed", message)
        })?;
        let known = Known {
            bytes: metadata.len(),
            modified_ns: folder::modified_ns(&metadata),
            etag: new.etag,
            headers: new.headers,
            tags: new.tags,
        };
        let (row, bucket, key) = (known.clone(), call.bucket.clone(), call.key.clone());
        self.database.run(move |connection| index::save(connection, &bucket, &key, &row)).await?;
        Ok(known)
    }
}

/// The bucket and key of `x-amz-copy-source`.
pub(super) fn source_of(call: &Call) -> Result<(String, String), Fault> {
    let source = call.header("x-amz-copy-source").unwrap_or_default();
    let path = source.split_once("?versionId=").map_or(source, |(path, _)| path);
    let path = decoded(path.trim_start_matches('/').as_bytes(), false);
    let refused = || {
        Fault::sender(
            400,
            "InvalidArgument",
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
        )
    };
    let (bucket, key) = path.split_once('/').filter(|(_, key)| !key.is_empty()).ok_or_else(refused)?;
    Ok((bucket.to_owned(), key.to_owned()))
}

pub(super) async fn copy_object(s3: &S3, call: &Call) -> Answer {
    let (source_bucket, source_key) = source_of(call)?;
    let (source, known) = s3.known(&source_bucket, &source_key).await?;
    read::check_conditions(&call.headers, "x-amz-copy-source-", &known)?;
    if known.bytes > COPY_BYTES_MAX {
        let message = "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120";
        return Err(Fault::sender(400, "InvalidRequest", message));
    }
    let is = |header: &str, value: &str| {
        call.header(header).is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    let replaces = is("x-amz-metadata-directive", "REPLACE");
    if !replaces && (source_bucket, source_key) == (call.bucket.clone(), call.key.clone()) {
        let message = "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.";
        return Err(Fault::sender(400, "InvalidRequest", message));
    }
    let headers = if replaces { index::headers_of(&call.headers)? } else { known.headers.clone() };
    let tags = if is("x-amz-tagging-directive", "REPLACE") {
        index::tags_of(&call.headers)
    } else {
        known.tags.clone()
    };
    let (folder, path) = s3.place(&call.bucket, &call.key)?;
    let unfinished = prepare(&folder, &path).await?;
    let guard = Unfinished::at(unfinished.clone());
    let to = unfinished.clone();
    let copied = blocking(&path, move || {
        std::fs::copy(source, &to)?;
        std::fs::File::open(&to)?.sync_all()
    });
    copied.await?;
    let new = New { headers, tags, etag: known.etag, written: None };
    let known = s3.put_into_place(call, &path, &unfinished, new).await?;
    guard.keep();
    s3.changed(call, "CopyObject", Some((known.bytes, &known.etag))).await?;
    Ok(document("CopyObjectResult", |xml| {
        xml.leaf("LastModified", &iso_ms(known.modified_ns / 1_000_000));
        xml.leaf("ETag", &known.etag);
    }))
}

async fn remove(s3: &S3, call: &Call) -> Result<(), Fault> {
    let (folder, path) = s3.place(&call.bucket, &call.key)?;
    let at = path.clone();
    // A write of the same key is there altogether, or not at all.
    let placing = s3.placing.lock().await;
    let is_removed = blocking(&path, move || folder::remove(&at, &folder)).await?;
    let (bucket, key) = (call.bucket.clone(), call.key.clone());
    s3.database.run(move |connection| index::forget(connection, &bucket, &key)).await?;
    drop(placing);
    if is_removed { s3.changed(call, "DeleteObject", None).await } else { Ok(()) }
}

/// AWS: deleting what is not there is no fault.
pub(super) async fn delete_object(s3: &S3, call: &Call) -> Answer {
    remove(s3, call).await?;
    Ok(no_content())
}

pub(super) async fn delete_objects(s3: &S3, call: &mut Call, body: Body) -> Answer {
    s3.bucket(&call.bucket)?;
    let text = document_in(body).await?;
    let keys: Option<Vec<String>> =
        xml::elements(&text, "Object").into_iter().map(|object| xml::leaf(object, "Key")).collect();
    let keys = keys.filter(|keys| !keys.is_empty() && keys.len() <= BATCH_MAX).ok_or_else(malformed_xml)?;
    let is_quiet = xml::leaf(&text, "Quiet").as_deref() == Some("true");
    let mut outcomes = Vec::new();
    for key in keys {
        call.key = key;
        let outcome = remove(s3, call).await;
        outcomes.push((std::mem::take(&mut call.key), outcome));
    }
    Ok(document("DeleteResult", |xml| {
        for (key, outcome) in &outcomes {
            match outcome {
                Ok(()) if is_quiet => {}
                Ok(()) => xml.within("Deleted", |xml| xml.leaf("Key", key)),
                Err(fault) => xml.within("Error", |xml| {
                    xml.leaf("Key", key);
                    xml.leaf("Code", &fault.code);
                    xml.leaf("Message", &fault.message);
                }),
            }
        }
    }))
}

pub(super) async fn tagging(s3: &S3, call: &Call, body: Body) -> Answer {
    let (_, mut known) = s3.known(&call.bucket, &call.key).await?;
    let status = match call.method {
        Method::GET => return Ok(bucket::tag_set(&known.tags)),
        Method::PUT => {
            known.tags = bucket::tags_in(&document_in(body).await?)?;
            200
        }
        Method::DELETE => {
            known.tags.clear();
            204
        }
        _ => return Err(no_such_key()),
    };
    let (bucket, key) = (call.bucket.clone(), call.key.clone());
    s3.database.run(move |connection| index::save(connection, &bucket, &key, &known)).await?;
    Ok(wire::response(status, "", Body::empty()))
}
