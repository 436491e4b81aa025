//! A bucket's objects, by S3's calls.

use bytes::{Bytes, BytesMut};
use darkroom_functions::{Fetched, Objects, ObjectsError};
use darkroom_services::endpoint::{Unreachable, refusal_in};
use darkroom_services::wire::encoded;
use http::{Method, Request, Response, StatusCode, header};

use crate::reach::Reach;

/// Bytes that one call fetches. Our choice: below what an endpoint takes as an answer.
const PART_BYTES: u64 = 4 * 1024 * 1024;

/// A bucket, wherever S3 is.
pub struct S3Objects {
    reach: Reach,
    bucket: String,
}

impl S3Objects {
    /// The bucket of this name.
    pub fn new(reach: Reach, bucket: impl Into<String>) -> Self {
        Self { reach, bucket: bucket.into() }
    }

    fn call(
        &self,
        method: Method,
        key: &str,
        headers: &[(header::HeaderName, &str)],
        content: Vec<u8>,
    ) -> Result<Response<Bytes>, ObjectsError> {
        let path = format!("/{}/{}", encoded(&self.bucket, ""), encoded(key, "/"));
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        self.reach.send("s3", request.body(content.into())).map_err(|error: Unreachable| failed(&error))
    }

    /// The object's length and what tells this content of it apart from any other.
    fn head(&self, key: &str) -> Result<Option<(u64, String)>, ObjectsError> {
        let answer = self.call(Method::HEAD, key, &[], Vec::new())?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = accepted(answer)?;
        let text =
            |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let length = text(header::CONTENT_LENGTH).parse().map_err(|error| failed(&error))?;
        Ok(Some((length, text(header::ETAG).to_owned())))
    }
}

impl Objects for S3Objects {
    fn length(&self, key: &str) -> Result<Option<u64>, ObjectsError> {
        Ok(self.head(key)?.map(|(length, _)| length))
    }

    /// In parts, each only if the object is still the one that the first part was of.
    fn get(&self, key: &str, bytes_max: u64) -> Result<Fetched, ObjectsError> {
        let (length, e_tag) = self.head(key)?.ok_or(ObjectsError::NotFound)?;
        if length > bytes_max {
            return Ok(Fetched::TooLong(length));
        }
        let mut content = BytesMut::new();
        let mut begin = 0;
        while begin < length {
            let end = (begin + PART_BYTES).min(length);
            let range = format!("bytes={begin}-{}", end - 1);
            let headers = [(header::RANGE, &*range), (header::IF_MATCH, &*e_tag)];
            let part = accepted(self.call(Method::GET, key, &headers, Vec::new())?)?;
            if part.body().len() as u64 != end - begin {
                return Err(ObjectsError::Failed(format!(
                    "{range} of {key} has {} bytes",
                    part.body().len()
                )));
            }
            content.extend_from_slice(part.body());
            begin = end;
        }
        Ok(Fetched::Whole(content.freeze()))
    }

    fn put(&self, key: &str, content: Vec<u8>) -> Result<(), ObjectsError> {
        let headers = [(header::CONTENT_TYPE, "image/jpeg")];
        accepted(self.call(Method::PUT, key, &headers, content)?).map(drop)
    }

    fn remove(&self, key: &str) -> Result<(), ObjectsError> {
        accepted(self.call(Method::DELETE, key, &[], Vec::new())?).map(drop)
    }
}

/// The answer, where S3 did what it was asked to.
fn accepted(answer: Response<Bytes>) -> Result<Response<Bytes>, ObjectsError> {
    if answer.status().is_success() {
        return Ok(answer);
    }
    let (code, message) = refusal_in(&answer);
    Err(match answer.status() {
        StatusCode::NOT_FOUND => ObjectsError::NotFound,
        // AWS: an answer to HEAD has no body that would say why.
        StatusCode::FORBIDDEN if message.is_empty() => ObjectsError::AccessDenied("Access Denied".to_owned()),
        StatusCode::FORBIDDEN => ObjectsError::AccessDenied(message),
        status => ObjectsError::Failed(format!("{status}: {code}: {message}")),
    })
}

fn failed(error: &dyn std::error::Error) -> ObjectsError {
    ObjectsError::Failed(error.to_string())
}
