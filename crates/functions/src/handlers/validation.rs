//! Validation: looks at the upload and begins its record.
//!
//! Spec: "State Execution Flow", 2. The record is begun whatever the answer is, so that an image that fails
//! has one to say so in.

use serde::Deserialize;

use super::Functions;
use crate::error::FunctionError;
use crate::keys::ImageKey;
use crate::objects::Fetched;
use crate::records::Seen;
use crate::validate::{Claim, Validation, refuse_by_length, validate};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    image_id: String,
    user_id: String,
    s3_key: String,
    file_name: Option<String>,
    file_size: Option<u64>,
    file_type: Option<String>,
}

impl Functions {
    pub(super) fn validation(&self, event: Event) -> Result<Validation, FunctionError> {
        let key = ImageKey::new(event.image_id, event.user_id)?;
        key.check_upload(&event.s3_key)?;
        let claim = Claim {
            file_name: event.file_name.clone(),
            file_type: event.file_type,
            file_size: event.file_size,
        };
        let outcome = self.look_at(&event.s3_key, &claim);
        let metadata = outcome.as_ref().ok().and_then(|validation| validation.image_metadata.clone());
        let seen = Seen { file_name: event.file_name, s3_key: event.s3_key, metadata };
        self.services.records.begin(&key, seen, self.now())?;
        outcome
    }

    fn look_at(&self, upload: &str, claim: &Claim) -> Result<Validation, FunctionError> {
        let limits = &self.services.limits;
        Ok(match self.input.fetch(upload, limits.file_bytes_max)? {
            Fetched::Whole(bytes) => validate(&bytes, claim, limits),
            Fetched::TooLong(length) => refuse_by_length(length, limits),
        })
    }
}
