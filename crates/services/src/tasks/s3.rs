//! `aws-sdk:s3:<action>`: S3's common calls, between a state machine's JSON and S3's headers and XML.

use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::{Map, Value, json};

use super::{Output, TaskCall, TaskFault, Tasks, as_text, parameters};
use crate::wire::{encoded, text, xml};

/// An action's method, the parameters that are its URL's, and what its answer holds.
struct Action {
    name: &'static str,
    method: Method,
    query: &'static [(&'static str, &'static str)],
    answer: Answer,
}

#[derive(Clone, Copy)]
enum Answer {
    /// Headers, and the body as text where it is one.
    Object,
    /// Headers alone.
    Headers,
    /// Those headers that tell what was done, and not how long or of what type this answer is.
    Outcome,
    /// The leaves of a document.
    Document,
    Objects,
    Buckets,
}

const LIST: &[(&str, &str)] = &[
    ("Prefix", "prefix"),
    ("Delimiter", "delimiter"),
    ("MaxKeys", "max-keys"),
    ("Marker", "marker"),
    ("StartAfter", "start-after"),
    ("ContinuationToken", "continuation-token"),
];

const ACTIONS: [Action; 10] = [
    Action { name: "getObject", method: Method::GET, query: &[], answer: Answer::Object },
    Action { name: "headObject", method: Method::HEAD, query: &[], answer: Answer::Headers },
    Action { name: "putObject", method: Method::PUT, query: &[], answer: Answer::Outcome },
    Action { name: "deleteObject", method: Method::DELETE, query: &[], answer: Answer::Outcome },
    Action { name: "copyObject", method: Method::PUT, query: &[], answer: Answer::Document },
    Action { name: "listObjects", method: Method::GET, query: LIST, answer: Answer::Objects },
    Action { name: "listObjectsV2", method: Method::GET, query: LIST, answer: Answer::Objects },
    Action { name: "listBuckets", method: Method::GET, query: &[], answer: Answer::Buckets },
    Action { name: "createBucket", method: Method::PUT, query: &[], answer: Answer::Outcome },
    Action { name: "deleteBucket", method: Method::DELETE, query: &[], answer: Answer::Outcome },
];

/// Parameters and members that are headers.
const HEADERS: &[(&str, &str)] = &[
    ("AcceptRanges", "accept-ranges"),
    ("CacheControl", "cache-control"),
    ("ChecksumCRC32", "x-amz-checksum-crc32"),
    ("ChecksumCRC64NVME", "x-amz-checksum-crc64nvme"),
    ("ChecksumSHA256", "x-amz-checksum-sha256"),
    ("ChecksumType", "x-amz-checksum-type"),
    ("ContentDisposition", "content-disposition"),
    ("ContentEncoding", "content-encoding"),
    ("ContentLanguage", "content-language"),
    ("ContentLength", "content-length"),
    ("ContentRange", "content-range"),
    ("ContentType", "content-type"),
    ("CopySource", "x-amz-copy-source"),
    ("ETag", "etag"),
    ("IfMatch", "if-match"),
    ("IfNoneMatch", "if-none-match"),
    ("LastModified", "last-modified"),
    ("Location", "location"),
    ("MetadataDirective", "x-amz-metadata-directive"),
    ("Range", "range"),
    ("ServerSideEncryption", "x-amz-server-side-encryption"),
    ("StorageClass", "x-amz-storage-class"),
    ("Tagging", "x-amz-tagging"),
    ("VersionId", "x-amz-version-id"),
];

/// The members of an outcome.
const OUTCOME: [&str; 8] = [
    "ChecksumCRC32",
    "ChecksumCRC64NVME",
    "ChecksumSHA256",
    "ChecksumType",
    "ETag",
    "Location",
    "ServerSideEncryption",
    "VersionId",
];

const ERRORS: [&str; 7] = [
    "BucketAlreadyExists",
    "BucketAlreadyOwnedByYou",
    "InvalidObjectState",
    "InvalidRequest",
    "NoSuchBucket",
    "NoSuchKey",
    "NoSuchUpload",
];

