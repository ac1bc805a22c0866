//! The tags that say who the service is.

use crate::{
    POD,
    common::{Script, TestTracer, drain, get, now, sent_headers},
    identity,
};
use http::{Request, Response};
use std::{convert::Infallible, future::ready};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction,
    record::{Kind, SpanRecord},
    tags::Tag,
};

/// The spans of a call and of the request that it is made for.
pub fn spans(test: &TestTracer) -> [SpanRecord; 2] {
    let client = test.tracer.client_layer();
    let shop = service_fn(move |_: Request<()>| {
        sent_headers(&client, Request::new(()));
        ready(Ok::<_, Infallible>(Response::new(Script::default())))
    });
    let mut service = test.tracer.server_layer().layer(shop);
    let mut response = now(service.call(get("/", ""))).unwrap();
    drain(response.body_mut()).unwrap();
    let spans: [SpanRecord; 2] = test.spans.take(2).try_into().unwrap();
    let kinds = [Kind::Client, Kind::Server].map(Some);
    assert_eq!([spans[0].kind(), spans[1].kind()], kinds);
    spans
}

#[track_caller]
pub fn assert_tags(spans: &[SpanRecord], tags: &[(&str, Option<&str>)]) {
    for span in spans {
        for (name, value) in tags {
            assert_eq!(span.tag(name).as_deref(), *value, "{name} of {span:#?}");
        }
    }
}

#[test]
fn spans_of_both_directions_have_the_identity_tags() {
    let test = TestTracer::of(|builder| builder.identity(identity(POD)));
    assert_tags(
        &spans(&test),
        &[
            (
                "node_id",
                Some("sidecar~10.1.2.3~webapp-5d4-x2x.shop~shop.svc.cluster.local"),
            ),
            ("istio.canonical_service", Some("web")),
            ("istio.canonical_revision", Some("v1")),
            ("istio.namespace", Some("shop")),
            ("istio.cluster_id", Some("Kubernetes")),
            ("istio.mesh_id", Some("mesh1")),
            ("component", Some("proxy")),
        ],
    );
}

#[test]
fn unknown_identity_tags_have_istios_defaults() {
    let test = TestTracer::of(|builder| builder.identity(identity("")));
    assert_tags(
        &spans(&test),
        &[
            ("node_id", None),
            ("istio.canonical_service", Some("unknown")),
            ("istio.canonical_revision", Some("latest")),
            ("istio.namespace", Some("default")),
            ("istio.cluster_id", Some("unknown")),
            ("istio.mesh_id", Some("unknown")),
            ("component", Some("proxy")),
        ],
    );
}

#[test]
fn each_tag_has_its_sources_in_order_of_precedence() {
    for (lines, tag, value) in [
        ("CLUSTER_ID=b", "istio.cluster_id", "b"),
        (
            "CLUSTER_ID=b|ISTIO_META_CLUSTER_ID=a",
            "istio.cluster_id",
            "a",
        ),
        ("TRUST_DOMAIN=c", "istio.mesh_id", "c"),
        ("TRUST_DOMAIN=c|MESH_ID=b", "istio.mesh_id", "b"),
        ("MESH_ID=b|ISTIO_META_MESH_ID=a", "istio.mesh_id", "a"),
        ("MESH_ID=b|ISTIO_META_MESH_ID=", "istio.mesh_id", "b"),
        ("ISTIO_META_WORKLOAD_NAME=d", "istio.canonical_service", "d"),
        (
            "ISTIO_META_WORKLOAD_NAME=d|app=c",
            "istio.canonical_service",
            "c",
        ),
        (
            "app=c|app.kubernetes.io/name=b",
            "istio.canonical_service",
            "b",
        ),
        (
            "app.kubernetes.io/name=b|service.istio.io/canonical-name=a",
            "istio.canonical_service",
            "a",
        ),
        (
            "service.istio.io/canonical-name=a|CANONICAL_SERVICE=given",
            "istio.canonical_service",
            "given",
        ),
        ("version=c", "istio.canonical_revision", "c"),
        (
            "version=c|app.kubernetes.io/version=b",
            "istio.canonical_revision",
            "b",
        ),
        (
            "app.kubernetes.io/version=b|service.istio.io/canonical-revision=a",
            "istio.canonical_revision",
            "a",
        ),
        (
            "service.istio.io/canonical-revision=a|CANONICAL_REVISION=given",
            "istio.canonical_revision",
            "given",
        ),
        (
            "version=|app.kubernetes.io/version=",
            "istio.canonical_revision",
            "latest",
        ),
    ] {
        let test = TestTracer::of(|builder| builder.identity(identity(lines)));
        assert_tags(&spans(&test), &[(tag, Some(value))]);
    }
}

#[test]
fn without_istio_tags_node_id_and_component_remain() {
    let test = TestTracer::of(|builder| builder.identity(identity(POD).istio_tags(false)));
    let spans = spans(&test);
    assert_tags(
        &spans,
        &[
            (
                "node_id",
                Some("sidecar~10.1.2.3~webapp-5d4-x2x.shop~shop.svc.cluster.local"),
            ),
            ("component", Some("proxy")),
        ],
    );
    for span in &spans {
        assert!(!span.tags().any(|(name, _)| name.starts_with("istio.")));
    }
}

#[test]
fn custom_tags_and_component_override_the_identity_in_any_order() {
    let own = || Tag::literal("istio.mesh_id", "own");
    let first = TestTracer::of(|builder| {
        let builder = builder.component("mine").tag(own());
        builder.identity(identity(POD))
    });
    let last = TestTracer::of(|builder| {
        let builder = builder.identity(identity(POD));
        builder.tag(own()).component("mine")
    });
    for test in [first, last] {
        assert_tags(
            &spans(&test),
            &[
                ("istio.mesh_id", Some("own")),
                ("istio.cluster_id", Some("Kubernetes")),
                ("component", Some("mine")),
            ],
        );
    }
    let plain = TestTracer::new();
    assert_tags(&spans(&plain), &[("component", Some("tower-b3"))]);
}

#[test]
fn the_identity_is_kept_when_tags_change_at_run_time() {
    let test =
        TestTracer::of(|builder| builder.identity(identity(POD)).tag(Tag::literal("a", "1")));
    for direction in [Direction::Server, Direction::Client] {
        let tags = [Tag::literal("b", "2"), Tag::literal("istio.mesh_id", "own")];
        test.tracer.set_tags_for(direction, tags).unwrap();
    }
    assert_tags(
        &spans(&test),
        &[
            ("a", None),
            ("b", Some("2")),
            ("istio.mesh_id", Some("own")),
            ("istio.namespace", Some("shop")),
        ],
    );
}
