//! Settings of one direction, as `match.mode` of Istio's Telemetry API selects it.

use crate::{
    CALLER, called,
    common::{
        PARENT, SPAN, Script, TRACE, TestTracer, TreeFormat, get, headers, now, text, values,
        with_ids,
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
    tags::Tag,
};

const MULTI: &str = "x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124|x-b3-spanid: a2fb4a1d1a96d312|x-b3-parentspanid: 0020000000000001|x-b3-sampled: 1|x-request-id: r|x-ot-span-context: o";

/// Two spans, by kind: SERVER first.
#[track_caller]
fn both(test: &TestTracer) -> (SpanRecord, SpanRecord) {
    let mut spans = test.spans.take(2);
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
    let test = TestTracer::of(|builder| builder.mode_for(Client, Mode::ForwardOnly));
    let out = called(&test, MULTI, "");
    let server = test.spans.take_one();
    assert_eq!(server.kind(), Some(Kind::Server));
    assert_eq!(id(&out, "x-b3-traceid"), TRACE);
    assert_eq!(id(&out, "x-b3-spanid"), server.id().to_string());
    assert_eq!(id(&out, "x-b3-parentspanid"), SPAN);
    assert_eq!(id(&out, "x-ot-span-context"), "o");
    // Without a current context a request is not changed, and local spans do nothing.
    assert_eq!(
        send(&test.tracer.client_layer(), get("http://catalog/", CALLER)),
        headers(CALLER)
    );
    assert!(test.tracer.span("job").context().is_none());
}

#[test]
fn forward_only_servers_make_client_spans_children_of_the_caller() {
    let test = TestTracer::of(|builder| {
        let tag = Tag::request_header("tenant", "x-tenant");
        builder.mode_for(Server, Mode::ForwardOnly).tag(tag)
    });
    let out = called(&test, MULTI, "x-tenant: blue");
    let client = test.spans.take_one();
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
    let test = TestTracer::of(|builder| {
        let builder = builder.mode_for(Server, Mode::ForwardOnly);
        builder.sampler_for(Client, Sampler::never())
    });
    let undecided = format!("b3: {TRACE}-{SPAN}");
    assert_eq!(id(&called(&test, &undecided, ""), "x-b3-sampled"), "0");
    // `x-envoy-force-trace` of the inbound request applies to this direction too.
    let forced = format!("{undecided}|x-envoy-force-trace: 1");
    assert_eq!(id(&called(&test, &forced, ""), "x-b3-sampled"), "1");
    test.spans.take_one();
}

#[test]
fn a_record_only_server_forwards_the_headers_unchanged() {
    let test = TestTracer::of(|builder| builder.mode_for(Server, Mode::RecordOnly));
    let out = called(&test, MULTI, "");
    let (server, client) = both(&test);
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
    let test = TestTracer::of(|builder| builder.mode_for(Server, Mode::RecordOnly));
    within(&test, MULTI, || drop(span("work")));
    test.spans.assert_tree(
        "
        shop  SERVER  GET      http.status_code=200
        shop          └─ work
        ",
    );
}

#[test]
fn a_record_only_client_propagates_its_parent() {
    let test = TestTracer::of(|builder| builder.mode_for(Client, Mode::RecordOnly));
    let out = called(&test, MULTI, "");
    let (server, client) = both(&test);
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
    let test = TestTracer::of(|builder| builder.mode(Mode::RecordOnly));
    for lines in [
        MULTI,
        "b3: 463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312|b3: twice|x-request-id: r",
        "b3: malformed|x-b3-sampled: 1|x-request-id: r|traceparent: t",
    ] {
        let out = called(&test, lines, "");
        assert_eq!(out, headers(lines), "{lines}");
        both(&test);
    }
    // A missing request id is generated, as a sidecar does, and both spans have it as a tag.
    let out = called(&test, "", "");
    assert_eq!(out.len(), 1);
    let made = id(&out, "x-request-id");
    let (server, client) = both(&test);
    for span in [server, client] {
        assert_eq!(span.tag("guid:x-request-id").as_deref(), Some(&*made));
        assert_eq!(span.parent_id(), None);
    }
}

#[test]
fn record_only_keeps_manually_copied_headers() {
    let test = TestTracer::of(|builder| builder.mode(Mode::RecordOnly));
    let out = send(&test.tracer.client_layer(), get("http://catalog/", CALLER));
    assert_eq!(values(&out, "b3"), values(&headers(CALLER), "b3"));
    assert_eq!(out.len(), 2);
    let client = test.spans.take_one();
    assert_eq!(client.parent_id().unwrap().to_string(), SPAN);
    assert_eq!(id(&out, "x-request-id").len(), 36);
}

#[test]
fn an_excluded_request_has_no_spans_in_any_mode() {
    for mode in [Mode::Spans, Mode::RecordOnly, Mode::ForwardOnly] {
        let test = TestTracer::of(|builder| builder.mode(mode));
        let layer = test.tracer.client_layer();
        let server = test.tracer.server_layer().exclude_paths(["/"]);
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
    let test = TestTracer::of(|builder| {
        builder
            .tag(Tag::literal("both", "b"))
            .tags_for(Server, [Tag::literal("side", "server")])
            .tags_for(Client, [Tag::literal("side", "client")])
            .sampler_for(Client, Sampler::never())
    });
    called(&test, "", "");
    let (server, client) = both(&test);
    for (span, side) in [(server, "server"), (client, "client")] {
        assert_eq!(span.tag("side").as_deref(), Some(side));
        assert_eq!(span.tag("both").as_deref(), Some("b"));
    }
    // The client's sampler decides on traces that begin here.
    drop(test.tracer.span("job"));
    let out = send(&test.tracer.client_layer(), get("http://catalog/", ""));
    assert_eq!(id(&out, "x-b3-sampled"), "0");
}

/// The tag `tenant` of a call's span, below a request with these headers.
fn tenant(test: &TestTracer, inbound: &str) -> Option<String> {
    called(test, inbound, "");
    let client = test.spans.take_all().into_iter();
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
            // Also if SERVER spans do not have the tag, or are not sampled.
            let test = TestTracer::of(|builder| {
                builder
                    .mode_for(Server, mode)
                    .tags_for(Client, [tag.clone()])
            });
            let found = tenant(&test, "x-tenant: acme");
            assert_eq!(found.as_deref(), Some("acme"), "{mode:?}");
            let test = TestTracer::of(|builder| builder.mode_for(Server, mode).tag(tag));
            let found = tenant(&test, "x-tenant: acme");
            assert_eq!(found.as_deref(), Some("acme"), "{mode:?}");
        }
    }
    let test = TestTracer::of(|builder| {
        let builder = builder.mode_for(Server, Mode::RecordOnly).tag(header());
        builder.sampler_for(Server, Sampler::never())
    });
    assert_eq!(tenant(&test, "x-tenant: acme").as_deref(), Some("acme"));
}

