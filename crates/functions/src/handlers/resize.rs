//! Resize: makes all sizes of an upload and stores them, or none. Spec: "State Execution Flow", 3.

use serde::{Deserialize, Serialize};

use super::{Done, Functions};
use crate::error::FunctionError;
use crate::keys::ImageKey;
use crate::resize::resize;

/// What it needs of the event; `validationResult` is there, too, but a picture is judged by its bytes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    image_id: String,
    user_id: String,
    s3_key: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    status: Done,
    resized_images: Vec<ResizedImage>,
}

/// A stored size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResizedImage {
    /// `small`, `medium`.
    pub size: String,
    /// `800x450`.
    pub dimensions: String,
    /// In the output bucket.
    pub s3_key: String,
    /// In bytes.
    pub file_size: u64,
}

impl Functions {
    pub(super) fn resize(&self, event: Event) -> Result<Answer, FunctionError> {
        let key = ImageKey::new(event.image_id, event.user_id)?;
        key.check_upload(&event.s3_key)?;
        let limits = &self.services.limits;
        let upload = self.input.fetch_picture(&event.s3_key, limits)?;
        let options = &self.services.options;
        let sizes = resize(&upload, &options.sizes, options.quality, limits)
            .map_err(|refusal| FunctionError::ImageRefused { key: event.s3_key, refusal })?;
        let resized_images = sizes
            .iter()
            .map(|resized| ResizedImage {
                size: resized.name.to_owned(),
                dimensions: format!("{}x{}", resized.width, resized.height),
                s3_key: key.resized(resized.name),
                file_size: resized.jpeg.len() as u64,
            })
            .collect();
        let objects = sizes.into_iter().map(|resized| (key.resized(resized.name), resized.jpeg)).collect();
        self.output.put_all(objects)?;
        Ok(Answer { status: Done::Completed, resized_images })
    }
}
