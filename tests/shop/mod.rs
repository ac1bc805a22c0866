//! The examples as child processes, and an HTTP client that needs nothing but a socket.

#![allow(dead_code, reason = "each test file uses its part of it")]

pub mod collector;

use serde_json::Value;
use std::{
    fmt,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

const LIMIT: Duration = Duration::from_secs(20);
/// What variables begin with that the examples would be configured by too.
const CONFIGURES: [&str; 5] = ["SHOP_", "OTEL_", "PROXY_CONFIG", "POD_", "RUST_LOG"];

/// Asks again and again, until the deadline.
pub fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {LIMIT:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// An example that runs, until it is dropped at the latest.
pub struct Process {
    name: String,
    child: Child,
    stdout: Output,
    stderr: Output,
}

impl Process {
    pub fn start(example: &str, args: &[&str], environment: &[(&str, &str)]) -> Process {
        let mut command = command(example, args);
        command.envs(environment.iter().copied());
        Process::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))
    }

    /// A command whose outputs are read if they are piped.
    pub fn spawn(command: &mut Command) -> Process {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let stdout = Output::of(child.stdout.take());
        let stderr = Output::of(child.stderr.take());
        Process {
            name,
            child,
            stdout,
            stderr,
        }
    }

    /// One of the services, on a port of its own.
    pub fn listen(example: &str, args: &[&str]) -> Process {
        let args = [&["--listen", "127.0.0.1:0"], args].concat();
        Process::start(example, &args, &[])
    }

    /// Where it listens, as it says when it is ready.
    pub fn address(&self) -> SocketAddr {
        let line = eventually(&format!("{} listening", self.name), || {
            assert!(!self.stdout.is_closed(), "{self}");
            let stdout = self.stdout.text();
            stdout.split_once('\n').map(|(line, _)| line.to_owned())
        });
        let address = line.strip_prefix("listening on http://");
        let address = address.and_then(|address| address.parse().ok());
        address.unwrap_or_else(|| panic!("{line:?}"))
    }

    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until it has ended by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let status = eventually(&format!("the end of {}", self.name), || {
            self.child.try_wait().expect("a child can be waited for")
        });
        eventually("the end of the output", || {
            (self.stdout.is_closed() && self.stderr.is_closed()).then_some(())
        });
        status
    }

    /// Sends SIGTERM.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("TERM")
    }

    /// Sends a signal and waits for the end.
    pub fn signal(&mut self, name: &str) -> ExitStatus {
        // The shell's own `kill` is there even where no program of that name is installed.
        let sent = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name])
            .arg(self.child.id().to_string())
            .status()
            .expect("sh runs");
        assert!(sent.success(), "no SIG{name} for {self}");
        self.ended()
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, stdout, stderr) = (&self.name, self.stdout(), self.stderr());
        write!(f, "{name}\n--- stdout\n{stdout}--- stderr\n{stderr}")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only for a process that has already been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("{self}");
        }
    }
}

/// What a process prints, read as it comes.
struct Output {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Output {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Output {
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let to = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let Some(mut pipe) = pipe else { return };
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = pipe.read(&mut buffer) {
                let mut to = to.lock().unwrap_or_else(PoisonError::into_inner);
                to.extend_from_slice(&buffer[..read]);
            }
        });
        Output { bytes, reader }
    }

    fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn is_closed(&self) -> bool {
        self.reader.is_finished()
    }
}

/// Runs an example that must end with status 2, print nothing on stdout, and say why.
pub fn refused(example: &str, args: &[&str]) -> String {
    let mut process = Process::start(example, args, &[]);
    let status = process.ended();
    assert_eq!(status.code(), Some(2), "{args:?}: {process}");
    assert_eq!(process.stdout(), "", "{args:?}");
    process.stderr()
}

/// An example, configured by nothing but these arguments.
pub fn command(example: &str, args: &[&str]) -> Command {
    let mut command = Command::new(path_of(example));
    for (name, _) in std::env::vars_os() {
        let shown = name.to_string_lossy();
        if CONFIGURES.iter().any(|prefix| shown.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.args(args);
    command
}

/// The examples lie beside the directory of the test's own executable.
fn path_of(example: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let profile = test.ancestors().nth(2).expect("a target directory");
    let path = profile
        .join("examples")
        .join(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.is_file(),
        "{} is not there; `cargo build --examples --all-features` makes it",
        path.display()
    );
    path
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

pub fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    let lines: String = lines.collect();
    let request = format!("GET {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n{lines}\r\n");
    exchange(address, request.as_bytes())
}

pub fn post(address: SocketAddr, path: &str, body: &str) -> Answer {
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    exchange(address, request.as_bytes())
}

/// Sends a request that closes the connection, and reads to its end.
pub fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = send(address, request);
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .unwrap_or_else(|error| panic!("no answer from {address}: {error}"));
    let answer = String::from_utf8_lossy(&answer);
    let parts = answer.split_once("\r\n\r\n");
    let (head, body) = parts.unwrap_or_else(|| panic!("no head in {answer:?}"));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("no status in {head:?}")),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// Sends a request and reads its answer on a connection that stays open.
pub fn keep_alive(address: SocketAddr, path: &str) -> TcpStream {
    let request = format!("GET {path} HTTP/1.1\r\nhost: shop\r\n\r\n");
    let mut stream = send(address, request.as_bytes());
    let mut answer = Vec::new();
    // All answers are JSON objects, and end so.
    while !answer.ends_with(b"]}") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("an answer");
        answer.extend_from_slice(&byte);
    }
    stream
}

fn send(address: SocketAddr, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).expect("a connection");
    stream.set_read_timeout(Some(LIMIT)).expect("a deadline");
    stream.write_all(request).expect("the request is sent");
    stream
}
