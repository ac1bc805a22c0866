//! How many bytes a request and its response take on the wire, as far as a layer can tell.
//!
//! Envoy counts what it reads and writes. A layer sees neither, so this counts what hyper writes as
//! HTTP/1.1: exactly, except for a body of unknown length, of which it assumes that it comes in one chunk.
//! For HTTP/2 it is an estimate, because headers are compressed and have no line breaks.

use crate::{direction::Direction, head::RequestHead};
use http::{HeaderMap, Method, StatusCode, Version};

/// `: ` and the line break of a header.
const HEADER: u64 = 4;
const LINE_BREAK: u64 = 2;
/// `date: Thu, 26 Nov 2026 21:17:48 GMT` and a line break.
const DATE_HEADER: u64 = 37;

/// The head of a message: its bytes, and what is missing of its framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct HeadSize {
    bytes: u64,
    /// hyper says how long the body is if nobody else did.
    adds_length: bool,
    /// Also if it is empty.
    adds_zero: bool,
    /// The body comes in chunks.
    is_chunked: bool,
}

/// The lines of some headers, and which of them there are.
#[derive(Default)]
struct Headers {
    bytes: u64,
    host: bool,
    date: bool,
    content_length: bool,
    transfer_encoding: bool,
}

impl Headers {
    /// In one pass: looking a name up costs more than comparing it with all that are there.
    fn of(headers: &HeaderMap) -> Headers {
        let mut found = Headers::default();
        for (name, value) in headers {
            let name = name.as_str();
            found.bytes += (name.len() + value.len()) as u64 + HEADER;
            match name {
                "host" => found.host = true,
                "date" => found.date = true,
                "content-length" => found.content_length = true,
                "transfer-encoding" => found.transfer_encoding = true,
                _ => {}
            }
        }
        found
    }
}

impl HeadSize {
    /// A request that has arrived has all of its headers already.
    pub(super) fn of_request(head: &RequestHead<'_>, direction: Direction) -> HeadSize {
        let uri = head.uri();
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let target = match (uri.path_and_query(), head.method()) {
            (_, &Method::CONNECT) => authority.len(),
            (Some(path), _) => path.as_str().len().max(1),
            (None, _) => 1,
        };
        // Two spaces, `HTTP/1.1` and a line break.
        let line = head.method().as_str().len() + target + 12;
        let headers = Headers::of(head.headers());
        let host = match headers.host || authority.is_empty() {
            true => 0,
            false => 4 + authority.len() as u64 + HEADER,
        };
        let size = HeadSize::of(line as u64 + host, headers, head.version());
        let is_sent = direction == Direction::Client;
        let may_be_bodiless = [Method::GET, Method::HEAD, Method::CONNECT].contains(head.method());
        HeadSize {
            adds_length: size.adds_length && is_sent,
            adds_zero: size.adds_length && is_sent && !may_be_bodiless,
            ..size
        }
    }

    /// The same request as a proxy would count it beside its application, which sees no metadata of peers:
    /// a server reads it from the wire before it is removed, and a client's is added behind the proxy.
    pub(super) fn with_metadata(self, bytes: u64, direction: Direction) -> HeadSize {
        let bytes = match direction {
            Direction::Server => self.bytes + bytes,
            Direction::Client => self.bytes.saturating_sub(bytes),
        };
        HeadSize { bytes, ..self }
    }

    pub(super) fn of_response(
        status: StatusCode,
        version: Version,
        headers: &HeaderMap,
    ) -> HeadSize {
        // `HTTP/1.1 200 ` and a line break.
        let line = 15 + status.canonical_reason().map_or(0, str::len) as u64;
        let headers = Headers::of(headers);
        let date = if headers.date { 0 } else { DATE_HEADER };
        let size = HeadSize::of(line + date, headers, version);
        let has_body = !status.is_informational()
            && status != StatusCode::NO_CONTENT
            && status != StatusCode::NOT_MODIFIED;
        HeadSize {
            adds_zero: size.adds_length && has_body,
            ..size
        }
    }

    /// The bytes of a response to `HEAD`. hyper may say how long the body would be, which is not counted.
    pub(super) fn alone(self) -> u64 {
        self.bytes
    }

