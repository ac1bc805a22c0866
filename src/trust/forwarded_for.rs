//! `x-forwarded-for`, as Envoy reads it.

use http::{HeaderMap, HeaderName, HeaderValue};
use std::net::IpAddr;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What a request's `x-forwarded-for` says, from the first address, which is the farthest from
/// here, to the last, which the nearest proxy added. `None` where there is no such header.
///
/// An IPv4-mapped address is an IPv4 one. An entry that is not an IP address and nothing else, but for white space around it, is `None`:
/// ports and brackets are not read. Lines are joined in their order; empty ones count for nothing.
pub(super) fn forwarded_for(
    headers: &HeaderMap,
) -> Option<impl Iterator<Item = Option<IpAddr>> + '_> {
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
