//! `x-request-id`: kept, replaced or generated, and echoed.

use crate::{
    common::{Script, TestTracer, get, headers, now, text, values},
    empty, serve, serve_all,
};
use http::{HeaderMap, Request, Response};
use std::{collections::HashSet, future::ready};
use tower::{Layer, Service, service_fn};
use tower_b3::{ServerLayer, Trust, propagation::Field, tags::Tag};

/// The headers that the handler sees, the result of `request_id`, and the response's headers.
fn seen(layer: &ServerLayer, lines: &str, answer: &str) -> (HeaderMap, String, HeaderMap) {
    let (mut request_headers, mut id) = (HeaderMap::new(), String::new());
    let response = serve(layer, get("/", lines), |request| {
        request_headers = request.headers().clone();
        id = tower_b3::request_id().unwrap().to_string();
        let mut response = empty();
        *response.headers_mut() = headers(answer);
        response
    });
    (request_headers, id, response.headers().clone())
}

fn is_uuid_4(id: &str) -> bool {
    let groups: Vec<_> = id.split('-').map(str::len).collect();
    let lower = |c: char| matches!(c, '0'..='9' | 'a'..='f' | '-');
    groups == [8, 4, 4, 4, 12] && id.chars().all(lower) && &id[14..15] == "4"
}

#[test]
fn an_absent_or_empty_request_id_is_generated() {
    let test = TestTracer::new();
    for lines in ["", "x-request-id: ", "x-request-id: |x-request-id: second"] {
        let (request, id, answer) = seen(&test.tracer.server_layer(), lines, "");
        assert!(is_uuid_4(&id), "{id}");
        assert_eq!(values(&request, "x-request-id"), [id.as_bytes()], "{lines}");
        assert_eq!(text(&answer, "x-request-id"), id);
        let span = test.spans.take_all().remove(0);
        assert_eq!(span.tag("guid:x-request-id").as_deref(), Some(&*id));
    }
}

#[test]
fn a_visible_ascii_request_id_is_kept_verbatim() {
    let test = TestTracer::new();
    let longest = "x".repeat(256);
    let uuid = "6F0B3F1E-6A0B-4D1C-8F3E-0D6B5A4C3E21";
    for kept in ["r", "!~<script>\"'", uuid, &longest] {
        let lines = format!("x-request-id: {kept}");
        let (request, id, answer) = seen(&test.tracer.server_layer(), &lines, "");
        assert_eq!(id, kept);
        assert_eq!(text(&request, "x-request-id"), kept);
        assert_eq!(text(&answer, "x-request-id"), kept);
        test.spans.take_one();
    }
}

#[test]
fn an_invalid_request_id_is_replaced() {
    let test = TestTracer::new();
    let long = "x".repeat(257);
    for replaced in ["a b", " a", "a\tb", "\u{e9}", &long] {
        let lines = format!("x-request-id: {replaced}");
        let (request, id, answer) = seen(&test.tracer.server_layer(), &lines, "");
        assert!(is_uuid_4(&id), "{replaced}");
        assert_eq!(values(&request, "x-request-id"), [id.as_bytes()]);
        assert_eq!(text(&answer, "x-request-id"), id);
        test.spans.take_one();
    }
    assert_eq!(test.tracer.malformed(Field::RequestId), 5);
}

#[test]
fn an_untrusted_request_id_is_replaced_unless_preserved() {
    let test = TestTracer::new();
    let edge = test.tracer.server_layer().trust(Trust::nobody());
    let (request, id, _) = seen(&edge, "x-request-id: stranger", "");
    assert!(is_uuid_4(&id));
    assert_eq!(text(&request, "x-request-id"), id);

    let preserving = edge.preserve_external_request_id(true);
    let (request, id, answer) = seen(&preserving, "x-request-id: stranger", "");
    assert_eq!(id, "stranger");
    assert_eq!(text(&request, "x-request-id"), "stranger");
    assert_eq!(text(&answer, "x-request-id"), "stranger");
    let (_, id, _) = seen(&preserving, "x-request-id: can not be kept", "");
    assert!(is_uuid_4(&id));
    test.spans.take(3);
}

#[test]
fn preserve_external_request_id_changes_nothing_for_trusted_requests() {
    let test = TestTracer::new();
    for preserve in [false, true] {
        let layer = test
            .tracer
            .server_layer()
            .preserve_external_request_id(preserve);
        assert_eq!(seen(&layer, "x-request-id: r", "").1, "r");
        test.spans.take_one();
    }
}

#[test]
fn names_and_tags_use_the_request_id_that_the_handler_sees() {
    let test = TestTracer::of(|builder| {
        let tags = [
            Tag::formatter("format", "id %REQ(X-REQUEST-ID)%"),
            Tag::request_header("header", "x-request-id"),
        ];
        builder.tags(tags)
    });
    let layer = test.tracer.server_layer().name_with(|head| {
        let id = head.headers().get("x-request-id")?;
        Some(format!("id {}", id.to_str().ok()?))
    });
    for lines in ["", "x-request-id: a b", "x-request-id: mine"] {
        for layer in [layer.clone(), layer.clone().trust(Trust::nobody())] {
            let (request, ..) = seen(&layer, lines, "");
            let id = text(&request, "x-request-id");
            let span = test.spans.take_one();
            assert_eq!(span.name(), format!("id {id}"), "{lines}");
            assert_eq!(span.tag("format").unwrap(), format!("id {id}"), "{lines}");
            assert_eq!(span.tag("header").unwrap(), id, "{lines}");
            assert_eq!(span.tag("guid:x-request-id").unwrap(), id, "{lines}");
        }
    }
}

#[test]
fn echoing_the_request_id_can_be_turned_off() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer().echo_request_id(false);
    let (_, _, answer) = seen(&layer, "x-request-id: r", "");
    assert!(answer.is_empty());
    test.spans.take_one();
}

#[test]
fn a_response_header_set_by_the_handler_is_kept() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer();
    let (_, _, answer) = seen(&layer, "x-request-id: r", "x-request-id: handler's");
    assert_eq!(values(&answer, "x-request-id"), [b"handler's"]);
    test.spans.take_one();
}

#[test]
fn excluded_and_unsampled_requests_echo_the_request_id() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer().exclude_paths(["/"]);
    assert_eq!(
        text(&seen(&layer, "x-request-id: r", "").2, "x-request-id"),
        "r"
    );
    let layer = test.tracer.server_layer();
    let (_, id, answer) = seen(&layer, "b3: 0", "");
    assert_eq!(text(&answer, "x-request-id"), id);
    test.spans.take(0);
}

#[test]
fn a_service_error_has_no_response_to_carry_the_request_id() {
    let test = TestTracer::new();
    let failing = service_fn(|_: Request<()>| ready(Err::<Response<Script>, _>("no")));
    let mut service = test.tracer.server_layer().layer(failing);
    assert!(now(service.call(get("/", "x-request-id: r"))).is_err());
    let span = test.spans.take_one();
    assert_eq!(span.tag("guid:x-request-id").as_deref(), Some("r"));
}

#[test]
fn generated_request_ids_are_unique() {
    let test = TestTracer::new();
    let mut ids = HashSet::new();
    for _ in 0..100 {
        serve_all(&test.tracer.server_layer(), get("/", ""), |request| {
            assert!(ids.insert(text(request.headers(), "x-request-id").to_owned()));
            empty()
        });
    }
    test.spans.take(100);
}
