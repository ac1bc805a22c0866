//! A collector's URL.

use super::address::{AddressError, check_authority, check_characters};
use http::Uri;
use std::fmt;

/// Why a URL cannot be used. The text does not show the URL, which may contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UrlError {
    Empty,
    Fragment,
    NoScheme,
    Scheme,
    Address(AddressError),
    Path,
}

impl From<AddressError> for UrlError {
    fn from(error: AddressError) -> UrlError {
        UrlError::Address(error)
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UrlError::Empty => "empty",
            UrlError::Fragment => "a fragment (#), which is never sent",
            UrlError::NoScheme => "no scheme: it must start with http:// or https://",
            UrlError::Scheme => "the scheme is neither http nor https",
            UrlError::Address(error) => return error.fmt(f),
            UrlError::Path => "a character in the path or the query that must be percent-encoded",
        })
    }
}

/// Parses an `http` or `https` URL. White space around it is ignored.
pub(crate) fn parse(url: &str) -> Result<Uri, UrlError> {
    let url = url.trim();
    if url.is_empty() {
        return Err(UrlError::Empty);
    }
    check_characters(url)?;
    if url.contains('#') {
        return Err(UrlError::Fragment);
    }
    let (scheme, rest) = url.split_once(':').ok_or(UrlError::NoScheme)?;
    if !rest.starts_with('/') {
        return Err(UrlError::NoScheme);
    }
    if !["http", "https"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        return Err(UrlError::Scheme);
    }
    let rest = rest.strip_prefix("//").ok_or(AddressError::NoHost)?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    check_authority(authority)?;
    url.parse().map_err(|_| UrlError::Path)
}

/// Whether it is a valid `https` URL.
#[cfg(feature = "config")]
pub(crate) fn is_https(url: &str) -> bool {
    parse(url).is_ok_and(|uri| uri.scheme_str() == Some("https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unambiguous_urls_are_accepted() {
        for url in [
            "http://zipkin",
            "http://zipkin/",
            "https://zipkin.istio-system.svc.cluster.local.:9411/api/v2/spans",
            "HTTP://10.0.0.1:1/",
            "http://[::1]:65535/a?b=c",
            "http://my_host:080?b",
            "http://zipkin/a@b:99999999",
            " http://zipkin:9411 ",
        ] {
            let parsed = parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            // The client reads the same port as was checked.
            let authority = parsed.authority().unwrap();
            assert_eq!(authority.port().is_some(), authority.port_u16().is_some());
        }
    }

    use AddressError::*;
    use UrlError::*;

    const REFUSED: &[(&str, UrlError)] = &[
        ("", Empty),
        (" ", Empty),
        ("http://a b/", Address(Character)),
        ("http://a/b c", Address(Character)),
        ("http://a\t/", Address(Character)),
        ("http://a\n:9411/", Address(Character)),
        ("http://zipkin.süd/", Address(NotAscii)),
        ("http://zipkin/ü", Address(NotAscii)),
        ("http://a\u{2044}b/", Address(NotAscii)),
        ("http://zipkin/a#b", Fragment),
        ("http://zipkin#@b/", Fragment),
        ("zipkin", NoScheme),
        ("zipkin:9411", NoScheme),
        ("zipkin:9411/api/v2/spans", NoScheme),
        ("/api/v2/spans", NoScheme),
        ("//zipkin/api/v2/spans", NoScheme),
        ("http:zipkin", NoScheme),
        ("unix:/run/zipkin.sock", Scheme),
        ("unix:///run/zipkin.sock", Scheme),
        ("ftp://zipkin/", Scheme),
        ("http:/zipkin", Address(NoHost)),
        ("http://me@zipkin/", Address(Credentials)),
        ("http://me:secret@zipkin/", Address(Credentials)),
        ("http://zipkin\\@b/", Address(Credentials)),
        ("http://zipkin:9411@b", Address(Credentials)),
        ("http://", Address(NoHost)),
        ("http:///a", Address(NoHost)),
        ("http://:9411/", Address(NoHost)),
        ("http://./", Address(NoHost)),
        ("http://a..b/", Address(Host)),
        ("http://a,b/", Address(Host)),
        ("http://a%2eb/", Address(Host)),
        ("http://a\\b/", Address(Host)),
        ("http://[::1]9411/", Address(Host)),
        ("http://fd00::1:9411/", Address(Brackets)),
        ("http://a:1:2/", Address(Brackets)),
        ("http://[::1/", Address(Ipv6)),
        ("http://[zipkin]/", Address(Ipv6)),
        ("http://[v1.a]/", Address(Ipv6)),
        ("http://[fe80::1%25eth0]/", Address(Zone)),
        ("http://[fe80::1%eth0]:9411/", Address(Zone)),
        ("http://127.1/", Address(Ipv4)),
        ("http://010.0.0.1/", Address(Ipv4)),
        ("http://2130706433/", Address(Ipv4)),
        ("http://0x7f000001/", Address(Ipv4)),
        ("http://256.0.0.1/", Address(Ipv4)),
        ("http://10.0.0.1./", Address(Ipv4)),
        ("http://zipkin:/", Address(EmptyPort)),
        ("http://zipkin:", Address(EmptyPort)),
        ("http://[::1]:/", Address(EmptyPort)),
        ("http://zipkin:0/", Address(Port)),
        ("http://zipkin:65536/", Address(Port)),
        ("http://127.0.0.1:94110/api/v2/spans", Address(Port)),
        ("http://zipkin:99999999999999999999/", Address(Port)),
        ("http://zipkin:+80/", Address(Port)),
        ("http://zipkin:-1/", Address(Port)),
        ("http://me:pass/word@zipkin/", Address(Port)),
        ("http://zipkin/<a>", Path),
    ];

    #[test]
    fn ambiguous_urls_are_refused() {
        for (url, error) in REFUSED {
            assert_eq!(parse(url), Err(*error), "{url}");
        }
    }
}
