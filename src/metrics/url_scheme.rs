//! `UrlScheme`: the label `url_scheme` of OpenTelemetry's metrics.

use crate::{head::RequestHead, tags};

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

    /// The scheme of a request to a server.
    pub(super) fn of(request: &RequestHead<'_>) -> UrlScheme {
        let scheme = tags::scheme(request);
        if scheme.eq_ignore_ascii_case("http") {
            UrlScheme::Http
        } else if scheme.eq_ignore_ascii_case("https") {
            UrlScheme::Https
        } else {
            UrlScheme::Other
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
