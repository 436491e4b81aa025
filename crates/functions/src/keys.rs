//! Names of objects, and which of them belong to an image.
//!
//! Ids become segments of paths, so they are checked when they come in and cannot be wrong afterwards.

use std::fmt;

use crate::error::FunctionError;

/// The longest id: with the longest suffix it stays under the 255 bytes that file systems allow a name.
const ID_BYTES_MAX: usize = 128;
/// S3's own bound.
const KEY_BYTES_MAX: usize = 1_024;
/// Where uploads lie, each user's under that user's id.
const UPLOADS: &str = "uploads";

/// Whose image, and which: the key of its record.
///
/// Both ids are 1 to 128 characters of `A-Z a-z 0-9 . _ -` and don't start with a dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageKey {
    image_id: String,
    user_id: String,
}

impl ImageKey {
    /// Checks both ids.
    ///
    /// # Errors
    /// [`FunctionError::InvalidKey`] with the id and what is wrong with it.
    pub fn new(image_id: impl Into<String>, user_id: impl Into<String>) -> Result<Self, FunctionError> {
        let key = Self { image_id: image_id.into(), user_id: user_id.into() };
        check_id("imageId", &key.image_id)?;
        check_id("userId", &key.user_id)?;
        Ok(key)
    }

    /// The image's id, unique for its user.
    pub fn image_id(&self) -> &str {
        &self.image_id
    }

    /// The user's id.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Where a size of the image is stored. No two images, sizes or kinds share a key.
    pub(crate) fn resized(&self, size: &str) -> String {
        format!("processed/{}/{}-{size}.jpg", self.user_id, self.image_id)
    }

    /// Where a size with its watermark is stored.
    pub(crate) fn watermarked(&self, size: &str) -> String {
        format!("processed/{}/{}-{size}-watermarked.jpg", self.user_id, self.image_id)
    }

    /// Checks the key of an upload: it must not leave the bucket, nor reach into another user's uploads.
    pub(crate) fn check_upload(&self, key: &str) -> Result<(), FunctionError> {
        check_key(key)?;
        let mut segments = key.split('/');
        if segments.next() == Some(UPLOADS)
            && let Some(owner) = segments.next()
            && segments.next().is_some()
            && owner != self.user_id
        {
            let problem = format!("it lies among the uploads of {owner:?}, not of {:?}", self.user_id);
            return Err(FunctionError::InvalidKey { name: "s3Key", value: key.to_owned(), problem });
        }
        Ok(())
    }
}

impl fmt::Display for ImageKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "image {} of user {}", self.image_id, self.user_id)
    }
}

fn check_id(name: &'static str, id: &str) -> Result<(), FunctionError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let problem = if id.is_empty() || id.len() > ID_BYTES_MAX {
        "it must have 1 to 128 characters"
    } else if id.starts_with('.') {
        "it must not start with a dot"
    } else if !id.chars().all(allowed) {
        "only A-Z, a-z, 0-9, '.', '_' and '-' are allowed"
    } else {
        return Ok(());
    };
    Err(invalid(name, id, problem))
}

pub(crate) fn check_key(key: &str) -> Result<(), FunctionError> {
    let problem = if key.is_empty() || key.len() > KEY_BYTES_MAX {
        "it must have 1 to 1024 bytes"
    } else if key.contains(|c: char| c.is_control() || c == '\\') {
        "it has a control character or a backslash"
    } else if key.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        "it has an empty, '.' or '..' segment"
    } else {
        return Ok(());
    };
    Err(invalid("s3Key", key, problem))
}

fn invalid(name: &'static str, value: &str, problem: impl Into<String>) -> FunctionError {
    // A hostile value must not fill the log.
    let value = value.chars().take(160).collect();
    FunctionError::InvalidKey { name, value, problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_safe_path_segments() {
        let long = "x".repeat(129);
        for bad in ["", ".", "..", ".hidden", "a/b", "a\\b", "a b", "\u{e9}", "a\0", long.as_str()] {
            assert!(ImageKey::new(bad, "user").is_err(), "{bad:?}");
            assert!(ImageKey::new("image", bad).is_err(), "{bad:?}");
        }
        for good in ["a", "img_1234567890abcdef", "A.b-c_9", "-", &"x".repeat(128)] {
            assert!(ImageKey::new(good, good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn an_upload_stays_in_the_bucket_and_with_its_user() {
        let key = ImageKey::new("image", "ann").expect("good ids");
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "uploads/ann/../ben/x.jpg",
            "a//b",
            "uploads/ben/x.jpg",
            "a\\..\\b",
            "a/.",
        ] {
            assert!(key.check_upload(bad).is_err(), "{bad:?}");
        }
        for good in ["uploads/ann/x.jpg", "photo.jpg", "inbox/my photo.jpg", "uploads/x.jpg"] {
            assert!(key.check_upload(good).is_ok(), "{good:?}");
        }
    }
}
