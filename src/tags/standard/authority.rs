//! The host of a request, and header values as text.

use crate::{head::RequestHead, word_scan};
use http::{HeaderValue, header::HOST};
use std::borrow::Cow;

/// The host and port from the URI or the `Host` header, without credentials.
pub(crate) fn authority<'a>(head: &RequestHead<'a>) -> Cow<'a, str> {
    let host = match head.uri().authority() {
        Some(_) => None,
        None => head.headers().get(HOST),
    };
    authority_with_host(head, host)
}

/// As [`authority`], with a `Host` header that has already been looked up.
pub(super) fn authority_with_host<'a>(
    head: &RequestHead<'a>,
    host: Option<&'a HeaderValue>,
) -> Cow<'a, str> {
    let whole = match head.uri().authority() {
        Some(authority) => Cow::Borrowed(authority.as_str()),
        None => host.map_or(Cow::Borrowed(""), text),
    };
    if !word_scan::contains(whole.as_bytes(), b'@') {
        return whole;
    }
    match whole.rsplit_once('@') {
        Some((_, host)) => Cow::Owned(host.to_owned()),
        None => whole,
    }
}

/// The value of a header as text. Bytes that are not UTF-8 are replaced.
pub(in crate::tags) fn text(value: &HeaderValue) -> Cow<'_, str> {
    // Nearly all values are ASCII, which is checked faster than UTF-8.
    match value.to_str() {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(value.as_bytes()),
    }
}
