//! Settings of one direction alone: what Istio's Telemetry API says with `match.mode`.

use crate::{
    CALLER, called,
    common::{
        Lab, PARENT, SPAN, Script, TRACE, TreeFormat, get, headers, now, text, values, with_ids,
    },
    send, within,
};
use http::{HeaderMap, Request, Response};
use std::{convert::Infallible, future::ready, slice};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction::{Client, Server},
    Mode, current,
    propagation::Propagation,
    record::{Kind, SpanRecord},
    sample::Sampler,
    scope, span,
    tag::Tag,
};

const MULTI: &str = "x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124|x-b3-spanid: a2fb4a1d1a96d312|x-b3-parentspanid: 0020000000000001|x-b3-sampled: 1|x-request-id: r|x-ot-span-context: o";

/// Two spans, by kind: SERVER first.
#[track_caller]
fn both(lab: &Lab) -> (SpanRecord, SpanRecord) {
    let mut spans = lab.spans.take(2);
    spans.sort_by_key(|span| span.kind() != Some(Kind::Server));
    let (server, client) = (spans.remove(0), spans.remove(0));
    assert_eq!(client.kind(), Some(Kind::Client));
    (server, client)
}

fn id(headers: &HeaderMap, name: &str) -> String {
    text(headers, name).to_owned()
}

#[test]
fn forward_only_clients_propagate_the_server_spans_context() {
    let lab = Lab::of(|builder| builder.mode_for(Client, Mode::ForwardOnly));
    let out = called(&lab, MULTI, "");
    let server = lab.spans.take_one();
    assert_eq!(server.kind(), Some(Kind::Server));
    assert_eq!(id(&out, "x-b3-traceid"), TRACE);
    assert_eq!(id(&out, "x-b3-spanid"), server.id().to_string());
    assert_eq!(id(&out, "x-b3-parentspanid"), SPAN);
    assert_eq!(id(&out, "x-ot-span-context"), "o");
    // Where nothing is current, a request is left alone, and local spans do nothing.
    assert_eq!(
        send(&lab.tracer.client_layer(), get("http://catalog/", CALLER)),
        headers(CALLER)
    );
    assert!(lab.tracer.span("job").context().is_none());
}

#[test]
fn forward_only_servers_make_client_spans_children_of_the_caller() {
    let lab = Lab::of(|builder| {
        let tag = Tag::request_header("tenant", "x-tenant");
        builder.mode_for(Server, Mode::ForwardOnly).tag(tag)
    });
    let out = called(&lab, MULTI, "x-tenant: blue");
    let client = lab.spans.take_one();
    with_ids().assert(
        slice::from_ref(&client),
        "
        trace 463ac35c9f6413ad48485a3953bb6124
        shop  CLIENT  GET  parent=a2fb4a1d1a96d312 tenant=blue http.status_code=200
        ",
    );
    assert_eq!(id(&out, "x-b3-spanid"), client.id().to_string());
    assert_eq!(id(&out, "x-b3-parentspanid"), SPAN);
    assert_eq!(id(&out, "x-request-id"), "r");
    assert_eq!(id(&out, "x-ot-span-context"), "o");
}

#[test]
fn an_undecided_trace_is_decided_by_the_direction_that_makes_spans() {
    let lab = Lab::of(|builder| {
        let builder = builder.mode_for(Server, Mode::ForwardOnly);
        builder.sampler_for(Client, Sampler::never())
    });
    let undecided = format!("b3: {TRACE}-{SPAN}");
    assert_eq!(id(&called(&lab, &undecided, ""), "x-b3-sampled"), "0");
    // `x-envoy-force-trace` is for this direction, too.
    let forced = format!("{undecided}|x-envoy-force-trace: 1");
    assert_eq!(id(&called(&lab, &forced, ""), "x-b3-sampled"), "1");
    lab.spans.take_one();
}

#[test]
fn a_record_only_server_forwards_the_headers_unchanged() {
    let lab = Lab::of(|builder| builder.mode_for(Server, Mode::RecordOnly));
    let out = called(&lab, MULTI, "");
    let (server, client) = both(&lab);
    assert_ne!(server.id(), client.id());
    let sent = id(&out, "x-b3-spanid");
    assert_eq!(sent, client.id().to_string());
    // Siblings, as behind a sidecar with `disableContextPropagation`.
    with_ids().sort_siblings(true).assert(
        &[server, client],
        "
        trace 463ac35c9f6413ad48485a3953bb6124
        shop  CLIENT  GET  parent=a2fb4a1d1a96d312 http.status_code=200
        shop  SERVER  GET  parent=a2fb4a1d1a96d312 http.status_code=200
        ",
    );
}

#[test]
fn local_spans_of_a_record_only_server_are_its_children() {
    let lab = Lab::of(|builder| builder.mode_for(Server, Mode::RecordOnly));
    within(&lab, MULTI, || drop(span("work")));
    lab.spans.assert_tree(
        "
        shop  SERVER  GET      http.status_code=200
        shop          └─ work
        ",
    );
}

