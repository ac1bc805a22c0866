//! The bytes of a request and its response on the wire, as far as a layer can derive them.
//!
//! Envoy counts the bytes that it reads and writes. A layer sees neither, so this counts what hyper writes
//! as HTTP/1.1, chunk by chunk. For HTTP/2 it is an estimate, because headers are compressed and have no line
//! breaks.

use crate::{
    direction::Direction,
    head::RequestHead,
    observe::{BodyFraming, HeaderScan, line_bytes},
};
use http::{Method, StatusCode, Version};

const LINE_BREAK: u64 = 2;
/// `date: Thu, 26 Nov 2026 21:17:48 GMT` and a line break.
const DATE_HEADER: u64 = 37;
/// `content-length: ` and a line break.
const CONTENT_LENGTH_HEADER: u64 = 18;
/// `transfer-encoding: chunked` and a line break.
const CHUNKED_HEADER: u64 = 28;
/// `0` and two line breaks.
const LAST_CHUNK: u64 = 5;

/// The head of a message: its bytes, and what is written around its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct HeadSize {
    bytes: u64,
    framing: Framing,
    /// Whether the message has no body, whatever its headers are.
    has_no_body: bool,
}

/// What is written around a body beside the headers that the message has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Framing {
    #[default]
    Nothing,
    /// By the headers, the body is sent in chunks.
    Chunks,
    /// hyper adds the length of a body that is not empty.
    AddedLength,
    /// hyper adds the length, or chunks if it is not known.
    AddedLengthOrChunks,
}

impl HeadSize {
    pub(super) fn of_request(
        head: &RequestHead<'_>,
        direction: Direction,
        headers: &HeaderScan,
    ) -> HeadSize {
        let uri = head.uri();
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let target = match (uri.path_and_query(), head.method()) {
            (_, &Method::CONNECT) => authority.len(),
            (Some(path), _) => path.as_str().len().max(1),
            (None, _) => 1,
        };
        // Two spaces, `HTTP/1.1` and a line break.
        let line = (head.method().as_str().len() + target + 12) as u64;
        let host = match headers.host || authority.is_empty() {
            true => 0,
            false => line_bytes("host", authority.len()),
        };
        // A request that has arrived has all of its headers already.
        let added = match (direction, head.method()) {
            (Direction::Server, _) => Framing::Nothing,
            (Direction::Client, &(Method::GET | Method::HEAD | Method::CONNECT)) => {
                Framing::AddedLength
            }
            (Direction::Client, _) => Framing::AddedLengthOrChunks,
        };
        HeadSize::of(line + host, headers, head.version(), added)
    }

    pub(super) fn of_response(
        method: &Method,
        status: StatusCode,
        version: Version,
        direction: Direction,
        headers: &HeaderScan,
    ) -> HeadSize {
        // `HTTP/1.1 200 ` and a line break.
        let line = 15 + status.canonical_reason().map_or(0, str::len) as u64;
        let has_length = !status.is_informational()
            && status != StatusCode::NO_CONTENT
            && status != StatusCode::NOT_MODIFIED;
        let is_sent = direction == Direction::Server;
        let date = if is_sent && !headers.date {
            DATE_HEADER
        } else {
            0
        };
        let is_head = *method == Method::HEAD;
        let added = match has_length && is_sent {
            false => Framing::Nothing,
            true if is_head => Framing::AddedLength,
            true => Framing::AddedLengthOrChunks,
        };
        HeadSize {
            has_no_body: is_head || !has_length,
            ..HeadSize::of(line + date, headers, version, added)
        }
    }

    fn of(bytes: u64, headers: &HeaderScan, version: Version, added: Framing) -> HeadSize {
        let has_chunks = version <= Version::HTTP_11;
        let framing = match (headers.transfer_encoding, headers.content_length) {
            (true, _) if has_chunks => Framing::Chunks,
            (false, false) if has_chunks || added == Framing::Nothing => added,
            (false, false) => Framing::AddedLength,
            _ => Framing::Nothing,
        };
        HeadSize {
            bytes: bytes + headers.bytes + LINE_BREAK,
            framing,
            has_no_body: false,
        }
    }

    /// The bytes of the message with a body of so many bytes.
    pub(super) fn with_body(self, bytes: u64, body: BodyFraming) -> u64 {
        let length = |length| CONTENT_LENGTH_HEADER + digits(length);
        let chunks = match self.has_no_body {
            true => 0,
            false => body.chunk_lines + LAST_CHUNK,
        };
        let framing = match (self.framing, body.announced) {
            (Framing::Nothing, _) | (Framing::AddedLength, Some(0) | None) => 0,
            (Framing::AddedLength | Framing::AddedLengthOrChunks, Some(bytes)) => length(bytes),
            (Framing::Chunks, _) => chunks,
            (Framing::AddedLengthOrChunks, None) => CHUNKED_HEADER + chunks,
        };
        let body = if self.has_no_body { 0 } else { bytes };
        self.bytes + framing + body
    }
}

