//! Programs as child processes: started, watched and ended by a test.

use std::{
    fmt,
    io::Read,
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How long `eventually` waits.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The prefixes of the environment variables that configure the shop's programs.
const CONFIGURING: [&str; 5] = ["SHOP_", "OTEL_", "PROXY_CONFIG", "POD_", "RUST_LOG"];

/// Calls `probe` until it returns something; panics if that takes too long.
pub fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {TIMEOUT:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A running program. Dropping it kills it; if the test panics, its output is shown.
pub struct Process {
    name: String,
    child: Child,
    stdout: Output,
    stderr: Output,
}

impl Process {
    /// Starts the program at this path, with this environment beside the inherited one.
    pub fn start(program: &str, args: &[&str], environment: &[(&str, &str)]) -> Process {
        let mut command = command(program, args);
        command.envs(environment.iter().copied());
        Process::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))
    }

    /// Spawns a command. Standard output and error are captured if they are piped.
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

    /// Starts a service of the shop on a free port.
    pub fn listen(program: &str, args: &[&str]) -> Process {
        let args = [&["--listen", "127.0.0.1:0"], args].concat();
        Process::start(program, &args, &[])
    }

    /// Waits until a service listens, and returns the address that it printed.
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

    /// What it has printed on standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it has printed on standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until the process ends, without sending a signal.
    pub fn wait(&mut self) -> ExitStatus {
        let status = eventually(&format!("the end of {}", self.name), || {
            self.child.try_wait().expect("a child can be waited for")
        });
        eventually("the end of the output", || {
            (self.stdout.is_closed() && self.stderr.is_closed()).then_some(())
        });
        status
    }

    /// Sends SIGTERM and waits for the end.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("TERM")
    }

    /// Sends a signal, such as `TERM`, and waits for the end.
    pub fn signal(&mut self, name: &str) -> ExitStatus {
        // `kill` is a builtin of the shell: the program of that name may not be installed.
        let sent = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name])
            .arg(self.child.id().to_string())
            .status()
            .expect("sh runs");
        assert!(sent.success(), "no SIG{name} for {self}");
        self.wait()
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
        // Fails only if the process has already been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("{self}");
        }
    }
}

/// The output of a process, read by a thread as it is written.
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

/// Runs a program that must end with status 2, with an error message on standard error and nothing
/// on standard output. Returns the message.
pub fn refusal(program: &str, args: &[&str]) -> String {
    let mut process = Process::start(program, args, &[]);
    let status = process.wait();
    assert_eq!(status.code(), Some(2), "{args:?}: {process}");
    assert_eq!(process.stdout(), "", "{args:?}");
    process.stderr()
}

/// A command without the environment variables that would configure the shop's programs too.
pub fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let shown = name.to_string_lossy();
        if CONFIGURING.iter().any(|prefix| shown.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.args(args);
    command
}
