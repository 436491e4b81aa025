//! A bucket's folder: files put into place so that no crash leaves half of one, and walked in the order of keys.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::UNIX_EPOCH;

use super::keys;

/// Folders within folders that a walk goes into.
const DEPTH_MAX: usize = 512;

/// Held for reading from a folder's making until a file is in it, and for writing while empty folders go: otherwise
/// a removal takes the folder that a write has just found there. There is one, since folders are the process's.
static EMPTY_FOLDERS: RwLock<()> = RwLock::new(());

/// Makes an empty file that is to become `path`, and the folders above it, which stay for as long as it does.
pub(super) fn begin(path: &Path, bucket: &Path) -> io::Result<PathBuf> {
    let unfinished = unfinished(path);
    // It guards nothing that a panic could leave half-way.
    let _made = EMPTY_FOLDERS.read().unwrap_or_else(PoisonError::into_inner);
    make_parents(path, bucket)?;
    File::create(&unfinished)?;
    Ok(unfinished)
}

/// A name for a file that is to become `path`: beside it, so that renaming is enough.
fn unfinished(path: &Path) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!("#{number}"));
    path.with_file_name(name)
}

/// Makes the folders above a file. After it returns they are on disk.
pub(super) fn make_parents(path: &Path, bucket: &Path) -> io::Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    let missing: Vec<&Path> =
        parent.ancestors().take_while(|folder| *folder != bucket && !folder.is_dir()).collect();
    std::fs::create_dir_all(parent)?;
    for folder in missing {
        sync_folder(folder.parent().unwrap_or(bucket))?;
    }
    Ok(())
}

/// Puts a synced file into its place. After it returns the name is on disk; a crash before leaves what was there.
pub(super) fn put_into_place(unfinished: &Path, path: &Path) -> io::Result<()> {
    std::fs::rename(unfinished, path)?;
    sync_folder(path.parent().unwrap_or(path))
}

/// The same, where nothing is there yet. The unfinished file stays.
pub(super) fn put_if_absent(unfinished: &Path, path: &Path) -> io::Result<()> {
    std::fs::hard_link(unfinished, path)?;
    sync_folder(path.parent().unwrap_or(path))
}

/// Removes a file, and the folders above it that hold nothing more. After it returns the name is gone for good.
pub(super) fn remove(path: &Path, bucket: &Path) -> io::Result<bool> {
    // A folder is no object; on some systems removing it as a file has an error of its own.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound || path.is_dir() => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(false),
        removed => removed?,
    }
    let kept = remove_empty(path.parent().unwrap_or(bucket), bucket);
    sync_nearest(kept, bucket)?;
    Ok(true)
}

/// Removes folders that hold nothing, from this one upwards; the first that stays.
fn remove_empty<'a>(folder: &'a Path, bucket: &'a Path) -> &'a Path {
    let _removed = EMPTY_FOLDERS.write().unwrap_or_else(PoisonError::into_inner);
    let mut above = folder.ancestors().take_while(|folder| *folder != bucket);
    above.find(|folder| std::fs::remove_dir(folder).is_err()).unwrap_or(bucket)
}

