//! The host that a request is for.

use crate::hosts;
use http::{HeaderMap, Uri, header::HOST, uri::Scheme};

/// From the header `host`, which a proxy uses, or else from the URI. Empty if neither has one.
#[inline]
pub(super) fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> &'a str {
    host_header(headers)
        .or_else(|| authority(uri))
        .unwrap_or_default()
}

/// From the URI alone, for a request without a header `host`.
pub(super) fn host_of_uri(uri: &Uri) -> &str {
    authority(uri).unwrap_or_default()
}

/// Writes host and port that a client sends a request to, as OpenTelemetry names servers: by its URI, or
/// else by its header `host`. The port is that of the URI's scheme if there is no other.
pub(super) fn write_server(uri: &Uri, headers: &HeaderMap, to: &mut String) {
    let server = authority(uri).or_else(|| host_header(headers));
    let server = server.unwrap_or_default();
    to.push_str(server);
    let default = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => ":443",
        Some(scheme) if *scheme == Scheme::HTTP => ":80",
        _ => return,
    };
    if let (_, None) = hosts::split_port(server) {
        to.push_str(default);
    }
}

fn host_header(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(HOST)?.to_str().ok()?;
    Some(host).filter(|host| !host.is_empty())
}

fn authority(uri: &Uri) -> Option<&str> {
    uri.authority().map(|authority| authority.as_str())
}
