//! `propagate_only_to`: hosts that get no tracing headers.

use crate::{
    CALLER,
    common::{SPAN, TRACE, TestTracer, TreeFormat, get, headers, text, values},
    send, within,
};
use tower_b3::{Mode, propagation::Propagation};

#[test]
fn untrusted_hosts_get_no_tracing_headers_but_the_span_is_made() {
    let test = TestTracer::new();
    let layer =
        test.tracer
            .client_layer()
            .propagate_only_to(["Catalog", ".svc.cluster.local", "10.0.0.1"]);
    let inbound = format!(
        "{CALLER}|sw8: 1|tracestate: a=b|x-client-trace-id: c|x-request-id: r|\
         traceparent: 00-{TRACE}-{SPAN}-01"
    );
    for (uri, lines, trusted) in [
        ("http://catalog/", "", true),
        ("http://CATALOG:8080/", "", true),
        ("http://cart.svc.cluster.local/", "", true),
        ("http://10.0.0.1:1/", "", true),
        ("http://[::ffff:10.0.0.1]:1/", "", true),
        ("http://catalog.:8080/", "", true),
        ("http://cart.svc.cluster.local./", "", true),
        ("http://catalog/", "host: catalog.", true),
        ("http://catalog/", "host: evil.example", false),
        ("/", "host: catalog:8080", true),
        ("http://catalog.evil.example/", "", false),
        ("http://evil-catalog/", "", false),
        ("http://catalog@evil.example/", "", false),
        ("http://svc.cluster.local.evil.example/", "", false),
        ("http://evil.example/", "host: catalog", false),
        ("/", "", false),
        (
            "http://evil.example/",
            "b3: 0|x-request-id: mine|sw8: mine|x-envoy-force-trace: 1",
            false,
        ),
    ] {
        let out = within(&test, &inbound, || send(&layer, get(uri, lines)));
        let names: Vec<_> = out.keys().filter(|name| *name != "host").collect();
        assert_eq!(!names.is_empty(), trusted, "{uri} {lines}: {names:?}");
        TreeFormat::default().no_tags().assert(
            &test.spans.take(2),
            "
            shop  SERVER  GET
            shop  CLIENT  └─ GET
            ",
        );
    }
}

#[test]
fn headers_added_with_forward_go_to_other_hosts_only_if_the_handler_sets_them() {
    for mode in [Mode::Spans, Mode::RecordOnly, Mode::ForwardOnly] {
        let propagation = Propagation::default().forward(["authorization", "jwt"]);
        let test = TestTracer::of(|builder| builder.mode(mode).propagation(propagation.unwrap()));
        let layer = test.tracer.client_layer().propagate_only_to(["catalog"]);
        let inbound = "authorization: inbound|jwt: inbound|sw8: 1";
        let call = |uri| within(&test, inbound, || send(&layer, get(uri, "jwt: partner's")));
        let partner = call("http://partner.example/");
        assert_eq!(partner, headers("jwt: partner's"), "{mode:?}");
        let catalog = call("http://catalog/");
        assert_eq!(text(&catalog, "authorization"), "inbound");
        assert_eq!(values(&catalog, "jwt"), [b"partner's"]);
        test.spans.take_all();
    }
}

#[test]
fn forwarding_without_spans_can_be_limited_to_hosts_too() {
    let test = TestTracer::of(|builder| builder.mode(Mode::ForwardOnly));
    let layer = test.tracer.client_layer().propagate_only_to(["catalog"]);
    for (uri, left) in [("http://catalog/", 2), ("http://evil.example/", 0)] {
        let inbound = "b3: malformed|x-request-id: r";
        let out = within(&test, inbound, || send(&layer, get(uri, "")));
        assert_eq!(out.len(), left);
    }
}