pub(super) async fn call(tasks: &Tasks, call: &TaskCall, action: &str) -> Output {
    let action = ACTIONS
        .iter()
        .find(|known| known.name == action)
        .ok_or_else(|| TaskFault::unsupported(&call.resource))?;
    let request = request(call, action)?;
    let response = tasks.send(call, "s3", "s3", request).await;
    let response = response.map_err(|error| TaskFault::unreachable("S3", &error))?;
    if !response.status().is_success() {
        return Err(refused(&response));
    }
    Ok(output(action.answer, &response).to_string())
}

pub(super) fn refused(response: &Response<Bytes>) -> TaskFault {
    TaskFault::refused_by_sdk("S3", ERRORS.into_iter(), response)
}

fn request(call: &TaskCall, action: &Action) -> Result<Result<Request<Bytes>, http::Error>, TaskFault> {
    let mut path = String::from("/");
    let mut query = Vec::new();
    if action.name == "listObjectsV2" {
        query.push("list-type=2".to_owned());
    }
    let mut body = Bytes::new();
    let mut headers: Vec<(String, String)> = Vec::new();
    let parameters = parameters(call)?;
    if let Some(bucket) = parameters.get("Bucket") {
        path.push_str(&encoded(&as_text(bucket), ""));
    }
    if let Some(key) = parameters.get("Key") {
        path.push('/');
        path.push_str(&encoded(&as_text(key), "/"));
    }
    for (name, value) in &parameters {
        let in_query = action.query.iter().find(|(parameter, _)| parameter == name);
        let in_headers = HEADERS.iter().find(|(parameter, _)| parameter == name);
        match (&**name, in_query, in_headers) {
            ("Bucket" | "Key", ..) => {}
            // AWS: recorded: any value is stored as its JSON text, a string with its quotes.
            ("Body", ..) => {
                body = value.to_string().into();
                if !parameters.contains_key("ContentType") {
                    headers.push(("content-type".to_owned(), "text/plain; charset=UTF-8".to_owned()));
                }
            }
            ("Metadata", ..) => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    headers.push((format!("x-amz-meta-{name}"), as_text(value)));
                }
            }
            (_, Some((_, parameter)), _) => {
                query.push(format!("{parameter}={}", encoded(&as_text(value), "")));
            }
            (_, _, Some((_, header))) => headers.push(((*header).to_owned(), as_text(value))),
            _ => {
                let cause = format!("The parameter {name} of {} is not supported here", call.resource);
                return Err(TaskFault::runtime(cause));
            }
        }
    }
    if !query.is_empty() {
        path.push('?');
        path.push_str(&query.join("&"));
    }
    let mut request = Request::builder().method(action.method.clone()).uri(path);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    Ok(request.body(body))
}

fn output(answer: Answer, response: &Response<Bytes>) -> Value {
    let document = String::from_utf8_lossy(response.body());
    match answer {
        Answer::Headers => Value::Object(members_of(response)),
        Answer::Outcome => {
            let mut members = members_of(response);
            members.retain(|member, _| OUTCOME.contains(&&**member));
            Value::Object(members)
        }
        Answer::Object => {
            let mut members = members_of(response);
            members.entry("Metadata").or_insert_with(|| json!({}));
            // AWS: an object is taken as a text.
            members.insert("Body".to_owned(), Value::String(document.into_owned()));
            Value::Object(members)
        }
        Answer::Document => json!({ "CopyObjectResult": leaves(&document, &["ETag", "LastModified"]) }),
        Answer::Objects => {
            let list = |name, members: &[&str]| -> Vec<Value> {
                xml::elements(&document, name).into_iter().map(|item| leaves(item, members)).collect()
            };
            // A common prefix has the same leaf as the list, and what comes first is for the service to choose.
            let own = without(&without(&document, "Contents"), "CommonPrefixes");
            let mut output = leaves(
                &own,
                &[
                    "Name",
                    "Prefix",
                    "Delimiter",
                    "MaxKeys",
                    "KeyCount",
                    "IsTruncated",
                    "NextMarker",
                    "NextContinuationToken",
                ],
            );
            output["Contents"] =
                list("Contents", &["ETag", "Key", "LastModified", "Size", "StorageClass"]).into();
            output["CommonPrefixes"] = list("CommonPrefixes", &["Prefix"]).into();
            output
        }
        Answer::Buckets => {
            let buckets = xml::elements(&document, "Bucket").into_iter();
            let buckets: Vec<Value> =
                buckets.map(|bucket| leaves(bucket, &["CreationDate", "Name"])).collect();
            json!({ "Buckets": buckets, "Owner": leaves(&document, &["ID"]) })
        }
    }
}

