//! Multipart uploads: parts are files of their own until they become one object.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use axum::body::Body;
use md5::{Digest, Md5};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};

use super::object::{New, prepare, source_of};
use super::upload::{self, Unfinished};
use super::{Answer, Call, S3, blocking, document, document_in, folder, index, malformed_xml, no_content};
use crate::clock::iso_ms;
use crate::database::object;
use crate::wire::{self, Fault, hex, random_uuid, xml};

/// Parts of an upload. AWS's own bound.
const PARTS_MAX: usize = 10_000;
/// Bytes of a part that is not the last. AWS's own bound, 5 MiB.
const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;
/// Uploads that a list shows.
const PAGE_MAX: usize = 1000;
/// The folder of parts, beside the buckets; no bucket has such a name.
const PARTS: &str = ".uploads";

struct Upload {
    id: String,
    headers: Map<String, Value>,
    tags: Map<String, Value>,
}

struct Part {
    number: i64,
    bytes: u64,
    md5: Vec<u8>,
    made_ms: i64,
}

impl Part {
    fn etag(&self) -> String {
        format!("\"{}\"", hex(&self.md5))
    }
}

impl S3 {
    fn parts_folder(&self, upload: &str) -> PathBuf {
        self.folders.root.join(PARTS).join(upload)
    }

    /// The upload that a call is for. Its id is one of ours, so it is no path.
    async fn upload(&self, call: &Call) -> Result<Upload, Fault> {
        let id = call.query.get("uploadId").cloned().unwrap_or_default();
        let (bucket, key) = (call.bucket.clone(), call.key.clone());
        let read = move |connection: &Connection| {
            let found = connection
                .prepare_cached(
                    "SELECT id, headers, tags FROM s3_uploads WHERE id = ?1 AND bucket = ?2 AND key = ?3",
                )?
                .query_row([id, bucket, key], |row| {
                    Ok(Upload { id: row.get(0)?, headers: object(row, 1)?, tags: object(row, 2)? })
                })
                .optional()?;
            found.ok_or_else(|| {
                let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
                Fault::sender(404, "NoSuchUpload", message)
            })
        };
        self.database.read(read).await
    }

    async fn parts(&self, upload: &str) -> Result<Vec<Part>, Fault> {
        let upload = upload.to_owned();
        let read = move |connection: &Connection| {
            let parts = connection
                .prepare_cached(
                    "SELECT number, bytes, md5, made_ms FROM s3_parts WHERE upload = ?1 ORDER BY number",
                )?
                .query_map([upload], |row| {
                    Ok(Part {
                        number: row.get(0)?,
                        bytes: row.get(1)?,
                        md5: row.get(2)?,
                        made_ms: row.get(3)?,
                    })
                })?
                .collect::<Result<_, _>>()?;
            Ok::<_, Fault>(parts)
        };
        self.database.read(read).await
    }

    /// Forgets an upload, then its files. What a crash leaves of them is only space.
    async fn end(&self, upload: &str) -> Result<(), Fault> {
        let id = upload.to_owned();
        let delete = move |connection: &Connection| {
            connection.prepare_cached("DELETE FROM s3_uploads WHERE id = ?1")?.execute([id])?;
            Ok::<_, Fault>(())
        };
        self.database.run(delete).await?;
        let parts = self.parts_folder(upload);
        let at = parts.clone();
        let removed = move || match std::fs::remove_dir_all(at) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        };
        blocking(&parts, removed).await
    }
}

