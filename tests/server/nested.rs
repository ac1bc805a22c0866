//! Two server layers around one handler: the inner one continues the outer one's SERVER context.

use crate::{
    called,
    common::{
        SPAN, Script, TRACE, TestTracer, TreeFormat, assert_tree, drain, get, now, text, with_ids,
    },
    empty, serve_all,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use std::{convert::Infallible, future::ready};
use tower::{Layer, Service, service_fn};
use tower_b3::{Direction, Mode, ServerLayer, Trust, current, propagation::Propagation, tags::Tag};

/// Serves a request through `outer` around `inner`: the headers of a call made by the handler.
fn nested(test: &TestTracer, outer: &ServerLayer, inner: &ServerLayer, lines: &str) -> HeaderMap {
    let mut carried = HeaderMap::new();
    let handler = service_fn(|request: Request<()>| {
        carried = called(test);
        let mut response = empty();
        if let Some(id) = request.headers().get("x-request-id") {
            response.headers_mut().insert("x-seen", id.clone());
        }
        ready(Ok::<_, Infallible>(response))
    });
    let mut service = outer.layer(inner.layer(handler));
    let mut response = now(service.call(get("/items/7", lines))).unwrap();
    if let Some(seen) = response.headers().get("x-seen") {
        assert_eq!(seen, &response.headers()["x-request-id"]);
    }
    drain(response.body_mut()).unwrap();
    drop((response, service));
    carried
}

#[test]
fn the_inner_span_is_a_child_of_the_outer_for_any_inbound_headers() {
    let caller = format!("b3: {TRACE}-{SPAN}-1");
    for lines in ["", &caller, "b3: malformed", "x-request-id: mine", "b3: 1"] {
        let test = TestTracer::new();
        let layer = test.tracer.server_layer();
        for inner in [
            layer.clone(),
            layer.clone().trust(Trust::nobody()),
            layer.clone().join(true),
            layer.clone().rewrite_request_headers(true),
        ] {
            let carried = nested(&test, &layer, &inner, lines);
            let spans = test.spans.take(3);
            TreeFormat::default().no_tags().assert(
                &spans,
                "
                shop  SERVER  GET
                shop  SERVER  └─ GET
                shop  CLIENT     └─ GET
                ",
            );
            let [client, inner, outer] = spans.try_into().unwrap();
            assert_eq!(outer.parent_id().is_some(), *lines == *caller);
            for span in [&client, &inner] {
                assert_eq!(
                    span.tag("guid:x-request-id"),
                    outer.tag("guid:x-request-id")
                );
            }
            assert_eq!(text(&carried, "x-b3-traceid"), outer.trace_id().to_string());
        }
    }
}

#[test]
fn a_local_span_between_two_layers_is_the_parent() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer();
    serve_all(&layer, get("/", ""), |request| {
        tower_b3::span("dispatch").in_scope(|| {
            serve_all(&layer, request, |_| empty());
        });
        empty()
    });
    test.spans.assert_tree(
        "
        shop  SERVER  GET          http.status_code=200
        shop          └─ dispatch
        shop  SERVER     └─ GET    http.status_code=200
        ",
    );
}

#[test]
fn the_outer_layers_sampling_decision_is_kept() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer();
    nested(&test, &layer, &layer, "x-b3-sampled: 0");
    assert!(test.spans.take_all().is_empty());
}

#[test]
fn only_the_outer_layer_decides_on_trust() {
    let lines = "sw8: 1|jwt: mine|x-forwarded-proto: https|host: shop";
    for mode in [Mode::Spans, Mode::RecordOnly] {
        let propagation = Propagation::default().forward(["jwt"]).unwrap();
        let test = TestTracer::of(|builder| builder.propagation(propagation).mode(mode));
        let layer = test.tracer.server_layer();
        let edge = layer.clone().trust(Trust::nobody());
        for (outer, inner, trusted) in [(&layer, &edge, true), (&edge, &layer, false)] {
            let carried = nested(&test, outer, inner, lines);
            assert_eq!(carried.contains_key("sw8"), trusted, "{mode:?}");
            assert_eq!(carried.contains_key("jwt"), trusted, "{mode:?}");
            let scheme = if trusted { "https" } else { "http" };
            for span in &test.spans.take(3)[1..] {
                assert_eq!(
                    span.tag("http.url").unwrap(),
                    format!("{scheme}://shop/items/7")
                );
            }
        }
    }
}

