//! ListObjects and ListObjectsV2.

use std::ops::ControlFlow;

use super::folder::{self, Entry, Go, Wanted};
use super::{Answer, Call, S3, blocking, document};
use crate::base64;
use crate::clock::iso_ms;
use crate::wire::xml::Xml;
use crate::wire::{Fault, encoded};

/// Keys and prefixes on a page. AWS's own bound.
const PAGE_MAX: usize = 1000;

struct Page {
    prefix: String,
    delimiter: String,
    max: usize,
    items: Vec<Item>,
    /// Whether there is more.
    is_truncated: bool,
}

enum Item {
    Object { key: String, bytes: u64, modified_ns: i64 },
    Prefix(String),
}

impl Item {
    fn name(&self) -> &str {
        match self {
            Self::Object { key, .. } => key,
            Self::Prefix(prefix) => prefix,
        }
    }
}

impl Page {
    /// Takes what a walk comes upon. Keys that a delimiter cuts become prefixes, one each.
    fn take(&mut self, entry: Entry, after: &str) -> ControlFlow<()> {
        let item = match entry {
            Entry::Prefix(prefix) => Item::Prefix(prefix),
            Entry::Object { key, bytes, modified_ns } => match self.cut(&key) {
                Some(prefix) if prefix == after => return ControlFlow::Continue(()),
                Some(prefix) => Item::Prefix(prefix),
                None => Item::Object { key, bytes, modified_ns },
            },
        };
        if self.items.last().is_some_and(|last| last.name() == item.name()) {
            return ControlFlow::Continue(());
        }
        if self.items.len() == self.max {
            self.is_truncated = true;
            return ControlFlow::Break(());
        }
        self.items.push(item);
        ControlFlow::Continue(())
    }

    fn cut(&self, key: &str) -> Option<String> {
        if self.delimiter.is_empty() {
            return None;
        }
        let rest = key.strip_prefix(&self.prefix)?;
        let end = rest.find(&self.delimiter)? + self.delimiter.len();
        Some(format!("{}{}", self.prefix, &rest[..end]))
    }
}

pub(super) async fn list_objects(s3: &S3, call: &Call) -> Answer {
    let folder = s3.bucket(&call.bucket)?;
    let get = |name: &str| call.query.get(name).cloned();
    let is_second = get("list-type").as_deref() == Some("2");
    let after = match (get("continuation-token"), is_second) {
        (Some(token), true) => {
            base64::decode(&token).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
                Fault::sender(400, "InvalidArgument", "The continuation token provided is incorrect")
            })?
        }
        (_, true) => get("start-after").unwrap_or_default(),
        (_, false) => get("marker").unwrap_or_default(),
    };
    let max = match get("max-keys").map(|text| text.parse::<usize>()) {
        Some(Ok(max)) => max.min(PAGE_MAX),
        Some(Err(_)) => {
            return Err(Fault::sender(
                400,
                "InvalidArgument",
                "Provided max-keys not an integer or within integer range",
            ));
        }
        None => PAGE_MAX,
    };
    let page = Page {
        prefix: get("prefix").unwrap_or_default(),
        delimiter: get("delimiter").unwrap_or_default(),
        max,
        items: Vec::new(),
        is_truncated: false,
    };
    let from = after.clone();
    let at = folder.clone();
    let page = blocking(&folder, move || gathered(&at, page, &from)).await?;
    let etags = etags_of(s3, &call.bucket, &page).await?;
    Ok(written(call, &page, &after, is_second, &etags))
}

fn gathered(folder: &std::path::Path, mut page: Page, after: &str) -> std::io::Result<Page> {
    if page.max == 0 {
        return Ok(page);
    }
    let (prefix, by_folder) = (page.prefix.clone(), page.delimiter == "/");
    let wanted = Wanted { prefix: &prefix, after, by_folder };
    folder::walk(folder, &wanted, &mut |entry| match page.take(entry, after) {
        ControlFlow::Continue(()) => Go::On,
        ControlFlow::Break(()) => Go::Stop,
    })?;
    Ok(page)
}

/// The ETag of each of a page's objects. That of a file that someone else put there is made of its content, once.
async fn etags_of(s3: &S3, bucket: &str, page: &Page) -> Result<Vec<String>, Fault> {
    let mut etags = Vec::new();
    for item in &page.items {
        etags.push(match item {
            Item::Object { key, .. } => match s3.known(bucket, key).await {
                Ok((_, known)) => known.etag,
                // Gone since it was listed.
                Err(fault) if fault.code == "NoSuchKey" => String::new(),
                Err(fault) => return Err(fault),
            },
            Item::Prefix(_) => String::new(),
        });
    }
    Ok(etags)
}

fn written(
    call: &Call,
    page: &Page,
    after: &str,
    is_second: bool,
    etags: &[String],
) -> axum::response::Response {
    let is_encoded = call.query.get("encoding-type").is_some_and(|kind| kind == "url");
    let shown = |text: &str| if is_encoded { encoded(text, "/") } else { text.to_owned() };
    let last = page.items.last().map(Item::name).unwrap_or_default();
    document("ListBucketResult", |xml| {
        xml.leaf("Name", &call.bucket);
        xml.leaf("Prefix", &shown(&page.prefix));
        if is_second {
            xml.leaf("KeyCount", &page.items.len().to_string());
            xml.leaf_if("ContinuationToken", call.query.get("continuation-token").map(String::as_str));
            xml.leaf_if("StartAfter", call.query.get("start-after").map(|after| shown(after)).as_deref());
            if page.is_truncated {
                xml.leaf("NextContinuationToken", &base64::encode(last.as_bytes()));
            }
        } else {
            xml.leaf("Marker", &shown(after));
            if page.is_truncated {
                xml.leaf("NextMarker", &shown(last));
            }
        }
        xml.leaf("MaxKeys", &page.max.to_string());
        if !page.delimiter.is_empty() {
            xml.leaf("Delimiter", &shown(&page.delimiter));
        }
        if is_encoded {
            xml.leaf("EncodingType", "url");
        }
        xml.leaf("IsTruncated", if page.is_truncated { "true" } else { "false" });
        for (item, etag) in page.items.iter().zip(etags) {
            write(xml, item, etag, &shown(item.name()));
        }
    })
}

fn write(xml: &mut Xml, item: &Item, etag: &str, name: &str) {
    match item {
        Item::Prefix(_) => xml.within("CommonPrefixes", |xml| xml.leaf("Prefix", name)),
        Item::Object { bytes, modified_ns, .. } => xml.within("Contents", |xml| {
            xml.leaf("Key", name);
            xml.leaf("LastModified", &iso_ms(modified_ns / 1_000_000));
            xml.leaf("ETag", etag);
            xml.leaf("Size", &bytes.to_string());
            xml.leaf("StorageClass", "STANDARD");
        }),
    }
}
