//! Hosts by name or address, and a list of them.

use crate::{digits::parse_digits, head::RequestHead, printable::quoted};
use http::{HeaderValue, header::HOST, uri::Authority};
use std::net::IpAddr;

/// Parses a host as an IP address, with or without the brackets of IPv6. An IPv4-mapped address
/// becomes an IPv4 address.
pub(crate) fn address(host: &str) -> Option<IpAddr> {
    if !may_be_address(host.as_bytes()) {
        return None;
    }
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let ip: IpAddr = bare.unwrap_or(host).parse().ok()?;
    Some(ip.to_canonical())
}

/// Whether a host begins as an address does: with a digit, a bracket, or a colon behind at most four
/// digits. Most hosts are names, which the parser refuses slowly.
fn may_be_address(host: &[u8]) -> bool {
    let by_first = matches!(host.first(), Some(b'0'..=b'9' | b'['));
    by_first || host.iter().take(5).any(|&byte| byte == b':')
}

/// Host and port of an authority; an IPv6 address keeps its brackets.
pub(crate) fn split_port(authority: &str) -> (&str, Option<u16>) {
    // A port is short, so that a loop from the end finds the colon sooner than `rsplit_once`.
    let colon = authority.bytes().rposition(|byte| byte == b':');
    let parts = colon.map(|at| (&authority[..at], &authority[at + 1..]));
    match parts {
        Some((host, port)) if !host.is_empty() && !port.ends_with(']') => {
            (host, parse_digits(port))
        }
        _ => (authority, None),
    }
}

/// A list of hosts.
#[derive(Debug, Clone)]
pub(crate) struct Hosts(Vec<Entry>);

#[derive(Debug, Clone)]
enum Entry {
    Address(IpAddr),
    /// In lower case, like a suffix. Neither ends with the dot of the root.
    Name(String),
    /// Matches all names that end with it. It starts with a dot.
    Suffix(String),
}

impl Hosts {
    /// Entries that are not hosts are left out, which is logged.
    pub(crate) fn new(entries: impl IntoIterator<Item = impl Into<String>>) -> Hosts {
        let entry = |text: String| {
            let entry = Entry::parse(&text);
            if entry.is_none() {
                let text = quoted(&text);
                tracing::warn!(
                    "propagate_only_to: {text} is not a host without a port, nor a suffix such as \
                     .svc.cluster.local, and no request is for it"
                );
            }
            entry
        };
        let entries = entries.into_iter().map(Into::into);
        Hosts(entries.filter_map(entry).collect())
    }

    /// Whether the host of the request is in the list. If both the URI and the header `host` name
    /// one, both must be in it, because a proxy may use either.
    pub(crate) fn contains(&self, head: &RequestHead<'_>) -> bool {
        let uri = head
            .uri()
            .authority()
            .map(|to| self.contains_host(to.host()));
        let headers = head.headers().get_all(HOST).iter();
        let headers = headers.map(|value| self.contains_header(value));
        let mut named = uri.into_iter().chain(headers).peekable();
        named.peek().is_some() && named.all(|listed| listed)
    }

    fn contains_header(&self, value: &HeaderValue) -> bool {
        let authority = Authority::try_from(value.as_bytes());
        authority.is_ok_and(|to| !to.as_str().contains('@') && self.contains_host(to.host()))
    }