    fn of(bytes: u64, headers: Headers, version: Version) -> HeadSize {
        let is_http1 = version <= Version::HTTP_11;
        HeadSize {
            bytes: bytes + headers.bytes + LINE_BREAK,
            adds_length: is_http1 && !headers.content_length && !headers.transfer_encoding,
            adds_zero: false,
            is_chunked: is_http1 && headers.transfer_encoding,
        }
    }

    /// The bytes of the message with its body.
    pub(super) fn with_body(self, body: u64) -> u64 {
        let framing = match body {
            0 if self.is_chunked => 5,
            0 if !self.adds_zero => 0,
            // `content-length: ` and a line break.
            body if self.adds_length => 18 + digits(body, 10),
            // The length, two line breaks; `0` and two line breaks at the end.
            body if self.is_chunked => digits(body, 16) + 4 + 5,
            _ => 0,
        };
        self.bytes + framing + body
    }
}

fn digits(mut number: u64, base: u64) -> u64 {
    let mut digits = 1;
    while number >= base {
        number /= base;
        digits += 1;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Request, Response};

    /// The head of a request as it was written, and the bytes of its body.
    fn request(text: &str) -> (Request<()>, u64) {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let mut line = lines.next().unwrap().split(' ');
        let method = line.next().unwrap();
        let request = Request::builder().method(method).uri(line.next().unwrap());
        let request = lines.fold(request, |request, line| {
            let (name, value) = line.split_once(": ").unwrap();
            request.header(name, value)
        });
        let body = match head.to_lowercase().contains("chunked") {
            false => body.len(),
            true => body.split("\r\n").skip(1).step_by(2).map(str::len).sum(),
        };
        (request.body(()).unwrap(), body as u64)
    }

    #[test]
    fn requests_have_the_bytes_that_were_written() {
        for text in [
            "GET /items?q=1 HTTP/1.1\r\nhost: catalog:80\r\nuser-agent: t/1\r\n\r\n",
            "POST /post HTTP/1.1\r\nhost: catalog\r\ncontent-length: 5\r\n\r\nhello",
            "POST /post HTTP/1.1\r\nhost: catalog\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nhost: catalog\r\n\r\n",
        ] {
            let (request, body) = request(text);
            let size =
                HeadSize::of_request(&RequestHead::of(&request), Direction::Server).with_body(body);
            assert_eq!(size, text.len() as u64, "{text}");
        }
    }

    #[test]
    fn what_hyper_adds_is_counted() {
        let request = Request::post("http://catalog:80/items?q=1")
            .body(())
            .unwrap();
        let written = "POST /items?q=1 HTTP/1.1\r\nhost: catalog:80\r\ncontent-length: 12\r\n\r\n";
        let size = HeadSize::of_request(&RequestHead::of(&request), Direction::Client);
        assert_eq!(size.with_body(12), written.len() as u64 + 12);
        // `content-length: 0`
        assert_eq!(size.with_body(0), written.len() as u64 - 1);
        let request = Request::get("http://catalog:80/items?q=1")
            .body(())
            .unwrap();
        let written = "GET /items?q=1 HTTP/1.1\r\nhost: catalog:80\r\n\r\n";
        let size = HeadSize::of_request(&RequestHead::of(&request), Direction::Client);
        assert_eq!(size.with_body(0), written.len() as u64);

        let response = Response::builder().header("x-a", "b").body(()).unwrap();
        let size = HeadSize::of_response(response.status(), response.version(), response.headers());
        let written = "HTTP/1.1 200 OK\r\nx-a: b\r\ncontent-length: 1000\r\n\
            date: Thu, 26 Nov 2026 21:17:48 GMT\r\n\r\n";
        assert_eq!(size.with_body(1000), written.len() as u64 + 1000);
        assert_eq!(size.with_body(0), written.len() as u64 - 3);
    }

    #[test]
    fn numbers_have_digits() {
        for (number, decimal, hexadecimal) in [
            (1, 1, 1),
            (9, 1, 1),
            (10, 2, 1),
            (16, 2, 2),
            (255, 3, 2),
            (1000, 4, 3),
        ] {
            assert_eq!(
                (digits(number, 10), digits(number, 16)),
                (decimal, hexadecimal)
            );
        }
    }
}
