//! Where log events end up: a file for each log group, or standard output.
//!
//! `arn:aws:logs:<region>:<account>:log-group:/a/b:*` is `<folder>/<account>/<region>/a/b.jsonl`. Files are only appended
//! to, so that they may be cut by whoever rotates them.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::Place;

/// Files that are kept open.
const FILES_MAX: usize = 64;

pub(super) struct Destinations {
    place: Place,
    /// By the log group's ARN.
    files: HashMap<String, BufWriter<File>>,
}

impl Destinations {
    pub(super) fn new(place: Place) -> Self {
        Self { place, files: HashMap::new() }
    }

    /// Writes lines of this log group. What cannot be written is left out, and that is said.
    pub(super) fn write(&mut self, log_group_arn: &str, lines: &[u8]) {
        let written = match &self.place {
            Place::StandardOutput => io::stdout().write_all(lines),
            Place::Folder(folder) => match self.files.get_mut(log_group_arn) {
                Some(file) => file.write_all(lines),
                None => open(folder, log_group_arn).and_then(|mut file| {
                    file.write_all(lines)?;
                    if self.files.len() >= FILES_MAX {
                        self.files.clear();
                    }
                    self.files.insert(log_group_arn.to_owned(), file);
                    Ok(())
                }),
            },
        };
        if let Err(error) = written {
            self.left_out(log_group_arn, &error);
        }
    }

    /// Hands everything to the system.
    pub(super) fn flush(&mut self) {
        let failed: Vec<(String, io::Error)> = self
            .files
            .iter_mut()
            .filter_map(|(arn, file)| file.flush().err().map(|error| (arn.clone(), error)))
            .collect();
        for (arn, error) in failed {
            self.left_out(&arn, &error);
        }
    }

    /// Begins anew with this file: what it still holds would be in the way of what can be written later.
    fn left_out(&mut self, log_group_arn: &str, error: &io::Error) {
        tracing::error!(log_group_arn, %error, "log events cannot be written; they are left out");
        if let Some(file) = self.files.remove(log_group_arn) {
            drop(file.into_parts());
        }
    }
}

fn open(folder: &Path, log_group_arn: &str) -> io::Result<BufWriter<File>> {
    let path = file_of(folder, log_group_arn);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    Ok(BufWriter::new(OpenOptions::new().create(true).append(true).open(path)?))
}

/// The file of a log group, which lies below the folder whatever the ARN is.
fn file_of(folder: &Path, log_group_arn: &str) -> PathBuf {
    let mut parts = log_group_arn.splitn(7, ':').skip(3);
    let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let group = parts.nth(1).unwrap_or_default();
    let group = group.strip_suffix(":*").unwrap_or(group);
    let mut path = folder.join(plain(account)).join(plain(region));
    let mut names = group.split('/').filter(|name| !name.is_empty()).peekable();
    while let Some(name) = names.next() {
        let name = plain(name);
        path.push(if names.peek().is_some() { name } else { format!("{name}.jsonl") });
    }
    path
}

/// A name that is one part of a path: what log groups may not have in their names is written as its bytes.
fn plain(name: &str) -> String {
    if name.bytes().all(|byte| byte == b'.') {
        return name.replace('.', "%2E");
    }
    let mut plain = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'#' => {
                plain.push(char::from(byte));
            }
            _ => write!(plain, "%{byte:02X}").expect("a text grows"),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_group_s_file_lies_below_the_folder() {
        for (group, expected) in [
            ("/aws/vendedlogs/states/hello-Logs", "f/0/r/aws/vendedlogs/states/hello-Logs.jsonl"),
            ("plain", "f/0/r/plain.jsonl"),
            ("a//b/", "f/0/r/a/b.jsonl"),
            ("../../etc/x", "f/0/r/%2E%2E/%2E%2E/etc/x.jsonl"),
            ("a:b\0c", "f/0/r/a%3Ab%00c.jsonl"),
        ] {
            let arn = format!("arn:aws:logs:r:0:log-group:{group}:*");
            assert_eq!(file_of(Path::new("f"), &arn), Path::new(expected), "{group}");
        }
    }
}
