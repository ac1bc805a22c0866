//! The standard tags, by Envoy's names or OpenTelemetry's.

use crate::{
    common::{Script, TestTracer, get, headers, tag},
    empty, serve_all,
};
use http::{Method, Request, Response, StatusCode, Version};
use tower_b3::{Trust, propagation::Field, record::SpanRecord, scope, tags::TagNames};

/// All tags, by name.
fn tags(span: &SpanRecord) -> Vec<(String, String)> {
    let tags = span.tags();
    let mut tags: Vec<_> = tags
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .collect();
    tags.sort();
    tags
}

/// A request that has every standard tag.
fn full_request() -> Request<()> {
    let lines = "host: user:secret@shop.example:8080|user-agent: curl/8|content-length: 12|\
        x-request-id: r|x-client-trace-id: c|x-forwarded-proto: https|cookie: c";
    let mut request = get("/items/7?token=secret#fragment", lines);
    *request.method_mut() = Method::PUT;
    request
}

fn answer(_: Request<()>) -> Response<Script> {
    let mut response = Response::new(Script::data("five!"));
    *response.status_mut() = StatusCode::CREATED;
    response
}

fn full_span(test: &TestTracer) -> SpanRecord {
    let peer = "192.0.2.7:4711".parse().unwrap();
    let layer = test.tracer.server_layer().peer_address(move |_| Some(peer));
    serve_all(&layer, full_request(), answer);
    test.spans.take_one()
}

