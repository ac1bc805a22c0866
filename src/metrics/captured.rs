//! `Captured`: the parts of both heads that expressions read, kept until the end of the exchange.

use super::{plan::ComputedValues, request_host::host_of};
use crate::{head::RequestHead, observe::ResponseHead, text::cut};
use http::{HeaderMap, HeaderName};

/// A longer text is cut.
const MAX_TEXT: usize = 1024;

#[derive(Debug, Clone, Default)]
pub(super) struct Captured {
    /// With the query.
    pub(super) path: String,
    pub(super) host: String,
    pub(super) scheme: String,
    request_headers: Vec<(HeaderName, String)>,
    response_headers: Vec<(HeaderName, String)>,
    response_trailers: Vec<(HeaderName, String)>,
}

impl Captured {
    pub(super) fn of_request(head: &RequestHead<'_>, values: &dyn ComputedValues) -> Captured {
        let uri = head.uri();
        let path = uri.path_and_query().map_or("", |path| path.as_str());
        Captured {
            path: cut(path, MAX_TEXT).to_owned(),
            host: cut(host_of(uri, head.headers()), MAX_TEXT).to_owned(),
            scheme: uri.scheme_str().unwrap_or("http").to_owned(),
            request_headers: named(head.headers(), values.request_headers().iter()),
            response_headers: Vec::new(),
            response_trailers: Vec::new(),
        }
    }

    pub(super) fn add_response(&mut self, head: &ResponseHead<'_>, values: &dyn ComputedValues) {
        self.response_headers = named(head.headers(), values.response_headers().iter());
    }

    pub(super) fn add_trailers(&mut self, trailers: &HeaderMap, values: &dyn ComputedValues) {
        self.response_trailers = named(trailers, values.response_headers().iter());
    }

    pub(super) fn request_header(&self, name: &HeaderName) -> Option<&str> {
        find(&self.request_headers, name)
    }

    pub(super) fn response_header(&self, name: &HeaderName) -> Option<&str> {
        find(&self.response_headers, name)
    }

    pub(super) fn response_trailer(&self, name: &HeaderName) -> Option<&str> {
        find(&self.response_trailers, name)
    }
}

/// The named headers. A repeated one has all its values, separated by commas, as in Envoy.
pub(super) fn named<'a>(
    headers: &HeaderMap,
    names: impl Iterator<Item = &'a HeaderName>,
) -> Vec<(HeaderName, String)> {
    let found = names.filter_map(|name| {
        let mut values = headers.get_all(name).iter();
        let mut text = String::from_utf8_lossy(values.next()?.as_bytes()).into_owned();
        for value in values {
            text.push(',');
            text.push_str(&String::from_utf8_lossy(value.as_bytes()));
        }
        Some((name.clone(), cut(&text, MAX_TEXT).to_owned()))
    });
    found.collect()
}

pub(super) fn find<'a>(headers: &'a [(HeaderName, String)], name: &HeaderName) -> Option<&'a str> {
    let mut headers = headers.iter();
    let header = headers.find(|(other, _)| other == name);
    header.map(|(_, value)| value.as_str())
}