#[test]
fn a_request_that_an_outer_layer_does_not_trust_is_not_trusted_by_the_inner_one() {
    let propagation = Propagation::default().forward(["jwt"]).unwrap();
    let test = TestTracer::of(|builder| builder.propagation(propagation.clone()));
    let forwarding =
        TestTracer::of(|builder| builder.propagation(propagation).mode(Mode::ForwardOnly));
    let inner = test.tracer.server_layer();
    let excluding = inner.clone().exclude_paths(["/items/7"]);
    for outer in [excluding, forwarding.tracer.server_layer()] {
        for (outer, trusted) in [(outer.clone(), true), (outer.trust(Trust::nobody()), false)] {
            let carried = nested(&test, &outer, &inner, "jwt: mine|sw8: 1");
            assert_eq!(carried.contains_key("jwt"), trusted);
            assert_eq!(carried.contains_key("sw8"), trusted);
            test.spans.take(2);
        }
    }
}

#[test]
fn an_excluded_path_of_either_layer_makes_no_span_there() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer();
    let excluding = layer.clone().exclude_paths(["/items/7"]);
    // Excluded by the inner layer: the outer context is propagated unchanged.
    let carried = nested(&test, &layer, &excluding, "");
    let outer = test.spans.take_one();
    assert_eq!(text(&carried, "x-b3-spanid"), outer.id().to_string());
    // Excluded by the outer layer: the inner layer makes the first span.
    let caller = format!("b3: {TRACE}-{SPAN}-1");
    nested(&test, &excluding, &layer, &caller);
    with_ids().assert(
        &test.spans.take(2),
        "
        trace 463ac35c9f6413ad48485a3953bb6124
        shop  SERVER  GET     parent=a2fb4a1d1a96d312 http.status_code=200
        shop  CLIENT  └─ GET  http.status_code=200
        ",
    );
}

#[test]
fn two_record_only_layers_make_one_trace() {
    let test = TestTracer::of(|builder| builder.mode(Mode::RecordOnly));
    let layer = test.tracer.server_layer();
    nested(&test, &layer, &layer, &format!("b3: {TRACE}-{SPAN}-1"));
    // The call is a sibling of the SERVER span, whose id is never propagated.
    with_ids().sort_siblings(true).assert(
        &test.spans.take(3),
        "
        trace 463ac35c9f6413ad48485a3953bb6124
        shop  CLIENT  GET     parent=a2fb4a1d1a96d312 http.status_code=200
        shop  SERVER  GET     parent=a2fb4a1d1a96d312 http.status_code=200
        shop  SERVER  └─ GET  http.status_code=200
        ",
    );
}

#[test]
fn a_record_only_layer_forwards_nothing_that_an_outer_edge_layer_strips() {
    let propagation = Propagation::default().forward(["jwt"]).unwrap();
    let test = TestTracer::of(|builder| builder.mode(Mode::RecordOnly).propagation(propagation));
    let layer = test.tracer.server_layer();
    let edge = layer.clone().trust(Trust::nobody());
    assert!(!nested(&test, &edge, &layer, "jwt: mine").contains_key("jwt"));
    assert_eq!(nested(&test, &layer, &layer, "jwt: mine")["jwt"], "mine");
    test.spans.take(6);
}

#[test]
fn an_inner_forward_only_layer_changes_nothing() {
    for outside in [Mode::Spans, Mode::RecordOnly] {
        for client in [Mode::Spans, Mode::ForwardOnly, Mode::RecordOnly] {
            let outside = TestTracer::of(|builder| builder.mode(outside));
            let inside = TestTracer::of(|builder| {
                let builder = builder.mode_for(Direction::Client, client);
                builder.mode_for(Direction::Server, Mode::ForwardOnly)
            });
            let lines = format!("b3: {TRACE}-{SPAN}-1|sw8: 1|sw8: 2|tracestate: a=b");
            let outer = outside.tracer.server_layer();
            let carried = nested(
                &inside,
                &outer,
                &inside.tracer.server_layer().context_in_extensions(true),
                &lines,
            );
            let alone = TestTracer::of(|builder| builder.mode_for(Direction::Client, client));
            let mut expected = HeaderMap::new();
            serve_all(&outer, get("/items/7", &lines), |_| {
                expected = called(&alone);
                empty()
            });
            let values = |headers: &HeaderMap| {
                let all = headers.iter();
                let same = all.filter(|(name, _)| {
                    !["x-b3-spanid", "x-b3-parentspanid", "x-request-id"].contains(&name.as_str())
                });
                let pair = |(name, value): (&HeaderName, &HeaderValue)| {
                    format!("{name}: {}", value.to_str().unwrap())
                };
                let mut pairs: Vec<_> = same.map(pair).collect();
                pairs.sort();
                pairs
            };
            assert_eq!(values(&carried), values(&expected), "{client:?}");
            outside.spans.take(2);
            let spans = inside.spans.take_all();
            assert_eq!(spans.len(), alone.spans.take_all().len());
            assert!(
                spans
                    .iter()
                    .all(|span| span.trace_id().to_string() == TRACE)
            );
        }
    }
}

