//! Watermark: marks every size and completes the record. Spec: "State Execution Flow", 4.

use serde::{Deserialize, Serialize};

use super::{Done, FunctionName, Functions, ResizedImage, invalid_event};
use crate::error::FunctionError;
use crate::keys::ImageKey;
use crate::records::Outputs;
use crate::watermark::watermark;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    image_id: String,
    user_id: String,
    resize_result: ResizeResult,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResizeResult {
    resized_images: Vec<ResizedImage>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    status: Done,
    watermarked_images: Vec<WatermarkedImage>,
}

/// A stored size with its watermark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WatermarkedImage {
    /// `small`, `medium`.
    pub size: String,
    /// In the output bucket.
    pub s3_key: String,
    /// `text`.
    pub watermark_type: String,
    /// What is written on it.
    pub watermark_text: String,
}

impl Functions {
    pub(super) fn watermark(&self, event: Event) -> Result<Answer, FunctionError> {
        let key = ImageKey::new(event.image_id, event.user_id)?;
        let resized_images = event.resize_result.resized_images;
        self.check_sizes(&key, &resized_images)?;
        let mut objects = Vec::with_capacity(resized_images.len());
        for resized in &resized_images {
            objects.push((key.watermarked(&resized.size), self.marked(resized)?));
        }
        self.output.put_all(objects)?;
        let watermarked_images: Vec<_> = resized_images
            .iter()
            .map(|resized| WatermarkedImage {
                size: resized.size.clone(),
                s3_key: key.watermarked(&resized.size),
                watermark_type: "text".to_owned(),
                watermark_text: self.services.options.watermark.text.clone(),
            })
            .collect();
        let outputs = Outputs { resized_images, watermarked_images: watermarked_images.clone() };
        self.services.records.complete(&key, outputs, self.now())?;
        Ok(Answer { status: Done::Completed, watermarked_images })
    }

    fn marked(&self, resized: &ResizedImage) -> Result<Vec<u8>, FunctionError> {
        let limits = &self.services.limits;
        let bytes = self.output.fetch_picture(&resized.s3_key, limits)?;
        watermark(&bytes, &self.services.options.watermark, limits)
            .map_err(|refusal| FunctionError::ImageRefused { key: resized.s3_key.clone(), refusal })
    }

    /// Only this image's own sizes are read, whatever keys the event names.
    fn check_sizes(&self, key: &ImageKey, images: &[ResizedImage]) -> Result<(), FunctionError> {
        let invalid = |problem: String| Err(invalid_event(FunctionName::Watermark, problem));
        if images.is_empty() {
            return invalid("`resizeResult.resizedImages` is empty".to_owned());
        }
        for (index, image) in images.iter().enumerate() {
            let place = format!("`resizeResult.resizedImages[{index}]`");
            if !self.services.options.sizes.iter().any(|size| size.name == image.size) {
                return invalid(format!("{place} has the unknown size {:?}", image.size));
            }
            if images[..index].iter().any(|earlier| earlier.size == image.size) {
                return invalid(format!("{place} has the size {:?} for a second time", image.size));
            }
            let expected = key.resized(&image.size);
            if image.s3_key != expected {
                return invalid(format!("{place} has the key {:?}; expected {expected:?}", image.s3_key));
            }
        }
        Ok(())
    }
}
