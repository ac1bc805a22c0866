//! `RequestHead`: what user code (samplers, predicates, functions that name spans) sees of a request.

use http::{Extensions, HeaderMap, Method, Request, Uri, Version};

/// `: ` and the line break of a header, as HTTP/1.1 writes it.
pub(crate) const HEADER_SEPARATORS: usize = 4;

/// The head of a request: everything but its body.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    method: &'a Method,
    uri: &'a Uri,
    version: Version,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
    /// Whether the peer may say in `x-forwarded-proto` which scheme its own client has used.
    trusts_forwarded_proto: bool,
}

impl<'a> RequestHead<'a> {
    /// Borrows the head of a request.
    pub fn of<B>(request: &'a Request<B>) -> RequestHead<'a> {
        RequestHead {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            headers: request.headers(),
            extensions: request.extensions(),
            trusts_forwarded_proto: false,
        }
    }

    pub(crate) fn trust_forwarded_proto(mut self, trust: bool) -> RequestHead<'a> {
        self.trusts_forwarded_proto = trust;
        self
    }

    pub(crate) fn trusts_forwarded_proto(&self) -> bool {
        self.trusts_forwarded_proto
    }

    /// The method.
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// The URI.
    pub fn uri(&self) -> &'a Uri {
        self.uri
    }

    /// The path of the URI, without the query.
    pub fn path(&self) -> &'a str {
        self.uri.path()
    }

    /// The HTTP version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The headers.
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The extensions.
    pub fn extensions(&self) -> &'a Extensions {
        self.extensions
    }
}
