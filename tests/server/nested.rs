//! Two server layers around one handler: the inner one continues the outer one's SERVER context.

use crate::{
    common::{Lab, SPAN, Script, TRACE, get, now, text},
    empty, serve_all,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use std::{convert::Infallible, future::ready};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction, Mode, ServerLayer, Trust, current, propagation::Propagation, record::Kind, tag::Tag,
};

/// Serves a request through `outer` around `inner`; what a call made by the handler carried.
fn nested(lab: &Lab, outer: &ServerLayer, inner: &ServerLayer, lines: &str) -> HeaderMap {
    let mut carried = HeaderMap::new();
    let catalog = service_fn(|request: Request<()>| {
        carried = request.headers().clone();
        std::future::ready(Ok::<_, Infallible>(empty()))
    });
    let mut client = lab.tracer.client_layer().layer(catalog);
    let handler = service_fn(|request: Request<()>| {
        let _ = now(client.call(Request::new(())));
        let id = request.headers().get("x-request-id").cloned();
        let mut response = empty();
        if let Some(id) = id {
            response.headers_mut().insert("x-seen", id);
        }
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let mut service = outer.layer(inner.layer(handler));
    let response: Response<_> = now(service.call(get("/items/7", lines))).unwrap();
    if let Some(seen) = response.headers().get("x-seen") {
        assert_eq!(seen, &response.headers()["x-request-id"]);
    }
    drop(response);
    carried
}

#[test]
fn the_inner_span_is_a_child_of_the_outer_whatever_came_in() {
    let caller = format!("b3: {TRACE}-{SPAN}-1");
    for lines in ["", &caller, "b3: malformed", "x-request-id: mine", "b3: 1"] {
        let lab = Lab::new();
        let layer = lab.tracer.server_layer();
        for inner in [
            layer.clone(),
            layer.clone().trust(Trust::nobody()),
            layer.clone().join(true),
            layer.clone().rewrite_request_headers(true),
        ] {
            let carried = nested(&lab, &layer, &inner, lines);
            let [client, inner, outer] = lab.spans.take(3).try_into().unwrap();
            assert_eq!(outer.parent_id().is_some(), *lines == *caller);
            assert_eq!(inner.parent_id(), Some(outer.id()), "{lines}");
            assert_eq!(client.parent_id(), Some(inner.id()));
            for span in [&client, &inner] {
                assert_eq!(span.trace_id(), outer.trace_id());
                assert_eq!(
                    span.tag("guid:x-request-id"),
                    outer.tag("guid:x-request-id")
                );
            }
            assert_eq!(inner.kind(), Some(Kind::Server));
            assert!(!inner.is_shared());
            assert_eq!(text(&carried, "x-b3-traceid"), outer.trace_id().to_string());
        }
    }
}

#[test]
fn a_local_span_in_between_is_the_parent() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer();
    serve_all(&layer, get("/", ""), |request| {
        tower_b3::span("dispatch").in_scope(|| {
            serve_all(&layer, request, |_| empty());
        });
        empty()
    });
    let [inner, local, outer] = lab.spans.take(3).try_into().unwrap();
    assert_eq!(inner.parent_id(), Some(local.id()));
    assert_eq!(local.parent_id(), Some(outer.id()));
}

#[test]
fn a_decision_of_the_outer_layer_stands() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer();
    nested(&lab, &layer, &layer, "x-b3-sampled: 0");
    assert!(lab.spans.all().is_empty());
}