fn digits(number: u64) -> u64 {
    u64::from(number.checked_ilog10().unwrap_or(0)) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::chunk_lines;
    use http::{Request, Response};

    /// The head of a request as it was written.
    fn request(text: &str) -> Request<()> {
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let mut line = lines.next().unwrap().split(' ');
        let method = line.next().unwrap();
        let request = Request::builder().method(method).uri(line.next().unwrap());
        let request = lines.fold(request, |request, line| {
            let (name, value) = line.split_once(": ").unwrap();
            request.header(name, value)
        });
        request.body(()).unwrap()
    }

    fn written_request(head: &Request<()>, direction: Direction) -> HeadSize {
        let headers = HeaderScan::of(head.headers());
        HeadSize::of_request(&RequestHead::of(head), direction, &headers)
    }

    fn body(announced: Option<u64>, frames: &[u64]) -> (u64, BodyFraming) {
        let chunk_lines = frames.iter().map(|frame| chunk_lines(*frame)).sum();
        let framing = BodyFraming {
            announced,
            chunk_lines,
        };
        (frames.iter().sum(), framing)
    }

    #[test]
    fn a_received_request_has_the_bytes_that_were_written() {
        for (text, frames) in [
            (
                "GET /items?q=1 HTTP/1.1\r\nhost: catalog:80\r\nuser-agent: t/1\r\n\r\n",
                &[][..],
            ),
            (
                "POST /post HTTP/1.1\r\nhost: catalog\r\ncontent-length: 5\r\n\r\nhello",
                &[5],
            ),
            (
                "POST /post HTTP/1.1\r\nhost: catalog\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                &[5],
            ),
            (
                "POST /post HTTP/1.1\r\nhost: catalog\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n",
                &[5, 16],
            ),
            ("OPTIONS * HTTP/1.1\r\nhost: catalog\r\n\r\n", &[]),
        ] {
            let (bytes, framing) = body(None, frames);
            let size = written_request(&request(text), Direction::Server);
            assert_eq!(size.with_body(bytes, framing), text.len() as u64, "{text}");
        }
    }

    #[test]
    fn what_hyper_adds_to_a_request_is_counted() {
        let head = "/items?q=1 HTTP/1.1\r\nhost: catalog:80\r\n\r\n".len() as u64;
        for (method, announced, frames, added) in [
            ("POST", Some(12), &[12][..], "content-length: 12\r\n"),
            ("POST", Some(0), &[], "content-length: 0\r\n"),
            (
                "POST",
                None,
                &[12, 16],
                "transfer-encoding: chunked\r\nc\r\n\r\n10\r\n\r\n0\r\n\r\n",
            ),
            ("GET", Some(0), &[], ""),
            ("GET", None, &[], ""),
            ("GET", Some(12), &[12], "content-length: 12\r\n"),
        ] {
            let request = Request::builder().method(method);
            let request = request.uri("http://catalog:80/items?q=1").body(()).unwrap();
            let (bytes, framing) = body(announced, frames);
            let size = written_request(&request, Direction::Client).with_body(bytes, framing);
            let expected = method.len() as u64 + 1 + head + added.len() as u64 + bytes;
            assert_eq!(size, expected, "{method} {announced:?}");
        }
    }

    #[test]
    fn what_hyper_adds_to_a_response_is_counted() {
        let head = "HTTP/1.1 200 OK\r\nx-a: b\r\ndate: Thu, 26 Nov 2026 21:17:48 GMT\r\n\r\n";
        let chunks = "transfer-encoding: chunked\r\n3e8\r\n\r\n0\r\n\r\n";
        for (method, version, announced, frames, added, counts_body) in [
            (
                Method::GET,
                Version::HTTP_11,
                Some(1000),
                &[1000][..],
                "content-length: 1000\r\n",
                true,
            ),
            (
                Method::GET,
                Version::HTTP_11,
                Some(0),
                &[],
                "content-length: 0\r\n",
                true,
            ),
            (Method::GET, Version::HTTP_11, None, &[1000], chunks, true),
            (
                Method::HEAD,
                Version::HTTP_11,
                Some(1000),
                &[1000],
                "content-length: 1000\r\n",
                false,
            ),
            (Method::HEAD, Version::HTTP_11, Some(0), &[], "", false),
            (Method::HEAD, Version::HTTP_11, None, &[1000], "", false),
            (
                Method::GET,
                Version::HTTP_2,
                Some(1000),
                &[1000],
                "content-length: 1000\r\n",
                true,
            ),
            (Method::GET, Version::HTTP_2, None, &[1000], "", true),
        ] {
            let response = Response::builder().header("x-a", "b").body(()).unwrap();
            let headers = HeaderScan::of(response.headers());
            let (bytes, framing) = body(announced, frames);
            let size = HeadSize::of_response(
                &method,
                response.status(),
                version,
                Direction::Server,
                &headers,
            );
            let expected = (head.len() + added.len()) as u64 + if counts_body { bytes } else { 0 };
            assert_eq!(
                size.with_body(bytes, framing),
                expected,
                "{method} {version:?} {announced:?}"
            );
        }
    }

    #[test]
    fn nothing_is_added_to_a_received_response() {
        let text = "HTTP/1.1 200 OK\r\nx-a: b\r\n\r\n";
        let response = Response::builder().header("x-a", "b").body(()).unwrap();
        let headers = HeaderScan::of(response.headers());
        let (method, status) = (Method::GET, response.status());
        let size = HeadSize::of_response(
            &method,
            status,
            Version::HTTP_11,
            Direction::Client,
            &headers,
        );
        let (bytes, framing) = body(None, &[7]);
        assert_eq!(size.with_body(bytes, framing), text.len() as u64 + 7);
    }

    #[test]
    fn numbers_have_digits() {
        for number in [0, 1, 9, 10, 99, 100, 1_000, u64::MAX] {
            assert_eq!(digits(number), number.to_string().len() as u64);
        }
    }
}
