//! Objects in buckets: fetched whole, written durably, removed.
//!
//! What a bucket is made of is behind [`Objects`]: a folder here, S3's calls elsewhere.

use std::path::Path as FilePath;
use std::sync::Arc;

use bytes::Bytes;
use futures::executor::block_on;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::error::FunctionError;
use crate::keys;
use crate::limits::Limits;

/// A bucket's objects, by their keys. Calls may come from many threads, and block the one that they come from.
pub trait Objects: Send + Sync {
    /// An object's length in bytes, or nothing where there is none.
    fn length(&self, key: &str) -> Result<Option<u64>, ObjectsError>;

    /// An object of at most `bytes_max` bytes; of a longer one only the length.
    fn get(&self, key: &str, bytes_max: u64) -> Result<Fetched, ObjectsError>;

    /// Writes an object. After it returns the object is durable; before, the key shows what it showed.
    fn put(&self, key: &str, content: Vec<u8>) -> Result<(), ObjectsError>;

    /// Removes an object. One that is not there is removed already.
    fn remove(&self, key: &str) -> Result<(), ObjectsError>;
}

/// An object, or only its length where that is more than was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// All of it.
    Whole(Bytes),
    /// It has so many bytes.
    TooLong(u64),
}

/// What a bucket did not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectsError {
    /// There is no such object.
    #[error("there is no such object")]
    NotFound,
    /// It is not allowed.
    #[error("{0}")]
    AccessDenied(String),
    /// Any other reason; the same call may succeed later.
    #[error("{0}")]
    Failed(String),
}

/// A bucket in whatever the `object_store` crate has an implementation for.
///
/// Its calls are asynchronous and ours are not. A folder needs no runtime: outside of one its calls are done on the
/// spot, so waiting for them costs nothing.
pub struct StoredObjects(pub Arc<dyn ObjectStore>);