#[test]
fn the_outer_layer_alone_says_who_is_trusted() {
    let lines = "sw8: 1|jwt: mine|x-forwarded-proto: https|host: shop";
    for mode in [Mode::Spans, Mode::RecordOnly] {
        let propagation = Propagation::default().forward(["jwt"]).unwrap();
        let lab = Lab::of(|builder| builder.propagation(propagation).mode(mode));
        let layer = lab.tracer.server_layer();
        let edge = layer.clone().trust(Trust::nobody());
        for (outer, inner, trusted) in [(&layer, &edge, true), (&edge, &layer, false)] {
            let carried = nested(&lab, outer, inner, lines);
            assert_eq!(carried.contains_key("sw8"), trusted, "{mode:?}");
            assert_eq!(carried.contains_key("jwt"), trusted, "{mode:?}");
            let scheme = if trusted { "https" } else { "http" };
            for span in &lab.spans.take(3)[1..] {
                assert_eq!(
                    span.tag("http.url").unwrap(),
                    format!("{scheme}://shop/items/7")
                );
            }
        }
    }
}

#[test]
fn a_stranger_to_an_outer_layer_that_makes_no_span_is_one_inside() {
    let propagation = Propagation::default().forward(["jwt"]).unwrap();
    let lab = Lab::of(|builder| builder.propagation(propagation.clone()));
    let forwarding = Lab::of(|builder| builder.propagation(propagation).mode(Mode::ForwardOnly));
    let inner = lab.tracer.server_layer();
    let excluding = inner.clone().exclude_paths(["/items/7"]);
    for outer in [excluding, forwarding.tracer.server_layer()] {
        for (outer, trusted) in [(outer.clone(), true), (outer.trust(Trust::nobody()), false)] {
            let carried = nested(&lab, &outer, &inner, "jwt: mine|sw8: 1");
            assert_eq!(carried.contains_key("jwt"), trusted);
            assert_eq!(carried.contains_key("sw8"), trusted);
            lab.spans.take(2);
        }
    }
}

#[test]
fn an_excluded_path_of_either_layer_makes_no_span_there() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer();
    let excluding = layer.clone().exclude_paths(["/items/7"]);
    // Inside: the outer context goes on unchanged.
    let carried = nested(&lab, &layer, &excluding, "");
    let outer = lab.spans.take_one();
    assert_eq!(text(&carried, "x-b3-spanid"), outer.id().to_string());
    // Outside: the inner layer is the first that serves the request.
    let caller = format!("b3: {TRACE}-{SPAN}-1");
    nested(&lab, &excluding, &layer, &caller);
    let [client, inner] = lab.spans.take(2).try_into().unwrap();
    assert_eq!(inner.parent_id().unwrap().to_string(), SPAN);
    assert_eq!(client.parent_id(), Some(inner.id()));
}

#[test]
fn two_layers_that_only_record_are_one_trace() {
    let lab = Lab::of(|builder| builder.mode(Mode::RecordOnly));
    let layer = lab.tracer.server_layer();
    nested(&lab, &layer, &layer, &format!("b3: {TRACE}-{SPAN}-1"));
    let spans = lab.spans.take(3);
    assert!(
        spans
            .iter()
            .all(|span| span.trace_id().to_string() == TRACE)
    );
    assert_eq!(spans[1].parent_id(), Some(spans[2].id()));
}

#[test]
fn a_layer_that_only_records_forwards_nothing_that_an_edge_outside_keeps_back() {
    let propagation = Propagation::default().forward(["jwt"]).unwrap();
    let lab = Lab::of(|builder| builder.mode(Mode::RecordOnly).propagation(propagation));
    let layer = lab.tracer.server_layer();
    let edge = layer.clone().trust(Trust::nobody());
    assert!(!nested(&lab, &edge, &layer, "jwt: mine").contains_key("jwt"));
    assert_eq!(nested(&lab, &layer, &layer, "jwt: mine")["jwt"], "mine");
    lab.spans.take(6);
}

