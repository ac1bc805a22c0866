//! URLs of collectors, read strictly: what a client would read as another place than the one that
//! is written is an error, since credentials go there too.

use crate::{digits::parse_digits, hosts};
use http::Uri;
use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

/// Why a URL, or the host and the port in it, cannot be used. It never repeats the URL, which may
/// contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UrlError {
    Empty,
    Character,
    NotAscii,
    Fragment,
    NoScheme,
    Scheme,
    Credentials,
    NoHost,
    Host,
    Brackets,
    Ipv6,
    Zone,
    Ipv4,
    EmptyPort,
    NoPort,
    Port,
    Path,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UrlError::Empty => "empty",
            UrlError::Character => "a space or a control character in the URL",
            UrlError::NotAscii => {
                "a character that is not ASCII: a host is written in Punycode, a path \
                 percent-encoded"
            }
            UrlError::Fragment => "a fragment (#), which is never sent",
            UrlError::NoScheme => "no scheme: it begins with http://",
            UrlError::Scheme => "the scheme is neither http nor https",
            UrlError::Credentials => "credentials in the URL",
            UrlError::NoHost => "no host",
            UrlError::Host => "the host is not a name or an IP address",
            UrlError::Brackets => "an IPv6 address needs brackets, as in [::1]:9411",
            UrlError::Ipv6 => "what is in brackets is not an IPv6 address",
            UrlError::Zone => "an IPv6 address with a zone, which is not supported",
            UrlError::Ipv4 => "the host ends in a number, but is not an IPv4 address",
            UrlError::EmptyPort => "a colon after the host, but no port",
            UrlError::NoPort => "no port after the host",
            UrlError::Port => "the port is not a number from 1 to 65535",
            UrlError::Path => "a character in the path or the query that must be percent-encoded",
        })
    }
}

/// Parses a URL of `http` or `https`; white space around it does not count.
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
    let rest = rest.strip_prefix("//").ok_or(UrlError::NoHost)?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    check_authority(authority)?;
    url.parse().map_err(|_| UrlError::Path)
}

/// Whether it is a URL that [`parse`] takes, of `https`.
#[cfg(feature = "config")]
pub(crate) fn is_https(url: &str) -> bool {
    parse(url).is_ok_and(|uri| uri.scheme_str() == Some("https"))
}

/// Checks a host, with a port or without.
pub(crate) fn check_authority(authority: &str) -> Result<(), UrlError> {
    check_host_and_port(authority, false)
}

/// Checks a host with a port.
#[cfg(any(feature = "config", feature = "kafka"))]
pub(crate) fn check_address(address: &str) -> Result<(), UrlError> {
    check_host_and_port(address, true)
}

fn check_host_and_port(text: &str, port_needed: bool) -> Result<(), UrlError> {
    check_characters(text)?;
    if text.contains('@') {
        return Err(UrlError::Credentials);
    }
    let (host, port) = split(text)?;
    check_host(host)?;
    match port {
        Some("") => Err(UrlError::EmptyPort),
        Some(port) => match parse_digits::<u16>(port) {
            Some(1..) => Ok(()),
            _ => Err(UrlError::Port),
        },
        None if port_needed => Err(UrlError::NoPort),
        None => Ok(()),
    }
}

/// The host and what follows a colon behind it.
fn split(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    let end = match authority.starts_with('[') {
        true => authority.find(']').map(|at| at + 1),
        false => Some(authority.find(':').unwrap_or(authority.len())),
    };
    let (host, rest) = authority.split_at(end.ok_or(UrlError::Ipv6)?);
    match rest.strip_prefix(':') {
        Some(port) if port.contains(':') => Err(UrlError::Brackets),
        Some(port) => Ok((host, Some(port))),
        None if rest.is_empty() => Ok((host, None)),
        None => Err(UrlError::Host),
    }
}

