//! A child process whose output goes to files.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use super::eventually;

/// The number of last lines of output that are shown if the test panics.
const SHOWN_LINES: usize = 40;

/// Killed when dropped; if the test panics, the end of its output is shown.
pub struct LoggedProcess {
    name: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl LoggedProcess {
    /// Its output goes to `{name}.stdout` and `{name}.stderr` in this directory.
    pub fn start(dir: &Path, name: &str, command: &mut Command) -> LoggedProcess {
        let stdout = dir.join(format!("{name}.stdout"));
        let stderr = dir.join(format!("{name}.stderr"));
        let child = command
            .stdin(Stdio::null())
            .stdout(create(&stdout))
            .stderr(create(&stderr))
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        LoggedProcess {
            name: name.to_owned(),
            child,
            stdout,
            stderr,
        }
    }

    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// Panics if the process has ended, because it will never be ready.
    pub fn assert_running(&mut self) {
        if let Some(status) = self.ended() {
            panic!("{} has ended before it was ready: {status}", self.name);
        }
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        // `kill` is a builtin of the shell: the program of that name may not be installed.
        let sent = Command::new("sh")
            .args(["-c", "kill -s TERM \"$0\"", &self.child.id().to_string()])
            .status()
            .expect("sh runs");
        assert!(sent.success(), "no SIGTERM for {}", self.name);
    }

    pub async fn exit_status(&mut self, timeout: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        eventually(&what, timeout, async || {
            self.ended().ok_or_else(|| "still running".to_owned())
        })
        .await
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait();
        status.expect("a child can be waited for")
    }
}

impl Drop for LoggedProcess {
    fn drop(&mut self) {
        // Fails only if the process has already been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            show_tail(&self.stdout);
            show_tail(&self.stderr);
        }
    }
}

/// The address that a service of the shop prints when it listens.
pub fn listening_on(stdout: &str) -> Result<SocketAddr, String> {
    let line = stdout.strip_suffix('\n');
    line.and_then(|line| line.strip_prefix("listening on http://"))
        .and_then(|addr| addr.parse().ok())
        .ok_or_else(|| format!("{stdout:?} on stdout"))
}

fn create(path: &Path) -> File {
    File::create(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn show_tail(path: &Path) {
    let text = read(path);
    let lines: Vec<&str> = text.lines().collect();
    let tail = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
    if !tail.is_empty() {
        eprintln!("--- end of {}\n{}", path.display(), tail.join("\n"));
    }
}
