//! The server under load: one that is started here, or one that runs elsewhere.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;

use crate::platform::resident_bytes;

/// What a server prints before its address.
const LISTENING: &str = "listening on http://";
/// Ticks in a second, in `/proc`. Linux has had 100 there on every architecture that this runs on.
const TICKS_PER_SECOND: u32 = 100;

/// A server. One that was started here is killed when this is dropped.
pub struct Server {
    address: String,
    pid: Option<u32>,
    child: Option<Child>,
}

/// What a process has taken so far.
#[derive(Clone, Copy)]
pub struct Usage {
    cpu: Duration,
    /// Bytes of its memory that are in the machine's.
    pub resident_bytes: u64,
}

/// How a server is started.
#[derive(Default)]
pub struct Settings {
    /// Whether every acknowledged step is on disk.
    pub durable: bool,
    /// What it is told beside.
    pub more: &'static [&'static str],
    /// Whether what it says goes into a file beside its data, instead of to where this process says things.
    pub says_into_a_file: bool,
}

impl Server {
    /// Starts a server on a free port, with its data in this folder, that calls functions at `lambda`.
    pub fn start(data: &Path, lambda: SocketAddr, settings: &Settings) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("this program's file is not known")?;
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--xray-daemon", "off", "--data"]).arg(data);
        command.args(["--lambda-endpoint", &format!("http://{lambda}")]);
        command.args(settings.more);
        if !settings.durable {
            command.arg("--unsynced");
        }
        if settings.says_into_a_file {
            let path = data.with_extension("log");
            let file = File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
            command.stderr(file);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("the server cannot be started")?;
        let stdout = child.stdout.take();
        let mut server = Self { address: String::new(), pid: Some(child.id()), child: Some(child) };
        let mut line = String::new();
        BufReader::new(stdout.context("the server has no output")?).read_line(&mut line)?;
        let address = line.trim().strip_prefix(LISTENING).context("the server did not begin; see above")?;
        address.clone_into(&mut server.address);
        Ok(server)
    }

    /// A server that is there already. `pid` is its process, if its use is to be measured.
    pub fn elsewhere(endpoint: &str, pid: Option<u32>) -> Self {
        let address = endpoint.strip_prefix("http://").unwrap_or(endpoint).trim_end_matches('/');
        Self { address: address.to_owned(), pid, child: None }
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What its process has taken so far; `None` where the system does not say.
    pub fn usage(&self) -> Option<Usage> {
        let pid = self.pid?;
        let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
        Some(Usage { cpu: cpu(&stat)?, resident_bytes: resident_bytes(pid)? })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // One that has gone already needs no killing. Its data is removed, so nothing is lost by the haste.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Usage {
    /// Processor seconds that passed between two looks.
    pub fn cpu_between(before: Self, after: Self) -> f64 {
        after.cpu.saturating_sub(before.cpu).as_secs_f64()
    }
}

/// User and system time in `/proc/<pid>/stat`, whose second field is a name that may contain anything.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(Duration::from_secs(1) * user.checked_add(system)? / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_s_use_is_read_whatever_its_name() {
        let stat = "7 (a) b) c) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 1 1 1";
        assert_eq!(cpu(stat), Some(Duration::from_secs(3)));
        assert_eq!(cpu("7 (a) S 1"), None);
    }
}
