//! Names, standard tags, custom tags, and what the handler adds.

use crate::{
    common::{Lab, Script, get, headers},
    empty, serve_all,
};
use http::{Method, Request, Response, StatusCode, Version};
use tower_b3::{
    Trust,
    propagation::Field,
    record::SpanRecord,
    tag::{Tag, TagNames},
};

/// All tags, by name.
fn tags(span: &SpanRecord) -> Vec<(String, String)> {
    let tags = span.tags();
    let mut tags: Vec<_> = tags
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .collect();
    tags.sort();
    tags
}

fn tag(span: &SpanRecord, name: &str) -> Option<String> {
    span.tag(name).map(|value| value.into_owned())
}

/// A request with something of everything.
fn rich() -> Request<()> {
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

fn rich_span(lab: &Lab) -> SpanRecord {
    let peer = "192.0.2.7:4711".parse().unwrap();
    let layer = lab.tracer.server_layer().peer_address(move |_| Some(peer));
    serve_all(&layer, rich(), answer);
    lab.spans.take_one()
}

#[test]
fn the_standard_tags_have_envoys_names() {
    let span = rich_span(&Lab::new());
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
fn an_ipv4_peer_of_a_socket_of_both_families_is_one() {
    for (names, tag) in [
        (TagNames::Envoy, "peer.address"),
        (TagNames::OpenTelemetry, "network.peer.address"),
    ] {
        let lab = Lab::of(|builder| builder.tag_names(names));
        let peer = "[::ffff:10.0.0.1]:4711".parse().unwrap();
        let layer = lab.tracer.server_layer().peer_address(move |_| Some(peer));
        serve_all(&layer, rich(), answer);
        let span = lab.spans.take_one();
        assert_eq!(span.tag(tag).as_deref(), Some("10.0.0.1"));
        let remote = span.remote_endpoint();
        assert_eq!(remote.ip, Some("10.0.0.1".parse().unwrap()));
        assert_eq!(remote.port, Some(4711));
    }
}

#[test]
fn the_standard_tags_can_have_open_telemetrys_names() {
    let lab = Lab::of(|builder| builder.tag_names(TagNames::OpenTelemetry));
    let span = rich_span(&lab);
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
    serve_all(&lab.tracer.server_layer(), get("/items/7", ""), |_| {
        tower_b3::scope::route("/items/{id}");
        empty()
    });
    let span = lab.spans.take_one();
    assert_eq!(tag(&span, "http.route").as_deref(), Some("/items/{id}"));
}

#[test]
fn the_component_can_be_set_or_left_out() {
    let proxy = Lab::of(|builder| builder.component("proxy"));
    assert_eq!(
        tag(&proxy.span_of(get("/", "")), "component").as_deref(),
        Some("proxy")
    );
    let none = Lab::of(|builder| builder.component(""));
    assert_eq!(tag(&none.span_of(get("/", "")), "component"), None);
}

#[test]
fn protocols_are_named() {
    let lab = Lab::new();
    for (version, expected) in [
        (Version::HTTP_10, "HTTP/1.0"),
        (Version::HTTP_11, "HTTP/1.1"),
        (Version::HTTP_2, "HTTP/2"),
        (Version::HTTP_3, "HTTP/3"),
    ] {
        let mut request = get("/", "");
        *request.version_mut() = version;
        let span = lab.span_of(request);
        assert_eq!(tag(&span, "http.protocol").as_deref(), Some(expected));
    }
}

#[test]
fn empty_and_unreadable_values_make_no_tag() {
    let lab = Lab::new();
    let span = lab.span_of(get(
        "/",
        "user-agent: |content-length: x|x-client-trace-id: ",
    ));
    for name in ["user_agent", "request_size", "guid:x-client-trace-id"] {
        assert_eq!(tag(&span, name), None);
    }
}

#[test]
fn a_user_agent_that_is_not_utf_8_has_replacement_characters() {
    let lab = Lab::new();
    let span = lab.span_of(get("/", "user-agent: a\u{ff}b"));
    assert_eq!(tag(&span, "user_agent").as_deref(), Some("a\u{fffd}b"));
}

fn url(lab: &Lab, uri: &str, lines: &str) -> String {
    tag(&lab.span_of(get(uri, lines)), "http.url").unwrap()
}

#[test]
fn the_url_has_neither_query_nor_credentials() {
    let lab = Lab::new();
    assert_eq!(url(&lab, "/a?b=c", "host: h"), "http://h/a");
    assert_eq!(url(&lab, "/a?", "host: h"), "http://h/a");
    assert_eq!(url(&lab, "https://me:pw@h:1/a?b", ""), "https://h:1/a");
    assert_eq!(url(&lab, "http://h", ""), "http://h/");
    assert_eq!(url(&lab, "http://h?b", ""), "http://h/");
    assert_eq!(url(&lab, "/a", "host: me:pw@h"), "http://h/a");
    assert_eq!(url(&lab, "/a", ""), "/a");
    assert_eq!(url(&lab, "/a", "host: \u{ff}"), "http://\u{fffd}/a");
    let asked = Lab::of(|builder| builder.query_in_url(true));
    assert_eq!(url(&asked, "/a?b=c", "host: h"), "http://h/a?b=c");
}

#[test]
fn the_path_is_cut_at_256_bytes() {
    let lab = Lab::new();
    let path = |length: usize| format!("/{}", "x".repeat(length - 1));
    assert_eq!(
        url(&lab, &path(256), "host: h"),
        format!("http://h{}", path(256))
    );
    assert_eq!(
        url(&lab, &path(300), "host: h"),
        format!("http://h{}", path(256))
    );
    let four = Lab::of(|builder| builder.max_path_tag_length(4));
    assert_eq!(url(&four, "/items/7", "host: h"), "http://h/ite");
    let asked = Lab::of(|builder| builder.query_in_url(true).max_path_tag_length(4));
    assert_eq!(url(&asked, "/a?secret", "host: h"), "http://h/a?s");
}

#[test]
fn the_scheme_is_the_uris_or_that_of_a_trusted_peer() {
    let lab = Lab::new();
    let https = "host: h|x-forwarded-proto: https";
    assert_eq!(url(&lab, "/", https), "https://h/");
    assert_eq!(url(&lab, "http://h/", https), "http://h/");
    for nonsense in [
        "",
        "java script:",
        "a b",
        "<>",
        "\u{ff}",
        "averyveryverylongscheme",
    ] {
        let lines = format!("host: h|x-forwarded-proto: {nonsense}");
        assert_eq!(url(&lab, "/", &lines), "http://h/", "{nonsense}");
    }
    let edge = lab.tracer.server_layer().trust(Trust::nobody());
    serve_all(&edge, get("/", https), |_| empty());
    let span = lab.spans.take_one();
    assert_eq!(tag(&span, "http.url").as_deref(), Some("http://h/"));
}

#[test]
fn grpc_requests_have_tags_of_their_own() {
    let lab = Lab::new();
    let mut request = get(
        "/shop.Cart/Add",
        "content-type: application/grpc+proto|grpc-timeout: 10S|host: h:1",
    );
    *request.method_mut() = Method::POST;
    serve_all(&lab.tracer.server_layer(), request, |_| {
        Response::new(Script::trailers(&[("grpc-status", "0")]))
    });
    let span = lab.spans.take_one();
    for (name, value) in [
        ("grpc.path", "/shop.Cart/Add"),
        ("grpc.authority", "h:1"),
        ("grpc.content_type", "application/grpc+proto"),
        ("grpc.timeout", "10S"),
        ("grpc.status_code", "0"),
    ] {
        assert_eq!(tag(&span, name).as_deref(), Some(value));
    }
    assert_eq!(span.name(), "shop.Cart/Add");
}

// Names.

fn named(lab: &Lab, request: Request<()>, handler: impl Fn()) -> String {
    serve_all(&lab.tracer.server_layer(), request, |_| {
        handler();
        empty()
    });
    lab.spans.take_one().name().to_owned()
}

#[test]
fn without_a_route_the_name_is_the_method() {
    let lab = Lab::new();
    assert_eq!(named(&lab, get("/items/7", ""), || ()), "GET");
    let request = Request::builder()
        .method("BREW")
        .uri("/pot")
        .body(())
        .unwrap();
    assert_eq!(named(&lab, request, || ()), "BREW");
}

#[test]
fn a_route_is_in_the_name() {
    let lab = Lab::new();
    let route = || tower_b3::scope::route("/items/{id}");
    assert_eq!(named(&lab, get("/items/7", ""), route), "GET /items/{id}");
    // One is not left over for the next request on this thread.
    assert_eq!(named(&lab, get("/items/7", ""), || ()), "GET");
}

#[test]
fn the_handler_can_rename_the_span() {
    let lab = Lab::new();
    let both = || {
        tower_b3::scope::rename("by hand");
        tower_b3::scope::route("/items/{id}");
    };
    assert_eq!(named(&lab, get("/items/7", ""), both), "by hand");
}

#[test]
fn a_function_can_name_spans() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer().name_with(|head| {
        let known = head.path() == "/known";
        known.then(|| format!("{} it", head.method()))
    });
    for (path, name) in [("/known", "GET it"), ("/other", "GET /route")] {
        serve_all(&layer, get(path, ""), |_| {
            tower_b3::scope::route("/route");
            empty()
        });
        assert_eq!(lab.spans.take_one().name(), name);
    }
    // The handler has the last word.
    serve_all(&layer, get("/known", ""), |_| {
        tower_b3::scope::rename("by hand");
        empty()
    });
    assert_eq!(lab.spans.take_one().name(), "by hand");
}

fn grpc_name(response: impl Fn() -> Response<Script>) -> String {
    let lab = Lab::new();
    let mut request = get("/any.Service/Guess", "content-type: application/grpc");
    *request.method_mut() = Method::POST;
    serve_all(&lab.tracer.server_layer(), request, |_| response());
    lab.spans.take_one().name().to_owned()
}

#[test]
fn an_unmatched_grpc_path_is_never_a_name() {
    let unimplemented = || Response::new(Script::trailers(&[("grpc-status", "12")]));
    assert_eq!(grpc_name(unimplemented), "POST");
    let in_headers = || {
        let mut response = empty();
        *response.headers_mut() = headers("grpc-status: 12");
        response
    };
    assert_eq!(grpc_name(in_headers), "POST");
    // What a router of HTTP says to a path it does not know.
    let not_found = || {
        let mut response = empty();
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    };
    assert_eq!(grpc_name(not_found), "POST");
    let not_found_by_its_method = || Response::new(Script::trailers(&[("grpc-status", "5")]));
    assert_eq!(grpc_name(not_found_by_its_method), "any.Service/Guess");
}

// Custom tags.

fn tagged(tags: impl IntoIterator<Item = Tag>) -> Lab {
    let tags: Vec<_> = tags.into_iter().collect();
    Lab::of(|builder| builder.tags(tags))
}

fn custom(tag_of: Tag, lines: &str) -> Option<String> {
    let lab = tagged([tag_of]);
    tag(&lab.span_of(get("/path?query", lines)), "custom")
}

#[test]
fn a_literal_is_on_every_span() {
    assert_eq!(
        custom(Tag::literal("custom", "Test Tag"), "").as_deref(),
        Some("Test Tag")
    );
}

#[test]
fn an_environment_variable_is_read_when_the_tracer_is_built() {
    let path = std::env::var("PATH").unwrap();
    let lab = tagged([
        Tag::environment("path", "PATH").default_value("unused"),
        Tag::environment("default", "TOWER_B3_NO_SUCH_THING").default_value("d"),
        Tag::environment("none", "TOWER_B3_NO_SUCH_THING"),
    ]);
    let span = lab.span_of(get("/", ""));
    assert!(path.starts_with(&tag(&span, "path").unwrap()));
    assert_eq!(tag(&span, "default").as_deref(), Some("d"));
    assert_eq!(tag(&span, "none"), None);
}

#[test]
fn a_header_is_read_when_the_span_starts() {
    let header = || Tag::request_header("custom", "X-Tenant");
    assert_eq!(custom(header(), "x-tenant: acme").as_deref(), Some("acme"));
    assert_eq!(
        custom(header(), "x-tenant: one|x-tenant: two").as_deref(),
        Some("one")
    );
    assert_eq!(custom(header(), ""), None);
    assert_eq!(custom(header(), "x-tenant: "), None);
    assert_eq!(custom(header(), "x-tenant: |x-tenant: two"), None);
    assert_eq!(
        custom(header(), "x-tenant: a\u{ff}").as_deref(),
        Some("a\u{fffd}")
    );
}

#[test]
fn a_headers_default_is_for_one_that_is_absent() {
    let header = || Tag::request_header("custom", "x-tenant").default_value("nobody");
    assert_eq!(custom(header(), "x-tenant: acme").as_deref(), Some("acme"));
    assert_eq!(custom(header(), "").as_deref(), Some("nobody"));
    assert_eq!(custom(header(), "x-tenant: "), None);
}

#[test]
fn pseudo_headers_can_be_tags() {
    let of = |name: &str, lines: &str| custom(Tag::request_header("custom", name), lines);
    assert_eq!(of(":method", "").as_deref(), Some("GET"));
    assert_eq!(of(":path", "").as_deref(), Some("/path?query"));
    assert_eq!(of(":authority", "host: h:1").as_deref(), Some("h:1"));
    assert_eq!(of(":authority", ""), None);
}

#[test]
fn the_authority_shows_no_credentials() {
    let lab = tagged([Tag::request_header("custom", ":authority")]);
    let span = lab.span_of(get("http://me:secret@h:1/", ""));
    assert_eq!(tag(&span, "custom").as_deref(), Some("h:1"));
}

#[test]
fn values_are_cut_on_a_character() {
    let long = "x".repeat(1023) + "é";
    let lab = tagged([Tag::literal("custom", long.clone())]);
    let span = lab.span_of(get("/", ""));
    assert_eq!(tag(&span, "custom").unwrap(), "x".repeat(1023));
    let lab = Lab::of(|builder| builder.tag(Tag::literal("custom", long)).max_tag_length(16));
    assert_eq!(
        tag(&lab.span_of(get("/", "")), "custom").unwrap(),
        "x".repeat(16)
    );
    serve_all(&lab.tracer.server_layer(), get("/", ""), |_| {
        tower_b3::tag("mine", "é".repeat(20));
        empty()
    });
    assert_eq!(tag(&lab.spans.take_one(), "mine").unwrap(), "é".repeat(8));
    let header = tagged([Tag::request_header("custom", "x-tenant")]);
    let span = header.span_of(get("/", &format!("x-tenant: {}", "y".repeat(5000))));
    assert_eq!(tag(&span, "custom").unwrap().len(), 1024);
}

#[test]
fn the_handler_wins_over_a_custom_tag_and_that_over_a_standard_one() {
    let lab = tagged([
        Tag::literal("http.method", "custom"),
        Tag::literal("both", "custom"),
        Tag::request_header("http.url", "x-url"),
        Tag::literal("http.status_code", "custom"),
    ]);
    serve_all(
        &lab.tracer.server_layer(),
        get("/", "x-url: header's"),
        |_| {
            tower_b3::tag("both", "earlier");
            tower_b3::tag("both", "handler");
            tower_b3::tag("component", "handler");
            tower_b3::tag("both", "");
            empty()
        },
    );
    let span = lab.spans.take_one();
    for (name, value) in [
        ("http.method", "custom"),
        ("both", "handler"),
        ("component", "handler"),
        ("http.url", "header's"),
        ("http.status_code", "custom"),
    ] {
        assert_eq!(tag(&span, name).as_deref(), Some(value), "{name}");
    }
}

#[test]
fn a_custom_tag_without_a_value_leaves_the_standard_one() {
    let lab = tagged([Tag::request_header("http.method", "x-absent")]);
    let span = lab.span_of(get("/", ""));
    assert_eq!(tag(&span, "http.method").as_deref(), Some("GET"));
}

#[test]
fn a_custom_tag_wins_over_those_that_are_there_now_and_then() {
    let name = "malformed_headers";
    let lab = Lab::of(|builder| {
        let builder = builder.tag_malformed_headers(true);
        builder.tag(Tag::literal(name, "custom"))
    });
    let span = lab.span_of(get("/", "b3: malformed"));
    assert_eq!(tag(&span, name).as_deref(), Some("custom"));
}

#[test]
fn of_two_custom_tags_of_one_name_the_first_listed_wins() {
    let header = || Tag::request_header("custom", "x-tenant");
    let literal = || Tag::literal("custom", "literal");
    let environment = || Tag::environment("custom", "PATH");
    let first = |tags: [Tag; 2]| tag(&tagged(tags).span_of(get("/", "x-tenant: acme")), "custom");
    assert_eq!(first([header(), literal()]).as_deref(), Some("acme"));
    assert_eq!(first([literal(), header()]).as_deref(), Some("literal"));
    assert_eq!(
        first([literal(), environment()]).as_deref(),
        Some("literal")
    );
    assert_eq!(first([header(), environment()]).as_deref(), Some("acme"));
}

#[test]
fn custom_tags_go_on_no_local_span() {
    let lab = tagged([Tag::literal("custom", "c")]);
    serve_all(&lab.tracer.server_layer(), get("/", ""), |_| {
        tower_b3::span("local").in_scope(|| ());
        empty()
    });
    let [local, server] = lab.spans.take(2).try_into().unwrap();
    assert_eq!(tag(&local, "custom"), None);
    assert_eq!(local.kind(), None);
    assert_eq!(tag(&server, "custom").as_deref(), Some("c"));
}

#[test]
fn what_was_malformed_is_counted_and_can_be_a_tag() {
    let lab = Lab::of(|builder| builder.tag_malformed_headers(true));
    let span = lab.span_of(get("/", "b3: x|x-b3-traceid: zz|x-b3-sampled: maybe"));
    assert_eq!(
        tag(&span, "malformed_headers").as_deref(),
        Some(
            "b3: wrong length or shape, x-b3-traceid: not hexadecimal, x-b3-sampled: unknown value"
        )
    );
    lab.span_of(get("/", "b3: y"));
    assert_eq!(lab.tracer.malformed(Field::B3), 2);
    assert_eq!(lab.tracer.malformed(Field::TraceId), 1);
    assert_eq!(lab.tracer.malformed(Field::Sampled), 1);
    assert_eq!(lab.tracer.malformed(Field::SpanId), 0);
    assert_eq!(tag(&lab.span_of(get("/", "")), "malformed_headers"), None);

    let quiet = Lab::new();
    let span = quiet.span_of(get("/", "b3: x"));
    assert_eq!(tag(&span, "malformed_headers"), None);
    assert_eq!(quiet.tracer.malformed(Field::B3), 1);
}

#[test]
fn the_handler_tags_annotates_and_fails_the_span() {
    let lab = Lab::new();
    serve_all(&lab.tracer.server_layer(), get("/", ""), |_| {
        tower_b3::tag("cart.items", "3");
        tower_b3::annotate("cache miss");
        tower_b3::scope::error("out of stock");
        empty()
    });
    let span = lab.spans.take_one();
    assert_eq!(tag(&span, "cart.items").as_deref(), Some("3"));
    assert_eq!(crate::common::ending(&span), "200 error(out of stock)");
    let annotations: Vec<_> = span.annotations().collect();
    assert_eq!(annotations.len(), 1);
    let (at, text) = annotations[0];
    assert_eq!(text, "cache miss");
    let end = span.timestamp() + span.duration().as_micros() as u64;
    assert!((span.timestamp()..=end).contains(&at));
}

#[test]
fn a_handlers_error_and_a_failed_answer_are_one_error() {
    let lab = Lab::new();
    serve_all(&lab.tracer.server_layer(), get("/", ""), |_| {
        tower_b3::scope::error("out of stock");
        let mut response = empty();
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    });
    let span = lab.spans.take_one();
    assert_eq!(crate::common::ending(&span), "500 error(out of stock)");
}

#[test]
fn two_tags_can_be_of_one_header() {
    let lab = Lab::of(|builder| {
        builder
            .tag(Tag::request_header("tenant", "x-tenant"))
            .tag(Tag::request_header("customer", "x-tenant"))
            .tag(Tag::request_header("agent", "user-agent"))
            .tag(Tag::request_header("id", "x-request-id"))
    });
    let span = lab.span_of(get("/", "x-tenant: acme|x-tenant: other|user-agent: curl"));
    for (name, value) in [("tenant", "acme"), ("customer", "acme"), ("agent", "curl")] {
        assert_eq!(span.tag(name).as_deref(), Some(value));
    }
    // One that is made here can be a tag as well.
    assert_eq!(span.tag("id"), span.tag("guid:x-request-id"));
    assert!(span.tag("id").is_some());
}

#[test]
fn a_format_has_the_request_id_that_the_request_will_have() {
    let lab = tagged([Tag::formatter("id", "%REQ(x-none?x-request-id)%")]);
    for lines in [
        "",
        "x-request-id: ",
        "x-request-id: a b",
        "x-request-id: mine",
    ] {
        let span = lab.span_of(get("/", lines));
        assert!(span.tag("id").is_some(), "{lines}");
        assert_eq!(span.tag("id"), span.tag("guid:x-request-id"), "{lines}");
    }
}

#[test]
fn there_can_be_more_header_tags_than_fit_the_one_pass() {
    let names: Vec<String> = (0..60).map(|at| format!("x-{at}")).collect();
    let lab = Lab::of(|builder| {
        let tags = names.iter().map(|name| Tag::request_header(name, name));
        tags.fold(builder, |builder, tag| builder.tag(tag))
    });
    let lines: Vec<String> = names.iter().map(|name| format!("{name}: {name}")).collect();
    let span = lab.span_of(get("/", &lines.join("|")));
    for name in &names {
        assert_eq!(span.tag(name).as_deref(), Some(&**name));
    }
}