#[test]
fn an_inner_layer_below_a_record_only_layer_writes_no_stale_headers() {
    let outside = TestTracer::of(|builder| builder.mode(Mode::RecordOnly));
    let inside = TestTracer::new();
    for (lines, traceparent) in [
        (format!("b3: {TRACE}-{SPAN}-1|sw8: 1"), None),
        (
            format!("traceparent: 00-{TRACE}-{SPAN}-01|sw8: 1"),
            Some(TRACE),
        ),
    ] {
        let (outer, inner) = (outside.tracer.server_layer(), inside.tracer.server_layer());
        let carried = nested(&inside, &outer, &inner, &lines);
        let [client, _] = inside.spans.take(2).try_into().unwrap();
        outside.spans.take_one();
        assert!(!carried.contains_key("b3"), "{carried:?}");
        let id = client.id().to_string();
        assert_eq!(text(&carried, "x-b3-spanid"), id);
        let expected = traceparent.map(|trace| format!("00-{trace}-{id}-01"));
        let written = carried.get("traceparent");
        let written = written.map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(written, expected);
        assert_eq!(text(&carried, "sw8"), "1");
    }
}

#[test]
fn layers_of_two_tracers_make_one_trace() {
    let (outside, inside) = (TestTracer::new(), TestTracer::new());
    nested(
        &inside,
        &outside.tracer.server_layer(),
        &inside.tracer.server_layer(),
        "",
    );
    assert_tree(
        [&outside, &inside],
        "
        shop  SERVER  GET        http.status_code=200
        shop  SERVER  └─ GET     http.status_code=200
        shop  CLIENT     └─ GET  http.status_code=200
        ",
    );
}

#[test]
fn header_tags_of_calls_come_from_the_inner_layers_request() {
    let test = TestTracer::of(|builder| builder.tag(Tag::request_header("tenant", "x-tenant")));
    let layer = test.tracer.server_layer();
    serve_all(&layer, get("/", "x-tenant: outer"), |mut request| {
        let tenant = "inner".parse().unwrap();
        request.headers_mut().insert("x-tenant", tenant);
        serve_all(&layer, request, |_| {
            called(&test);
            empty()
        });
        empty()
    });
    test.spans.assert_tree(
        "
        shop  SERVER  GET        tenant=outer http.status_code=200
        shop  SERVER  └─ GET     tenant=inner http.status_code=200
        shop  CLIENT     └─ GET  tenant=inner http.status_code=200
        ",
    );
}

#[test]
fn a_server_below_a_client_layer_in_one_task_uses_the_headers() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer();
    serve_all(&layer, get("/", ""), |_| {
        let catalog = layer.layer(service_fn(|_: Request<()>| async {
            assert!(current().is_some());
            Ok::<_, Infallible>(Response::new(Script::default()))
        }));
        let mut client = test.tracer.client_layer().layer(catalog);
        let mut response = now(client.call(get("http://catalog/", ""))).unwrap();
        drain(response.body_mut()).unwrap();
        empty()
    });
    test.spans.assert_tree(
        "
        shop  SERVER  GET        http.status_code=200
        shop  CLIENT  └─ GET     http.status_code=200
        shop  SERVER     └─ GET  http.status_code=200
        ",
    );
}

#[cfg(feature = "axum")]
#[test]
fn nested_routers_of_axum_make_one_trace() {
    use axum::{Router, body::Body, routing::get};
    use tower::ServiceExt;
    let test = TestTracer::new();
    let layer = || test.tracer.server_layer();
    let items = Router::new()
        .route("/items/{id}", get(|| async { "an item" }))
        .layer(layer());
    let merged = Router::new()
        .route("/health", get(|| async { "well" }))
        .layer(layer());
    let app = Router::new()
        .nest("/api", items.clone())
        .nest_service("/service", items)
        .merge(merged)
        .layer(layer());
    for (path, tree) in [
        (
            "/api/items/7",
            "
            shop  SERVER  GET /api/items/{id}     http.status_code=200
            shop  SERVER  └─ GET /api/items/{id}  http.status_code=200
            ",
        ),
        (
            "/service/items/7",
            "
            shop  SERVER  GET                         http.status_code=200
            shop  SERVER  └─ GET /service/items/{id}  http.status_code=200
            ",
        ),
        (
            "/health",
            "
            shop  SERVER  GET /health     http.status_code=200
            shop  SERVER  └─ GET /health  http.status_code=200
            ",
        ),
    ] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = now(app.clone().oneshot(request)).unwrap();
        assert_eq!(response.status(), 200, "{path}");
        drop(now(axum::body::to_bytes(response.into_body(), 100)));
        test.spans.assert_tree(tree);
    }
}
