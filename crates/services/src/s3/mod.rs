//! S3: buckets that are folders, and objects that are files in them.
//!
//! The folder is the truth: whoever puts a file there has put an object. What a file cannot say, such as its
//! content type, stands in the services' file and holds as long as size and time of the file are those it was
//! written for. An object is on disk, its folders too, before its PUT is answered.
//!
//! Not here: versions, locks, policies and lifecycles. What asks for one is refused, by name. A bucket cannot
//! hold both `a` and `a/b`, since no folder can.
//!
//! API: S3 2006-03-01, REST-XML.

mod bucket;
mod crc;
mod folder;
mod index;
mod keys;
mod list;
mod multipart;
mod object;
mod read;
mod upload;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use darkroom_port::request_id;
use futures::future::BoxFuture;
use http::{HeaderMap, Method, Response, header};

use crate::ServicesError;
use crate::clock::Clock;
use crate::database::Database;
use crate::router::{Protocol, Route, Service};
use crate::wire::xml::Xml;
use crate::wire::{self, Caller, Fault, query};

pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS s3_objects (
        bucket TEXT NOT NULL, key TEXT NOT NULL, bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
        etag TEXT NOT NULL, headers TEXT NOT NULL, tags TEXT NOT NULL, PRIMARY KEY (bucket, key)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS s3_buckets (
        name TEXT PRIMARY KEY, made_ms INTEGER NOT NULL, tags TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS s3_uploads (
        id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, headers TEXT NOT NULL,
        tags TEXT NOT NULL, made_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS s3_parts (
        upload TEXT NOT NULL REFERENCES s3_uploads ON DELETE CASCADE, number INTEGER NOT NULL,
        bytes INTEGER NOT NULL, md5 BLOB NOT NULL, made_ms INTEGER NOT NULL, PRIMARY KEY (upload, number)
    ) WITHOUT ROWID;";

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
/// Bytes of a request's XML document.
const DOCUMENT_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Where the buckets are.
#[derive(Clone, Debug)]
pub struct Folders {
    /// The folder that holds a folder for each bucket.
    pub root: PathBuf,
    /// Buckets whose folders are elsewhere. They are always there.
    pub elsewhere: BTreeMap<String, PathBuf>,
}

/// What became of an object.
#[derive(Clone, Debug)]
pub struct Change {
    /// Whose bucket it is.
    pub caller: Caller,
    /// Such as `PutObject`.
    pub reason: &'static str,
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// Bytes and ETag, without quotes, of what was created; nothing where it was deleted.
    pub created: Option<(u64, String)>,
}

/// Hears of each object that is created or deleted, after it is on disk and before the caller is answered.
pub trait Observer: Send + Sync + 'static {
    /// Takes note of a change, durably. Where it cannot, the caller is told to repeat the request.
    fn changed(&self, change: Change) -> BoxFuture<'_, Result<(), Fault>>;
}

/// The embedded service.
pub struct S3 {
    folders: Folders,
    database: Database,
    clock: Clock,
    observer: Arc<dyn Observer>,
    /// Held while an object is put into its place, so that conditions on what is there hold.
    placing: tokio::sync::Mutex<()>,
}

/// A request, taken apart.
struct Call {
    caller: Caller,
    method: Method,
    bucket: String,
    key: String,
    query: BTreeMap<String, String>,
    headers: HeaderMap,
}

impl Call {
    fn has(&self, name: &str) -> bool {
        self.query.contains_key(name)
    }

    fn header(&self, name: &str) -> Option<&str> {
        wire::text(&self.headers, name)
    }
}

/// A request's XML document.
async fn document_in(body: Body) -> Result<String, Fault> {
    let body = wire::whole(body, DOCUMENT_BYTES_MAX).await?;
    String::from_utf8(body.to_vec()).map_err(|_| malformed_xml())
}

type Answer = Result<Response<Body>, Fault>;

impl S3 {
    /// Buckets in these folders, which are made where they are not there. What writes that a crash cut off have
    /// left in them, files `name#1`, is no object and goes with its bucket.
    pub fn open(
        folders: Folders,
        database: Database,
        clock: Clock,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, ServicesError> {
        for path in std::iter::once(&folders.root).chain(folders.elsewhere.values()) {
            std::fs::create_dir_all(path)
                .map_err(|source| ServicesError::File { path: path.clone(), source })?;
        }
        Ok(Self { folders, database, clock, observer, placing: tokio::sync::Mutex::new(()) })
    }

    /// A bucket's folder, which may not be there.
    fn folder_of(&self, bucket: &str) -> PathBuf {
        self.folders.elsewhere.get(bucket).cloned().unwrap_or_else(|| self.folders.root.join(bucket))
    }

    /// The folder of a bucket that is there.
    fn bucket(&self, name: &str) -> Result<PathBuf, Fault> {
        let folder = self.folder_of(name);
        if bucket::is_name(name) && folder.is_dir() {
            return Ok(folder);
        }
        Err(Fault::sender(404, "NoSuchBucket", "The specified bucket does not exist"))
    }

    /// The bucket's folder and the object's file.
    fn place(&self, bucket: &str, key: &str) -> Result<(PathBuf, PathBuf), Fault> {
        let folder = self.bucket(bucket)?;
        let path = keys::path_of(key).map_err(|error| match error {
            keys::KeyError::TooLong => Fault::sender(400, "KeyTooLongError", "Your key is too long"),
            keys::KeyError::PartTooLong => Fault::sender(
                400,
                "KeyTooLongError",
                "Your key is too long: a part of it between slashes must fit into a file's name here",
            ),
        })?;
        let path = folder.join(path);
        Ok((folder, path))
    }

    async fn run(&self, mut call: Call, body: Body) -> Answer {
        if call.bucket.is_empty() {
            return match call.method {
                Method::GET | Method::HEAD => bucket::list_buckets(self, &call).await,
                _ => Err(not_allowed()),
            };
        }
        if call.key.is_empty() {
            self.run_on_bucket(&mut call, body).await
        } else {
            self.run_on_object(&call, body).await
        }
    }

    async fn run_on_bucket(&self, call: &mut Call, body: Body) -> Answer {
        if let Some(name) = bucket::subresource(call) {
            return bucket::configuration(self, call, name, body).await;
        }
        match call.method {
            Method::PUT => bucket::create_bucket(self, call).await,
            Method::HEAD => bucket::head_bucket(self, call),
            Method::DELETE => bucket::delete_bucket(self, call).await,
            Method::GET if call.has("uploads") => multipart::list_multipart_uploads(self, call).await,
            Method::GET if call.has("versions") => Err(not_implemented("ListObjectVersions")),
            Method::GET => list::list_objects(self, call).await,
            Method::POST if call.has("delete") => object::delete_objects(self, call, body).await,
            Method::POST => Err(not_implemented("a POST of a form")),
            _ => Err(not_allowed()),
        }
    }

    async fn run_on_object(&self, call: &Call, body: Body) -> Answer {
        for name in ["acl", "torrent", "legal-hold", "retention", "restore", "select", "attributes"] {
            if call.has(name) {
                return Err(not_implemented(&format!("the subresource {name} of an object")));
            }
        }
        if call.query.get("versionId").is_some_and(|version| version != "null") {
            return Err(Fault::sender(400, "InvalidArgument", "Invalid version id specified"));
        }
        if call.has("tagging") {
            return object::tagging(self, call, body).await;
        }
        let is_copy = call.headers.contains_key("x-amz-copy-source");
        match call.method {
            Method::GET if call.has("uploadId") => multipart::list_parts(self, call).await,
            Method::GET | Method::HEAD => read::get_object(self, call).await,
            Method::PUT if call.has("partNumber") => multipart::upload_part(self, call, body, is_copy).await,
            Method::PUT if is_copy => object::copy_object(self, call).await,
            Method::PUT => object::put_object(self, call, body).await,
            Method::DELETE if call.has("uploadId") => multipart::abort_multipart_upload(self, call).await,
            Method::DELETE => object::delete_object(self, call).await,
            Method::POST if call.has("uploads") => multipart::create_multipart_upload(self, call).await,
            Method::POST if call.has("uploadId") => {
                multipart::complete_multipart_upload(self, call, body).await
            }
            _ => Err(not_allowed()),
        }
    }

    async fn changed(
        &self,
        call: &Call,
        reason: &'static str,
        created: Option<(u64, &str)>,
    ) -> Result<(), Fault> {
        self.observer
            .changed(Change {
                caller: call.caller.clone(),
                reason,
                bucket: call.bucket.clone(),
                key: call.key.clone(),
                created: created.map(|(bytes, etag)| (bytes, etag.trim_matches('"').to_owned())),
            })
            .await
    }
}

impl Service for S3 {
    fn route(&self) -> Route {
        Route { name: "s3", protocol: Protocol::RestXml, ..Route::default() }
    }

    fn answer(&self, request: Request, caller: Caller) -> BoxFuture<'_, Response<Body>> {
        Box::pin(async move {
            let (call, body) = taken_apart(request, caller);
            let (is_head, resource) = (call.method == Method::HEAD, format!("/{}/{}", call.bucket, call.key));
            let mut response = match self.run(call, body).await {
                Ok(response) => response,
                Err(fault) => in_xml(&fault, &resource, is_head),
            };
            let id = request_id().replace('-', "")[..16].to_uppercase();
            wire::set(response.headers_mut(), "x-amz-request-id", &id);
            wire::set(response.headers_mut(), "x-amz-id-2", &crate::base64::encode(id.as_bytes()));
            response
        })
    }
}

/// The bucket is the first part of the path, or of the host.
fn taken_apart(request: Request, caller: Caller) -> (Call, Body) {
    let (parts, body) = request.into_parts();
    let path = query::decoded(parts.uri.path().trim_start_matches('/').as_bytes(), false);
    let host = wire::text(&parts.headers, header::HOST.as_str()).unwrap_or_default();
    let (bucket, key) = match bucket_of_host(host) {
        Some(bucket) => (bucket.to_owned(), path),
        None => match path.split_once('/') {
            Some((bucket, key)) => (bucket.to_owned(), key.to_owned()),
            None => (path, String::new()),
        },
    };
    let query = query::pairs(parts.uri.query().unwrap_or_default().as_bytes()).into_iter().collect();
    (Call { caller, method: parts.method, bucket, key, query, headers: parts.headers }, body)
}

/// `<bucket>.localhost` and `<bucket>.s3.<anything>`, with or without a port.
fn bucket_of_host(host: &str) -> Option<&str> {
    let host = host.split(':').next().unwrap_or(host);
    let bucket = match host.split_once(".s3.") {
        Some((bucket, _)) => bucket,
        None => host.strip_suffix(".localhost")?,
    };
    (!bucket.is_empty() && bucket != "s3").then_some(bucket)
}

/// AWS: the answer to a HEAD has a status and no words.
pub(crate) fn in_xml(fault: &Fault, resource: &str, is_head: bool) -> Response<Body> {
    if is_head || fault.status == 304 {
        return wire::response(fault.status, "", Body::empty());
    }
    let mut xml = Xml::document();
    xml.within("Error", |xml| {
        xml.leaf("Code", if fault.code == "InternalFailure" { "InternalError" } else { &fault.code });
        xml.leaf("Message", &fault.message);
        match &*fault.code {
            "NoSuchBucket" => xml.leaf("BucketName", resource.split('/').nth(1).unwrap_or_default()),
            "NoSuchKey" => xml.leaf("Key", resource.splitn(3, '/').nth(2).unwrap_or_default()),
            _ => xml.leaf("Resource", resource),
        }
        xml.leaf("RequestId", &request_id());
        xml.leaf("HostId", "");
    });
    wire::response(fault.status, "application/xml", xml.text())
}

/// A document with this element at its root.
fn document(root: &str, inside: impl FnOnce(&mut Xml)) -> Response<Body> {
    let mut xml = Xml::document();
    xml.open_with(root, &[("xmlns", NAMESPACE)]);
    inside(&mut xml);
    xml.close(root);
    wire::response(200, "application/xml", xml.text())
}

fn no_content() -> Response<Body> {
    wire::response(204, "", Body::empty())
}

fn no_such_key() -> Fault {
    Fault::sender(404, "NoSuchKey", "The specified key does not exist.")
}

fn not_allowed() -> Fault {
    Fault::sender(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
}

fn not_implemented(what: &str) -> Fault {
    Fault::sender(501, "NotImplemented", format!("S3 here does not do {what}"))
}

fn malformed_xml() -> Fault {
    Fault::sender(
        400,
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
}

/// Runs what waits for the disk, off the threads that serve connections.
async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other);
    done.flatten().map_err(|source| failed(path, source))
}

/// A fault of the folder, told where the caller can do something about it.
fn failed(path: &Path, source: std::io::Error) -> Fault {
    use std::io::ErrorKind;
    match source.kind() {
        ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::AlreadyExists => Fault::sender(
            409,
            "InvalidRequest",
            "A bucket here is a folder: it cannot hold both this key and one that begins with it and a slash",
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Fault::sender(503, "ServiceUnavailable", "The disk is full")
        }
        _ => ServicesError::File { path: path.to_owned(), source }.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_is_in_the_path_or_in_the_host() {
        for (host, bucket) in [
            ("127.0.0.1:4566", None),
            ("localhost:4566", None),
            ("photos.localhost:4566", Some("photos")),
            ("photos.s3.localhost:4566", Some("photos")),
            ("photos.s3.eu-west-1.amazonaws.com", Some("photos")),
            ("s3.localhost", None),
        ] {
            assert_eq!(bucket_of_host(host), bucket, "{host}");
        }
    }
}
