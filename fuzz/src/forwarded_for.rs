//! Properties of trust by network, for any networks and any `x-forwarded-for`.

use crate::serving::span_of;
use http::{HeaderValue, Request};
use std::net::{IpAddr, SocketAddr};
use tower_b3::{Tracer, Trust, report::InMemoryReporter};

const TRACE: &str = "463ac35c9f6413ad48485a3953bb6124";

/// Input: a line with comma-separated networks, a line with the peer's address, a line with the
/// number of proxies, and then the headers.
pub fn forwarded_for(input: &[u8]) {
    let mut lines = input.split(|&byte| byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let networks: Vec<&str> = text().split(',').collect();
    let (peer, proxies) = (text().parse::<IpAddr>(), text().parse::<u8>());
    let values: Vec<HeaderValue> = lines
        .map_while(|line| HeaderValue::from_bytes(line).ok())
        .collect();

    let ranges: Option<Vec<Range>> = networks
        .iter()
        .map(|network| Range::read(network))
        .collect();
    let trusted = Trust::networks(&networks);
    assert_eq!(trusted.is_ok(), ranges.is_some(), "{networks:?}");
    let (Ok(trusted), Some(ranges), Ok(peer), Ok(proxies)) = (trusted, ranges, peer, proxies)
    else {
        return;
    };
    let spans = InMemoryReporter::default();
    let tracer = Tracer::builder("webapp")
        .reporter(spans.clone())
        .build()
        .unwrap();
    let layer = tracer
        .server_layer()
        .trust(trusted.trusted_hops(proxies.into()))
        .peer_address(move |_| Some(SocketAddr::new(peer, 80)));
    let mut request = Request::get("/").header("b3", format!("{TRACE}-a2fb4a1d1a96d312-1"));
    for value in &values {
        request = request.header("x-forwarded-for", value);
    }
    let span = span_of(&layer, &spans, request.body(()).unwrap());
    let is_believed = span.trace_id().to_string() == TRACE;
    let expected = believed(&ranges, peer, proxies.into(), &values);
    assert_eq!(
        is_believed, expected,
        "{networks:?} {peer} {proxies} {values:?}"
    );
}

/// The rules of the guide.
fn believed(ranges: &[Range], peer: IpAddr, proxies: usize, values: &[HeaderValue]) -> bool {
    let inside = |ip| ranges.iter().any(|range| range.holds(ip));
    if values.is_empty() || !inside(peer) {
        return inside(peer);
    }
    let values = values
        .iter()
        .map(HeaderValue::as_bytes)
        .filter(|value| !value.is_empty());
    let entries: Vec<&[u8]> = values
        .flat_map(|value| value.split(|&byte| byte == b','))
        .collect();
    let client = entries.first().and_then(|entry| {
        let text = std::str::from_utf8(entry.trim_ascii()).ok()?;
        text.parse().ok()
    });
    entries.len() == proxies && client.is_some_and(inside)
}

/// The first and the last address of a network, as IPv6 addresses.
struct Range(u128, u128);

/// IPv4 addresses are mapped into this range.
const MAPPED: u128 = 0xffff_0000_0000;

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => MAPPED | u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

fn is_mapped(number: u128) -> bool {
    number & !0xffff_ffff == MAPPED
}

impl Range {
    fn read(network: &str) -> Option<Range> {
        let (address, prefix) = network.split_once('/').unwrap_or((network, ""));
        let address: IpAddr = address.parse().ok()?;
        let bits: u32 = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            "" if !network.contains('/') => bits,
            digits if digits.chars().all(|digit| digit.is_ascii_digit()) => digits.parse().ok()?,
            _ => return None,
        };
        // The prefix of a mapped address includes the 96 bits before the IPv4 address.
        let counted = 128 - bits + prefix;
        if prefix > bits || is_mapped(number(address)) && counted < 96 {
            return None;
        }
        let rest = u128::MAX.checked_shr(counted).unwrap_or(0);
        let first = number(address) & !rest;
        Some(Range(first, first | rest))
    }

    fn holds(&self, ip: IpAddr) -> bool {
        let ip = number(ip);
        // A network of IPv6 addresses does not contain IPv4 addresses.
        (self.0..=self.1).contains(&ip) && (is_mapped(ip) == is_mapped(self.0))
    }
}