/// The document without its elements of this name.
fn without(document: &str, name: &str) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut parts = document.split(&open);
    let before = parts.next().unwrap_or_default().to_owned();
    parts.fold(before, |kept, part| kept + part.split_once(&close).map_or("", |(_, after)| after))
}

/// The leaves of these names, numbers and truths as such.
fn leaves(element: &str, names: &[&str]) -> Value {
    let leaf = |name: &&str| {
        let text = xml::leaf(element, name)?;
        let value = match *name {
            "MaxKeys" | "KeyCount" | "Size" => text.parse::<i64>().map(Value::from).ok(),
            "IsTruncated" => Some(Value::Bool(text == "true")),
            _ => None,
        };
        Some(((*name).to_owned(), value.unwrap_or(Value::String(text))))
    };
    Value::Object(names.iter().filter_map(leaf).collect())
}

fn members_of(response: &Response<Bytes>) -> Map<String, Value> {
    let mut members = Map::new();
    for (member, header) in HEADERS {
        let Some(value) = text(response.headers(), header) else { continue };
        let value = match *member {
            "ContentLength" => value.parse::<u64>().map_or_else(|_| json!(value), |length| json!(length)),
            "LastModified" => jiff::fmt::rfc2822::parse(value)
                .map_or_else(|_| json!(value), |time| json!(time.timestamp().to_string())),
            _ => json!(value),
        };
        members.insert((*member).to_owned(), value);
    }
    let metadata = response.headers().iter().filter_map(|(name, value)| {
        Some((name.as_str().strip_prefix("x-amz-meta-")?.to_owned(), json!(value.to_str().ok()?)))
    });
    let metadata: Map<String, Value> = metadata.collect();
    if !metadata.is_empty() {
        members.insert("Metadata".to_owned(), Value::Object(metadata));
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(headers: &[(&str, &str)], body: &'static str) -> Response<Bytes> {
        let response = headers
            .iter()
            .fold(Response::builder(), |response, (name, value)| response.header(*name, *value));
        response.body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    #[test]
    fn a_list_is_read_whatever_comes_first() {
        let own = "<Name>b</Name><Prefix>p/</Prefix><Delimiter>/</Delimiter><MaxKeys>2</MaxKeys><KeyCount>2</KeyCount>\
                   <IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>";
        let listed = "<Contents><Key>p/a</Key><Size>1</Size></Contents>\
                      <CommonPrefixes><Prefix>p/q/</Prefix></CommonPrefixes>";
        for document in [format!("<R>{own}{listed}</R>"), format!("<R>{listed}{own}</R>")] {
            let response = Response::new(Bytes::from(document.clone()));
            let expected = json!({
                "Name": "b", "Prefix": "p/", "Delimiter": "/", "MaxKeys": 2, "KeyCount": 2, "IsTruncated": true,
                "NextContinuationToken": "t", "Contents": [{ "Key": "p/a", "Size": 1 }],
                "CommonPrefixes": [{ "Prefix": "p/q/" }],
            });
            assert_eq!(output(Answer::Objects, &response), expected, "{document}");
        }
    }

    #[test]
    fn what_an_answer_says_of_itself_is_not_what_was_done() {
        let headers = [
            ("etag", "\"e\""),
            ("content-length", "0"),
            ("content-type", "text/html"),
            ("x-amz-version-id", "v"),
        ];
        let response = answered(&headers, "");
        assert_eq!(output(Answer::Outcome, &response), json!({ "ETag": "\"e\"", "VersionId": "v" }));
        let whole =
            json!({ "ETag": "\"e\"", "VersionId": "v", "ContentLength": 0, "ContentType": "text/html" });
        assert_eq!(output(Answer::Headers, &response), whole);
    }
}
