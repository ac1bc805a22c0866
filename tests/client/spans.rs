//! Names, tags and the remote endpoint of CLIENT spans.

use crate::{
    called,
    common::{Lab, get},
    send, within,
};
use tower_b3::{
    Route,
    record::SpanRecord,
    tag::{Tag, TagNames},
};

fn span_of(lab: &Lab, uri: &str, lines: &str) -> SpanRecord {
    send(&lab.tracer.client_layer(), get(uri, lines));
    lab.spans.take_one()
}

fn tag(span: &SpanRecord, name: &str) -> Option<String> {
    span.tag(name).map(|value| value.into_owned())
}

#[test]
fn the_remote_service_is_the_host_and_its_address_is_known_where_it_is_one() {
    let lab = Lab::new();
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
        let span = span_of(&lab, uri, lines);
        let remote = span.remote_endpoint();
        assert_eq!(remote.service_name, service, "{uri}");
        assert_eq!(remote.ip, ip.map(|ip| ip.parse().unwrap()), "{uri}");
        assert_eq!(remote.port, port, "{uri}");
    }
}

#[test]
fn the_remote_service_can_be_set() {
    let lab = Lab::new();
    let layer = lab.tracer.client_layer().remote_service("catalogue");
    send(&layer, get("http://10.0.0.1:80/", ""));
    let span = lab.spans.take_one();
    assert_eq!(span.remote_endpoint().service_name, Some("catalogue"));
    assert_eq!(span.remote_endpoint().port, Some(80));
}

#[test]
fn a_route_in_the_extensions_is_in_the_name() {
    let lab = Lab::new();
    assert_eq!(span_of(&lab, "http://h/items/7", "").name(), "GET");
    let mut request = get("http://h/items/7", "");
    request.extensions_mut().insert(Route::new("/items/{id}"));
    send(&lab.tracer.client_layer(), request);
    assert_eq!(lab.spans.take_one().name(), "GET /items/{id}");
}

#[test]
fn a_handlers_route_and_name_are_not_its_calls() {
    let lab = Lab::new();
    let layer = lab.tracer.client_layer();
    within(&lab, "", || {
        tower_b3::scope::route("/carts/{id}");
        tower_b3::tag("cart", "7");
        send(&layer, get("http://catalog/", ""));
    });
    let [client, server] = lab.spans.take(2).try_into().unwrap();
    assert_eq!((client.name(), server.name()), ("GET", "GET /carts/{id}"));
    assert_eq!(tag(&client, "cart"), None);
}

#[test]
fn a_function_can_name_spans() {
    let lab = Lab::new();
    let layer = lab.tracer.client_layer().name_with(|head| {
        let known = head.path() == "/known";
        known.then_some("known")
    });
    for (uri, name) in [("http://h/known", "known"), ("http://h/other", "GET")] {
        send(&layer, get(uri, ""));
        assert_eq!(lab.spans.take_one().name(), name);
    }
}

#[test]
fn a_grpc_call_is_called_by_its_method() {
    let lab = Lab::new();
    let span = span_of(
        &lab,
        "http://h/shop.Cart/Add",
        "content-type: application/grpc",
    );
    assert_eq!(span.name(), "shop.Cart/Add");
    assert_eq!(tag(&span, "grpc.path").as_deref(), Some("/shop.Cart/Add"));
}

#[test]
fn the_standard_tags_are_there() {
    let lab = Lab::new();
    let lines = "x-request-id: r|x-client-trace-id: c|content-length: 3|user-agent: shop/1";
    let span = span_of(&lab, "https://me:pw@h:1/items/7?token=secret", lines);
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
        assert_eq!(tag(&span, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(span.tags().count(), 10);
    let lab = Lab::of(|builder| builder.tag_names(TagNames::OpenTelemetry));
    let span = span_of(&lab, "https://h:1/items/7", lines);
    assert_eq!(
        tag(&span, "url.full").as_deref(),
        Some("https://h:1/items/7")
    );
    assert_eq!(
        tag(&span, "http.response.status_code").as_deref(),
        Some("200")
    );
}

#[test]
fn a_scheme_that_a_request_claims_is_not_believed() {
    let lab = Lab::new();
    let span = span_of(&lab, "/", "host: h|x-forwarded-proto: https");
    assert_eq!(tag(&span, "http.url").as_deref(), Some("http://h/"));
}

fn tenant(inbound: &str, outbound: &str, default: Option<&str>) -> [Option<String>; 2] {
    let mut custom = Tag::request_header("tenant", "x-tenant");
    if let Some(default) = default {
        custom = custom.default_value(default);
    }
    let lab = Lab::of(|builder| builder.tag(custom).tag(Tag::literal("fixed", "f")));
    let layer = lab.tracer.client_layer();
    within(&lab, inbound, || {
        tower_b3::span("work").in_scope(|| send(&layer, get("http://h/", outbound)))
    });
    let [client, _local, server] = lab.spans.take(3).try_into().unwrap();
    assert_eq!(tag(&client, "fixed").as_deref(), Some("f"));
    [tag(&client, "tenant"), tag(&server, "tenant")]
}

#[test]
fn header_tags_are_of_the_outgoing_request_else_of_the_one_being_served() {
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
    let lab = Lab::of(|builder| {
        builder
            .tag(Tag::request_header("path", ":path"))
            .tag(Tag::request_header("authority", ":authority"))
    });
    let layer = lab.tracer.client_layer();
    within(&lab, "host: shop", || {
        send(&layer, get("http://catalog/items", ""))
    });
    let [client, server] = lab.spans.take(2).try_into().unwrap();
    assert_eq!(tag(&client, "path").as_deref(), Some("/items"));
    assert_eq!(tag(&client, "authority").as_deref(), Some("catalog"));
    assert_eq!(tag(&server, "authority").as_deref(), Some("shop"));
}

#[test]
fn a_call_in_a_spawned_task_has_the_inbound_header_tags_too() {
    let lab = Lab::of(|builder| builder.tag(Tag::request_header("tenant", "x-tenant")));
    let layer = lab.tracer.client_layer();
    let mut carried = None;
    within(&lab, "x-tenant: acme", || {
        carried = Some(tower_b3::in_current_context(async move {
            send(&layer, get("http://catalog/", ""));
        }));
    });
    let server = lab.spans.take_one();
    crate::now(carried.unwrap());
    let client = lab.spans.take_one();
    assert_eq!(client.parent_id(), Some(server.id()));
    assert_eq!(tag(&client, "tenant").as_deref(), Some("acme"));
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
    let plain = Lab::new();
    let tagged = Lab::of(|builder| {
        let tags = names.map(|name| Tag::request_header(format!("sent.{name}"), name));
        tags.into_iter()
            .fold(builder, |builder, tag| builder.tag(tag))
    });
    for outbound in ["", "b3: 0|sw8: own", "x-request-id: own"] {
        for (inbound, lab) in [
            ("", &plain),
            (inbound, &plain),
            ("", &tagged),
            (inbound, &tagged),
        ] {
            let sent = called(lab, inbound, outbound);
            let [client, _] = lab.spans.take(2).try_into().unwrap();
            let sent = |name| {
                sent.get(name)
                    .map(|value| value.to_str().unwrap().to_owned())
            };
            for id in ["x-request-id", "x-client-trace-id"] {
                assert_eq!(tag(&client, &format!("guid:{id}")), sent(id), "{id}");
            }
            for name in names.iter().filter(|_| std::ptr::eq(lab, &tagged)) {
                assert_eq!(tag(&client, &format!("sent.{name}")), sent(name), "{name}");
            }
        }
    }
}
