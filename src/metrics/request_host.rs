//! The host that a request is for.

use http::{HeaderMap, Uri, header::HOST};

/// By the header `host`, which a proxy goes by, or else by the URI. Empty if neither says.
pub(super) fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> &'a str {
    let header = headers.get(HOST);
    let header = header.and_then(|value| value.to_str().ok());
    let header = header.filter(|host| !host.is_empty());
    let authority = || uri.authority().map(|authority| authority.as_str());
    header.or_else(authority).unwrap_or_default()
}