pub(super) async fn create_multipart_upload(s3: &S3, call: &Call) -> Answer {
    s3.place(&call.bucket, &call.key)?;
    let headers = Value::Object(index::headers_of(&call.headers)?).to_string();
    let tags = Value::Object(index::tags_of(&call.headers)).to_string();
    let id = random_uuid().replace('-', "");
    let row = (id.clone(), call.bucket.clone(), call.key.clone(), headers, tags, s3.clock.now_ms());
    let insert = move |connection: &Connection| {
        connection
            .prepare_cached("INSERT INTO s3_uploads VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![row.0, row.1, row.2, row.3, row.4, row.5])?;
        Ok::<_, Fault>(())
    };
    s3.database.run(insert).await?;
    Ok(document("InitiateMultipartUploadResult", |xml| {
        xml.leaf("Bucket", &call.bucket);
        xml.leaf("Key", &call.key);
        xml.leaf("UploadId", &id);
    }))
}

pub(super) async fn upload_part(s3: &S3, call: &Call, body: Body, is_copy: bool) -> Answer {
    let upload = s3.upload(call).await?;
    let number = call.query.get("partNumber").and_then(|number| number.parse::<i64>().ok());
    let number = number.filter(|number| (1..=10_000).contains(number)).ok_or_else(|| {
        Fault::sender(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
    })?;
    let path = s3.parts_folder(&upload.id).join(number.to_string());
    let body = if is_copy { copied(s3, call).await? } else { body };
    let unfinished = prepare(&s3.folders.root, &path).await?;
    let guard = Unfinished::at(unfinished.clone());
    let no_headers = http::HeaderMap::new();
    let written = upload::write(body, if is_copy { &no_headers } else { &call.headers }, &unfinished).await?;
    let to = path.clone();
    blocking(&path, move || folder::put_into_place(&unfinished, &to)).await?;
    guard.keep();
    let (now_ms, bytes, md5) = (s3.clock.now_ms(), written.bytes, written.md5.to_vec());
    let insert = move |connection: &Connection| {
        connection
            .prepare_cached("INSERT OR REPLACE INTO s3_parts VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![upload.id, number, bytes, md5, now_ms])?;
        Ok::<_, Fault>(())
    };
    s3.database.run(insert).await?;
    if is_copy {
        return Ok(document("CopyPartResult", |xml| {
            xml.leaf("LastModified", &iso_ms(now_ms));
            xml.leaf("ETag", &written.etag());
        }));
    }
    let mut response = wire::response(200, "", Body::empty());
    wire::set(response.headers_mut(), "etag", &written.etag());
    if let Some((name, value)) = &written.checksum
        && let (Ok(name), Ok(value)) =
            (format!("x-amz-checksum-{name}").parse::<http::HeaderName>(), value.parse())
    {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// The bytes of another object, or a range of them.
async fn copied(s3: &S3, call: &Call) -> Result<Body, Fault> {
    let (bucket, key) = source_of(call)?;
    let (path, known) = s3.known(&bucket, &key).await?;
    let refused = || {
        Fault::sender(
            400,
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
        )
    };
    let (first, last) = match call.header("x-amz-copy-source-range") {
        None => (0, known.bytes.saturating_sub(1)),
        Some(range) => {
            let (first, last) =
                range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).ok_or_else(refused)?;
            (first.parse().map_err(|_| refused())?, last.parse().map_err(|_| refused())?)
        }
    };
    if known.bytes == 0 {
        return Ok(Body::empty());
    }
    if first > last || last >= known.bytes {
        return Err(refused());
    }
    let at = path.clone();
    let open = blocking(&path, move || {
        let mut file = File::open(at)?;
        file.seek(SeekFrom::Start(first))?;
        Ok(file.take(last - first + 1))
    });
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    let mut file = open.await?;
    tokio::task::spawn_blocking(move || {
        let mut piece = vec![0; 256 * 1024];
        loop {
            let read = file.read(&mut piece);
            let is_end = matches!(read, Ok(0) | Err(_));
            let sent = match read {
                Ok(0) => break,
                read => read.map(|read| bytes::Bytes::copy_from_slice(piece.get(..read).unwrap_or_default())),
            };
            if sender.blocking_send(sent).is_err() || is_end {
                break;
            }
        }
    });
    let pieces = futures::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    Ok(Body::from_stream(pieces))
}

pub(super) async fn complete_multipart_upload(s3: &S3, call: &Call, body: Body) -> Answer {
    let upload = s3.upload(call).await?;
    let text = document_in(body).await?;
    let named: Option<Vec<(i64, String)>> = xml::elements(&text, "Part")
        .into_iter()
        .map(|part| Some((xml::leaf(part, "PartNumber")?.parse().ok()?, xml::leaf(part, "ETag")?)))
        .collect();
    let named =
        named.filter(|named| !named.is_empty() && named.len() <= PARTS_MAX).ok_or_else(malformed_xml)?;
    if !named.is_sorted_by(|one, next| one.0 < next.0) {
        let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
        return Err(Fault::sender(400, "InvalidPartOrder", message));
    }
    let parts = chosen(&named, s3.parts(&upload.id).await?)?;
    let (folder, path) = s3.place(&call.bucket, &call.key)?;
    let unfinished = prepare(&folder, &path).await?;
    let guard = Unfinished::at(unfinished.clone());
    let files: Vec<PathBuf> =
        parts.iter().map(|part| s3.parts_folder(&upload.id).join(part.number.to_string())).collect();
    let to = unfinished.clone();
    let joined = blocking(&path, move || {
        let mut object = File::create(to)?;
        for file in files {
            std::io::copy(&mut File::open(file)?, &mut object)?;
        }
        object.sync_all()
    });
    joined.await?;
    let digest = parts.iter().fold(Md5::new(), |md5, part| md5.chain_update(&part.md5));
    let etag = format!("\"{}-{}\"", hex(&digest.finalize()), parts.len());
    let new = New { headers: upload.headers, tags: upload.tags, etag, written: None };
    let known = s3.put_into_place(call, &path, &unfinished, new).await?;
    guard.keep();
    s3.changed(call, "CompleteMultipartUpload", Some((known.bytes, &known.etag))).await?;
    s3.end(&upload.id).await?;
    Ok(document("CompleteMultipartUploadResult", |xml| {
        xml.leaf("Location", &format!("{}/{}/{}", call.caller.url, call.bucket, call.key));
        xml.leaf("Bucket", &call.bucket);
        xml.leaf("Key", &call.key);
        xml.leaf("ETag", &known.etag);
    }))
}

/// The parts that the caller names, which must be those that he sent.
fn chosen(named: &[(i64, String)], parts: Vec<Part>) -> Result<Vec<Part>, Fault> {
    let mut parts: std::collections::BTreeMap<i64, Part> =
        parts.into_iter().map(|part| (part.number, part)).collect();
    let mut found = Vec::new();
    for (number, etag) in named {
        let part =
            parts.remove(number).filter(|part| part.etag().trim_matches('"') == etag.trim_matches('"'));
        let part = part.ok_or_else(|| {
            let message = "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.";
            Fault::sender(400, "InvalidPart", message)
        })?;
        found.push(part);
    }
    let before_last = found.len().saturating_sub(1);
    if found.iter().take(before_last).any(|part| part.bytes < PART_BYTES_MIN) {
        let message = "Your proposed upload is smaller than the minimum allowed size";
        return Err(Fault::sender(400, "EntityTooSmall", message));
    }
    Ok(found)
}

pub(super) async fn abort_multipart_upload(s3: &S3, call: &Call) -> Answer {
    let upload = s3.upload(call).await?;
    s3.end(&upload.id).await?;
    Ok(no_content())
}

pub(super) async fn list_parts(s3: &S3, call: &Call) -> Answer {
    let upload = s3.upload(call).await?;
    let after: i64 =
        call.query.get("part-number-marker").and_then(|text| text.parse().ok()).unwrap_or_default();
    let mut parts = s3.parts(&upload.id).await?;
    parts.retain(|part| part.number > after);
    let is_truncated = parts.len() > PAGE_MAX;
    parts.truncate(PAGE_MAX);
    Ok(document("ListPartsResult", |xml| {
        xml.leaf("Bucket", &call.bucket);
        xml.leaf("Key", &call.key);
        xml.leaf("UploadId", &upload.id);
        xml.leaf("MaxParts", &PAGE_MAX.to_string());
        xml.leaf("IsTruncated", if is_truncated { "true" } else { "false" });
        if let Some(last) = parts.last().filter(|_| is_truncated) {
            xml.leaf("NextPartNumberMarker", &last.number.to_string());
        }
        for part in &parts {
            xml.within("Part", |xml| {
                xml.leaf("PartNumber", &part.number.to_string());
                xml.leaf("LastModified", &iso_ms(part.made_ms));
                xml.leaf("ETag", &part.etag());
                xml.leaf("Size", &part.bytes.to_string());
            });
        }
    }))
}

pub(super) async fn list_multipart_uploads(s3: &S3, call: &Call) -> Answer {
    s3.bucket(&call.bucket)?;
    let get = |name: &str| call.query.get(name).cloned().unwrap_or_default();
    let wanted = (call.bucket.clone(), get("prefix"), get("key-marker"));
    let read = move |connection: &Connection| {
        let uploads = connection
            .prepare_cached(
                "SELECT key, id, made_ms FROM s3_uploads
                 WHERE bucket = ?1 AND substr(key, 1, length(?2)) = ?2 AND key > ?3 ORDER BY key, id LIMIT ?4",
            )?
            .query_map(params![wanted.0, wanted.1, wanted.2, PAGE_MAX], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect::<Result<Vec<(String, String, i64)>, _>>()?;
        Ok::<_, Fault>(uploads)
    };
    let uploads = s3.database.read(read).await?;
    Ok(document("ListMultipartUploadsResult", |xml| {
        xml.leaf("Bucket", &call.bucket);
        xml.leaf("Prefix", &get("prefix"));
        xml.leaf("KeyMarker", &get("key-marker"));
        xml.leaf("MaxUploads", &PAGE_MAX.to_string());
        xml.leaf("IsTruncated", if uploads.len() == PAGE_MAX { "true" } else { "false" });
        if let Some((key, id, _)) = uploads.last().filter(|_| uploads.len() == PAGE_MAX) {
            xml.leaf("NextKeyMarker", key);
            xml.leaf("NextUploadIdMarker", id);
        }
        for (key, id, made_ms) in &uploads {
            xml.within("Upload", |xml| {
                xml.leaf("Key", key);
                xml.leaf("UploadId", id);
                xml.leaf("Initiated", &iso_ms(*made_ms));
                xml.leaf("StorageClass", "STANDARD");
            });
        }
    }))
}
