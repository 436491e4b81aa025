//! Which photos: files as named, folders searched for what looks like a picture.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// A file to process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    /// Where it is, as the user wrote it.
    pub path: PathBuf,
}

/// What a folder is searched for. A file that is named itself is taken whatever its name is.
const EXTENSIONS: [&str; 11] =
    ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "tif", "tiff", "heic", "heif"];
/// Folders within folders; deeper ones are more likely a loop than a collection.
const DEPTH_MAX: usize = 32;

impl Photo {
    /// The name without its folder, for people and for records.
    pub fn file_name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The extension in lower case; `bin` where there is none that can stand in a key.
    pub fn extension(&self) -> String {
        self.path
            .extension()
            .and_then(|extension| extension.to_str())
            .map(str::to_ascii_lowercase)
            .filter(|extension| {
                !extension.is_empty()
                    && extension.len() <= 8
                    && extension.chars().all(|character| character.is_ascii_alphanumeric())
            })
            .unwrap_or_else(|| "bin".to_owned())
    }

    /// The MIME type that the name claims.
    pub fn claimed_type(&self) -> &'static str {
        match self.extension().as_str() {
            "jpg" | "jpeg" | "jpe" | "jfif" => "image/jpeg",
            "png" => "image/png",
            "webp" => "image/webp",
            "gif" => "image/gif",
            "tif" | "tiff" => "image/tiff",
            "heic" | "heif" => "image/heic",
            _ => "application/octet-stream",
        }
    }
}

/// The photos that `inputs` name, sorted within each folder, none twice. Nothing below `excluded` is taken:
/// results are not photos to process.
pub fn photos(inputs: &[PathBuf], excluded: &[&Path]) -> anyhow::Result<Vec<Photo>> {
    let excluded: Vec<PathBuf> = excluded.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let mut found = Found { photos: Vec::new(), seen: BTreeSet::new(), excluded };
    for input in inputs {
        let metadata =
            std::fs::metadata(input).with_context(|| format!("{} cannot be read", input.display()))?;
        if metadata.is_dir() {
            found.search(input, 0)?;
        } else {
            found.add(input)?;
        }
    }
    Ok(found.photos)
}

struct Found {
    photos: Vec<Photo>,
    seen: BTreeSet<PathBuf>,
    excluded: Vec<PathBuf>,
}

impl Found {
    fn search(&mut self, folder: &Path, depth: usize) -> anyhow::Result<()> {
        if depth > DEPTH_MAX {
            bail!("{} is more than {DEPTH_MAX} folders deep", folder.display());
        }
        let canonical = folder.canonicalize()?;
        if self.excluded.contains(&canonical) {
            return Ok(());
        }
        let context = || format!("the folder {} cannot be read", folder.display());
        let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
            .with_context(context)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<std::io::Result<_>>()
            .with_context(context)?;
        entries.sort();
        for entry in entries {
            if entry.is_dir() {
                self.search(&entry, depth + 1)?;
            } else if is_picture(&entry) {
                self.add(&entry)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, file: &Path) -> anyhow::Result<()> {
        let canonical = file.canonicalize().with_context(|| format!("{} cannot be read", file.display()))?;
        if self.seen.insert(canonical) {
            self.photos.push(Photo { path: file.to_owned() });
        }
        Ok(())
    }
}

fn is_picture(file: &Path) -> bool {
    let extension = file.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(photos: &[Photo]) -> Vec<String> {
        photos.iter().map(Photo::file_name).collect()
    }

    #[test]
    fn folders_are_searched_and_files_are_taken_as_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("b/c")).unwrap();
        std::fs::create_dir_all(root.join("out")).unwrap();
        for file in ["z.JPG", "a.png", "notes.txt", "b/c/deep.webp", "out/result.jpg", "scan.pdf"] {
            std::fs::write(root.join(file), b"x").unwrap();
        }
        let inputs = [root.to_owned(), root.join("a.png"), root.join("scan.pdf")];
        let photos = photos(&inputs, &[&root.join("out")]).unwrap();
        assert_eq!(names(&photos), ["a.png", "deep.webp", "z.JPG", "scan.pdf"]);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = photos(&[PathBuf::from("no/such/photo.jpg")], &[]).unwrap_err();
        assert!(error.to_string().contains("no/such/photo.jpg"), "{error}");
    }

    #[test]
    fn an_extension_that_cannot_stand_in_a_key_is_replaced() {
        for (name, expected) in [("a.JPEG", "jpeg"), ("a", "bin"), ("a.j p", "bin"), ("a.ü", "bin")] {
            assert_eq!(Photo { path: name.into() }.extension(), expected);
        }
    }
}
