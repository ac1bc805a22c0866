//! Trust by the peer's address and by `x-forwarded-for`.

use crate::{
    CALLER,
    common::{SPAN, TRACE, TestTracer, get},
    empty, serve_all,
};
use http::{HeaderMap, HeaderValue, Request};
use proptest::{collection::vec, prelude::*, sample::select};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tower_b3::{ServerLayer, Trust, TrustedNetworks};

/// `10.0.0.0/8` and `fd00::/8`.
fn networks() -> TrustedNetworks {
    Trust::networks(["10.0.0.0/8", "fd00::/8"]).unwrap()
}

/// Whether a request is trusted, that is, its trace is continued.
fn is_trusted(
    test: &TestTracer,
    layer: &ServerLayer,
    peer: Option<&str>,
    mut request: Request<()>,
) -> bool {
    let peer = peer.map(|ip| SocketAddr::new(ip.parse().unwrap(), 4711));
    let layer = layer.clone().peer_address(move |_| peer);
    request
        .headers_mut()
        .insert("b3", HeaderValue::from_static(&CALLER["b3: ".len()..]));
    serve_all(&layer, request, |_| empty());
    let span = test.spans.take_one();
    let joined = span.trace_id().to_string() == TRACE;
    let parent = span.parent_id().map(|id| id.to_string());
    assert_eq!(parent.as_deref(), joined.then_some(SPAN));
    joined
}

#[test]
fn the_peer_address_decides_without_x_forwarded_for() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer().trust(networks());
    for (peer, trusted) in [
        (Some("10.0.0.0"), true),
        (Some("10.255.255.255"), true),
        (Some("9.255.255.255"), false),
        (Some("11.0.0.0"), false),
        (Some("127.0.0.1"), false),
        (Some("fd00::1"), true),
        (Some("fdff::1"), true),
        (Some("fc00::1"), false),
        (Some("::1"), false),
        // Dual-stack sockets show IPv4 peers like this.
        (Some("::ffff:10.1.2.3"), true),
        (Some("::ffff:11.1.2.3"), false),
        (None, false),
    ] {
        let seen = is_trusted(&test, &layer, peer, get("/", ""));
        assert_eq!(seen, trusted, "{peer:?}");
    }
}

#[test]
fn an_empty_network_list_trusts_nobody_and_all_networks_trust_every_known_peer() {
    let test = TestTracer::new();
    let none = Trust::networks::<&str>([]).unwrap();
    let all = Trust::networks(["0.0.0.0/0", "::/0"]).unwrap();
    for (networks, trusted) in [(none, false), (all, true)] {
        let layer = test.tracer.server_layer().trust(networks);
        for peer in ["10.0.0.1", "203.0.113.9", "2001:db8::1"] {
            assert_eq!(is_trusted(&test, &layer, Some(peer), get("/", "")), trusted);
        }
        assert!(!is_trusted(&test, &layer, None, get("/", "")));
    }
}

#[test]
fn a_predicate_decides_who_is_trusted() {
    let test = TestTracer::new();
    let trusted = Trust::when(|head| {
        // It sees the original request.
        assert!(head.headers().contains_key("b3"));
        head.headers().contains_key("x-internal")
    });
    let layer = test.tracer.server_layer().trust(trusted);
    for (lines, joined) in [
        (CALLER.to_owned(), false),
        (format!("{CALLER}|x-internal: 1"), true),
    ] {
        serve_all(&layer, get("/", &lines), |request| {
            assert_eq!(request.headers().contains_key("b3"), joined);
            empty()
        });
        let span = test.spans.take_one();
        assert_eq!(span.trace_id().to_string() == TRACE, joined, "{lines}");
    }
}

#[test]
fn a_peer_with_an_unknown_address_is_not_trusted() {
    let test = TestTracer::new();
    let peers = Trust::peers(|ip| ip.is_loopback());
    let layer = test.tracer.server_layer().trust(peers);
    for (peer, trusted) in [
        (Some("127.0.0.1"), true),
        (Some("192.0.2.1"), false),
        (None, false),
    ] {
        let seen = is_trusted(&test, &layer, peer, get("/", ""));
        assert_eq!(seen, trusted, "{peer:?}");
    }
}