/// Checks a name or an IP address, IPv6 in brackets.
fn check_host(host: &str) -> Result<(), UrlError> {
    if let Some(ip) = host.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')) {
        return match ip.parse::<Ipv6Addr>() {
            Ok(_) => Ok(()),
            Err(_) if ip.contains('%') => Err(UrlError::Zone),
            Err(_) => Err(UrlError::Ipv6),
        };
    }
    if matches!(host, "" | ".") {
        return Err(UrlError::NoHost);
    }
    let name = hosts::name(host).ok_or(UrlError::Host)?;
    // The system's resolver reads `010.0.0.1` as 8.0.0.1, and `127.1` and `0x7f000001` as 127.0.0.1.
    let last = name.rsplit('.').next().unwrap_or_default();
    let hex = last
        .get(..2)
        .is_some_and(|start| start.eq_ignore_ascii_case("0x"));
    let number = hex || last.bytes().all(|byte| byte.is_ascii_digit());
    if number && host.parse::<Ipv4Addr>().is_err() {
        return Err(UrlError::Ipv4);
    }
    Ok(())
}

fn check_characters(text: &str) -> Result<(), UrlError> {
    if !text.is_ascii() {
        Err(UrlError::NotAscii)
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Err(UrlError::Character)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_mean_what_they_say() {
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
            // What the client makes of it is what was checked.
            let authority = parsed.authority().unwrap();
            assert_eq!(authority.port().is_some(), authority.port_u16().is_some());
        }
    }

    #[test]
    fn urls_that_do_not() {
        use UrlError::*;
        for (url, error) in [
            ("", Empty),
            (" ", Empty),
            ("http://a b/", Character),
            ("http://a/b c", Character),
            ("http://a\t/", Character),
            ("http://a\n:9411/", Character),
            ("http://zipkin.süd/", NotAscii),
            ("http://zipkin/ü", NotAscii),
            ("http://a\u{2044}b/", NotAscii),
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
            ("http:/zipkin", NoHost),
            ("http://me@zipkin/", Credentials),
            ("http://me:secret@zipkin/", Credentials),
            ("http://zipkin\\@b/", Credentials),
            ("http://zipkin:9411@b", Credentials),
            ("http://", NoHost),
            ("http:///a", NoHost),
            ("http://:9411/", NoHost),
            ("http://./", NoHost),
            ("http://a..b/", Host),
            ("http://a,b/", Host),
            ("http://a%2eb/", Host),
            ("http://a\\b/", Host),
            ("http://[::1]9411/", Host),
            ("http://fd00::1:9411/", Brackets),
            ("http://a:1:2/", Brackets),
            ("http://[::1/", Ipv6),
            ("http://[zipkin]/", Ipv6),
            ("http://[v1.a]/", Ipv6),
            ("http://[fe80::1%25eth0]/", Zone),
            ("http://[fe80::1%eth0]:9411/", Zone),
            ("http://127.1/", Ipv4),
            ("http://010.0.0.1/", Ipv4),
            ("http://2130706433/", Ipv4),
            ("http://0x7f000001/", Ipv4),
            ("http://256.0.0.1/", Ipv4),
            ("http://10.0.0.1./", Ipv4),
            ("http://zipkin:/", EmptyPort),
            ("http://zipkin:", EmptyPort),
            ("http://[::1]:/", EmptyPort),
            ("http://zipkin:0/", Port),
            ("http://zipkin:65536/", Port),
            ("http://127.0.0.1:94110/api/v2/spans", Port),
            ("http://zipkin:99999999999999999999/", Port),
            ("http://zipkin:+80/", Port),
            ("http://zipkin:-1/", Port),
            ("http://me:pass/word@zipkin/", Port),
            ("http://zipkin/<a>", Path),
        ] {
            assert_eq!(parse(url), Err(error), "{url}");
        }
    }

    #[cfg(any(feature = "config", feature = "kafka"))]
    #[test]
    fn an_address_has_a_host_and_a_port() {
        for address in ["zipkin:9411", "[::1]:1", "10.0.0.1:65535"] {
            assert_eq!(check_address(address), Ok(()), "{address}");
        }
        assert_eq!(check_address("zipkin"), Err(UrlError::NoPort));
        assert_eq!(check_address("[::1]"), Err(UrlError::NoPort));
        assert_eq!(check_address("zipkin:"), Err(UrlError::EmptyPort));
        assert_eq!(check_address("zipkin:9411/"), Err(UrlError::Port));
        assert_eq!(check_address("http://zipkin"), Err(UrlError::Port));
    }
}
