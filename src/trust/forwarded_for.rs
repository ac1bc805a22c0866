//! Reads `x-forwarded-for` as Envoy does.

use http::{HeaderMap, HeaderName, HeaderValue};
use std::net::IpAddr;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The entries of `x-forwarded-for`: the first is the client as the farthest proxy saw it, the last
/// was added by the nearest proxy. `None` if the header is absent.
///
/// An entry must be an IP address, white space around it aside; anything else, a port or brackets
/// included, is `None`. IPv4-mapped addresses are read as IPv4. Repeated headers are joined in their
/// order, empty ones are skipped.
pub(super) fn entries(headers: &HeaderMap) -> Option<impl Iterator<Item = Option<IpAddr>> + '_> {
    let lines = headers.get_all(FORWARDED_FOR);
    headers.contains_key(FORWARDED_FOR).then(|| {
        lines
            .iter()
            .map(HeaderValue::as_bytes)
            .filter(|line| !line.is_empty())
            .flat_map(|line| line.split(|byte| *byte == b','))
            .map(address)
    })
}

fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry.trim_ascii()).ok()?;
    let ip: IpAddr = text.parse().ok()?;
    Some(ip.to_canonical())
}