/// Peer, `x-forwarded-for`, and whether the request is trusted with zero, one and two proxies.
const FORWARDED: [(&str, &str, [bool; 3]); 37] = [
    ("10.0.0.2", "", [true, true, true]),
    ("10.0.0.2", "10.1.2.3", [false, true, false]),
    ("10.0.0.2", "203.0.113.9", [false, false, false]),
    ("10.0.0.2", "10.1.2.3, 10.0.0.3", [false, false, true]),
    // Addresses behind the client's are those of trusted proxies and not checked.
    ("10.0.0.2", "10.1.2.3, 203.0.113.9", [false, false, true]),
    ("10.0.0.2", "10.1.2.3, unknown", [false, false, true]),
    // The client forwarded the request for somebody else.
    ("10.0.0.2", "203.0.113.9, 10.1.2.3", [false, false, false]),
    (
        "10.0.0.2",
        "10.9.9.9, 10.1.2.3, 10.0.0.3",
        [false, false, false],
    ),
    (
        "10.0.0.2",
        "203.0.113.9, 10.1.2.3, 10.0.0.3",
        [false, false, false],
    ),
    // An untrusted peer can write anything.
    ("203.0.113.9", "", [false, false, false]),
    ("203.0.113.9", "10.1.2.3", [false, false, false]),
    ("203.0.113.9", "10.1.2.3, 10.0.0.3", [false, false, false]),
    // IPv6.
    ("fd00::2", "fd00::1", [false, true, false]),
    ("fd00::2", "FD00:0::1", [false, true, false]),
    ("fd00::2", "fd00::1, 10.0.0.3", [false, false, true]),
    ("::ffff:10.0.0.2", "::ffff:10.1.2.3", [false, true, false]),
    ("10.0.0.2", "::ffff:203.0.113.9", [false, false, false]),
    // White space.
    ("10.0.0.2", " \t10.1.2.3\t ", [false, true, false]),
    ("10.0.0.2", "10.1.2.3\t ,\t10.0.0.3", [false, false, true]),
    ("10.0.0.2", "10.1.2.3 10.0.0.3", [false, false, false]),
    ("10.0.0.2", "10. 1.2.3", [false, false, false]),
    // Ports, brackets, zones and anything else are malformed.
    ("10.0.0.2", "10.1.2.3:80", [false, false, false]),
    ("10.0.0.2", "[fd00::1]", [false, false, false]),
    ("10.0.0.2", "[fd00::1]:80", [false, false, false]),
    ("10.0.0.2", "fd00::1%eth0", [false, false, false]),
    ("10.0.0.2", "\"10.1.2.3\"", [false, false, false]),
    ("10.0.0.2", "for=10.1.2.3", [false, false, false]),
    ("10.0.0.2", "10.1.2.3/8", [false, false, false]),
    ("10.0.0.2", "10.1.2", [false, false, false]),
    ("10.0.0.2", "010.1.2.3", [false, false, false]),
    ("10.0.0.2", "0xa.1.2.3", [false, false, false]),
    ("10.0.0.2", "unknown", [false, false, false]),
    ("10.0.0.2", "10.1.2.3\u{ff}", [false, false, false]),
    // An empty entry is an entry.
    ("10.0.0.2", ",", [false, false, false]),
    ("10.0.0.2", ",10.1.2.3", [false, false, false]),
    ("10.0.0.2", "10.1.2.3,", [false, false, true]),
    ("10.0.0.2", "10.1.2.3,,", [false, false, false]),
];

#[test]
fn x_forwarded_for_is_read_as_envoy_does() {
    let test = TestTracer::new();
    for (peer, forwarded, trusted) in FORWARDED {
        let lines = match forwarded {
            "" => String::new(),
            some => format!("x-forwarded-for: {some}"),
        };
        for (proxies, trusted) in trusted.into_iter().enumerate() {
            let networks = networks().trusted_hops(proxies);
            let layer = test.tracer.server_layer().trust(networks);
            let seen = is_trusted(&test, &layer, Some(peer), get("/", &lines));
            assert_eq!(
                seen, trusted,
                "{forwarded:?} from {peer}, {proxies} proxies"
            );
            assert!(!is_trusted(&test, &layer, None, get("/", &lines)));
        }
    }
}