#[test]
fn the_standard_tags_have_envoys_names() {
    let span = full_span(&TestTracer::new());
    let expected = [
        ("component", "tower-b3"),
        ("guid:x-client-trace-id", "c"),
        ("guid:x-request-id", "r"),
        ("http.method", "PUT"),
        ("http.protocol", "HTTP/1.1"),
        ("http.status_code", "201"),
        ("http.url", "https://shop.example:8080/items/7"),
        ("peer.address", "192.0.2.7"),
        ("request_size", "12"),
        ("response_size", "5"),
        ("user_agent", "curl/8"),
    ];
    assert_eq!(
        tags(&span),
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    let remote = span.remote_endpoint();
    assert_eq!(remote.ip, Some("192.0.2.7".parse().unwrap()));
    assert_eq!((remote.port, remote.service_name), (Some(4711), None));
}

#[test]
fn an_ipv4_mapped_peer_address_is_recorded_as_ipv4() {
    for (names, tag) in [
        (TagNames::Envoy, "peer.address"),
        (TagNames::OpenTelemetry, "network.peer.address"),
    ] {
        let test = TestTracer::of(|builder| builder.tag_names(names));
        let peer = "[::ffff:10.0.0.1]:4711".parse().unwrap();
        let layer = test.tracer.server_layer().peer_address(move |_| Some(peer));
        serve_all(&layer, full_request(), answer);
        let span = test.spans.take_one();
        assert_eq!(span.tag(tag).as_deref(), Some("10.0.0.1"));
        let remote = span.remote_endpoint();
        assert_eq!(remote.ip, Some("10.0.0.1".parse().unwrap()));
        assert_eq!(remote.port, Some(4711));
    }
}

#[test]
fn the_standard_tags_can_have_open_telemetrys_names() {
    let test = TestTracer::of(|builder| builder.tag_names(TagNames::OpenTelemetry));
    let span = full_span(&test);
    let expected = [
        ("http.request.body.size", "12"),
        ("http.request.header.x-client-trace-id", "c"),
        ("http.request.header.x-request-id", "r"),
        ("http.request.method", "PUT"),
        ("http.response.body.size", "5"),
        ("http.response.status_code", "201"),
        ("network.peer.address", "192.0.2.7"),
        ("network.protocol.version", "1.1"),
        ("url.full", "https://shop.example:8080/items/7"),
        ("user_agent.original", "curl/8"),
    ];
    assert_eq!(
        tags(&span),
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    serve_all(&test.tracer.server_layer(), get("/items/7", ""), |_| {
        scope::route("/items/{id}");
        empty()
    });
    let span = test.spans.take_one();
    assert_eq!(span.tag("http.route").as_deref(), Some("/items/{id}"));
}

#[test]
fn the_component_tag_can_be_set_or_omitted() {
    let proxy = TestTracer::of(|builder| builder.component("proxy"));
    assert_eq!(
        proxy.span_of(get("/", "")).tag("component").as_deref(),
        Some("proxy")
    );
    let none = TestTracer::of(|builder| builder.component(""));
    assert_eq!(none.span_of(get("/", "")).tag("component"), None);
}

#[test]
fn protocols_are_named() {
    let test = TestTracer::new();
    for (version, expected) in [
        (Version::HTTP_10, "HTTP/1.0"),
        (Version::HTTP_11, "HTTP/1.1"),
        (Version::HTTP_2, "HTTP/2"),
        (Version::HTTP_3, "HTTP/3"),
    ] {
        let mut request = get("/", "");
        *request.version_mut() = version;
        let span = test.span_of(request);
        assert_eq!(span.tag("http.protocol").as_deref(), Some(expected));
    }
}

#[test]
fn empty_and_unreadable_values_make_no_tag() {
    let test = TestTracer::new();
    let span = test.span_of(get(
        "/",
        "user-agent: |content-length: x|x-client-trace-id: ",
    ));
    for name in ["user_agent", "request_size", "guid:x-client-trace-id"] {
        assert_eq!(span.tag(name), None);
    }
}

#[test]
fn a_non_utf8_user_agent_has_replacement_characters() {
    let test = TestTracer::new();
    let span = test.span_of(get("/", "user-agent: a\u{ff}b"));
    assert_eq!(span.tag("user_agent").as_deref(), Some("a\u{fffd}b"));
}

fn url(test: &TestTracer, uri: &str, lines: &str) -> String {
    tag(&test.span_of(get(uri, lines)), "http.url")
}

#[test]
fn the_url_tag_has_neither_query_nor_credentials() {
    let test = TestTracer::new();
    assert_eq!(url(&test, "/a?b=c", "host: h"), "http://h/a");
    assert_eq!(url(&test, "/a?", "host: h"), "http://h/a");
    assert_eq!(url(&test, "https://me:pw@h:1/a?b", ""), "https://h:1/a");
    assert_eq!(url(&test, "http://h", ""), "http://h/");
    assert_eq!(url(&test, "http://h?b", ""), "http://h/");
    assert_eq!(url(&test, "/a", "host: me:pw@h"), "http://h/a");
    assert_eq!(url(&test, "/a", ""), "/a");
    assert_eq!(url(&test, "/a", "host: \u{ff}"), "http://\u{fffd}/a");
    let asked = TestTracer::of(|builder| builder.query_in_url(true));
    assert_eq!(url(&asked, "/a?b=c", "host: h"), "http://h/a?b=c");
}

#[test]
fn the_path_is_cut_at_256_bytes() {
    let test = TestTracer::new();
    let path = |length: usize| format!("/{}", "x".repeat(length - 1));
    assert_eq!(
        url(&test, &path(256), "host: h"),
        format!("http://h{}", path(256))
    );
    assert_eq!(
        url(&test, &path(300), "host: h"),
        format!("http://h{}", path(256))
    );
    let four = TestTracer::of(|builder| builder.max_path_tag_length(4));
    assert_eq!(url(&four, "/items/7", "host: h"), "http://h/ite");
    let asked = TestTracer::of(|builder| builder.query_in_url(true).max_path_tag_length(4));
    assert_eq!(url(&asked, "/a?secret", "host: h"), "http://h/a?s");
}

#[test]
fn the_scheme_is_taken_from_the_uri_or_a_trusted_peer() {
    let test = TestTracer::new();
    let https = "host: h|x-forwarded-proto: https";
    assert_eq!(url(&test, "/", https), "https://h/");
    assert_eq!(url(&test, "http://h/", https), "http://h/");
    for nonsense in [
        "",
        "java script:",
        "a b",
        "<>",
        "\u{ff}",
        "averyveryverylongscheme",
    ] {
        let lines = format!("host: h|x-forwarded-proto: {nonsense}");
        assert_eq!(url(&test, "/", &lines), "http://h/", "{nonsense}");
    }
    let edge = test.tracer.server_layer().trust(Trust::nobody());
    serve_all(&edge, get("/", https), |_| empty());
    let span = test.spans.take_one();
    assert_eq!(span.tag("http.url").as_deref(), Some("http://h/"));
}

#[test]
fn grpc_requests_have_grpc_tags() {
    let test = TestTracer::new();
    let mut request = get(
        "/shop.Cart/Add",
        "content-type: application/grpc+proto|grpc-timeout: 10S|host: h:1",
    );
    *request.method_mut() = Method::POST;
    serve_all(&test.tracer.server_layer(), request, |_| {
        Response::new(Script::trailers(&[("grpc-status", "0")]))
    });
    let span = test.spans.take_one();
    for (name, value) in [
        ("grpc.path", "/shop.Cart/Add"),
        ("grpc.authority", "h:1"),
        ("grpc.content_type", "application/grpc+proto"),
        ("grpc.timeout", "10S"),
        ("grpc.status_code", "0"),
    ] {
        assert_eq!(span.tag(name).as_deref(), Some(value));
    }
    assert_eq!(span.name(), "shop.Cart/Add");
}

#[test]
fn malformed_headers_are_counted_and_can_be_a_tag() {
    let test = TestTracer::of(|builder| builder.tag_malformed_headers(true));
    let span = test.span_of(get("/", "b3: x|x-b3-traceid: zz|x-b3-sampled: maybe"));
    assert_eq!(
        span.tag("malformed_headers").as_deref(),
        Some(
            "b3: wrong length or shape, x-b3-traceid: not hexadecimal, x-b3-sampled: unknown value"
        )
    );
    test.span_of(get("/", "b3: y"));
    assert_eq!(test.tracer.malformed(Field::B3), 2);
    assert_eq!(test.tracer.malformed(Field::TraceId), 1);
    assert_eq!(test.tracer.malformed(Field::Sampled), 1);
    assert_eq!(test.tracer.malformed(Field::SpanId), 0);
    assert_eq!(test.span_of(get("/", "")).tag("malformed_headers"), None);

    let quiet = TestTracer::new();
    let span = quiet.span_of(get("/", "b3: x"));
    assert_eq!(span.tag("malformed_headers"), None);
    assert_eq!(quiet.tracer.malformed(Field::B3), 1);
}

#[test]
fn names_and_tags_of_a_huge_request_are_truncated() {
    let test = TestTracer::new();
    let long = "x".repeat(30_000);
    let path = format!("/{long}/{long}");
    let mut request = get(&path, "content-type: application/grpc");
    *request.method_mut() = Method::from_bytes(long.as_bytes()).unwrap();
    *request.version_mut() = Version::HTTP_2;
    serve_all(&test.tracer.server_layer(), request, |_| {
        let mut response = empty();
        *response.headers_mut() = headers("grpc-status: 0");
        response
    });
    let span = test.spans.take_one();
    assert!(span.name().len() <= 256);
    for (name, value) in span.tags() {
        assert!(value.to_text().len() <= 1024, "{name}");
    }
}