#[test]
fn tags_of_one_name_in_two_directions_are_independent() {
    let test = TestTracer::of(|builder| {
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
        assert_eq!(tenant(&test, inbound).as_deref(), expected, "{inbound}");
    }
    // Tags that are set at run time apply to later requests.
    let other = || [Tag::request_header("tenant", "x-c")];
    test.tracer.set_tags_for(Client, other()).unwrap();
    assert_eq!(tenant(&test, "x-b: b|x-c: c").as_deref(), Some("c"));
    let layer = test.tracer.client_layer();
    within(&test, "x-a: a|x-c: c", || {
        let tags = [Tag::request_header("tenant", "x-a")];
        test.tracer.set_tags_for(Client, tags).unwrap();
        send(&layer, get("http://catalog/", ""))
    });
    assert_eq!(both(&test).1.tag("tenant"), None);
    test.tracer.set_tags(other()).unwrap();
    assert_eq!(tenant(&test, "x-a: a|x-c: c").as_deref(), Some("c"));
}

#[test]
fn samplers_and_tags_can_change_at_run_time() {
    let test = TestTracer::of(|builder| builder.tag(Tag::literal("old", "1")));
    test.tracer
        .set_tags_for(Server, [Tag::literal("new", "2")])
        .unwrap();
    called(&test, "", "");
    let (server, client) = both(&test);
    assert_eq!(
        (server.tag("old"), server.tag("new").as_deref()),
        (None, Some("2"))
    );
    assert_eq!(
        (client.tag("old").as_deref(), client.tag("new")),
        (Some("1"), None)
    );
    // A custom tag that is set at run time replaces the standard tag of its name.
    test.tracer
        .set_tags_for(Client, [Tag::literal("http.method", "mine")])
        .unwrap();
    called(&test, "", "");
    assert_eq!(both(&test).1.tag("http.method").as_deref(), Some("mine"));
    // Invalid tags change nothing.
    let bad = test.tracer.set_tags_for(Client, [Tag::literal("", "x")]);
    assert_eq!(bad.unwrap_err().to_string(), "tag \"\": the name is empty");
    called(&test, "", "");
    assert_eq!(both(&test).1.tag("http.method").as_deref(), Some("mine"));

    test.tracer.set_tags([Tag::literal("both", "b")]).unwrap();
    let bad = [Tag::literal("other", "o"), Tag::literal("", "x")];
    test.tracer.set_tags(bad).unwrap_err();
    called(&test, "", "");
    let (server, client) = both(&test);
    for span in [server, client] {
        assert_eq!(span.tag("both").as_deref(), Some("b"));
        assert_eq!(span.tag("other"), None);
    }

    test.tracer.set_sampler_for(Server, Sampler::never());
    within(&test, "", || {
        assert!(!current().unwrap().sampling().is_sampled());
        assert!(scope::current().is_some());
    });
    drop(test.tracer.span("sampled still"));
    test.spans.take_one();
}

#[test]
fn record_only_keeps_calls_to_untrusted_hosts_in_the_trace() {
    let propagation = Propagation::default().forward(["jwt"]).unwrap();
    let test = TestTracer::of(|builder| builder.mode(Mode::RecordOnly).propagation(propagation));
    let layer = test.tracer.client_layer().propagate_only_to(["catalog"]);
    let inbound = format!("{MULTI}|jwt: inbound");
    let out = within(&test, &inbound, || {
        send(&layer, get("http://partner.example/", ""))
    });
    assert_eq!(out, HeaderMap::new());
    let (server, client) = both(&test);
    assert_eq!(client.trace_id(), server.trace_id());
    assert_eq!(client.trace_id().to_string(), TRACE);
}

#[test]
fn a_header_that_another_tracer_forwards_does_not_leak_to_other_hosts() {
    let server = TestTracer::of(|builder| {
        let propagation = Propagation::default().forward(["jwt"]).unwrap();
        builder.mode(Mode::ForwardOnly).propagation(propagation)
    });
    let client = TestTracer::new();
    let layer = client.tracer.client_layer().propagate_only_to(["catalog"]);
    for (host, jwt) in [("catalog", true), ("partner.example", false)] {
        let out = within(&server, &format!("{MULTI}|jwt: inbound"), || {
            send(&layer, get(&format!("http://{host}/"), ""))
        });
        assert_eq!(out.contains_key("jwt"), jwt, "{host}");
        assert_eq!(client.spans.take_one().trace_id().to_string(), TRACE);
    }
}
