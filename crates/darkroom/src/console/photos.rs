//! Photos of the console: put in as any client would, and shown as their executions and records tell of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use darkroom_asl::json::{Payload, Text, Value};
use darkroom_console::{Photo, PhotoStatus, PlatformError};
use darkroom_engine::store::{EndStatus, Filter, StartedThrough, StoredExecution};
use darkroom_functions::{DynamoRecords, ErrorInfo, ImageKey, ImageRecord, ImageRecords, Status};

use super::Surroundings;
use crate::process::{discover, image_id};
use crate::serve::STATE_MACHINE;

/// Whose photos those of the console are.
const USER: &str = "local";
/// How long the upload rule is waited for, and how often it is looked for.
const LOOKS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);

impl Surroundings {
    /// `arn:aws:states:<region>:<account>:<resource>`.
    fn arn(&self, resource: &str) -> Text {
        format!("arn:aws:states:{}:{}:{resource}", self.reach.region, self.reach.account).into()
    }

    /// The photos whose executions were started last. Waits for the stores: not for a thread that drives the runtime.
    pub(super) fn newest_photos(&self, limit: usize) -> Result<(Vec<Photo>, bool), PlatformError> {
        let failed = |error: &dyn std::fmt::Display| PlatformError(error.to_string());
        let through = Some(StartedThrough::StateMachine(self.arn(&format!("stateMachine:{STATE_MACHINE}"))));
        let filter = Filter { through, limit: limit + 1, ..Filter::default() };
        let store = self.engine.store();
        let executions = store.executions(&filter).map_err(|error| failed(&error))?;
        let has_more = executions.len() > limit;
        let records = DynamoRecords::new(&*self.names.table, Arc::new(self.reach.clone()));
        let (mut photos, mut seen) = (Vec::new(), BTreeSet::new());
        for summary in executions.into_iter().take(limit) {
            let stored = store.execution_by_key(summary.key).map_err(|error| failed(&error))?;
            // It may have been deleted meanwhile, or be of something that is no photo.
            let Some(stored) = stored else { continue };
            let Some(key) = key_of(&stored.input) else { continue };
            if seen.insert((key.image_id().to_owned(), key.user_id().to_owned())) {
                let record = records.get(&key).map_err(|error| failed(&error))?;
                photos.push(photo(&stored, &key, record));
            }
        }
        Ok((photos, has_more))
    }

    /// Puts a photo into the input bucket, where the upload rule finds it; answers the ARN of its execution.
    pub(super) async fn take_in(&self, file_name: String, bytes: Bytes) -> Result<Text, PlatformError> {
        let found = discover::Photo { path: file_name.into() };
        let image_id = image_id(USER, &bytes);
        let key = format!("uploads/{USER}/{image_id}.{}", found.extension());
        let machine = self.engine.store().state_machine(&self.arn(&format!("stateMachine:{STATE_MACHINE}")));
        if machine.map_err(|error| PlatformError(error.to_string()))?.is_none() {
            return Err(PlatformError(format!("there is no state machine {STATE_MACHINE} to process it")));
        }
        let put = http::Request::put(format!("/{}/{key}", self.names.input_bucket));
        self.expect(put.header("content-type", found.claimed_type()).body(bytes)).await?;
        let arn = self.arn(&format!("execution:{STATE_MACHINE}:image-processing-{image_id}"));
        for _ in 0..LOOKS {
            let there =
                self.engine.store().execution(&arn).map_err(|error| PlatformError(error.to_string()))?;
            if there.is_some() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(arn)
    }

    /// The bytes of an object in the input or the output bucket.
    pub(super) async fn object(&self, key: &str) -> Result<(Bytes, &'static str), PlatformError> {
        let names = &self.names;
        let bucket = if key.starts_with("uploads/") { &names.input_bucket } else { &names.output_bucket };
        let get = http::Request::get(format!("/{bucket}/{}", encoded(key))).body(Bytes::new());
        let bytes = self.expect(get).await?;
        let kind = media_type(&bytes);
        Ok((bytes, kind))
    }

    /// Sends S3 a request whose answer must be a good one.
    async fn expect(&self, request: http::Result<http::Request<Bytes>>) -> Result<Bytes, PlatformError> {
        let request = request.map_err(|error| PlatformError(error.to_string()))?;
        let response = self.ask("s3", request).await?;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        let said = String::from_utf8_lossy(response.body()).into_owned();
        Err(PlatformError(format!("s3 answered {}: {said}", response.status())))
    }
}

/// The image that an execution is about.
fn key_of(input: &Payload) -> Option<ImageKey> {
    ImageKey::new(member(input, "imageId")?, member(input, "userId")?).ok()
}

fn member(input: &Payload, name: &str) -> Option<String> {
    input.value().as_object()?.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// What is known of a photo: by its record, and before there is one by its execution.
fn photo(stored: &StoredExecution, key: &ImageKey, record: Option<ImageRecord>) -> Photo {
    let mut photo = Photo {
        image_id: key.image_id().to_owned(),
        user_id: key.user_id().to_owned(),
        file_name: member(&stored.input, "fileName"),
        status: status_of(stored),
        original: member(&stored.input, "s3Key"),
        outputs: Vec::new(),
        facts: Vec::new(),
        updated_at: stored.started_at.to_string(),
        execution: Some(stored.identity.execution_arn.clone()),
    };
    let Some(record) = record else { return photo };
    photo.status = match (record.status, record.error_info) {
        (Status::Processing, _) => PhotoStatus::Processing,
        (Status::Completed, _) => PhotoStatus::Completed,
        (Status::Failed, Some(ErrorInfo { step, reason, .. })) => PhotoStatus::Failed { step, reason },
        (Status::Failed, None) => status_of(stored),
    };
    photo.file_name = record.file_name.or(photo.file_name);
    photo.updated_at = record.updated_at.to_string();
    if let Some(made) = record.outputs {
        photo.outputs.extend(made.resized_images.into_iter().map(|image| (image.size, image.s3_key)));
        let marked = made.watermarked_images.into_iter();
        photo.outputs.extend(marked.map(|image| (format!("{} watermarked", image.size), image.s3_key)));
    }
    if let Some(metadata) = record.metadata {
        photo.facts = vec![
            ("Size".to_owned(), format!("{} × {}", metadata.width, metadata.height)),
            ("Format".to_owned(), metadata.format),
            ("Colours".to_owned(), metadata.color_space),
        ];
    }
    photo
}

fn status_of(stored: &StoredExecution) -> PhotoStatus {
    match stored.end.as_ref().map(|end| &end.status) {
        None => PhotoStatus::Processing,
        Some(EndStatus::Succeeded(_)) => PhotoStatus::Completed,
        Some(EndStatus::Failed(reason) | EndStatus::TimedOut(reason) | EndStatus::Aborted(reason)) => {
            PhotoStatus::Failed {
                step: reason.error.as_deref().unwrap_or("its execution").to_owned(),
                reason: reason.cause.as_deref().unwrap_or("nobody said why").to_owned(),
            }
        }
    }
}

/// A key as a path has it.
fn encoded(key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    key.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// What the bytes are, by how they begin. What is no picture is not shown as anything.
fn media_type(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => "image/jpeg",
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => "image/tiff",
        _ => "application/octet-stream",
    }
}
