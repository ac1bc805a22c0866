//! [`HttpExchange`]: the attributes of a request and its response without layers.

use super::Expression;
use crate::{
    direction::Direction,
    metrics::{
        attributes::Attributes,
        captured::{find, named},
    },
    tags::protocol,
};
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri, Version, header};

/// The attributes of a request and its response alone.
pub(super) struct HttpExchange<'a> {
    method: &'a Method,
    uri: &'a Uri,
    version: Version,
    headers: &'a HeaderMap,
    /// Those that the expression reads.
    request_headers: Vec<(HeaderName, String)>,
    response_headers: Vec<(HeaderName, String)>,
    status: StatusCode,
}

impl<'a> HttpExchange<'a> {
    pub(super) fn new<A, B>(
        request: &'a Request<A>,
        response: &'a Response<B>,
        expression: &Expression,
    ) -> HttpExchange<'a> {
        HttpExchange {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            headers: request.headers(),
            request_headers: named(request.headers(), expression.request_headers()),
            response_headers: named(response.headers(), expression.response_headers()),
            status: response.status(),
        }
    }
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
        authority.or_else(|| self.headers.get(header::HOST)?.to_str().ok())
    }

    fn scheme(&self) -> Option<&str> {
        Some(self.uri.scheme_str().unwrap_or("http"))
    }

    fn request_header(&self, name: &HeaderName) -> Option<&str> {
        find(&self.request_headers, name)
    }

    fn response_header(&self, name: &HeaderName) -> Option<&str> {
        find(&self.response_headers, name)
    }

    fn request_id(&self) -> Option<&str> {
        self.headers.get("x-request-id")?.to_str().ok()
    }

    fn protocol(&self) -> Option<&str> {
        Some(protocol(self.version)).filter(|protocol| !protocol.is_empty())
    }

    fn response_code(&self) -> Option<u16> {
        Some(self.status.as_u16())
    }
}
