//! `darkroom watch`: a folder whose photos are put into a running server's input bucket as they come. The server does
//! the rest: its upload rule starts the workflow.
//!
//! A photo's id is made of its content, as `process` makes it, so that one that is there already is not put again,
//! whatever it is called and however often the command is started.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use serde_json::{Value, json};

use crate::cli::WatchArguments;
use crate::process::{discover, image_id};
use crate::serve::STATE_MACHINE;
use crate::server::{Calls as _, Server};

/// How often the folder is looked at.
const ROUND: Duration = Duration::from_secs(1);

/// A file as it was at the last look: it is taken once two looks saw the same.
type Seen = (u64, SystemTime);

struct Watcher<'a> {
    arguments: &'a WatchArguments,
    server: Server,
    seen: HashMap<PathBuf, Seen>,
    taken: HashMap<PathBuf, Seen>,
    /// What was put, and whose end nobody has seen yet: file by execution.
    open: HashMap<String, PathBuf>,
    failed: usize,
}

/// Runs the command.
pub fn run(arguments: &WatchArguments) -> anyhow::Result<ExitCode> {
    crate::process::check_user(&arguments.user)?;
    anyhow::ensure!(arguments.folder.is_dir(), "{} is no folder", arguments.folder.display());
    let server = Server::of(&arguments.server)?;
    let state_machine = find_state_machine(&server)?;
    let mut watcher = Watcher {
        arguments,
        server,
        seen: HashMap::new(),
        taken: HashMap::new(),
        open: HashMap::new(),
        failed: 0,
    };
    loop {
        let is_settled = watcher.look(&state_machine)?;
        if arguments.once && is_settled && watcher.open.is_empty() {
            return Ok(if watcher.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        std::thread::sleep(ROUND);
    }
}

/// The ARN of the image workflow: its account and region are the server's.
fn find_state_machine(server: &Server) -> anyhow::Result<String> {
    let mut after = Value::Null;
    loop {
        let mut input = json!({ "maxResults": 1000 });
        if !after.is_null() {
            input["nextToken"] = after;
        }
        let mut page = server.call("states", "AWSStepFunctions.ListStateMachines", &input)??;
        let machines = page["stateMachines"].as_array().into_iter().flatten();
        if let Some(found) = machines.into_iter().find(|machine| machine["name"] == STATE_MACHINE) {
            let arn = found["stateMachineArn"].as_str().context("the state machine has no ARN")?;
            return Ok(arn.to_owned());
        }
        after = page["nextToken"].take();
        anyhow::ensure!(
            !after.is_null(),
            "the server has no state machine {STATE_MACHINE}: it was started with [platform] enabled = false, or \
             with functions that are somewhere else"
        );
    }
}

impl Watcher<'_> {
    /// One look at the folder, and at what is under way. Answers whether every file there was taken.
    fn look(&mut self, state_machine: &str) -> anyhow::Result<bool> {
        let folder = std::slice::from_ref(&self.arguments.folder);
        let photos = discover::photos(folder, &[])?;
        let mut now = HashMap::new();
        let mut is_settled = true;
        for photo in photos {
            // A file that has gone since is no photo any more.
            let Some(state) = state(&photo.path) else { continue };
            now.insert(photo.path.clone(), state);
            if self.taken.get(&photo.path) == Some(&state) {
                continue;
            }
            if self.seen.get(&photo.path) != Some(&state) {
                is_settled = false;
                continue;
            }
            self.take(&photo, state_machine)?;
            self.taken.insert(photo.path, state);
        }
        self.seen = now;
        self.ask()?;
        Ok(is_settled)
    }

    fn take(&mut self, photo: &discover::Photo, state_machine: &str) -> anyhow::Result<()> {
        let shown = photo.path.display().to_string();
        let content = std::fs::read(&photo.path).with_context(|| format!("{shown} cannot be read"))?;
        let WatchArguments { user, bucket, .. } = self.arguments;
        let id = image_id(user, &content);
        let key = format!("uploads/{user}/{id}.{}", photo.extension());
        let arn = format!("{}:image-processing-{id}", state_machine.replace(":stateMachine:", ":execution:"));
        if self.server.object_length(bucket, &key)? != Some(content.len() as u64) {
            self.server.put_object(bucket, &key, content)?;
            println!("{shown}  put as s3://{bucket}/{key}");
        }
        self.open.insert(arn, photo.path.clone());
        Ok(())
    }

    /// Tells of executions that have ended.
    fn ask(&mut self) -> anyhow::Result<()> {
        let mut ended = Vec::new();
        for (arn, path) in &self.open {
            let input = json!({ "executionArn": arn });
            // One that is not there yet is about to be started.
            let Ok(execution) = self.server.call("states", "AWSStepFunctions.DescribeExecution", &input)?
            else {
                continue;
            };
            let status = execution["status"].as_str().unwrap_or_default();
            if status == "RUNNING" {
                continue;
            }
            let error = execution["error"].as_str().map_or_else(String::new, |error| format!("  {error}"));
            println!("{}  {status}{error}", path.display());
            self.failed += usize::from(status != "SUCCEEDED");
            ended.push(arn.clone());
        }
        for arn in ended {
            self.open.remove(&arn);
        }
        Ok(())
    }
}

fn state(path: &Path) -> Option<Seen> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}