#[test]
fn x_forwarded_for_lines_are_joined_in_order_and_empty_ones_ignored() {
    let test = TestTracer::new();
    for (lines, trusted) in [
        (&["10.1.2.3", "10.0.0.3"][..], [false, false, true]),
        (&["10.1.2.3", "203.0.113.9"], [false, false, true]),
        (&["203.0.113.9", "10.1.2.3"], [false, false, false]),
        (&["10.1.2.3, 10.0.0.4", "10.0.0.3"], [false, false, false]),
        (&["", "10.1.2.3"], [false, true, false]),
        (&["10.1.2.3", ""], [false, true, false]),
        (&["10.1.2.3", "", "10.0.0.3"], [false, false, true]),
        // The header is there but empty.
        (&[""], [false, false, false]),
        (&["", ""], [false, false, false]),
    ] {
        for (proxies, trusted) in trusted.into_iter().enumerate() {
            let layer = test
                .tracer
                .server_layer()
                .trust(networks().trusted_hops(proxies));
            let mut request = Request::new(());
            for line in lines {
                let line = HeaderValue::from_static(line);
                request.headers_mut().append("x-forwarded-for", line);
            }
            let seen = is_trusted(&test, &layer, Some("10.0.0.2"), request);
            assert_eq!(seen, trusted, "{lines:?}, {proxies} proxies");
        }
    }
}

#[test]
fn trust_peers_ignores_x_forwarded_for() {
    let test = TestTracer::new();
    let peers = Trust::peers(|ip| ip == IpAddr::from([10, 0, 0, 2]));
    let layer = test.tracer.server_layer().trust(peers);
    for (peer, trusted) in [
        (Some("10.0.0.2"), true),
        (Some("::ffff:10.0.0.2"), true),
        (Some("10.0.0.3"), false),
        (Some("::ffff:10.0.0.3"), false),
        (None, false),
    ] {
        for lines in [
            "",
            "x-forwarded-for: 203.0.113.9",
            "x-forwarded-for: 10.0.0.2",
        ] {
            assert_eq!(is_trusted(&test, &layer, peer, get("/", lines)), trusted);
        }
    }
}

#[test]
fn an_invalid_network_is_an_error_that_names_it() {
    let error = Trust::networks(["10.0.0.0/8", "fd00::/129", "x"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "network \"fd00::/129\": the prefix is not a number from 0 to 128"
    );
    let shown = format!("{:?}", Trust::from(networks().trusted_hops(2)));
    assert_eq!(
        shown,
        "TrustedNetworks { networks: [10.0.0.0/8, fd00::/8], trusted_hops: 2 }"
    );
}

/// Envoy's algorithm, from the right end of the joined text: the trusted client address, and
/// whether there are entries left of it. `None` if there are too few entries.
fn last_but(headers: &HeaderMap, skipped: usize) -> Option<(String, bool)> {
    let mut joined = String::new();
    for line in headers.get_all("x-forwarded-for") {
        let line = line.to_str().unwrap();
        if !joined.is_empty() && !line.is_empty() {
            joined.push(',');
        }
        joined.push_str(line);
    }
    let mut rest = joined.as_str();
    for _ in 0..skipped {
        rest = &rest[..rest.rfind(',')?];
    }
    match rest.rfind(',') {
        Some(comma) => Some((rest[comma + 1..].trim().to_owned(), true)),
        None => Some((rest.trim().to_owned(), false)),
    }
}

fn internal(address: &str) -> bool {
    let four = address.starts_with("10.") && address.parse::<Ipv4Addr>().is_ok();
    let six = address.starts_with("fd") && address.parse::<Ipv6Addr>().is_ok();
    four || six
}

fn expected(peer: &str, headers: &HeaderMap, proxies: usize) -> bool {
    let client = match (headers.contains_key("x-forwarded-for"), proxies) {
        (false, _) => Some((peer.to_owned(), false)),
        (true, 0) => None,
        (true, proxies) => last_but(headers, proxies - 1),
    };
    internal(peer) && client.is_some_and(|(client, more)| internal(&client) && !more)
}

fn any_forwarded() -> impl Strategy<Value = Vec<String>> {
    let piece = select(vec![
        "10.1.2.3",
        "10.0.0.3",
        "203.0.113.9",
        "fd00::1",
        "2001:db8::1",
        "unknown",
        "10.1.2.3:80",
        "",
        ",",
        ",",
        ",",
        " ",
        "\t",
    ]);
    let line = vec(piece, 0..7).prop_map(|pieces| pieces.concat());
    vec(line, 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn trust_matches_envoys_algorithm(
        lines in any_forwarded(),
        peer in select(vec!["10.0.0.2", "fd00::2", "203.0.113.9"]),
        proxies in 0usize..5,
    ) {
        let test = TestTracer::new();
        let layer = test.tracer.server_layer().trust(networks().trusted_hops(proxies));
        let mut request = Request::new(());
        for line in &lines {
            let line = HeaderValue::from_str(line).unwrap();
            request.headers_mut().append("x-forwarded-for", line);
        }
        let expected = expected(peer, request.headers(), proxies);
        prop_assert_eq!(is_trusted(&test, &layer, Some(peer), request), expected);
    }
}
