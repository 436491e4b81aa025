//! Buckets: made, found, deleted; and what is said of the settings that they don't have here.

use axum::body::Body;
use http::{Method, Response};
use rusqlite::{OptionalExtension, params};
use serde_json::{Map, Value};

use super::{
    Answer, Call, S3, blocking, document, document_in, folder, malformed_xml, no_content, not_implemented,
};
use crate::clock::iso_ms;
use crate::database::object;
use crate::wire::{self, Fault, xml};

/// A setting, and what AWS says where there is none.
const SETTINGS: &[(&str, Unset)] = &[
    ("accelerate", Unset::Document("AccelerateConfiguration")),
    ("acl", Unset::Document("AccessControlPolicy")),
    ("cors", Unset::Fault("NoSuchCORSConfiguration", "The CORS configuration does not exist")),
    (
        "encryption",
        Unset::Fault(
            "ServerSideEncryptionConfigurationNotFoundError",
            "The server side encryption configuration was not found",
        ),
    ),
    ("lifecycle", Unset::Fault("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")),
    ("location", Unset::Document("LocationConstraint")),
    ("logging", Unset::Document("BucketLoggingStatus")),
    ("notification", Unset::Document("NotificationConfiguration")),
    (
        "object-lock",
        Unset::Fault(
            "ObjectLockConfigurationNotFoundError",
            "Object Lock configuration does not exist for this bucket",
        ),
    ),
    (
        "ownershipControls",
        Unset::Fault("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
    ),
    ("policy", Unset::Fault("NoSuchBucketPolicy", "The bucket policy does not exist")),
    (
        "publicAccessBlock",
        Unset::Fault(
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        ),
    ),
    (
        "replication",
        Unset::Fault("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
    ),
    ("requestPayment", Unset::Document("RequestPaymentConfiguration")),
    ("tagging", Unset::Fault("NoSuchTagSet", "The TagSet does not exist")),
    ("versioning", Unset::Document("VersioningConfiguration")),
    (
        "website",
        Unset::Fault(
            "NoSuchWebsiteConfiguration",
            "The specified bucket does not have a website configuration",
        ),
    ),
];

#[derive(Clone, Copy)]
enum Unset {
    /// An empty document with this element.
    Document(&'static str),
    Fault(&'static str, &'static str),
}

/// AWS's rule, which is also what keeps a name from being a path.
pub(super) fn is_name(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let inner = |byte: u8| is_word(byte) || byte == b'-' || byte == b'.';
    (3..=63).contains(&name.len())
        && name.bytes().all(inner)
        && name.bytes().next().is_some_and(is_word)
        && name.bytes().next_back().is_some_and(is_word)
        && !name.contains("..")
}

pub(super) async fn list_buckets(s3: &S3, call: &Call) -> Answer {
    let root = s3.folders.root.clone();
    let names = blocking(&s3.folders.root, move || {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(root)? {
            let entry = entry?;
            if let (true, Some(name)) = (entry.file_type()?.is_dir(), entry.file_name().to_str()) {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    });
    let mut names = names.await?;
    names.extend(s3.folders.elsewhere.keys().cloned());
    names.retain(|name| is_name(name));
    names.sort();
    names.dedup();
    let made = s3.database.read(|connection| {
        let rows = connection
            .prepare_cached("SELECT name, made_ms FROM s3_buckets")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<std::collections::BTreeMap<String, i64>, _>>();
        Ok::<_, Fault>(rows?)
    });
    let made = made.await?;
    Ok(document("ListAllMyBucketsResult", |xml| {
        xml.within("Owner", |xml| xml.leaf("ID", &call.caller.account));
        xml.within("Buckets", |xml| {
            for name in &names {
                xml.within("Bucket", |xml| {
                    xml.leaf("Name", name);
                    xml.leaf("CreationDate", &iso_ms(made.get(name).copied().unwrap_or_default()));
                });
            }
        });
    }))
}

pub(super) async fn create_bucket(s3: &S3, call: &Call) -> Answer {
    let name = call.bucket.clone();
    if !is_name(&name) {
        return Err(Fault::sender(400, "InvalidBucketName", "The specified bucket is not valid."));
    }
    if call.header("x-amz-bucket-object-lock-enabled").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    {
        return Err(not_implemented("object locks"));
    }
    let path = s3.folder_of(&name);
    if path.is_dir() {
        // AWS: in its first region, making one's own bucket again is no fault.
        if call.caller.region == "us-east-1" {
            return Ok(created(&name));
        }
        let message = "Your previous request to create the named bucket succeeded and you already own it.";
        return Err(Fault::sender(409, "BucketAlreadyOwnedByYou", message));
    }
    let (made, root) = (path.clone(), s3.folders.root.clone());
    blocking(&path, move || folder::make_parents(&made.join("object"), &root)).await?;
    let (row, now_ms) = (name.clone(), s3.clock.now_ms());
    s3.database
        .run(move |connection| {
            connection
                .prepare_cached("INSERT OR REPLACE INTO s3_buckets VALUES (?1, ?2, '{}')")?
                .execute(params![row, now_ms])?;
            Ok::<_, Fault>(())
        })
        .await?;
    Ok(created(&name))
}

fn created(name: &str) -> Response<Body> {
    let mut response = wire::response(200, "", Body::empty());
    wire::set(response.headers_mut(), "location", &format!("/{name}"));
    response
}

pub(super) fn head_bucket(s3: &S3, call: &Call) -> Answer {
    s3.bucket(&call.bucket)?;
    let mut response = wire::response(200, "", Body::empty());
    wire::set(response.headers_mut(), "x-amz-bucket-region", &call.caller.region);
    Ok(response)
}

pub(super) async fn delete_bucket(s3: &S3, call: &Call) -> Answer {
    let path = s3.bucket(&call.bucket)?;
    if s3.folders.elsewhere.contains_key(&call.bucket) {
        return Err(Fault::sender(
            409,
            "InvalidBucketState",
            "This bucket belongs to the settings and stays",
        ));
    }
    let at = path.clone();
    let is_gone = blocking(&path, move || {
        if folder::holds_any(&at, 0)? {
            return Ok(false);
        }
        std::fs::remove_dir_all(at).map(|()| true)
    });
    if !is_gone.await? {
        return Err(Fault::sender(409, "BucketNotEmpty", "The bucket you tried to delete is not empty"));
    }
    let name = call.bucket.clone();
    s3.database
        .run(move |connection| {
            for table in ["s3_objects", "s3_uploads"] {
                connection.execute(&format!("DELETE FROM {table} WHERE bucket = ?1"), [&name])?;
            }
            connection.execute("DELETE FROM s3_buckets WHERE name = ?1", [&name])?;
            Ok::<_, Fault>(())
        })
        .await?;
    Ok(no_content())
}

/// The setting that a request is about, if any.
pub(super) fn subresource(call: &Call) -> Option<&'static str> {
    SETTINGS.iter().map(|(name, _)| *name).find(|name| call.has(name))
}

/// Reads or changes a setting. Those that change nothing here are taken, the others refused.
pub(super) async fn configuration(s3: &S3, call: &Call, name: &'static str, body: Body) -> Answer {
    s3.bucket(&call.bucket)?;
    if name == "tagging" {
        return tagging(s3, call, body).await;
    }
    match call.method {
        Method::GET => unset(name, &call.caller.region),
        Method::DELETE => Ok(no_content()),
        Method::PUT => {
            let wanted = document_in(body).await?;
            let is_as_it_is = match name {
                "versioning" => xml::leaf(&wanted, "Status").as_deref() == Some("Suspended"),
                // All changes are told to EventBridge as it is; nobody else is.
                "notification" => ["QueueConfiguration", "TopicConfiguration", "CloudFunctionConfiguration"]
                    .iter()
                    .all(|element| xml::elements(&wanted, element).is_empty()),
                _ => false,
            };
            if is_as_it_is {
                return Ok(wire::response(200, "", Body::empty()));
            }
            Err(not_implemented(&format!("the setting {name} of a bucket")))
        }
        _ => Err(super::not_allowed()),
    }
}

fn unset(name: &str, region: &str) -> Answer {
    let found = SETTINGS.iter().find(|(setting, _)| *setting == name).map(|(_, unset)| *unset);
    match found {
        Some(Unset::Fault(code, message)) => Err(Fault::sender(404, code, message)),
        Some(Unset::Document(root)) => {
            let mut xml = xml::Xml::document();
            xml.open_with(root, &[("xmlns", super::NAMESPACE)]);
            match name {
                // AWS: its first region has no name here.
                "location" if region != "us-east-1" => xml.escape(region),
                "notification" => xml.within("EventBridgeConfiguration", |_| {}),
                "requestPayment" => xml.leaf("Payer", "BucketOwner"),
                _ => {}
            }
            xml.close(root);
            Ok(wire::response(200, "application/xml", xml.text()))
        }
        None => Err(malformed_xml()),
    }
}

async fn tagging(s3: &S3, call: &Call, body: Body) -> Answer {
    let name = call.bucket.clone();
    let tags = match call.method {
        Method::GET => {
            let read = s3.database.read(move |connection| {
                let tags = connection
                    .prepare_cached("SELECT tags FROM s3_buckets WHERE name = ?1")?
                    .query_row([name], |row| object(row, 0))
                    .optional()?;
                Ok::<_, Fault>(tags.unwrap_or_default())
            });
            let tags = read.await?;
            return if tags.is_empty() { unset("tagging", "") } else { Ok(tag_set(&tags)) };
        }
        Method::PUT => tags_in(&document_in(body).await?)?,
        Method::DELETE => Map::new(),
        _ => return Err(super::not_allowed()),
    };
    let now_ms = s3.clock.now_ms();
    s3.database
        .run(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO s3_buckets VALUES (?1, ?2, ?3)
                     ON CONFLICT (name) DO UPDATE SET tags = excluded.tags",
                )?
                .execute(params![name, now_ms, Value::Object(tags).to_string()])?;
            Ok::<_, Fault>(())
        })
        .await?;
    Ok(no_content())
}

/// The tags of a document.
pub(super) fn tags_in(text: &str) -> Result<Map<String, Value>, Fault> {
    let pair = |tag| Some((xml::leaf(tag, "Key")?, Value::String(xml::leaf(tag, "Value")?)));
    xml::elements(text, "Tag").into_iter().map(|tag| pair(tag).ok_or_else(malformed_xml)).collect()
}

pub(super) fn tag_set(tags: &Map<String, Value>) -> Response<Body> {
    document("Tagging", |xml| {
        xml.within("TagSet", |xml| {
            for (key, value) in tags {
                xml.within("Tag", |xml| {
                    xml.leaf("Key", key);
                    xml.leaf("Value", value.as_str().unwrap_or_default());
                });
            }
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_s_name_is_no_path() {
        for (name, accepted) in [
            ("photos", true),
            ("my.photos-1", true),
            ("ab", false),
            ("..", false),
            ("a..b", false),
            ("-ab", false),
            ("Photos", false),
            ("a/b", false),
            (".uploads", false),
        ] {
            assert_eq!(is_name(name), accepted, "{name}");
        }
    }
}
