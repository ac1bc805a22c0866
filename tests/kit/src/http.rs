//! A blocking HTTP/1.1 client that uses nothing but a socket.

use serde_json::Value;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// How long a connection and each read may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A response whose body is text.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    head: String,
    body: String,
}

impl Response {
    /// The body.
    pub fn text(&self) -> &str {
        &self.body
    }

    /// The body, which must be JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// Sends a GET request with these headers.
pub fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Response {
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    let lines: String = lines.collect();
    let request = format!("GET {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n{lines}\r\n");
    exchange(address, request.as_bytes())
}

/// Sends a POST request with this body.
pub fn post(address: SocketAddr, path: &str, body: &str) -> Response {
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    exchange(address, request.as_bytes())
}

/// Sends these bytes, a request with `connection: close`, and reads until the connection ends.
pub fn exchange(address: SocketAddr, request: &[u8]) -> Response {
    let mut stream = send(address, request);
    let mut response = Vec::new();
    stream
        .read_to_end(&mut response)
        .unwrap_or_else(|error| panic!("no response from {address}: {error}"));
    let (head, body) = split(&response, b"\r\n\r\n").unwrap_or_else(|| {
        let response = String::from_utf8_lossy(&response);
        panic!("no head in {response:?}")
    });
    let head = String::from_utf8_lossy(head);
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let is_chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    Response {
        status: status.unwrap_or_else(|| panic!("no status in {head:?}")),
        body: String::from_utf8_lossy(&match is_chunked {
            true => joined(body),
            false => body.to_owned(),
        })
        .into_owned(),
        head: head.into_owned(),
    }
}

/// What stands before and behind a separator.
fn split<'a>(bytes: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut windows = bytes.windows(separator.len());
    let at = windows.position(|window| window == separator)?;
    Some((&bytes[..at], &bytes[at + separator.len()..]))
}

/// The contents of a body that came in chunks, without trailers.
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some((size, rest)) = split(chunks, b"\r\n") {
        let size = String::from_utf8_lossy(size);
        let size = usize::from_str_radix(&size, 16).unwrap_or_else(|_| panic!("a size: {size:?}"));
        if size == 0 {
            break;
        }
        body.extend_from_slice(&rest[..size]);
        chunks = &rest[size + 2..];
    }
    body
}

/// Sends a GET request and reads its response, a JSON object, on a connection that stays open.
pub fn keep_alive(address: SocketAddr, path: &str) -> TcpStream {
    let request = format!("GET {path} HTTP/1.1\r\nhost: shop\r\n\r\n");
    let mut stream = send(address, request.as_bytes());
    let mut response = Vec::new();
    // The lists that the shop returns end like this.
    while !response.ends_with(b"]}") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a response");
        response.extend_from_slice(&byte);
    }
    stream
}

/// Sends these bytes and returns the connection, from which nothing has been read.
pub fn send(address: SocketAddr, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT).expect("a connection");
    stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    stream.write_all(request).expect("the request is sent");
    stream
}
