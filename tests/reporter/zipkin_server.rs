//! A scripted Zipkin collector over TCP.

use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, Weak},
    thread,
    time::{Duration, Instant},
};

/// What to do with a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// 202.
    Accept,
    /// 202, then the connection is closed without a `connection: close` header.
    AcceptAndClose,
    /// 202 after this time.
    AcceptLate(Duration),
    /// 202 with a body that never ends.
    AcceptWithoutEnd,
    /// This status, with these headers and this body.
    Status(u16, String, &'static str),
    /// The connection is reset before the request has been read.
    Reset,
    /// No response.
    Silence,
    /// A response that is not HTTP.
    Garbage,
    /// 400 if a span has this name, 202 otherwise.
    RejectNamed(&'static str),
    /// 413 if the body is larger, 202 otherwise.
    RejectOver(usize),
}

/// What the server has received.
#[derive(Debug, Default)]
pub struct Seen {
    /// How often each span was acknowledged, by id.
    pub acknowledged: BTreeMap<String, usize>,
    /// All requests.
    pub requests: Vec<Request>,
    pub connections: usize,
}

#[derive(Debug, Clone)]
pub struct Request {
    pub head: String,
    pub bytes: usize,
    pub spans: Vec<Value>,
    pub at: Instant,
}

struct State {
    seen: Seen,
    script: VecDeque<Answer>,
    otherwise: Answer,
    stopped: bool,
    streams: Vec<Weak<TcpStream>>,
}

#[derive(Clone)]
pub struct Server {
    pub address: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Server {
    /// A server that answers by the script, and then always in the same way.
    pub fn start(script: impl IntoIterator<Item = Answer>, otherwise: Answer) -> Server {
        Server::start_at("127.0.0.1:0".parse().unwrap(), script, otherwise)
    }

    pub fn start_at(
        address: SocketAddr,
        script: impl IntoIterator<Item = Answer>,
        otherwise: Answer,
    ) -> Server {
        // The previous server may still be closing its socket.
        let deadline = Instant::now() + Duration::from_secs(20);
        let listener = loop {
            match TcpListener::bind(address) {
                Ok(listener) => break listener,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            thread::yield_now();
        };
        let state = State {
            seen: Seen::default(),
            script: script.into_iter().collect(),
            otherwise,
            stopped: false,
            streams: Vec::new(),
        };
        let server = Server {
            address: listener.local_addr().unwrap(),
            state: Arc::new((Mutex::new(state), Condvar::new())),
        };
        let accepting = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                let mut state = accepting.lock();
                if state.stopped {
                    break;
                }
                state.seen.connections += 1;
                let stream = Arc::new(stream);
                state.streams.push(Arc::downgrade(&stream));
                drop(state);
                let serving = accepting.clone();
                thread::spawn(move || while serving.serve(&stream).unwrap_or(false) {});
            }
        });
        server
    }

    pub fn url(&self) -> String {
        format!("http://{}/api/v2/spans", self.address)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().unwrap()
    }

    pub fn set(&self, otherwise: Answer) {
        self.lock().otherwise = otherwise;
    }

    pub fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.lock().seen)
    }

    /// Waits until the condition holds.
    pub fn until(&self, what: &str, condition: impl Fn(&Seen) -> bool) {
        let (mutex, changed) = &*self.state;
        let state = mutex.lock().unwrap();
        let limit = Duration::from_secs(20);
        let (state, timeout) = changed
            .wait_timeout_while(state, limit, |state| !condition(&state.seen))
            .unwrap();
        assert!(
            !timeout.timed_out(),
            "{what}: {:?}",
            state.seen.requests.len()
        );
    }

    /// Closes all connections and accepts no more.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        for stream in state.streams.drain(..).filter_map(|s| s.upgrade()) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        let _ = TcpStream::connect(self.address);
    }

    fn next_answer(&self) -> Answer {
        let mut state = self.lock();
        let next = state.script.pop_front();
        next.unwrap_or_else(|| state.otherwise.clone())
    }

    /// Serves a request. Returns whether the connection stays open.
    fn serve(&self, mut stream: &TcpStream) -> io::Result<bool> {
        let Some(head) = read_head(stream)? else {
            return Ok(false);
        };
        let length = content_length(&head);
        let answer = self.next_answer();
        if let Answer::Reset = answer {
            // Closing a connection with unread bytes resets it.
            let mut some = vec![0; length / 2];
            stream.read_exact(&mut some)?;
            self.record(head, length, Vec::new(), false);
            return Ok(false);
        }
        let spans = read_spans(stream, &head, length)?;
        let (status, headers, text) = match &answer {
            Answer::Accept | Answer::AcceptAndClose | Answer::AcceptWithoutEnd => {
                (202, String::new(), "")
            }
            Answer::AcceptLate(time) => {
                thread::sleep(*time);
                (202, String::new(), "")
            }
            Answer::Status(status, headers, text) => (*status, headers.clone(), *text),
            Answer::RejectNamed(name) => {
                let bad = spans.iter().any(|span| span["name"] == *name);
                (if bad { 400 } else { 202 }, String::new(), "bad span")
            }
            Answer::RejectOver(max) => (if length > *max { 413 } else { 202 }, String::new(), ""),
            Answer::Silence => {
                self.record(head, length, spans, false);
                // Until the client closes the connection.
                let _ = stream.read(&mut [0]);
                return Ok(false);
            }
            Answer::Garbage => {
                self.record(head, length, spans, false);
                stream.write_all(b"\x16\x03\x01 this is not HTTP \r\n\r\n")?;
                return Ok(false);
            }
            Answer::Reset => unreachable!(),
        };
        self.record(head, length, spans, (200..300).contains(&status));
        let content = match answer {
            Answer::AcceptWithoutEnd => 1000,
            _ => text.len(),
        };
        let answered = format!(
            "HTTP/1.1 {status} Whatever\r\n{headers}content-length: {content}\r\n\r\n{text}"
        );
        stream.write_all(answered.as_bytes())?;
        if let Answer::AcceptAndClose = answer {
            stream.shutdown(Shutdown::Both)?;
            return Ok(false);
        }
        Ok(true)
    }

    fn record(&self, head: String, bytes: usize, spans: Vec<Value>, acknowledged: bool) {
        let mut state = self.lock();
        if acknowledged {
            for span in &spans {
                let id = span["id"].as_str().unwrap().to_owned();
                *state.seen.acknowledged.entry(id).or_default() += 1;
            }
        }
        state.seen.requests.push(Request {
            head,
            bytes,
            spans,
            at: Instant::now(),
        });
        drop(state);
        self.state.1.notify_all();
    }
}

/// The head of a request in lower case; `None` if the connection was closed.
fn read_head(mut stream: &TcpStream) -> io::Result<Option<String>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    Ok(Some(String::from_utf8(head).unwrap().to_ascii_lowercase()))
}

fn read_spans(mut stream: &TcpStream, head: &str, length: usize) -> io::Result<Vec<Value>> {
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    if head.contains("\r\ncontent-encoding: gzip\r\n") {
        body = super::unzip(&body);
    }
    Ok(serde_json::from_slice(&body).unwrap())
}

fn content_length(head: &str) -> usize {
    let length = head.split("content-length: ").nth(1).unwrap();
    length.split("\r\n").next().unwrap().parse().unwrap()
}
