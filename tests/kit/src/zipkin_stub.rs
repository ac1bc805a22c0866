//! A stub of Zipkin.

use serde_json::Value;
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

/// A server that accepts all spans in Zipkin's JSON and keeps them.
#[derive(Clone)]
pub struct ZipkinStub {
    url: String,
    spans: Arc<Mutex<Vec<Value>>>,
}

impl ZipkinStub {
    /// Starts it on a free port; it ends with the process.
    pub fn start() -> ZipkinStub {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let stub = ZipkinStub {
            url: format!("http://{address}/api/v2/spans"),
            spans: Arc::default(),
        };
        let serving = stub.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                thread::spawn(move || serving.serve(&stream));
            }
        });
        stub
    }

    /// The URL that spans are sent to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The names of the spans it has acknowledged, sorted.
    pub fn span_names(&self) -> Vec<String> {
        let spans = self.spans();
        let names = spans.iter().map(|span| span["name"].as_str());
        let mut names: Vec<String> = names.flatten().map(str::to_owned).collect();
        names.sort();
        names
    }

    /// The spans it has acknowledged, in the order of their arrival.
    pub fn received(&self) -> Vec<Value> {
        self.spans().clone()
    }

    fn spans(&self) -> MutexGuard<'_, Vec<Value>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves a connection until it is closed.
    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        let (mut reader, mut writer) = (BufReader::new(stream), stream);
        loop {
            let mut length = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                let line = line.trim_end().to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("content-length: ") {
                    length = value.parse().expect("a length");
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            let spans: Vec<Value> = serde_json::from_slice(&body).expect("a list of spans");
            self.spans().extend(spans);
            writer.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")?;
        }
    }
}
