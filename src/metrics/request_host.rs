//! The host that a request is for.

use crate::hosts;
use http::{HeaderMap, Uri, header::HOST, uri::Scheme};
use std::borrow::Cow;

/// By the header `host`, which a proxy goes by, or else by the URI. Empty if neither says.
#[inline]
pub(super) fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> &'a str {
    host_header(headers)
        .or_else(|| authority(uri))
        .unwrap_or_default()
}

/// By the URI alone, for a request without a header `host`.
pub(super) fn host_of_uri(uri: &Uri) -> &str {
    authority(uri).unwrap_or_default()
}

/// Host and port that a client sends a request to, as OpenTelemetry names servers: by its URI, or else by
/// its header `host`.
pub(super) fn server_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Cow<'a, str> {
    let server = authority(uri).or_else(|| host_header(headers));
    with_port(server.unwrap_or_default(), uri)
}

fn host_header(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(HOST)?.to_str().ok()?;
    Some(host).filter(|host| !host.is_empty())
}

fn authority(uri: &Uri) -> Option<&str> {
    uri.authority().map(|authority| authority.as_str())
}

/// The authority with the port that its URI's scheme stands for, if it has none.
fn with_port<'a>(authority: &'a str, uri: &Uri) -> Cow<'a, str> {
    let default = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => 443,
        Some(scheme) if *scheme == Scheme::HTTP => 80,
        _ => return Cow::Borrowed(authority),
    };
    match hosts::split_port(authority) {
        (_, None) => Cow::Owned(format!("{authority}:{default}")),
        _ => Cow::Borrowed(authority),
    }
}
