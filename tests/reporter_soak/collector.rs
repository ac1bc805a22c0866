//! The collector, in a separate process so that it can be killed at any moment.

use crate::LONG;
use std::{
    collections::HashSet,
    env,
    hash::{DefaultHasher, Hasher},
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{self, Child, Command, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// The variable with the port on which the process listens.
const PORT: &str = "TOWER_B3_SOAK_PORT";

/// The process of the collector. Does nothing unless `soak` has started it.
#[test]
fn process() {
    let Ok(port) = env::var(PORT) else { return };
    let port: u16 = port.parse().unwrap();
    // The pipe closes when the test ends.
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        process::exit(0);
    });
    let start = Instant::now();
    // The previous collector may not have exited yet.
    let listener = loop {
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(listener) => break listener,
            Err(error) => assert!(start.elapsed() < LONG, "{error}"),
        }
        thread::sleep(Duration::from_millis(1));
    };
    for stream in listener.incoming().flatten() {
        thread::spawn(move || collect(stream));
    }
}

/// Prints to standard error what it is about to acknowledge.
fn collect(stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(64 * 1024, stream);
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let header = line.trim_end().to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            if header.is_empty() {
                break;
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body)?;
        let mut hasher = DefaultHasher::new();
        hasher.write(&body);
        let line = format!("ack {} {}\n", hasher.finish(), count_spans(&body));
        io::stderr().write_all(line.as_bytes())?;
        reader
            .get_mut()
            .write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")?;
    }
}

/// Quotes in text are escaped, so the pattern only matches the start of a span.
fn count_spans(json: &[u8]) -> usize {
    const FIRST: &[u8] = br#"{"traceId":""#;
    let objects = json.iter().enumerate().filter(|(_, byte)| **byte == b'{');
    objects
        .filter(|(at, _)| json[*at..].starts_with(FIRST))
        .count()
}

/// A process that runs the test `process`, and the acknowledgements that it printed.
pub struct Collector {
    process: Child,
    printed: JoinHandle<Vec<(u64, u64)>>,
}

impl Collector {
    pub fn start(port: u16) -> Collector {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--exact", "collector::process", "--nocapture"])
            .env(PORT, port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let printed = thread::spawn(move || {
            let acknowledged = |line: io::Result<String>| {
                let line = line.ok()?;
                let mut words = line.strip_prefix("ack ")?.split(' ');
                let mut number = || words.next()?.parse().ok();
                Some((number()?, number()?))
            };
            lines.filter_map(acknowledged).collect()
        });
        Collector { process, printed }
    }

    pub fn kill(mut self) -> Vec<(u64, u64)> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.printed.join().unwrap()
    }
}

/// What all collectors have acknowledged.
#[derive(Default)]
pub struct Acknowledged {
    pub messages: HashSet<u64>,
    pub spans: u64,
    /// Messages that were sent again because the collector was killed before the reporter read
    /// its acknowledgement.
    pub again: u64,
    pub kills: u64,
}

impl Acknowledged {
    pub fn add(&mut self, printed: Vec<(u64, u64)>) {
        for (at, (message, spans)) in printed.into_iter().enumerate() {
            if self.messages.insert(message) {
                self.spans += spans;
            } else {
                // Only one message is in flight, and the next collector receives it first.
                assert_eq!(at, 0, "a message was sent twice without a kill in between");
                self.again += 1;
            }
        }
    }
}

/// A free port outside the range of ephemeral ports.
pub fn port() -> u16 {
    let first = 20_000 + (process::id() % 10_000) as u16;
    let mut ports = first..first + 1_000;
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.find(free).expect("a free port")
}