#[test]
fn a_record_only_client_propagates_its_parent() {
    let lab = Lab::of(|builder| builder.mode_for(Client, Mode::RecordOnly));
    let out = called(&lab, MULTI, "");
    let (server, client) = both(&lab);
    assert_eq!(id(&out, "x-b3-spanid"), server.id().to_string());
    TreeFormat::default().assert(
        &[server, client],
        "
        shop  SERVER  GET     http.status_code=200
        shop  CLIENT  └─ GET  http.status_code=200
        ",
    );
    assert_eq!(id(&out, "x-b3-parentspanid"), SPAN);
}

#[test]
fn record_only_changes_no_header() {
    let lab = Lab::of(|builder| builder.mode(Mode::RecordOnly));
    for lines in [
        MULTI,
        "b3: 463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312|b3: twice|x-request-id: r",
        "b3: malformed|x-b3-sampled: 1|x-request-id: r|traceparent: t",
    ] {
        let out = called(&lab, lines, "");
        assert_eq!(out, headers(lines), "{lines}");
        both(&lab);
    }
    // A request id is made, as a sidecar makes one, and is the same on the span.
    let out = called(&lab, "", "");
    assert_eq!(out.len(), 1);
    let made = id(&out, "x-request-id");
    let (server, client) = both(&lab);
    for span in [server, client] {
        assert_eq!(span.tag("guid:x-request-id").as_deref(), Some(&*made));
        assert_eq!(span.parent_id(), None);
    }
}

#[test]
fn record_only_keeps_manually_copied_headers() {
    let lab = Lab::of(|builder| builder.mode(Mode::RecordOnly));
    let out = send(&lab.tracer.client_layer(), get("http://catalog/", CALLER));
    assert_eq!(values(&out, "b3"), values(&headers(CALLER), "b3"));
    assert_eq!(out.len(), 2);
    let client = lab.spans.take_one();
    assert_eq!(client.parent_id().unwrap().to_string(), SPAN);
    assert_eq!(id(&out, "x-request-id").len(), 36);
}

#[test]
fn an_excluded_request_has_no_spans_in_any_mode() {
    for mode in [Mode::Spans, Mode::RecordOnly, Mode::ForwardOnly] {
        let lab = Lab::of(|builder| builder.mode(mode));
        let layer = lab.tracer.client_layer();
        let server = lab.tracer.server_layer().exclude_paths(["/"]);
        let service = service_fn(|_: Request<()>| {
            let out = send(&layer, get("http://catalog/", ""));
            assert_eq!(id(&out, "x-b3-parentspanid"), PARENT);
            ready(Ok::<_, Infallible>(Response::new(Script::default())))
        });
        let response = server.layer(service).call(get("/", MULTI));
        drop(now(response).unwrap());
    }
}

#[test]
fn each_direction_has_its_tags_and_its_sampler() {
    let lab = Lab::of(|builder| {
        builder
            .tag(Tag::literal("both", "b"))
            .tags_for(Server, [Tag::literal("side", "server")])
            .tags_for(Client, [Tag::literal("side", "client")])
            .sampler_for(Client, Sampler::never())
    });
    called(&lab, "", "");
    let (server, client) = both(&lab);
    for (span, side) in [(server, "server"), (client, "client")] {
        assert_eq!(span.tag("side").as_deref(), Some(side));
        assert_eq!(span.tag("both").as_deref(), Some("b"));
    }
    // Traces that begin here go by the client's sampler.
    drop(lab.tracer.span("job"));
    let out = send(&lab.tracer.client_layer(), get("http://catalog/", ""));
    assert_eq!(id(&out, "x-b3-sampled"), "0");
}

/// The tag `tenant` of a call's span, below a request with these headers.
fn tenant(lab: &Lab, inbound: &str) -> Option<String> {
    called(lab, inbound, "");
    let client = lab.spans.take_all().into_iter();
    let mut client = client.filter(|span| span.kind() == Some(Kind::Client));
    let tenant = client.next().unwrap();
    tenant.tag("tenant").map(|value| value.into_owned())
}

#[test]
fn client_header_tags_fall_back_to_the_inbound_request() {
    let header = || Tag::request_header("tenant", "x-tenant").default_value("nobody");
    let format = || Tag::formatter("tenant", "%REQ(x-none?x-tenant)%");
    for mode in [Mode::Spans, Mode::ForwardOnly, Mode::RecordOnly] {
        for tag in [header(), format()] {
            // Whether SERVER spans have the tag or not, or are not even sampled.
            let lab = Lab::of(|builder| {
                builder
                    .mode_for(Server, mode)
                    .tags_for(Client, [tag.clone()])
            });
            let found = tenant(&lab, "x-tenant: acme");
            assert_eq!(found.as_deref(), Some("acme"), "{mode:?}");
            let lab = Lab::of(|builder| builder.mode_for(Server, mode).tag(tag));
            let found = tenant(&lab, "x-tenant: acme");
            assert_eq!(found.as_deref(), Some("acme"), "{mode:?}");
        }
    }
    let lab = Lab::of(|builder| {
        let builder = builder.mode_for(Server, Mode::RecordOnly).tag(header());
        builder.sampler_for(Server, Sampler::never())
    });
    assert_eq!(tenant(&lab, "x-tenant: acme").as_deref(), Some("acme"));
}

