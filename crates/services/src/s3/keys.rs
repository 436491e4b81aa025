//! Keys and the paths of their files: each key has one path, no two have the same, and none leaves the bucket.
//!
//! A key of ordinary characters is its path. In others, what `object_store` escapes is escaped the same way, so
//! both find the same objects. An empty part, as in `a//b` or `a/`, is a file or folder `%`.

use std::path::PathBuf;

use crate::wire::query::decoded;

/// Bytes of a key. AWS's own bound.
const KEY_BYTES_MAX: usize = 1024;
/// Bytes of a file's name, of which 16 stay free for the number of an unfinished write.
const NAME_BYTES_MAX: usize = 255 - 16;
/// What an empty part of a key is called.
const EMPTY: &str = "%";

/// Why a key has no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyError {
    TooLong,
    /// A part of it is longer than a file's name can be.
    PartTooLong,
}

/// The path of a key's file within its bucket's folder.
pub(super) fn path_of(key: &str) -> Result<PathBuf, KeyError> {
    if key.len() > KEY_BYTES_MAX || key.is_empty() {
        return Err(KeyError::TooLong);
    }
    let mut path = PathBuf::new();
    for part in key.split('/') {
        let name = escaped(part);
        if name.len() > NAME_BYTES_MAX {
            return Err(KeyError::PartTooLong);
        }
        path.push(name);
    }
    Ok(path)
}

fn escaped(part: &str) -> String {
    match part {
        "" => EMPTY.to_owned(),
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => {
            use std::fmt::Write as _;
            let mut name = String::with_capacity(part.len());
            for character in part.chars() {
                if character.is_ascii_control() || "\\{}^%`[]\"<>~#|*?".contains(character) {
                    // Writing to a string cannot fail.
                    _ = write!(name, "%{:02X}", character as u32);
                } else {
                    name.push(character);
                }
            }
            name
        }
    }
}

/// The part of a key that a file or folder of this name stands for; nothing where it is none of ours, such as
/// an unfinished write.
pub(super) fn part_of(name: &str) -> Option<String> {
    if name == EMPTY {
        return Some(String::new());
    }
    let part = decoded(name.as_bytes(), false);
    (escaped(&part) == name).then_some(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Component;

    #[test]
    fn keys_are_paths() {
        for (key, path) in [
            ("uploads/u1/p-1.jpg", "uploads/u1/p-1.jpg"),
            ("../../etc/passwd", "%2E%2E/%2E%2E/etc/passwd"),
            ("/absolute", "%/absolute"),
            ("folder/", "folder/%"),
            ("a b/größe", "a b/größe"),
            ("a#1", "a%231"),
            ("100%", "100%25"),
        ] {
            assert_eq!(path_of(key), Ok(PathBuf::from(path)), "{key}");
        }
        assert_eq!(path_of(&"a".repeat(1025)), Err(KeyError::TooLong));
        assert_eq!(path_of(&"a".repeat(240)), Err(KeyError::PartTooLong));
        assert_eq!(part_of("p.jpg#1"), None);
    }

    proptest! {
        #[test]
        fn a_path_stays_inside_and_is_read_back(key in ".{1,60}") {
            let path = path_of(&key).unwrap();
            prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
            let parts: Option<Vec<String>> =
                path.iter().map(|name| part_of(&name.to_string_lossy())).collect();
            prop_assert_eq!(parts.map(|parts| parts.join("/")), Some(key));
        }
    }
}