    fn contains_host(&self, host: &str) -> bool {
        if let Some(ip) = address(host) {
            let same = |entry: &Entry| matches!(entry, Entry::Address(other) if *other == ip);
            return self.0.iter().any(same);
        }
        let Some(host) = name(host) else {
            return false;
        };
        self.0.iter().any(|entry| match entry {
            Entry::Address(_) => false,
            Entry::Name(name) => host.eq_ignore_ascii_case(name),
            Entry::Suffix(suffix) => {
                let start = host.len().checked_sub(suffix.len());
                let end = start.and_then(|start| host.get(start..));
                end.is_some_and(|end| end.eq_ignore_ascii_case(suffix))
            }
        })
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Entry> {
        let lower = |text: &str| text.to_ascii_lowercase();
        if let Some(ip) = address(text) {
            return Some(Entry::Address(ip));
        }
        match text.strip_prefix('.') {
            Some(rest) => Some(Entry::Suffix(format!(".{}", lower(name(rest)?)))),
            None => Some(Entry::Name(lower(name(text)?))),
        }
    }
}

/// A name without the dot of the root at its end; `None` where it is not one, because a label is
/// empty or there is something in it that a host does not have.
pub(crate) fn name(host: &str) -> Option<&str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let labels = host.split('.').all(|label| !label.is_empty());
    (labels && host.bytes().all(plain)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;
    use proptest::prelude::*;

    #[test]
    fn hosts_and_ports() {
        assert_eq!(split_port("catalog"), ("catalog", None));
        assert_eq!(split_port("catalog:80"), ("catalog", Some(80)));
        assert_eq!(split_port("catalog:http"), ("catalog", None));
        assert_eq!(split_port("[::1]:80"), ("[::1]", Some(80)));
        assert_eq!(split_port("[::1]"), ("[::1]", None));
        assert_eq!(split_port(":80"), (":80", None));
        assert_eq!(split_port(""), ("", None));
    }

    fn request(uri: &str, hosts: &[&str]) -> Option<Request<()>> {
        let request = Request::get(uri);
        let request = hosts
            .iter()
            .fold(request, |request, host| request.header(HOST, *host));
        request.body(()).ok()
    }

    #[track_caller]
    fn is_in(list: &[&str], uri: &str, hosts: &[&str]) -> bool {
        let request = request(uri, hosts).unwrap();
        Hosts::new(list.iter().copied()).contains(&RequestHead::of(&request))
    }

    #[test]
    fn a_host_is_found_however_it_is_written() {
        for (entry, uris) in [
            (
                "catalog",
                &[
                    "http://catalog",
                    "http://CATALOG:80",
                    "http://catalog.",
                    "http://catalog.:80/a",
                    "http://user:pw@catalog:1",
                ][..],
            ),
            ("Catalog.", &["http://catalog", "http://catalog.:80"]),
            (
                ".svc.cluster.local",
                &[
                    "http://a.svc.cluster.local",
                    "http://a.b.SVC.cluster.local.:80",
                ],
            ),
            (
                ".svc.cluster.local.",
                &["http://a.svc.cluster.local", "http://a.svc.cluster.local."],
            ),
            (
                "10.0.0.1",
                &[
                    "http://10.0.0.1:80",
                    "http://[::ffff:10.0.0.1]:80",
                    "http://[::ffff:a00:1]",
                ],
            ),
            (
                "::ffff:10.0.0.1",
                &["http://10.0.0.1", "http://[::ffff:10.0.0.1]"],
            ),
            ("[fd00::1]", &["http://[fd00::1]:80", "http://[FD00:0::1]"]),
            ("fd00::1", &["http://[fd00::1]"]),
        ] {
            for uri in uris {
                assert!(is_in(&[entry], uri, &[]), "{entry} {uri}");
                // As a header, for a client that knows where to send requests to.
                let authority: http::Uri = uri.parse().unwrap();
                let authority = authority.authority().unwrap().as_str();
                assert_eq!(
                    is_in(&[entry], "/", &[authority]),
                    !authority.contains('@'),
                    "{entry} {authority}"
                );
            }
        }
    }

    #[test]
    fn another_host_is_not_found() {
        for (entry, uri, hosts) in [
            ("catalog", "http://catalog.evil.example", &[][..]),
            ("catalog", "http://evil-catalog", &[]),
            ("catalog", "http://catalog..", &[]),
            ("catalog", "http://.catalog", &[]),
            ("catalog", "http://catalog@evil.example", &[]),
            ("catalog", "http://catalog:80@evil.example", &[]),
            ("catalog", "/", &[]),
            ("catalog", "/", &[""]),
            ("catalog", "/", &["catalog:80@evil.example"]),
            ("catalog", "/", &["evil.example@catalog"]),
            ("catalog", "/", &["catalog/evil.example"]),
            ("catalog", "/", &["catalog evil.example"]),
            ("catalog", "/", &["catalog", "evil.example"]),
            ("catalog", "http://catalog", &["evil.example"]),
            ("catalog", "http://evil.example", &["catalog"]),
            (".svc.cluster.local", "http://svc.cluster.local", &[]),
            (".svc.cluster.local", "http://.svc.cluster.local", &[]),
            (".svc.cluster.local", "http://a..svc.cluster.local", &[]),
            (".svc.cluster.local", "http://asvc.cluster.local", &[]),
            (
                ".svc.cluster.local",
                "http://a.svc.cluster.local.evil.example",
                &[],
            ),
            (".svc.cluster.local", "http://a.svc.cluster.local..", &[]),
            (".0.0.1", "http://10.0.0.1", &[]),
            ("10.0.0.1", "http://10.0.0.10", &[]),
            ("10.0.0.1", "http://10.0.0.1.evil.example", &[]),
            ("fd00::1", "http://[fd00::2]", &[]),
            // An entry that is not a host matches no request.
            ("", "/", &[]),
            ("", "/", &[""]),
            ("", "http://evil.example", &[]),
            (".", "http://evil.example", &[]),
            (".", "http://evil.example.", &[]),
            ("..", "http://evil.example..", &[]),
            ("catalog:80", "http://catalog:80", &[]),
            ("http://catalog", "http://catalog", &[]),
            ("user@catalog", "http://user@catalog", &[]),
            ("*", "http://evil.example", &[]),
        ] {
            assert!(!is_in(&[entry], uri, hosts), "{entry} {uri} {hosts:?}");
        }
        assert!(!is_in(&[], "http://catalog", &[]));
        assert!(is_in(&["", "catalog"], "http://catalog", &["catalog:80"]));
    }

    proptest! {
        #[test]
        fn only_listed_hosts_are_found(
            entry in "(\\.?[ab]{0,2}){0,3}\\.?",
            host in "(\\.?[abAB]{0,2}){0,4}\\.?(:[0-9]{0,2})?",
            header: bool,
        ) {
            let uri = format!("http://{host}/");
            let (uri, headers) = match header {
                true => ("/", vec![&*host]),
                false => (&*uri, vec![]),
            };
            let Some(request) = request(uri, &headers) else {
                return Ok(());
            };
            let listed = Hosts::new([&*entry]).contains(&RequestHead::of(&request));
            // Label by label, from the end.
            let labels = |name: &str| -> Vec<String> {
                let name = name.strip_suffix('.').unwrap_or(name).to_lowercase();
                name.split('.').rev().map(str::to_owned).collect()
            };
            let own = labels(host.split(':').next().unwrap());
            let suffix = entry.strip_prefix('.');
            let wanted = labels(suffix.unwrap_or(&entry));
            let whole = |labels: &[String]| labels.iter().all(|label| !label.is_empty());
            let expected = whole(&own) && whole(&wanted) && match suffix {
                Some(_) => own.len() > wanted.len() && own.starts_with(&wanted),
                None => own == wanted,
            };
            prop_assert_eq!(listed, expected);
        }

        #[test]
        fn every_address_is_read(
            address in "(\\[)?([0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(\\])?|([0-9]{1,3}\\.){3}[0-9]{1,3}",
            ip: IpAddr,
        ) {
            let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            let parsed: Option<IpAddr> = bare.unwrap_or(&address).parse().ok();
            prop_assert_eq!(super::address(&address), parsed.map(|ip| ip.to_canonical()));
            prop_assert_eq!(super::address(&ip.to_string()), Some(ip.to_canonical()));
            prop_assert_eq!(super::address(&format!("[{ip}]")), Some(ip.to_canonical()));
        }

        #[test]
        fn no_header_makes_it_panic(host in proptest::collection::vec(any::<u8>(), 0..20)) {
            if let Ok(value) = HeaderValue::from_bytes(&host) {
                Hosts::new([".a", "a"]).contains_header(&value);
            }
        }
    }
}