#[test]
fn below_an_outer_span_a_layer_that_only_forwards_changes_nothing() {
    for outside in [Mode::Spans, Mode::RecordOnly] {
        for client in [Mode::Spans, Mode::ForwardOnly, Mode::RecordOnly] {
            let outside = Lab::of(|builder| builder.mode(outside));
            let inside = Lab::of(|builder| {
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
            let alone = Lab::of(|builder| builder.mode_for(Direction::Client, client));
            let mut expected = HeaderMap::new();
            serve_all(&outer, get("/items/7", &lines), |_| {
                let catalog = service_fn(|request: Request<()>| {
                    expected = request.headers().clone();
                    ready(Ok::<_, Infallible>(empty()))
                });
                let mut client = alone.tracer.client_layer().layer(catalog);
                let _ = now(client.call(Request::new(())));
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
            let spans = inside.spans.all();
            assert_eq!(spans.len(), alone.spans.all().len());
            assert!(
                spans
                    .iter()
                    .all(|span| span.trace_id().to_string() == TRACE)
            );
        }
    }
}

#[test]
fn a_layer_that_makes_spans_writes_no_stale_header_below_one_that_only_records() {
    let outside = Lab::of(|builder| builder.mode(Mode::RecordOnly));
    let inside = Lab::new();
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
fn layers_of_two_tracers_are_one_trace() {
    let (outside, inside) = (Lab::new(), Lab::new());
    nested(
        &inside,
        &outside.tracer.server_layer(),
        &inside.tracer.server_layer(),
        "",
    );
    let outer = outside.spans.take_one();
    let [client, inner] = inside.spans.take(2).try_into().unwrap();
    assert_eq!(inner.parent_id(), Some(outer.id()));
    assert_eq!(client.parent_id(), Some(inner.id()));
}

#[test]
fn tags_of_calls_find_what_the_inner_layer_saw() {
    let lab = Lab::of(|builder| builder.tag(Tag::request_header("tenant", "x-tenant")));
    let layer = lab.tracer.server_layer();
    serve_all(&layer, get("/", "x-tenant: outer"), |mut request| {
        let tenant = "inner".parse().unwrap();
        request.headers_mut().insert("x-tenant", tenant);
        serve_all(&layer, request, |_| {
            let catalog = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(empty())));
            let mut client = lab.tracer.client_layer().layer(catalog);
            let _ = now(client.call(get("http://catalog/", "")));
            empty()
        });
        empty()
    });
    let tenants: Vec<_> = lab.spans.take(3);
    let tenants = tenants.iter().map(|span| span.tag("tenant").unwrap());
    assert_eq!(tenants.collect::<Vec<_>>(), ["inner", "inner", "outer"]);
}

#[test]
fn behind_a_client_layer_in_one_task_the_headers_count() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer();
    serve_all(&layer, get("/", ""), |_| {
        let catalog = layer.layer(service_fn(|_: Request<()>| async {
            assert!(current().is_some());
            Ok::<_, Infallible>(Response::new(Script::default()))
        }));
        let mut client = lab.tracer.client_layer().layer(catalog);
        let _ = now(client.call(get("http://catalog/", "")));
        empty()
    });
    let [inner, client, outer] = lab.spans.take(3).try_into().unwrap();
    assert_eq!(inner.parent_id(), Some(client.id()));
    assert_eq!(client.parent_id(), Some(outer.id()));
}

#[cfg(feature = "axum")]
#[test]
fn nested_routers_of_axum_make_one_trace() {
    use axum::{Router, body::Body, routing::get};
    use tower::ServiceExt;
    let lab = Lab::new();
    let layer = || lab.tracer.server_layer();
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
    for (path, names) in [
        (
            "/api/items/7",
            ["GET /api/items/{id}", "GET /api/items/{id}"],
        ),
        ("/service/items/7", ["GET /service/items/{id}", "GET"]),
        ("/health", ["GET /health", "GET /health"]),
    ] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = now(app.clone().oneshot(request)).unwrap();
        assert_eq!(response.status(), 200, "{path}");
        drop(now(axum::body::to_bytes(response.into_body(), 100)));
        let spans = lab.spans.take(2);
        let outer = spans
            .iter()
            .find(|span| span.parent_id().is_none())
            .unwrap();
        let inner = spans
            .iter()
            .find(|span| span.parent_id().is_some())
            .unwrap();
        assert_eq!(inner.parent_id(), Some(outer.id()));
        assert_eq!([inner.name(), outer.name()], names, "{path}");
    }
}
