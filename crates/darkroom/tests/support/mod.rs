//! The binary in a folder of its own, and photos to give it.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder with an `out/` in it, removed at the end.
pub struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder for a test") }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn out(&self) -> PathBuf {
        self.path().join("out")
    }

    pub fn data(&self) -> PathBuf {
        self.out().join(".darkroom")
    }

    /// The binary, to be run in this folder.
    pub fn darkroom(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_darkroom"));
        command.args(arguments).current_dir(self.path());
        command
    }

    /// Runs `darkroom process --json`; answers the exit code and the report.
    pub fn process(&self, inputs: &[&Path], more: &[&str]) -> (i32, serde_json::Value) {
        let mut command = self.darkroom(&["process", "--json"]);
        let output = command.args(inputs).args(more).output().expect("the binary runs");
        let report = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("no report ({error}): {}", text(&output)));
        (output.status.code().expect("an exit code"), report)
    }

    /// The files below `out/processed`, relative to `out`.
    pub fn processed_files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut to_visit = vec![self.out().join("processed")];
        while let Some(folder) = to_visit.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    to_visit.push(entry.path());
                } else if let Ok(relative) = entry.path().strip_prefix(self.out()) {
                    found.push(relative.to_string_lossy().into_owned());
                }
            }
        }
        found.sort();
        found
    }
}

/// What a command printed, for a failing test's message.
pub fn text(output: &Output) -> String {
    format!(
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A folder of `examples/`.
pub fn examples(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name).canonicalize().expect("examples")
}

/// A JPEG of the examples with a comment in it: the same picture, other bytes.
pub fn photo_with_comment(name: &str, comment: &str) -> Vec<u8> {
    let bytes = std::fs::read(examples("photos").join(name)).expect("an example");
    let length = u16::try_from(comment.len() + 2).expect("a short comment").to_be_bytes();
    let mut photo = bytes[..2].to_vec();
    photo.extend([0xff, 0xfe]);
    photo.extend(length);
    photo.extend(comment.as_bytes());
    photo.extend(&bytes[2..]);
    photo
}
