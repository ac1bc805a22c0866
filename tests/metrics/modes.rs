//! Which directions are counted.

use crate::{count, points, webapp};
use ::http::{Request, Response};
use std::convert::Infallible;
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{Direction, Mode, Tracer, TracerBuilder, metrics::Metrics};

const METADATA: &str = "x-envoy-peer-metadata";

/// A request through both layers: how many were counted, and whether the metadata was removed from the
/// request to the server, and sent by the client.
async fn counted(
    builder: impl FnOnce(TracerBuilder, &Metrics) -> TracerBuilder,
) -> (u64, bool, bool) {
    let metrics = Metrics::builder(webapp()).build();
    let builder = builder(Tracer::builder("webapp"), &metrics);
    let tracer = builder.build().unwrap();
    let calls = tracer
        .client_layer()
        .layer(service_fn(async |request: Request<()>| {
            let sent = request.headers().contains_key(METADATA).to_string();
            Ok::<_, Infallible>(
                Response::builder()
                    .header("sent", sent)
                    .body(String::new())
                    .unwrap(),
            )
        }));
    let server = tracer
        .server_layer()
        .layer(service_fn(move |request: Request<()>| {
            let (calls, removed) = (calls.clone(), !request.headers().contains_key(METADATA));
            async move {
                let call = Request::get("http://catalog/items").body(()).unwrap();
                let answer = calls.oneshot(call).await?;
                let sent = answer.headers()["sent"].clone();
                let removed = removed.to_string();
                let answer = Response::builder()
                    .header("sent", sent)
                    .header("removed", removed);
                Ok::<_, Infallible>(answer.body(String::new()).unwrap())
            }
        }));
    let request = Request::get("/").header(METADATA, "AA==").body(()).unwrap();
    let response = server.oneshot(request).await.unwrap();
    let is = |name: &str| response.headers()[name] == "true";
    let (removed, sent) = (is("removed"), is("sent"));
    drop(response);
    let requests = points(&metrics, "istio_requests_total");
    (requests.iter().map(count).sum(), removed, sent)
}

#[tokio::test]
async fn a_direction_that_a_sidecar_serves_is_not_counted() {
    let both = counted(|builder, metrics| builder.metrics(metrics));
    assert_eq!(both.await, (2, true, true));
    let none = counted(|builder, metrics| builder.metrics(metrics).mode(Mode::ForwardOnly));
    assert_eq!(none.await, (0, false, false));
    let one = counted(|builder, metrics| {
        let builder = builder.mode_for(Direction::Client, Mode::ForwardOnly);
        builder.metrics(metrics)
    });
    assert_eq!(one.await, (1, true, false));
}

#[tokio::test]
async fn a_direction_is_counted_if_code_sets_it() {
    let server = counted(|builder, metrics| {
        let builder = builder.mode(Mode::ForwardOnly).metrics(metrics);
        builder.metrics_for(Direction::Server, metrics)
    });
    assert_eq!(server.await, (1, true, false));
}

#[cfg(feature = "metrics-config")]
#[tokio::test]
async fn a_configuration_without_spans_does_not_stop_the_metrics() {
    let config =
        tower_b3::config::TracingConfig::from_yaml("tracing: { disableSpanReporting: true }");
    let config = config.unwrap();
    let both = counted(|builder, metrics| builder.metrics(metrics).config(&config));
    assert_eq!(both.await, (2, true, true));
}

#[tokio::test]
async fn each_of_several_metrics_has_the_peer() {
    let [one, two, three] = [(); 3].map(|()| Metrics::builder(webapp()).build());
    let peer = {
        let mut peer = tower_b3::metrics::PeerMetadata::default();
        peer.workload = "caller".to_owned();
        peer.encode()
    };
    // The last one does not count this direction.
    let tracer = Tracer::builder("webapp").metrics(&one).metrics(&two);
    let tracer = tracer
        .metrics_for(Direction::Client, &three)
        .build()
        .unwrap();
    let answered = peer.clone();
    let calls = tracer
        .client_layer()
        .layer(service_fn(move |_: Request<()>| {
            let answer = Response::builder()
                .header(METADATA, &answered)
                .body(String::new());
            async { Ok::<_, Infallible>(answer.unwrap()) }
        }));
    let server = tracer
        .server_layer()
        .layer(service_fn(move |request: Request<()>| {
            assert!(!request.headers().contains_key(METADATA));
            calls
                .clone()
                .oneshot(Request::get("http://catalog/").body(()).unwrap())
        }));
    let request = Request::get("/").header(METADATA, peer).body(()).unwrap();
    let response = server.oneshot(request).await.unwrap();
    // The own metadata, because the request had it.
    assert!(response.headers().contains_key(METADATA));
    drop(response);
    let peers = |metrics: &Metrics| {
        let points = points(metrics, "istio_requests_total");
        let peers = points
            .iter()
            .map(|point| match crate::label(point, "reporter") {
                "destination" => crate::label(point, "source_workload").to_owned(),
                _ => crate::label(point, "destination_workload").to_owned(),
            });
        peers.collect::<Vec<_>>()
    };
    assert_eq!(peers(&one), ["caller", "caller"]);
    assert_eq!(peers(&two), ["caller", "caller"]);
    assert_eq!(peers(&three), ["caller"]);
}
