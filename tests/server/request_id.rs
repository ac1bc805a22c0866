//! `x-request-id`: kept, replaced or generated, the same everywhere, and echoed.

use crate::{
    common::{Lab, get, headers, text, values},
    empty, serve_all,
};
use http::HeaderMap;
use tower_b3::{ServerLayer, Trust, tag::Tag};

/// What the handler sees, what `request_id` says, and the answer's headers.
fn seen(layer: &ServerLayer, lines: &str, answer: &str) -> (HeaderMap, String, HeaderMap) {
    let (mut request_headers, mut id) = (HeaderMap::new(), String::new());
    let response = crate::serve(layer, get("/", lines), |request| {
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
fn an_absent_or_empty_one_is_generated() {
    let lab = Lab::new();
    for lines in ["", "x-request-id: ", "x-request-id: |x-request-id: second"] {
        let (request, id, answer) = seen(&lab.tracer.server_layer(), lines, "");
        assert!(is_uuid_4(&id), "{id}");
        assert_eq!(values(&request, "x-request-id"), [id.as_bytes()], "{lines}");
        assert_eq!(text(&answer, "x-request-id"), id);
        let span = lab.spans.all().remove(0);
        assert_eq!(span.tag("guid:x-request-id").as_deref(), Some(&*id));
    }
}

#[test]
fn visible_ascii_is_kept_verbatim() {
    let lab = Lab::new();
    let longest = "x".repeat(256);
    let uuid = "6F0B3F1E-6A0B-4D1C-8F3E-0D6B5A4C3E21";
    for kept in ["r", "!~<script>\"'", uuid, &longest] {
        let lines = format!("x-request-id: {kept}");
        let (request, id, answer) = seen(&lab.tracer.server_layer(), &lines, "");
        assert_eq!(id, kept);
        assert_eq!(text(&request, "x-request-id"), kept);
        assert_eq!(text(&answer, "x-request-id"), kept);
        lab.spans.take_one();
    }
}

#[test]
fn anything_else_is_replaced() {
    let lab = Lab::new();
    let long = "x".repeat(257);
    for replaced in ["a b", " a", "a\tb", "\u{e9}", &long] {
        let lines = format!("x-request-id: {replaced}");
        let (request, id, answer) = seen(&lab.tracer.server_layer(), &lines, "");
        assert!(is_uuid_4(&id), "{replaced}");
        assert_eq!(values(&request, "x-request-id"), [id.as_bytes()]);
        assert_eq!(text(&answer, "x-request-id"), id);
        lab.spans.take_one();
    }
    let field = tower_b3::propagation::Field::RequestId;
    assert_eq!(lab.tracer.malformed(field), 5);
}

#[test]
fn a_strangers_is_replaced_unless_it_is_to_be_preserved() {
    let lab = Lab::new();
    let edge = lab.tracer.server_layer().trust(Trust::nobody());
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
    lab.spans.take(3);
}

#[test]
fn preserving_changes_nothing_for_those_who_are_trusted() {
    let lab = Lab::new();
    for preserve in [false, true] {
        let layer = lab
            .tracer
            .server_layer()
            .preserve_external_request_id(preserve);
        assert_eq!(seen(&layer, "x-request-id: r", "").1, "r");
        lab.spans.take_one();
    }
}

#[test]
fn names_and_tags_are_made_of_the_one_that_the_handler_sees() {
    let lab = Lab::of(|builder| {
        let tags = [
            Tag::formatter("format", "id %REQ(X-REQUEST-ID)%"),
            Tag::request_header("header", "x-request-id"),
        ];
        builder.tags(tags)
    });
    let layer = lab.tracer.server_layer().name_with(|head| {
        let id = head.headers().get("x-request-id")?;
        Some(format!("id {}", id.to_str().ok()?))
    });
    for lines in ["", "x-request-id: a b", "x-request-id: mine"] {
        for layer in [layer.clone(), layer.clone().trust(Trust::nobody())] {
            let (request, ..) = seen(&layer, lines, "");
            let id = text(&request, "x-request-id");
            let span = lab.spans.take_one();
            assert_eq!(span.name(), format!("id {id}"), "{lines}");
            assert_eq!(span.tag("format").unwrap(), format!("id {id}"), "{lines}");
            assert_eq!(span.tag("header").unwrap(), id, "{lines}");
            assert_eq!(span.tag("guid:x-request-id").unwrap(), id, "{lines}");
        }
    }
}

#[test]
fn the_echo_can_be_turned_off() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer().echo_request_id(false);
    let (_, _, answer) = seen(&layer, "x-request-id: r", "");
    assert!(answer.is_empty());
    lab.spans.take_one();
}

#[test]
fn one_that_the_handler_set_is_kept_and_never_doubled() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer();
    let (_, _, answer) = seen(&layer, "x-request-id: r", "x-request-id: handler's");
    assert_eq!(values(&answer, "x-request-id"), [b"handler's"]);
    lab.spans.take_one();
}

#[test]
fn excluded_and_unsampled_requests_are_answered_with_it_too() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer().exclude_paths(["/"]);
    assert_eq!(
        text(&seen(&layer, "x-request-id: r", "").2, "x-request-id"),
        "r"
    );
    let layer = lab.tracer.server_layer();
    let (_, id, answer) = seen(&layer, "b3: 0", "");
    assert_eq!(text(&answer, "x-request-id"), id);
    lab.spans.take(0);
}

#[test]
fn an_error_has_no_answer_to_carry_it() {
    use tower::{Layer, Service, service_fn};
    let lab = Lab::new();
    let failing = service_fn(|_: http::Request<()>| {
        std::future::ready(Err::<http::Response<crate::Script>, _>("no"))
    });
    let mut service = lab.tracer.server_layer().layer(failing);
    assert!(crate::now(service.call(get("/", "x-request-id: r"))).is_err());
    let span = lab.spans.take_one();
    assert_eq!(span.tag("guid:x-request-id").as_deref(), Some("r"));
}

#[test]
fn two_requests_never_get_the_same_one() {
    let lab = Lab::new();
    let mut ids = std::collections::HashSet::new();
    for _ in 0..100 {
        serve_all(&lab.tracer.server_layer(), get("/", ""), |request| {
            assert!(ids.insert(text(request.headers(), "x-request-id").to_owned()));
            empty()
        });
    }
    lab.spans.take(100);
}