/// Syncs a folder. Where another removal has taken it meanwhile, the nearest one above says so.
fn sync_nearest(folder: &Path, bucket: &Path) -> io::Result<()> {
    match (sync_folder(folder), folder.parent()) {
        (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound && folder != bucket => {
            sync_nearest(parent, bucket)
        }
        (synced, _) => synced,
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// When a file was last written, in nanoseconds since 1970.
pub(super) fn modified_ns(metadata: &std::fs::Metadata) -> i64 {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or_default()
}

/// What a walk comes upon.
pub(super) enum Entry {
    Object {
        key: String,
        bytes: u64,
        modified_ns: i64,
    },
    /// A folder that the visitor did not want to look into: its keys begin with this.
    Prefix(String),
}

/// What a visitor wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Go {
    On,
    Stop,
}

/// Which keys a walk is for.
pub(super) struct Wanted<'a> {
    pub(super) prefix: &'a str,
    /// Only keys after this one.
    pub(super) after: &'a str,
    /// Whether folders are told and not walked.
    pub(super) by_folder: bool,
}

/// Visits a bucket's objects in the order of their keys' bytes.
pub(super) fn walk(bucket: &Path, wanted: &Wanted<'_>, visit: &mut dyn FnMut(Entry) -> Go) -> io::Result<()> {
    walk_folder(bucket, "", wanted, visit, 0).map(|_| ())
}

fn walk_folder(
    folder: &Path,
    base: &str,
    wanted: &Wanted<'_>,
    visit: &mut dyn FnMut(Entry) -> Go,
    depth: usize,
) -> io::Result<Go> {
    if depth == DEPTH_MAX {
        return Ok(Go::On);
    }
    for (key, entry) in sorted(folder, base)? {
        if key.ends_with('/') && entry.is_dir() {
            let is_on_the_way = key.starts_with(wanted.prefix) || wanted.prefix.starts_with(&key);
            if !is_on_the_way || (wanted.after > key.as_str() && !wanted.after.starts_with(&key)) {
                continue;
            }
            let is_told = wanted.by_folder && key.len() > wanted.prefix.len();
            let go = if is_told {
                if wanted.after == key || !holds_any(&entry, 0)? { Go::On } else { visit(Entry::Prefix(key)) }
            } else {
                walk_folder(&entry, &key, wanted, visit, depth + 1)?
            };
            if go == Go::Stop {
                return Ok(Go::Stop);
            }
        } else if key.starts_with(wanted.prefix) && key.as_str() > wanted.after {
            let metadata = match std::fs::metadata(&entry) {
                // Removed since the folder was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                metadata => metadata?,
            };
            let object = Entry::Object { key, bytes: metadata.len(), modified_ns: modified_ns(&metadata) };
            if visit(object) == Go::Stop {
                return Ok(Go::Stop);
            }
        }
    }
    Ok(Go::On)
}

/// A folder's entries as keys, those of folders with a slash at their end, so that they sort as keys do.
fn sorted(folder: &Path, base: &str) -> io::Result<Vec<(String, PathBuf)>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Some(part) = entry.file_name().to_str().and_then(keys::part_of) else { continue };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            found.push((format!("{base}{part}/"), entry.path()));
        } else if kind.is_file() {
            found.push((format!("{base}{part}"), entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// Whether an object is anywhere below: a crash may leave a folder that is empty.
pub(super) fn holds_any(folder: &Path, depth: usize) -> io::Result<bool> {
    if depth == DEPTH_MAX {
        return Ok(true);
    }
    for (_, entry) in sorted(folder, "")? {
        if !entry.is_dir() || holds_any(&entry, depth + 1)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(keys: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for key in keys {
            let path = folder.path().join(keys::path_of(key).unwrap());
            make_parents(&path, folder.path()).unwrap();
            std::fs::write(path, key).unwrap();
        }
        folder
    }

    #[test]
    fn a_removal_stands_though_another_took_the_folder() {
        let folder = bucket(&["a/b/c"]);
        let bucket = folder.path();
        for gone in ["a/b", "a/b/x/y", "z"] {
            sync_nearest(&bucket.join(gone), bucket).unwrap();
        }
        assert!(
            sync_nearest(&bucket.join("gone"), &bucket.join("gone")).is_err(),
            "the bucket itself is gone"
        );
    }

    #[test]
    fn a_folder_is_not_taken_from_under_a_write() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = folder.path();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let path = bucket.join(format!("a/b/c/{writer}"));
                scope.spawn(move || {
                    for _ in 0..200 {
                        let unfinished = begin(&path, bucket).unwrap();
                        assert!(remove(&unfinished, bucket).unwrap());
                    }
                });
            }
        });
        assert!(!bucket.join("a").exists());
    }

    fn listed(folder: &Path, prefix: &str, after: &str, by_folder: bool) -> Vec<String> {
        let mut found = Vec::new();
        let mut visit = |entry| {
            found.push(match entry {
                Entry::Object { key, .. } => key,
                Entry::Prefix(prefix) => format!("({prefix})"),
            });
            Go::On
        };
        walk(folder, &Wanted { prefix, after, by_folder }, &mut visit).unwrap();
        found
    }

    #[test]
    fn a_walk_is_in_the_order_of_keys() {
        let folder = bucket(&["a/b", "a-b", "a.b", "a/", "a/c/d", "b", "é", "B"]);
        std::fs::write(folder.path().join("b#1"), "unfinished").unwrap();
        std::fs::create_dir(folder.path().join("empty")).unwrap();
        let folder = folder.path();
        assert_eq!(listed(folder, "", "", false), ["B", "a-b", "a.b", "a/", "a/b", "a/c/d", "b", "é"]);
        assert_eq!(listed(folder, "", "", true), ["B", "a-b", "a.b", "(a/)", "b", "é"]);
        assert_eq!(listed(folder, "a/", "", true), ["a/", "a/b", "(a/c/)"]);
        assert_eq!(listed(folder, "a/c", "", true), ["(a/c/)"]);
        assert_eq!(listed(folder, "a", "a/b", false), ["a/c/d"]);
        assert_eq!(listed(folder, "", "a/", true), ["b", "é"]);
        assert_eq!(listed(folder, "", "a.b", false), ["a/", "a/b", "a/c/d", "b", "é"]);
    }

    #[test]
    fn removing_an_object_removes_the_folders_that_it_alone_needed() {
        let folder = bucket(&["a/b/c", "a/d"]);
        let remove_key =
            |key: &str| remove(&folder.path().join(keys::path_of(key).unwrap()), folder.path()).unwrap();
        assert!(!remove_key("a/b"), "a folder is no object");
        assert!(remove_key("a/b/c"));
        assert!(!remove_key("a/b/c"));
        assert!(!folder.path().join("a/b").exists() && folder.path().join("a/d").exists());
        assert!(remove_key("a/d"));
        assert!(folder.path().exists() && !folder.path().join("a").exists());
    }
}
