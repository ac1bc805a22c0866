//! A child process that ends with its handle, its output in files.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use super::eventually;

const SHOWN_LINES: usize = 40;

pub struct Process {
    name: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    pub fn start(dir: &Path, name: &str, command: &mut Command) -> Process {
        let stdout = dir.join(format!("{name}.stdout"));
        let stderr = dir.join(format!("{name}.stderr"));
        let child = command
            .stdin(Stdio::null())
            .stdout(create(&stdout))
            .stderr(create(&stderr))
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        Process {
            name: name.to_owned(),
            child,
            stdout,
            stderr,
        }
    }

    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// For whoever waits for it to be ready: no need to wait for what has ended.
    pub fn assert_running(&mut self) {
        if let Some(status) = self.ended() {
            panic!("{} has ended before it was ready: {status}", self.name);
        }
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        // The shell's own `kill` is there even where no program of that name is installed.
        let sent = Command::new("sh")
            .args(["-c", "kill -s TERM \"$0\"", &self.child.id().to_string()])
            .status()
            .expect("sh runs");
        assert!(sent.success(), "no SIGTERM for {}", self.name);
    }

    pub async fn exit_status(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        eventually(&what, limit, async || {
            self.ended().ok_or_else(|| "still running".to_owned())
        })
        .await
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait();
        status.expect("a child can be waited for")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only for a process that has already been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            show_tail(&self.stdout);
            show_tail(&self.stderr);
        }
    }
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
