//! Names, tags and the remote endpoint of CLIENT spans.

use crate::{
    called,
    common::{TestTracer, TreeFormat, get, now},
    send, within,
};
use std::borrow::Cow;
use tower_b3::{
    RouteTemplate,
    record::SpanRecord,
    scope,
    tags::{Tag, TagNames},
};

fn span_of(test: &TestTracer, uri: &str, lines: &str) -> SpanRecord {
    send(&test.tracer.client_layer(), get(uri, lines));
    test.spans.take_one()
}

#[test]
fn the_remote_endpoint_is_taken_from_the_host() {
    let test = TestTracer::new();
    for (uri, lines, service, ip, port) in [
        ("http://catalog/", "", Some("catalog"), None, None),
        (
            "http://catalog:8080/",
            "",
            Some("catalog"),
            None,
            Some(8080),
        ),
        (
            "http://me:pw@catalog:8080/",
            "",
            Some("catalog"),
            None,
            Some(8080),
        ),
        (
            "http://192.0.2.7:80/",
            "",
            Some("192.0.2.7"),
            Some("192.0.2.7"),
            Some(80),
        ),
        (
            "http://[2001:db8::1]:80/",
            "",
            Some("[2001:db8::1]"),
            Some("2001:db8::1"),
            Some(80),
        ),
        (
            "http://[::ffff:10.0.0.1]:80/",
            "",
            Some("10.0.0.1"),
            Some("10.0.0.1"),
            Some(80),
        ),
        ("http://catalog.:80/", "", Some("catalog"), None, Some(80)),
        ("/", "host: catalog:1", Some("catalog"), None, Some(1)),
        ("/", "", None, None, None),
    ] {
        let span = span_of(&test, uri, lines);
        let remote = span.remote_endpoint();
        assert_eq!(remote.service_name, service, "{uri}");
        assert_eq!(remote.ip, ip.map(|ip| ip.parse().unwrap()), "{uri}");
        assert_eq!(remote.port, port, "{uri}");
    }
}

#[test]
fn the_remote_service_can_be_set() {
    let test = TestTracer::new();
    let layer = test.tracer.client_layer().remote_service("catalogue");
    send(&layer, get("http://10.0.0.1:80/", ""));
    let span = test.spans.take_one();
    assert_eq!(span.remote_endpoint().service_name, Some("catalogue"));
    assert_eq!(span.remote_endpoint().port, Some(80));
}

#[test]
fn a_route_in_the_extensions_is_in_the_name() {
    let test = TestTracer::new();
    assert_eq!(span_of(&test, "http://h/items/7", "").name(), "GET");
    let mut request = get("http://h/items/7", "");
    request
        .extensions_mut()
        .insert(RouteTemplate::new("/items/{id}"));
    send(&test.tracer.client_layer(), request);
    assert_eq!(test.spans.take_one().name(), "GET /items/{id}");
}

#[test]
fn a_handlers_route_and_tags_are_not_those_of_its_calls() {
    let test = TestTracer::new();
    let layer = test.tracer.client_layer();
    within(&test, "", || {
        scope::route("/carts/{id}");
        tower_b3::tag("cart", "7");
        send(&layer, get("http://catalog/", ""));
    });
    test.spans.assert_tree(
        "
        shop  SERVER  GET /carts/{id}  cart=7 http.status_code=200
        shop  CLIENT  └─ GET           http.status_code=200
        ",
    );
}

#[test]
fn name_with_names_the_span() {
    let test = TestTracer::new();
    let layer = test.tracer.client_layer().name_with(|head| {
        let known = head.path() == "/known";
        known.then_some("known")
    });
    for (uri, name) in [("http://h/known", "known"), ("http://h/other", "GET")] {
        send(&layer, get(uri, ""));
        assert_eq!(test.spans.take_one().name(), name);
    }
}

#[test]
fn a_grpc_call_is_named_by_its_method() {
    let test = TestTracer::new();
    let span = span_of(
        &test,
        "http://h/shop.Cart/Add",
        "content-type: application/grpc",
    );
    assert_eq!(span.name(), "shop.Cart/Add");
    assert_eq!(span.tag("grpc.path").as_deref(), Some("/shop.Cart/Add"));
}

