//! The trace headers that webapp sends to the catalog.

use crate::{CATALOG, Shop, WEBAPP};
use serde_json::Value;
use test_kit::{Process, http::get};

const TRACE: &str = "463ac35c9f6413ad48485a3953bb6124";
const SPAN: &str = "a2fb4a1d1a96d312";

fn text<'a>(headers: &'a Value, name: &str) -> &'a str {
    let value = headers[name].as_str();
    value.unwrap_or_else(|| panic!("no {name} in {headers}"))
}

fn assert_absent(headers: &Value, names: &[&str]) {
    for name in names {
        assert!(headers.get(name).is_none(), "{name} in {headers}");
    }
}

/// The ids of the CLIENT span are lower-case hexadecimal, and its parent is webapp's SERVER span.
fn assert_ids(headers: &Value, trace_id: Option<&str>) {
    let hex = |name, digits| {
        let id = text(headers, name);
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        assert!(id.len() == digits && id.bytes().all(is_digit), "{headers}");
        id
    };
    let seen = hex("x-b3-traceid", 32);
    let span = hex("x-b3-spanid", 16);
    let parent = hex("x-b3-parentspanid", 16);
    assert_ne!(span, parent);
    match trace_id {
        Some(trace_id) => assert_eq!(seen, trace_id),
        // A root span's id is the low half of its trace id.
        None => assert_eq!(parent, &seen[16..]),
    }
    text(headers, "x-request-id");
}

#[test]
fn a_request_without_trace_headers_begins_a_trace() {
    let shop = Shop::open(&[]);
    let headers = shop.injected(&[]);
    assert_ids(&headers, None);
    assert_eq!(text(&headers, "x-b3-sampled"), "1");
    assert_absent(&headers, &["b3", "traceparent", "x-b3-flags"]);

    let request_id = text(&headers, "x-request-id");
    assert_eq!(request_id.len(), 36);
    let answer = get(
        shop.webapp.address(),
        "/headers",
        &[("x-request-id", "mine")],
    );
    assert_eq!(answer.header("x-request-id"), Some("mine"));
    assert_eq!(text(&answer.json()["headers"], "x-request-id"), "mine");
}

#[test]
fn incoming_traces_are_continued() {
    let shop = Shop::open(&[]);
    let multi = [("X-B3-TraceId", TRACE), ("X-B3-SpanId", SPAN)];
    let with = |more: &[(&str, &str)]| shop.injected(&[&multi[..], more].concat());

    let accepted = with(&[("x-b3-sampled", "1")]);
    assert_ids(&accepted, Some(TRACE));
    assert_ne!(text(&accepted, "x-b3-parentspanid"), SPAN);
    assert_eq!(text(&accepted, "x-b3-sampled"), "1");

    let denied = with(&[("x-b3-sampled", "0")]);
    assert_ids(&denied, Some(TRACE));
    assert_eq!(text(&denied, "x-b3-sampled"), "0");

    let debug = with(&[("x-b3-flags", "1")]);
    assert_eq!(text(&debug, "x-b3-flags"), "1");
    assert_eq!(text(&debug, "x-b3-sampled"), "1");

    let single = shop.injected(&[("b3", &format!("{TRACE}-{SPAN}-0"))]);
    assert_ids(&single, Some(TRACE));
    assert_eq!(text(&single, "x-b3-sampled"), "0");
    assert_absent(&single, &["b3"]);

    let w3c = shop.injected(&[("traceparent", &format!("00-{TRACE}-{SPAN}-01"))]);
    assert_ids(&w3c, Some(TRACE));
    assert!(text(&w3c, "traceparent").starts_with(&format!("00-{TRACE}-")));
}

#[test]
fn malformed_headers_begin_a_trace_but_a_decision_not_to_sample_is_kept() {
    let shop = Shop::open(&[]);
    for b3 in ["what", "", "-", &format!("{TRACE}-{SPAN}-2"), "\u{fffd}"] {
        assert_ids(&shop.injected(&[("b3", b3)]), None);
    }
    let zero = "0".repeat(32);
    for trace_id in ["+1", "0x1", &zero, &"a".repeat(33), "x"] {
        let multi = [("x-b3-traceid", trace_id), ("x-b3-spanid", SPAN)];
        assert_ids(&shop.injected(&multi), None);
    }
    let half = shop.injected(&[("x-b3-traceid", TRACE), ("x-b3-sampled", "0")]);
    assert_ids(&half, None);
    assert_eq!(text(&half, "x-b3-sampled"), "0");
}

#[test]
fn at_zero_percent_only_forced_requests_are_sampled() {
    let shop = Shop::open(&["--sampling", "0"]);
    assert_eq!(text(&shop.injected(&[]), "x-b3-sampled"), "0");
    for header in ["x-envoy-force-trace", "x-client-trace-id"] {
        let forced = shop.injected(&[(header, "true")]);
        assert_ids(&forced, None);
        assert_eq!(text(&forced, "x-b3-sampled"), "1", "{header}");
    }
    let debug = shop.injected(&[("b3", "d")]);
    assert_eq!(text(&debug, "x-b3-flags"), "1");
}

#[test]
fn propagation_selects_the_formats_of_outgoing_headers() {
    let shop = Shop::open(&["--propagation", "b3,w3c"]);
    let headers = shop.injected(&[("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)]);
    assert!(text(&headers, "b3").starts_with(&format!("{TRACE}-")));
    assert!(text(&headers, "traceparent").starts_with(&format!("00-{TRACE}-")));
    assert_absent(&headers, &["x-b3-traceid", "x-b3-spanid", "x-b3-sampled"]);
}

#[test]
fn in_forward_mode_headers_are_copied_unchanged() {
    let shop = Shop::open(&["--mode", "forward"]);
    let sent = [
        ("x-b3-traceid", "463ac35c9f6413ad48485a3953bb6124"),
        ("x-b3-spanid", "a2fb4a1d1a96d312"),
        ("x-b3-sampled", "1"),
        ("x-request-id", "mine"),
    ];
    let headers = shop.injected(&sent);
    for (name, value) in sent {
        assert_eq!(text(&headers, name), value);
    }
    assert_absent(&shop.injected(&[]), &["x-b3-traceid", "x-request-id"]);
}

#[test]
fn in_edge_mode_a_new_trace_begins() {
    let catalog = Process::listen(CATALOG, &[]);
    let url = format!("http://{}", catalog.address());
    let edge = ["--catalog", &url, "--mode", "edge", "--sampling", "0"];
    let webapp = Process::listen(WEBAPP, &edge);
    let headers = Shop { catalog, webapp }.injected(&[
        ("b3", "463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1"),
        ("x-envoy-force-trace", "1"),
        ("x-request-id", "theirs"),
    ]);
    assert_ids(&headers, None);
    assert_eq!(text(&headers, "x-b3-sampled"), "0");
    assert_ne!(
        text(&headers, "x-b3-traceid"),
        "463ac35c9f6413ad48485a3953bb6124"
    );
    assert_ne!(text(&headers, "x-request-id"), "theirs");
}
