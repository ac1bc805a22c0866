//! Realistic requests of a server and of a client, with the headers of each scenario.

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, Uri,
    header::{
        ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT,
    },
};
use http_body_util::Full;
use std::{ops::Range, sync::LazyLock};

pub type Body = Full<Bytes>;

pub const TRACE_ID: &str = "463ac35c9f6413ad48485a3953bb6124";
pub const SPAN_ID: &str = "a2fb4a1d1a96d312";
pub const PARENT_ID: &str = "0020000000000001";

/// The headers of the request, the sampler's answer, and whether the handler calls another service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// `x-b3-*` with `x-b3-sampled: 1`; the sampler says no.
    In1,
    /// `x-b3-*` with `x-b3-sampled: 0`; the sampler says yes.
    In0,
    /// No trace headers; the sampler says no.
    None0,
    /// No trace headers; the sampler says yes.
    None1,
    /// `In1`, with a call through the client layer.
    Out1,
    /// `In0`, with a call through the client layer.
    Out0,
}

impl Scenario {
    pub const ALL: [Scenario; 6] = [
        Scenario::In1,
        Scenario::In0,
        Scenario::None0,
        Scenario::None1,
        Scenario::Out1,
        Scenario::Out0,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Scenario::In1 => "in1",
            Scenario::In0 => "in0",
            Scenario::None0 => "none0",
            Scenario::None1 => "none1",
            Scenario::Out1 => "out1",
            Scenario::Out0 => "out0",
        }
    }

    pub fn parse(name: &str) -> Option<Scenario> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// What the sampler decides. A decision in the request's headers overrides it.
    pub fn sampler_says_yes(self) -> bool {
        matches!(self, Scenario::In0 | Scenario::Out0 | Scenario::None1)
    }

    pub fn is_recorded(self) -> bool {
        matches!(self, Scenario::In1 | Scenario::Out1 | Scenario::None1)
    }

    pub fn calls_out(self) -> bool {
        matches!(self, Scenario::Out0 | Scenario::Out1)
    }
}

/// Twelve headers of a typical request behind a proxy.
const BASE: &str = "\
host: orders.shop.svc.cluster.local:8080\r\n\
user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
accept: application/json, text/plain, */*\r\n\
accept-encoding: gzip, deflate, br\r\n\
accept-language: en-GB,en;q=0.7,de;q=0.3\r\n\
content-type: application/json\r\n\
authorization: Bearer example-token-example-token-example-token-example-token-example-token-example-token-example-\r\n\
cookie: session=0f3c1d2e4b5a69788796a5b4c3d2e1f0; theme=dark\r\n\
x-forwarded-for: 203.0.113.195\r\n\
x-forwarded-proto: https\r\n\
x-tenant: acme\r\n\
cache-control: no-cache\r\n";

/// The five headers that a sidecar's tracing adds.
pub fn b3_multi(sampled: &str) -> String {
    format!(
        "x-request-id: 6f0b3f1e-6a0b-9d1c-8f3e-0d6b5a4c3e21\r\nx-b3-traceid: {TRACE_ID}\r\n\
         x-b3-spanid: {SPAN_ID}\r\nx-b3-parentspanid: {PARENT_ID}\r\nx-b3-sampled: {sampled}\r\n"
    )
}

/// The bytes of a request's head as received from the socket, and the positions of its parts.
pub struct Head {
    bytes: Vec<u8>,
    uri: Range<usize>,
    headers: Vec<(Range<usize>, Range<usize>)>,
}

impl Head {
    /// The twelve headers, and `more` as `name: value` lines.
    pub fn new(more: &str) -> Head {
        let text = format!("GET /orders/12345?expand=lines HTTP/1.1\r\n{BASE}{more}\r\n");
        let mut headers = Vec::new();
        let mut at = text.find("\r\n").expect("a request line") + 2;
        for line in text[at..].split_terminator("\r\n") {
            let Some((name, _)) = line.split_once(": ") else {
                break;
            };
            let value = at + name.len() + 2..at + line.len();
            headers.push((at..at + name.len(), value));
            at += line.len() + 2;
        }
        let uri = 4..4 + text[4..].find(' ').expect("a version");
        let bytes = text.into_bytes();
        Head {
            bytes,
            uri,
            headers,
        }
    }

    pub fn of(scenario: Scenario) -> Head {
        Head::new(&match scenario {
            Scenario::In1 | Scenario::Out1 => b3_multi("1"),
            Scenario::In0 | Scenario::Out0 => b3_multi("0"),
            Scenario::None0 | Scenario::None1 => String::new(),
        })
    }

    /// A request like those of hyper's HTTP/1 parser: the URI and values are slices of one buffer,
    /// and non-standard names are allocated separately.
    pub fn request<B>(&self, body: B) -> Request<B> {
        let mut buffer = BytesMut::with_capacity(self.bytes.len());
        buffer.extend_from_slice(&self.bytes);
        let buffer = buffer.split().freeze();
        let mut request = Request::new(body);
        *request.uri_mut() =
            Uri::from_maybe_shared(buffer.slice(self.uri.clone())).expect("a path");
        let headers = request.headers_mut();
        headers.reserve(24);
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(&buffer[name.clone()]).expect("a name");
            let value = HeaderValue::from_maybe_shared(buffer.slice(value.clone()));
            headers.append(name, value.expect("a value"));
        }
        request
    }

    pub fn headers(&self) -> HeaderMap {
        self.request(()).into_parts().0.headers
    }
}

/// The headers that a handler gives an outgoing request: constants and one configured value.
pub fn out_headers() -> HeaderMap {
    static TOKEN: LazyLock<HeaderValue> = LazyLock::new(|| {
        HeaderValue::from_str("Bearer service-account-token").expect("visible text")
    });
    let mut headers = HeaderMap::with_capacity(16);
    let fixed = HeaderValue::from_static;
    headers.insert(HOST, fixed("inventory.shop.svc.cluster.local:8080"));
    headers.insert(USER_AGENT, fixed("orders/1.4.2"));
    headers.insert(ACCEPT, fixed("application/json"));
    headers.insert(ACCEPT_ENCODING, fixed("gzip"));
    headers.insert(CONTENT_TYPE, fixed("application/json"));
    headers.insert(AUTHORIZATION, TOKEN.clone());
    headers
}

pub fn out_request<B>(body: B) -> Request<B> {
    static URI: LazyLock<Uri> = LazyLock::new(|| {
        Uri::from_static("http://inventory.shop.svc.cluster.local:8080/stock/987")
    });
    let mut request = Request::new(body);
    *request.uri_mut() = URI.clone();
    *request.headers_mut() = out_headers();
    request
}

/// The handler's response: a small JSON body, content-type and content-length.
pub fn response() -> Response<Body> {
    const ANSWER: &[u8] = br#"{"id":12345,"state":"shipped"}"#;
    let mut response = Response::new(Body::new(Bytes::from_static(ANSWER)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("30"));
    response
}