impl Objects for StoredObjects {
    fn length(&self, key: &str) -> Result<Option<u64>, ObjectsError> {
        match block_on(self.0.head(&path(key)?)) {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    fn get(&self, key: &str, bytes_max: u64) -> Result<Fetched, ObjectsError> {
        let path = path(key)?;
        let fetch = async {
            let found = self.0.get(&path).await?;
            if found.meta.size > bytes_max {
                return Ok(Fetched::TooLong(found.meta.size));
            }
            found.bytes().await.map(Fetched::Whole)
        };
        block_on(fetch).map_err(|error| match error {
            object_store::Error::NotFound { .. } => ObjectsError::NotFound,
            error => failed(&error),
        })
    }

    fn put(&self, key: &str, content: Vec<u8>) -> Result<(), ObjectsError> {
        block_on(self.0.put(&path(key)?, content.into())).map(drop).map_err(|error| failed(&error))
    }

    fn remove(&self, key: &str) -> Result<(), ObjectsError> {
        match block_on(self.0.delete(&path(key)?)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(&error)),
        }
    }
}

fn path(key: &str) -> Result<Path, ObjectsError> {
    Path::parse(key).map_err(|error| failed(&error))
}

fn failed(error: &dyn std::error::Error) -> ObjectsError {
    ObjectsError::Failed(error.to_string())
}

/// Opens a folder as a bucket, and makes it if it is not there.
///
/// A write is atomic and durable: a file of its own is written and synced, renamed over the final name, and
/// the folder synced, all before the write is answered. A crash leaves the old object or the new one, and
/// perhaps a file `name#1`, which [`remove_unfinished`] takes away.
///
/// # Errors
/// Where the folder cannot be made or opened.
pub fn open_folder(folder: &FilePath) -> std::io::Result<Arc<dyn Objects>> {
    std::fs::create_dir_all(folder)?;
    let store = LocalFileSystem::new_with_prefix(folder).map_err(std::io::Error::other)?;
    Ok(Arc::new(StoredObjects(Arc::new(store.with_fsync(true)))))
}

/// Removes what writes that a crash cut off have left in a bucket's folder: files `name#1`, which are no
/// objects. Answers how many. A write that another process is at just then fails, and may be repeated.
///
/// # Errors
/// Where the folder cannot be read, or a file not removed.
pub fn remove_unfinished(folder: &FilePath) -> std::io::Result<usize> {
    let mut removed = 0;
    let mut to_visit = vec![folder.to_owned()];
    while let Some(folder) = to_visit.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                to_visit.push(entry.path());
            } else if is_unfinished(&entry.file_name().to_string_lossy()) {
                std::fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

/// No object's name has a `#`: ids and extensions are made of letters, digits, dots, `-` and `_`.
fn is_unfinished(name: &str) -> bool {
    name.rsplit_once('#')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A bucket and what it is called in messages.
#[derive(Clone)]
pub(crate) struct Bucket {
    pub name: &'static str,
    pub objects: Arc<dyn Objects>,
}

impl Bucket {
    /// Fetches an object of at most `bytes_max` bytes; a longer one is not read.
    pub(crate) fn fetch(&self, key: &str, bytes_max: u64) -> Result<Fetched, FunctionError> {
        keys::check_key(key)?;
        self.objects.get(key, bytes_max).map_err(|error| self.failed(key, error))
    }

    /// Fetches a picture that is to be processed, so it must not be too long.
    pub(crate) fn fetch_picture(&self, key: &str, limits: &Limits) -> Result<Bytes, FunctionError> {
        match self.fetch(key, limits.file_bytes_max)? {
            Fetched::Whole(bytes) => Ok(bytes),
            Fetched::TooLong(length) => {
                Err(FunctionError::ImageRefused { key: key.to_owned(), refusal: limits.too_long(length) })
            }
        }
    }

    fn put(&self, key: &str, content: Vec<u8>) -> Result<(), FunctionError> {
        keys::check_key(key)?;
        self.objects.put(key, content).map_err(|error| self.failed(key, error))
    }

    /// Writes all of the objects or, as far as the store still obeys, none.
    ///
    /// What is taken back is only what was not there before: an earlier call with the same event may have
    /// answered with it.
    pub(crate) fn put_all(&self, objects: Vec<(String, Vec<u8>)>) -> Result<(), FunctionError> {
        let mut made = Vec::with_capacity(objects.len());
        for (key, content) in objects {
            let written = self.exists(&key).and_then(|existed| self.put(&key, content).map(|()| existed));
            match written {
                Ok(true) => {}
                Ok(false) => made.push(key),
                Err(error) => {
                    // What cannot be removed now is removed by clean-up; the fault to report is the first.
                    for key in &made {
                        drop(self.remove(key));
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn exists(&self, key: &str) -> Result<bool, FunctionError> {
        keys::check_key(key)?;
        let length = self.objects.length(key).map_err(|error| self.failed(key, error))?;
        Ok(length.is_some())
    }

    /// Removes an object. One that is not there is removed already.
    pub(crate) fn remove(&self, key: &str) -> Result<(), FunctionError> {
        keys::check_key(key)?;
        self.objects.remove(key).map_err(|error| self.failed(key, error))
    }

    fn failed(&self, key: &str, error: ObjectsError) -> FunctionError {
        let (bucket, key) = (self.name, key.to_owned());
        match error {
            ObjectsError::NotFound => FunctionError::ObjectNotFound { bucket, key },
            ObjectsError::AccessDenied(message) => FunctionError::AccessDenied(message),
            ObjectsError::Failed(reason) => FunctionError::Bucket { bucket, key, reason },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(folder: &FilePath) -> Bucket {
        Bucket { name: "output", objects: open_folder(folder).expect("a folder") }
    }

    fn files(folder: &FilePath) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn an_object_is_replaced_as_a_whole_and_leaves_no_other_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let bucket = bucket(&folder.path().join("made/on/demand"));
        for content in [b"first".to_vec(), b"2".to_vec()] {
            bucket.put("a/b/c.jpg", content.clone()).expect("written");
            let Fetched::Whole(found) = bucket.fetch("a/b/c.jpg", 100).expect("fetched") else {
                panic!("it is not too long")
            };
            assert_eq!(found, content);
        }
        assert_eq!(files(&folder.path().join("made/on/demand/a/b")), ["c.jpg"]);
        assert!(matches!(bucket.fetch("a/b/c.jpg", 0), Ok(Fetched::TooLong(1))));
        bucket.remove("a/b/c.jpg").expect("removed");
        bucket.remove("a/b/c.jpg").expect("nothing to remove");
        let gone = bucket.fetch("a/b/c.jpg", 100).err();
        assert!(matches!(gone, Some(FunctionError::ObjectNotFound { .. })), "{gone:?}");
    }

    #[test]
    fn all_objects_are_written_or_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let bucket = bucket(folder.path());
        bucket.put("file", vec![1]).expect("written");
        // The second cannot be written: its folder is a file.
        let objects = vec![("one.jpg".to_owned(), vec![1]), ("file/two.jpg".to_owned(), vec![2])];
        let error = bucket.put_all(objects).expect_err("it cannot be written");
        assert_eq!((error.error_type(), error.is_retryable()), ("Lambda.ServiceException", true));
        assert_eq!(files(folder.path()), ["file"]);
    }

    #[test]
    fn what_was_there_before_is_not_taken_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let bucket = bucket(folder.path());
        bucket.put("file", vec![1]).expect("written");
        bucket.put("one.jpg", vec![1]).expect("written by an earlier call");
        let objects = vec![("one.jpg".to_owned(), vec![1]), ("file/two.jpg".to_owned(), vec![2])];
        bucket.put_all(objects).expect_err("the second cannot be written");
        assert!(matches!(bucket.fetch("one.jpg", 100), Ok(Fetched::Whole(_))));
    }

    #[test]
    fn a_folder_is_no_object() {
        let folder = tempfile::tempdir().expect("a folder");
        let bucket = bucket(folder.path());
        bucket.put("folder/object", vec![1]).expect("written");
        assert!(matches!(bucket.fetch("folder", 100).err(), Some(FunctionError::ObjectNotFound { .. })));
    }

    #[test]
    fn what_a_crash_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let user = folder.path().join("processed/u");
        std::fs::create_dir_all(&user).unwrap();
        for name in ["a-small.jpg", "a-small.jpg#1", "b#12", "c#", "d#1x"] {
            std::fs::write(user.join(name), b"x").unwrap();
        }
        assert_eq!(remove_unfinished(folder.path()).unwrap(), 2);
        let mut left: Vec<_> =
            std::fs::read_dir(&user).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["a-small.jpg", "c#", "d#1x"]);
    }
}
