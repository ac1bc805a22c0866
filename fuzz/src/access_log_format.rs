//! Properties of any format of an access log: a line is what a slow reader written from Envoy's
//! documentation makes of it, and JSON is valid, on one line, and has the same values.

use crate::serving::headers;
use http::{HeaderMap, HeaderName, Request, Response};
use http_body_util::Empty;
use std::{
    convert::Infallible,
    future::ready,
    io::{self, Write},
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Mode, Tracer,
    access_log::{AccessLog, AccessLogFormat, JsonFormat},
};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Input: a format on the first line, and below it a request's headers.
pub fn access_log_format(input: &[u8]) {
    let mut lines = input.split(|&byte| byte == b'\n');
    let Ok(text) = std::str::from_utf8(lines.next().unwrap_or_default()) else {
        return;
    };
    let headers = headers(lines, &["x-request-id"]);
    let json = JsonFormat::object([("value", text)]);
    let (text_format, json_format) =
        match (AccessLogFormat::text(text), AccessLogFormat::json(json)) {
            (Ok(text), Ok(json)) => (text, json),
            (Err(_), Ok(_)) if text.is_empty() => return,
            (Err(text), Err(json)) => {
                assert_eq!(text, json);
                return;
            }
            (text, json) => panic!("{text:?}, {json:?}"),
        };
    let line = line(text_format, &headers);
    assert!(line.ends_with(b"\n"));
    if let Some(expected) = model(text, &headers) {
        assert_eq!(&line[..line.len() - 1], expected, "{text:?}");
    }
    let json = self::line(json_format, &headers);
    let json = std::str::from_utf8(&json).expect("JSON is UTF-8");
    let json = json.strip_suffix('\n').expect("a line break");
    assert!(
        json.starts_with("{\"value\":") && json.ends_with('}'),
        "{json}"
    );
    assert!(!json.bytes().any(|byte| byte < b' '), "{json:?}");
}

fn line(format: AccessLogFormat, headers: &HeaderMap) -> Vec<u8> {
    let lines = Lines::default();
    let log = AccessLog::builder().format(format).writer(lines.clone());
    let log = log.start().unwrap();
    let tracer = Tracer::builder("webapp").mode(Mode::ForwardOnly);
    let tracer = tracer.observer(log.clone()).build().unwrap();
    let answer = |_| ready(Ok::<_, Infallible>(Response::new(Empty::<&[u8]>::new())));
    let mut service = tracer.server_layer().layer(service_fn(answer));
    let mut request = Request::get("/items?page=2").body(()).unwrap();
    *request.headers_mut() = headers.clone();
    let response = pin!(service.call(request));
    let Poll::Ready(Ok(response)) = response.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("the answer is ready");
    };
    drop(response);
    assert!(log.flush(Duration::from_secs(60)));
    let mut written = lines.0.lock().unwrap();
    std::mem::take(&mut written)
}

/// The line; `None` if it contains what this reader does not know. The format is valid.
fn model(format: &str, headers: &HeaderMap) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let mut rest = format;
    while let Some(percent) = rest.find('%') {
        line.extend_from_slice(&rest.as_bytes()[..percent]);
        rest = &rest[percent + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            line.push(b'%');
            rest = after;
            continue;
        }
        let end = rest.find('%').expect("a valid format");
        let operator = &rest[..end];
        match operator {
            "PROTOCOL" => line.extend_from_slice(b"HTTP/1.1"),
            "RESPONSE_CODE" => line.extend_from_slice(b"200"),
            "RESPONSE_FLAGS" | "ROUTE_NAME" | "UPSTREAM_HOST" => line.push(b'-'),
            _ => {
                let argument = operator.strip_prefix("REQ(")?;
                let (argument, length) = argument.split_once(')')?;
                let mut value = None;
                for name in argument.split('?') {
                    let name = name.to_ascii_lowercase();
                    value = value.or(match name.as_str() {
                        ":method" => Some(&b"GET"[..]),
                        ":path" => Some(&b"/items?page=2"[..]),
                        name if name.starts_with(':') => return None,
                        name => {
                            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
                            headers.get(name).map(|value| value.as_bytes())
                        }
                    });
                }
                let longest = match length.strip_prefix(':') {
                    Some(digits) => digits.parse().ok()?,
                    None => usize::MAX,
                };
                match value {
                    Some(value) => line.extend_from_slice(&value[..value.len().min(longest)]),
                    None => line.push(b'-'),
                }
            }
        }
        rest = &rest[end + 1..];
    }
    line.extend_from_slice(rest.as_bytes());
    Some(line)
}
