//! Custom tags: literals, variables of the environment, headers, formats.

use crate::{
    common::{TestTracer, get},
    empty, serve_all,
};
use std::{borrow::Cow, env};
use tower_b3::tags::Tag;

fn tagged(tags: impl IntoIterator<Item = Tag>) -> TestTracer {
    let tags: Vec<_> = tags.into_iter().collect();
    TestTracer::of(|builder| builder.tags(tags))
}

/// The value of the tag `custom` if it is configured like this.
fn custom(custom: Tag, lines: &str) -> Option<String> {
    let span = tagged([custom]).span_of(get("/path?query", lines));
    span.tag("custom").map(Cow::into_owned)
}

#[test]
fn a_literal_tag_is_on_every_span() {
    assert_eq!(
        custom(Tag::literal("custom", "Test Tag"), "").as_deref(),
        Some("Test Tag")
    );
}

#[test]
fn an_environment_variable_is_read_when_the_tracer_is_built() {
    let path = env::var("PATH").unwrap();
    let test = tagged([
        Tag::environment("path", "PATH").default_value("unused"),
        Tag::environment("default", "TOWER_B3_NO_SUCH_THING").default_value("d"),
        Tag::environment("none", "TOWER_B3_NO_SUCH_THING"),
    ]);
    let span = test.span_of(get("/", ""));
    assert!(path.starts_with(&*span.tag("path").unwrap()));
    assert_eq!(span.tag("default").as_deref(), Some("d"));
    assert_eq!(span.tag("none"), None);
}