#[test]
fn client_spans_have_the_standard_tags() {
    let test = TestTracer::new();
    let lines = "x-request-id: r|x-client-trace-id: c|content-length: 3|user-agent: shop/1";
    let span = span_of(&test, "https://me:pw@h:1/items/7?token=secret", lines);
    for (name, value) in [
        ("component", "tower-b3"),
        ("http.method", "GET"),
        ("http.url", "https://h:1/items/7"),
        ("http.protocol", "HTTP/1.1"),
        ("http.status_code", "200"),
        ("guid:x-request-id", "r"),
        ("guid:x-client-trace-id", "c"),
        ("request_size", "3"),
        ("response_size", "0"),
        ("user_agent", "shop/1"),
    ] {
        assert_eq!(span.tag(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(span.tags().count(), 10);
    let test = TestTracer::of(|builder| builder.tag_names(TagNames::OpenTelemetry));
    let span = span_of(&test, "https://h:1/items/7", lines);
    assert_eq!(span.tag("url.full").as_deref(), Some("https://h:1/items/7"));
    assert_eq!(
        span.tag("http.response.status_code").as_deref(),
        Some("200")
    );
}

#[test]
fn x_forwarded_proto_of_an_outgoing_request_is_ignored() {
    let test = TestTracer::new();
    let span = span_of(&test, "/", "host: h|x-forwarded-proto: https");
    assert_eq!(span.tag("http.url").as_deref(), Some("http://h/"));
}

fn tenant(inbound: &str, outbound: &str, default: Option<&str>) -> [Option<String>; 2] {
    let mut custom = Tag::request_header("tenant", "x-tenant");
    if let Some(default) = default {
        custom = custom.default_value(default);
    }
    let test = TestTracer::of(|builder| builder.tag(custom).tag(Tag::literal("fixed", "f")));
    let layer = test.tracer.client_layer();
    within(&test, inbound, || {
        tower_b3::span("work").in_scope(|| send(&layer, get("http://h/", outbound)))
    });
    let [client, _local, server] = test.spans.take(3).try_into().unwrap();
    assert_eq!(client.tag("fixed").as_deref(), Some("f"));
    [client, server].map(|span| span.tag("tenant").map(Cow::into_owned))
}

#[test]
fn header_tags_come_from_the_outgoing_request_then_the_inbound_one() {
    let some = |text: &str| Some(text.to_owned());
    let none = None::<String>;
    for (inbound, outbound, default, client, server) in [
        ("", "", None, none.clone(), none.clone()),
        ("", "", Some("d"), some("d"), some("d")),
        ("x-tenant: in", "", None, some("in"), some("in")),
        ("x-tenant: in", "", Some("d"), some("in"), some("in")),
        (
            "x-tenant: in",
            "x-tenant: out",
            None,
            some("out"),
            some("in"),
        ),
        ("", "x-tenant: out", Some("d"), some("out"), some("d")),
        // Present but empty ends the search.
        (
            "x-tenant: in",
            "x-tenant: ",
            Some("d"),
            none.clone(),
            some("in"),
        ),
        ("x-tenant: ", "", Some("d"), none.clone(), none.clone()),
        (
            "x-tenant: ",
            "x-tenant: out",
            Some("d"),
            some("out"),
            none.clone(),
        ),
    ] {
        let found = tenant(inbound, outbound, default);
        assert_eq!(found, [client, server], "{inbound}/{outbound}/{default:?}");
    }
}

#[test]
fn pseudo_headers_are_those_of_the_outgoing_request() {
    let test = TestTracer::of(|builder| {
        builder
            .tag(Tag::request_header("path", ":path"))
            .tag(Tag::request_header("authority", ":authority"))
    });
    let layer = test.tracer.client_layer();
    within(&test, "host: shop", || {
        send(&layer, get("http://catalog/items", ""))
    });
    let format = TreeFormat::default().tags(["path", "authority"]);
    format.assert(
        &test.spans.take(2),
        "
        shop  SERVER  GET     path=/ authority=shop
        shop  CLIENT  └─ GET  path=/items authority=catalog
        ",
    );
}

#[test]
fn a_call_in_a_spawned_task_has_the_header_tags_of_the_inbound_request() {
    let test = TestTracer::of(|builder| builder.tag(Tag::request_header("tenant", "x-tenant")));
    let layer = test.tracer.client_layer();
    let mut carried = None;
    within(&test, "x-tenant: acme", || {
        carried = Some(tower_b3::in_current_context(async move {
            send(&layer, get("http://catalog/", ""));
        }));
    });
    let server = test.spans.take_one();
    now(carried.unwrap());
    TreeFormat::default().tags(["tenant"]).assert(
        &[server, test.spans.take_one()],
        "
        shop  SERVER  GET     tenant=acme
        shop  CLIENT  └─ GET  tenant=acme
        ",
    );
}

#[test]
fn tags_are_those_of_the_headers_that_are_sent() {
    let names = [
        "x-b3-traceid",
        "x-b3-spanid",
        "b3",
        "traceparent",
        "x-request-id",
        "x-client-trace-id",
        "sw8",
    ];
    let inbound = "x-request-id: r|x-client-trace-id: mine|sw8: 1-2";
    let plain = TestTracer::new();
    let tagged = TestTracer::of(|builder| {
        builder.tags(names.map(|name| Tag::request_header(format!("sent.{name}"), name)))
    });
    for outbound in ["", "b3: 0|sw8: own", "x-request-id: own"] {
        for (inbound, test) in [
            ("", &plain),
            (inbound, &plain),
            ("", &tagged),
            (inbound, &tagged),
        ] {
            let sent = called(test, inbound, outbound);
            let [client, _] = test.spans.take(2).try_into().unwrap();
            let sent = |name| sent.get(name).map(|value| value.to_str().unwrap());
            for id in ["x-request-id", "x-client-trace-id"] {
                let tag = client.tag(&format!("guid:{id}"));
                assert_eq!(tag.as_deref(), sent(id), "{id}");
            }
            for name in names.iter().filter(|_| std::ptr::eq(test, &tagged)) {
                let tag = client.tag(&format!("sent.{name}"));
                assert_eq!(tag.as_deref(), sent(name), "{name}");
            }
        }
    }
}
