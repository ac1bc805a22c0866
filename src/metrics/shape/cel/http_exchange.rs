//! [`HttpExchange`]: a request and its response as an expression sees them, without layers.

use crate::{direction::Direction, metrics::attributes::Attributes, tags::protocol};
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri, Version, header};

/// What a request and its response say by themselves.
pub(super) struct HttpExchange<'a> {
    method: &'a Method,
    uri: &'a Uri,
    version: Version,
    request_headers: &'a HeaderMap,
    response_headers: &'a HeaderMap,
    status: StatusCode,
}

impl<'a> HttpExchange<'a> {
    pub(super) fn new<A, B>(
        request: &'a Request<A>,
        response: &'a Response<B>,
    ) -> HttpExchange<'a> {
        HttpExchange {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            request_headers: request.headers(),
            response_headers: response.headers(),
            status: response.status(),
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

impl Attributes for HttpExchange<'_> {
    fn direction(&self) -> Direction {
        Direction::Server
    }

    fn method(&self) -> Option<&str> {
        Some(self.method.as_str())
    }

    fn path(&self) -> Option<&str> {
        Some(self.uri.path_and_query().map_or("/", |path| path.as_str()))
    }

    fn host(&self) -> Option<&str> {
        let authority = self.uri.authority().map(|authority| authority.as_str());
        authority.or_else(|| text(self.request_headers, &header::HOST))
    }

    fn scheme(&self) -> Option<&str> {
        Some(self.uri.scheme_str().unwrap_or("http"))
    }

    fn request_header(&self, name: &HeaderName) -> Option<&str> {
        text(self.request_headers, name)
    }

    fn response_header(&self, name: &HeaderName) -> Option<&str> {
        text(self.response_headers, name)
    }

    fn request_id(&self) -> Option<&str> {
        self.request_headers.get("x-request-id")?.to_str().ok()
    }

    fn protocol(&self) -> Option<&str> {
        Some(protocol(self.version)).filter(|protocol| !protocol.is_empty())
    }

    fn response_code(&self) -> Option<u16> {
        Some(self.status.as_u16())
    }
}
