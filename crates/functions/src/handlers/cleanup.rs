//! Clean-up: removes what was made of an image that failed. The upload stays where it is.

use serde::{Deserialize, Serialize};

use super::{Done, Functions};
use crate::error::FunctionError;
use crate::keys::ImageKey;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    image_id: String,
    user_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    status: Done,
    image_id: String,
    /// Every key that an output of this image can have: none of them exists any more. A second call answers
    /// the same.
    removed: Vec<String>,
}

impl Functions {
    /// The known keys are removed one by one. Listing what begins with the image's id would find the outputs of
    /// other images, whose id begins with this one's.
    pub(super) fn clean_up(&self, event: Event) -> Result<Answer, FunctionError> {
        let key = ImageKey::new(event.image_id, event.user_id)?;
        // The record first: it must never name an object that is gone.
        self.services.records.discard_outputs(&key, self.now())?;
        let sizes = &self.services.options.sizes;
        let removed: Vec<String> =
            sizes.iter().flat_map(|size| [key.resized(size.name), key.watermarked(size.name)]).collect();
        for output in &removed {
            self.output.remove(output)?;
        }
        Ok(Answer { status: Done::Completed, image_id: key.image_id().to_owned(), removed })
    }
}