#[test]
fn a_request_header_tag_is_read_when_the_span_starts() {
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
fn a_header_tags_default_is_used_only_when_the_header_is_absent() {
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
fn the_authority_tag_has_no_credentials() {
    let test = tagged([Tag::request_header("custom", ":authority")]);
    let span = test.span_of(get("http://me:secret@h:1/", ""));
    assert_eq!(span.tag("custom").as_deref(), Some("h:1"));
}

#[test]
fn values_are_truncated_at_a_character_boundary() {
    let long = "x".repeat(1023) + "é";
    let test = tagged([Tag::literal("custom", long.clone())]);
    let span = test.span_of(get("/", ""));
    assert_eq!(span.tag("custom").unwrap(), "x".repeat(1023));
    let test =
        TestTracer::of(|builder| builder.tag(Tag::literal("custom", long)).max_tag_length(16));
    assert_eq!(
        test.span_of(get("/", "")).tag("custom").unwrap(),
        "x".repeat(16)
    );
    serve_all(&test.tracer.server_layer(), get("/", ""), |_| {
        tower_b3::tag("mine", "é".repeat(20));
        empty()
    });
    assert_eq!(test.spans.take_one().tag("mine").unwrap(), "é".repeat(8));
    let header = tagged([Tag::request_header("custom", "x-tenant")]);
    let span = header.span_of(get("/", &format!("x-tenant: {}", "y".repeat(5000))));
    assert_eq!(span.tag("custom").unwrap().len(), 1024);
}

#[test]
fn handler_tags_override_custom_tags_which_override_standard_tags() {
    let test = tagged([
        Tag::literal("http.method", "custom"),
        Tag::literal("both", "custom"),
        Tag::request_header("http.url", "x-url"),
        Tag::literal("http.status_code", "custom"),
    ]);
    serve_all(
        &test.tracer.server_layer(),
        get("/", "x-url: header's"),
        |_| {
            tower_b3::tag("both", "earlier");
            tower_b3::tag("both", "handler");
            tower_b3::tag("component", "handler");
            tower_b3::tag("both", "");
            empty()
        },
    );
    let span = test.spans.take_one();
    for (name, value) in [
        ("http.method", "custom"),
        ("both", "handler"),
        ("component", "handler"),
        ("http.url", "header's"),
        ("http.status_code", "custom"),
    ] {
        assert_eq!(span.tag(name).as_deref(), Some(value), "{name}");
    }
}

#[test]
fn a_custom_tag_without_a_value_keeps_the_standard_tag() {
    let test = tagged([Tag::request_header("http.method", "x-absent")]);
    let span = test.span_of(get("/", ""));
    assert_eq!(span.tag("http.method").as_deref(), Some("GET"));
}

#[test]
fn a_custom_tag_overrides_an_optional_standard_tag() {
    let name = "malformed_headers";
    let test = TestTracer::of(|builder| {
        let builder = builder.tag_malformed_headers(true);
        builder.tag(Tag::literal(name, "custom"))
    });
    let span = test.span_of(get("/", "b3: malformed"));
    assert_eq!(span.tag(name).as_deref(), Some("custom"));
}

#[test]
fn the_first_of_two_custom_tags_with_one_name_wins() {
    let header = || Tag::request_header("custom", "x-tenant");
    let literal = || Tag::literal("custom", "literal");
    let environment = || Tag::environment("custom", "PATH");
    let first = |tags: [Tag; 2]| {
        let span = tagged(tags).span_of(get("/", "x-tenant: acme"));
        span.tag("custom").map(Cow::into_owned)
    };
    assert_eq!(first([header(), literal()]).as_deref(), Some("acme"));
    assert_eq!(first([literal(), header()]).as_deref(), Some("literal"));
    assert_eq!(
        first([literal(), environment()]).as_deref(),
        Some("literal")
    );
    assert_eq!(first([header(), environment()]).as_deref(), Some("acme"));
}

#[test]
fn custom_tags_are_not_on_local_spans() {
    let test = tagged([Tag::literal("custom", "c")]);
    serve_all(&test.tracer.server_layer(), get("/", ""), |_| {
        tower_b3::span("local").in_scope(|| ());
        empty()
    });
    let [local, server] = test.spans.take(2).try_into().unwrap();
    assert_eq!(local.tag("custom"), None);
    assert_eq!(local.kind(), None);
    assert_eq!(server.tag("custom").as_deref(), Some("c"));
}

#[test]
fn two_tags_can_read_one_header() {
    let test = TestTracer::of(|builder| {
        builder
            .tag(Tag::request_header("tenant", "x-tenant"))
            .tag(Tag::request_header("customer", "x-tenant"))
            .tag(Tag::request_header("agent", "user-agent"))
            .tag(Tag::request_header("id", "x-request-id"))
    });
    let span = test.span_of(get("/", "x-tenant: acme|x-tenant: other|user-agent: curl"));
    for (name, value) in [("tenant", "acme"), ("customer", "acme"), ("agent", "curl")] {
        assert_eq!(span.tag(name).as_deref(), Some(value));
    }
    // A generated header can be a tag too.
    assert_eq!(span.tag("id"), span.tag("guid:x-request-id"));
    assert!(span.tag("id").is_some());
}

#[test]
fn a_formatter_sees_the_final_request_id() {
    let test = tagged([Tag::formatter("id", "%REQ(x-none?x-request-id)%")]);
    for lines in [
        "",
        "x-request-id: ",
        "x-request-id: a b",
        "x-request-id: mine",
    ] {
        let span = test.span_of(get("/", lines));
        assert!(span.tag("id").is_some(), "{lines}");
        assert_eq!(span.tag("id"), span.tag("guid:x-request-id"), "{lines}");
    }
}

#[test]
fn there_can_be_more_header_tags_than_fit_one_pass() {
    let names: Vec<String> = (0..60).map(|at| format!("x-{at}")).collect();
    let test = TestTracer::of(|builder| {
        let tags = names.iter().map(|name| Tag::request_header(name, name));
        tags.fold(builder, |builder, tag| builder.tag(tag))
    });
    let lines: Vec<String> = names.iter().map(|name| format!("{name}: {name}")).collect();
    let span = test.span_of(get("/", &lines.join("|")));
    for name in &names {
        assert_eq!(span.tag(name).as_deref(), Some(&**name));
    }
}
