//! Photos of the console: taken in as any client would, through S3's and Step Functions' own APIs.

use bytes::Bytes;
use darkroom_asl::json::Text;
use darkroom_console::{Photo, PhotoStatus, PlatformError};
use darkroom_functions::{ErrorInfo, ImageRecord, Status};
use serde_json::{Value, json};

use super::Surroundings;
use crate::process::{self, FoundPhoto};
use crate::workflow::{IMAGE_PROCESSING, PLACEHOLDERS, PROJECT, fill};

/// Whose photos those of the console are.
const USER: &str = "local";
/// Executions of one photo.
const ATTEMPTS_MAX: u32 = 100;

impl Surroundings {
    /// The records that changed last.
    pub(super) fn newest_photos(&self, limit: usize) -> Result<(Vec<Photo>, usize), PlatformError> {
        let (records, count) =
            self.records.newest(limit).map_err(|error| PlatformError(format!("the records: {error}")))?;
        Ok((records.into_iter().map(|record| self.photo(record)).collect(), count))
    }

    fn photo(&self, record: ImageRecord) -> Photo {
        let status = match (record.status, record.error_info) {
            (Status::Processing, _) => PhotoStatus::Processing,
            (Status::Completed, _) => PhotoStatus::Completed,
            (Status::Failed, Some(ErrorInfo { step, reason, .. })) => PhotoStatus::Failed { step, reason },
            (Status::Failed, None) => PhotoStatus::Failed {
                step: "clean-up".to_owned(),
                reason: "its outputs were removed".to_owned(),
            },
        };
        let mut outputs = Vec::new();
        if let Some(made) = record.outputs {
            outputs.extend(made.resized_images.into_iter().map(|image| (image.size, image.s3_key)));
            let marked = made.watermarked_images.into_iter();
            outputs.extend(marked.map(|image| (format!("{} watermarked", image.size), image.s3_key)));
        }
        let facts = record.metadata.map_or_else(Vec::new, |metadata| {
            vec![
                ("Size".to_owned(), format!("{} × {}", metadata.width, metadata.height)),
                ("Format".to_owned(), metadata.format),
                ("Colours".to_owned(), metadata.color_space),
            ]
        });
        let execution = process::execution_name(&record.image_id, 1);
        Photo {
            execution: Some(self.arn(&format!("execution:{PROJECT}-image-processing:{execution}")).into()),
            image_id: record.image_id,
            user_id: record.user_id,
            file_name: record.file_name,
            status,
            original: record.s3_key,
            outputs,
            facts,
            updated_at: record.updated_at.to_string(),
        }
    }

    /// `arn:aws:states:<region>:<account>:<resource>`.
    fn arn(&self, resource: &str) -> String {
        format!("arn:aws:states:{}:{}:{resource}", self.home.region, self.home.account)
    }

    /// Puts a photo into the input bucket and starts its execution; answers that one's ARN.
    pub(super) async fn take_in(&self, file_name: String, bytes: Bytes) -> Result<Text, PlatformError> {
        let found = FoundPhoto { path: file_name.into() };
        let image_id = process::image_id(USER, &bytes);
        let key = format!("uploads/{USER}/{image_id}.{}", found.extension());
        let size = bytes.len();
        let put = http::Request::put(format!("/{PROJECT}-input/{key}"))
            .header("content-type", found.claimed_type());
        self.expect("s3", put.body(bytes)).await?;
        let machine = self.workflow().await?;
        let input = json!({
            "imageId": image_id, "userId": USER, "s3Key": key, "fileName": found.file_name(),
            "fileSize": size, "fileType": found.claimed_type(),
        });
        for attempt in 1..=ATTEMPTS_MAX {
            let name = process::execution_name(&image_id, attempt);
            let start = json!({ "stateMachineArn": machine, "name": name, "input": input.to_string() });
            match self.states("StartExecution", &start).await {
                Ok(started) => return Ok(started["executionArn"].as_str().unwrap_or_default().into()),
                // It was processed before: somebody who sends it again wants it processed again.
                Err(error) if error.0.contains("ExecutionAlreadyExists") => {}
                Err(error) => return Err(error),
            }
        }
        Err(PlatformError(format!("this photo was processed {ATTEMPTS_MAX} times")))
    }

    /// The image workflow's state machine, which is made if it is not there.
    async fn workflow(&self) -> Result<String, PlatformError> {
        let name = format!("{PROJECT}-image-processing");
        let arn = self.arn(&format!("stateMachine:{name}"));
        if self.states("DescribeStateMachine", &json!({ "stateMachineArn": arn })).await.is_ok() {
            return Ok(arn);
        }
        let here = [("region", &*self.home.region), ("account", &*self.home.account)];
        let definition = fill(IMAGE_PROCESSING, here.into_iter().chain(PLACEHOLDERS));
        let role = format!("arn:aws:iam::{}:role/{PROJECT}-step-functions-role", self.home.account);
        let create = json!({ "name": name, "definition": definition, "roleArn": role });
        self.states("CreateStateMachine", &create).await?;
        Ok(arn)
    }

    /// The bytes of an object in the input or the output bucket.
    pub(super) async fn object(&self, key: &str) -> Result<(Bytes, &'static str), PlatformError> {
        let bucket = if key.starts_with("uploads/") { "input" } else { "output" };
        let path = format!("/{PROJECT}-{bucket}/{}", encoded(key));
        let bytes = self.expect("s3", http::Request::get(path).body(Bytes::new())).await?;
        let kind = media_type(&bytes);
        Ok((bytes, kind))
    }

    async fn states(&self, action: &str, input: &Value) -> Result<Value, PlatformError> {
        let request = http::Request::post("/")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AWSStepFunctions.{action}"))
            .body(Bytes::from(input.to_string()));
        let answered = self.expect("states", request).await?;
        serde_json::from_slice(&answered).map_err(|error| PlatformError(format!("{action}: {error}")))
    }

    /// Sends a request whose answer must be a good one.
    async fn expect(
        &self,
        service: &str,
        request: http::Result<http::Request<Bytes>>,
    ) -> Result<Bytes, PlatformError> {
        let request = request.map_err(|error| PlatformError(error.to_string()))?;
        let response = self.ask(service, request).await?;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        let said = String::from_utf8_lossy(response.body()).into_owned();
        Err(PlatformError(format!("{service} answered {}: {said}", response.status())))
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
