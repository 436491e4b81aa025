//! An upload, as the workflow is started with it. Spec: "Input Event".
//!
//! Whose it is and which image stands in its key, `uploads/<user>/<image>.<extension>`. A key that says something
//! else is refused: nobody's upload must become another one's image.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::error::FunctionError;
use crate::keys::{ImageKey, check_key, invalid};

/// The longest name of an execution. AWS's own bound.
const NAME_LENGTH_MAX: usize = 80;
/// What names of executions begin with. Spec: "X-Ray Tracing".
const NAME_PREFIX: &str = "image-processing-";
/// Hexadecimal digits that tell names apart.
const DIGEST_DIGITS: usize = 16;
/// Hexadecimal digits of the id of an image whose file's name is no id.
const IMAGE_DIGITS: usize = 32;

/// An upload. Serialised, it is the workflow's input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Upload {
    image_id: String,
    user_id: String,
    s3_key: String,
    file_name: String,
    file_size: u64,
    file_type: &'static str,
}

impl Upload {
    /// What an object in the input bucket is, by its key and its length in bytes.
    ///
    /// # Errors
    /// [`FunctionError::InvalidKey`] where the key is not `uploads/<user>/<image>.<extension>` or the user is none
    /// that there can be. A file's name that cannot be an image's id is no error.
    pub fn of_object(s3_key: &str, file_size: u64) -> Result<Self, FunctionError> {
        check_key(s3_key)?;
        let mut segments = s3_key.split('/');
        let (Some("uploads"), Some(user), Some(file_name), None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return Err(invalid("s3Key", s3_key, "it is not of the form uploads/<user>/<image>.<extension>"));
        };
        let (image, extension) = file_name.rsplit_once('.').unwrap_or((file_name, ""));
        // A name that is no id, such as one with a blank, gets one of its own.
        let key = ImageKey::new(image, user)
            .or_else(|_| ImageKey::new(format!("img_{}", digest(&[s3_key], IMAGE_DIGITS)), user))?;
        Ok(Self {
            image_id: key.image_id().to_owned(),
            user_id: key.user_id().to_owned(),
            s3_key: s3_key.to_owned(),
            file_name: file_name.to_owned(),
            file_size,
            file_type: media_type(extension),
        })
    }

    /// The key of its record.
    pub fn key(&self) -> Result<ImageKey, FunctionError> {
        ImageKey::new(&*self.image_id, &*self.user_id)
    }

    /// The name of its execution: `image-processing-<imageId>`, where that is short enough.
    pub fn execution_name(&self) -> String {
        if NAME_PREFIX.len() + self.image_id.len() <= NAME_LENGTH_MAX {
            return format!("{NAME_PREFIX}{}", self.image_id);
        }
        self.told_apart("")
    }

    /// The name of the execution where [`Self::execution_name`] is another upload's: another user's of the same
    /// image id, or other content that was there under the same key before. `content` tells that apart.
    pub fn other_execution_name(&self, content: &str) -> String {
        self.told_apart(content)
    }

    fn told_apart(&self, content: &str) -> String {
        let digits = digest(&[&self.user_id, &self.s3_key, content], DIGEST_DIGITS);
        // Ids are ASCII.
        let room = NAME_LENGTH_MAX - NAME_PREFIX.len() - 1 - DIGEST_DIGITS;
        let image = &self.image_id[..self.image_id.len().min(room)];
        format!("{NAME_PREFIX}{image}-{digits}")
    }
}

/// The first hexadecimal digits of the parts' SHA-256.
fn digest(parts: &[&str], digits: usize) -> String {
    let digest = parts.iter().fold(Sha256::new(), |digest, part| digest.chain_update(part).chain_update([0]));
    let text: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    text.chars().take(digits).collect()
}

/// What a file's name claims that it is. Validation looks at the bytes.
fn media_type(extension: &str) -> &'static str {
    match extension.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" | "jpe" | "jfif" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "tif" | "tiff" => "image/tiff",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_whose_image_it_is() {
        let upload = Upload::of_object("uploads/u1/p1.JPG", 7).unwrap();
        assert_eq!(
            serde_json::to_string(&upload).unwrap(),
            r#"{"imageId":"p1","userId":"u1","s3Key":"uploads/u1/p1.JPG","fileName":"p1.JPG","fileSize":7,"fileType":"image/jpeg"}"#
        );
        assert_eq!(upload.execution_name(), "image-processing-p1");
        for (key, words) in [
            ("uploads/u1/../u2/p1.jpg", "segment"),
            ("uploads//p1.jpg", "segment"),
            ("uploads/u1/", "segment"),
            ("uploads/p1.jpg", "not of the form"),
            ("uploads/u1/album/p1.jpg", "not of the form"),
            ("processed/u1/p1.jpg", "not of the form"),
            ("uploads/u 1/p1.jpg", "userId"),
            ("uploads/.u/p1.jpg", "userId"),
            ("uploads/u1/p\\1.jpg", "backslash"),
        ] {
            let error = Upload::of_object(key, 1).unwrap_err();
            assert!(error.to_string().contains(words), "{key}: {error}");
        }
        for key in ["uploads/u1/my photo.jpg", "uploads/u1/.jpg", "uploads/u1/größe.png"] {
            let upload = Upload::of_object(key, 1).unwrap();
            assert!(upload.image_id.starts_with("img_") && upload.image_id.len() == 36, "{upload:?}");
            assert_eq!(upload.s3_key, key);
        }
        assert_eq!(Upload::of_object("uploads/u1/raw", 1).unwrap().file_type, "application/octet-stream");
    }

    #[test]
    fn names_of_executions_are_told_apart_and_short() {
        let name =
            |key: &str, content: &str| Upload::of_object(key, 1).unwrap().other_execution_name(content);
        let one = name("uploads/u1/p1.jpg", "a");
        assert_eq!(one, name("uploads/u1/p1.jpg", "a"));
        assert!(one.starts_with("image-processing-p1-"), "{one}");
        for (key, content) in
            [("uploads/u2/p1.jpg", "a"), ("uploads/u1/p1.jpg", "b"), ("uploads/u1/p1.png", "a")]
        {
            assert_ne!(one, name(key, content));
        }
        let long = format!("uploads/u1/{}.jpg", "x".repeat(128));
        let upload = Upload::of_object(&long, 1).unwrap();
        assert_eq!((upload.execution_name().len(), upload.other_execution_name("a").len()), (80, 80));
        assert_ne!(upload.execution_name(), upload.other_execution_name("a"));
    }
}