#[test]
fn tags_of_one_name_in_two_directions_are_independent() {
    let lab = Lab::of(|builder| {
        let default = |tag: Tag| tag.default_value("nobody");
        builder
            .tags_for(Server, [Tag::request_header("tenant", "x-a")])
            .tags_for(Client, [default(Tag::request_header("tenant", "x-b"))])
    });
    for (inbound, expected) in [
        ("x-a: a|x-b: b", Some("b")),
        ("x-a: a", Some("nobody")),
        ("x-a: a|x-b: ", None),
    ] {
        assert_eq!(tenant(&lab, inbound).as_deref(), expected, "{inbound}");
    }
    // At run time, too: of requests from then on.
    let other = || [Tag::request_header("tenant", "x-c")];
    lab.tracer.set_tags_for(Client, other()).unwrap();
    assert_eq!(tenant(&lab, "x-b: b|x-c: c").as_deref(), Some("c"));
    let layer = lab.tracer.client_layer();
    within(&lab, "x-a: a|x-c: c", || {
        let tags = [Tag::request_header("tenant", "x-a")];
        lab.tracer.set_tags_for(Client, tags).unwrap();
        send(&layer, get("http://catalog/", ""))
    });
    assert_eq!(both(&lab).1.tag("tenant"), None);
    lab.tracer.set_tags(other()).unwrap();
    assert_eq!(tenant(&lab, "x-a: a|x-c: c").as_deref(), Some("c"));
}

#[test]
fn samplers_and_tags_can_change_at_run_time() {
    let lab = Lab::of(|builder| builder.tag(Tag::literal("old", "1")));
    lab.tracer
        .set_tags_for(Server, [Tag::literal("new", "2")])
        .unwrap();
    called(&lab, "", "");
    let (server, client) = both(&lab);
    assert_eq!(
        (server.tag("old"), server.tag("new").as_deref()),
        (None, Some("2"))
    );
    assert_eq!(
        (client.tag("old").as_deref(), client.tag("new")),
        (Some("1"), None)
    );
    // A name of a standard tag is noticed at run time, too: it is there once.
    lab.tracer
        .set_tags_for(Client, [Tag::literal("http.method", "mine")])
        .unwrap();
    called(&lab, "", "");
    assert_eq!(both(&lab).1.tag("http.method").as_deref(), Some("mine"));
    // What cannot be used changes nothing.
    let bad = lab.tracer.set_tags_for(Client, [Tag::literal("", "x")]);
    assert_eq!(bad.unwrap_err().to_string(), "tag \"\": the name is empty");
    called(&lab, "", "");
    assert_eq!(both(&lab).1.tag("http.method").as_deref(), Some("mine"));

    lab.tracer.set_tags([Tag::literal("both", "b")]).unwrap();
    let bad = [Tag::literal("other", "o"), Tag::literal("", "x")];
    lab.tracer.set_tags(bad).unwrap_err();
    called(&lab, "", "");
    let (server, client) = both(&lab);
    for span in [server, client] {
        assert_eq!(span.tag("both").as_deref(), Some("b"));
        assert_eq!(span.tag("other"), None);
    }

    lab.tracer.set_sampler_for(Server, Sampler::never());
    within(&lab, "", || {
        assert!(!current().unwrap().sampling().is_sampled());
        assert!(scope::current().is_some());
    });
    drop(lab.tracer.span("sampled still"));
    lab.spans.take_one();
}

#[test]
fn record_only_keeps_calls_to_untrusted_hosts_in_the_trace() {
    let propagation = Propagation::default().forward(["jwt"]).unwrap();
    let lab = Lab::of(|builder| builder.mode(Mode::RecordOnly).propagation(propagation));
    let layer = lab.tracer.client_layer().propagate_only_to(["catalog"]);
    let inbound = format!("{MULTI}|jwt: inbound");
    let out = within(&lab, &inbound, || {
        send(&layer, get("http://partner.example/", ""))
    });
    assert_eq!(out, HeaderMap::new());
    let (server, client) = both(&lab);
    assert_eq!(client.trace_id(), server.trace_id());
    assert_eq!(client.trace_id().to_string(), TRACE);
}

#[test]
fn a_header_that_another_tracer_forwards_does_not_leak_to_other_hosts() {
    let server = Lab::of(|builder| {
        let propagation = Propagation::default().forward(["jwt"]).unwrap();
        builder.mode(Mode::ForwardOnly).propagation(propagation)
    });
    let client = Lab::new();
    let layer = client.tracer.client_layer().propagate_only_to(["catalog"]);
    for (host, jwt) in [("catalog", true), ("partner.example", false)] {
        let out = within(&server, &format!("{MULTI}|jwt: inbound"), || {
            send(&layer, get(&format!("http://{host}/"), ""))
        });
        assert_eq!(out.contains_key("jwt"), jwt, "{host}");
        assert_eq!(client.spans.take_one().trace_id().to_string(), TRACE);
    }
}
