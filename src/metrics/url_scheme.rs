//! `UrlScheme`: the label `url_scheme` of OpenTelemetry's metrics.

use crate::head::RequestHead;

/// The label `url_scheme` of [`Naming::OpenTelemetry`](super::Naming::OpenTelemetry): the scheme of a
/// request's URL.
///
/// There are only three values, so that callers cannot invent series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum UrlScheme {
    /// `http`, also if the scheme is unknown.
    #[default]
    Http,
    /// `https`.
    Https,
    /// Any other, such as `wss`. It is reported as `_OTHER`, as OpenTelemetry reports unknown methods.
    Other,
}

impl UrlScheme {
    /// The value of the label.
    pub fn as_str(self) -> &'static str {
        match self {
            UrlScheme::Http => "http",
            UrlScheme::Https => "https",
            UrlScheme::Other => "_OTHER",
        }
    }

    /// The scheme of a request to a server. As OpenTelemetry says, this is the scheme that the original
    /// client has used, if it is known: the first entry of `x-forwarded-proto` of a trusted peer. Spans
    /// have the scheme of the URI first.
    pub(super) fn of(request: &RequestHead<'_>) -> UrlScheme {
        let forwarded = || {
            let header = request.headers().get("x-forwarded-proto")?;
            let first = header.as_bytes().split(|byte| *byte == b',').next()?;
            Some(first.trim_ascii()).filter(|first| is_scheme(first))
        };
        let forwarded = request.trusts_forwarded_proto().then(forwarded).flatten();
        let scheme = forwarded.or_else(|| request.uri().scheme_str().map(str::as_bytes));
        match scheme {
            None => UrlScheme::Http,
            Some(scheme) if scheme.eq_ignore_ascii_case(b"http") => UrlScheme::Http,
            Some(scheme) if scheme.eq_ignore_ascii_case(b"https") => UrlScheme::Https,
            Some(_) => UrlScheme::Other,
        }
    }

    /// Its number in the key of a series.
    pub(super) fn number(self) -> u8 {
        self as u8
    }

    pub(super) fn of_number(number: u8) -> UrlScheme {
        match number {
            0 => UrlScheme::Http,
            1 => UrlScheme::Https,
            _ => UrlScheme::Other,
        }
    }
}

/// Whether this can be a scheme, by RFC 3986.
fn is_scheme(text: &[u8]) -> bool {
    let is_scheme_byte = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    text.first().is_some_and(u8::is_ascii_alphabetic) && text.iter().all(is_scheme_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_has_a_number() {
        for scheme in [UrlScheme::Http, UrlScheme::Https, UrlScheme::Other] {
            assert_eq!(UrlScheme::of_number(scheme.number()), scheme);
        }
    }
}
