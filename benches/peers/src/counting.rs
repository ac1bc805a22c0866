//! Layers that count requests, around the handler of the other tables.

use crate::{
    record::sum,
    run::{MakeRun, Runner},
    stacks::Visitor,
};
use axum_prometheus::{
    AXUM_HTTP_REQUESTS_DURATION_SECONDS, AXUM_HTTP_REQUESTS_TOTAL, BaseMetricLayer,
    utils::SECONDS_DURATION_BUCKETS,
};
use http::{HeaderMap, Request};
use load::{
    Body, Head, Scenario, b3_multi, builder, leaf, now, null_reporter, out_request, response,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{
    convert::Infallible,
    hint::black_box,
    sync::{Arc, LazyLock, Mutex},
};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction, Mode, TracerBuilder,
    metrics::{Metrics, Workload},
    observe::EndedExchange,
};

/// A row of the table.
pub struct Counting {
    pub name: &'static str,
    /// What is counted.
    pub about: &'static str,
    /// The service that counts, and the same one that does not, for [`counted_service`].
    pub with: &'static str,
    pub without: &'static str,
    /// Whether requests carry the metadata of the caller.
    pub with_metadata: bool,
}

/// In the order of the table.
pub const COUNTING: [Counting; 6] = [
    Counting {
        name: "tower-b3, forward-only",
        about: ISTIO,
        with: "forward-only+metrics",
        without: "forward-only",
        with_metadata: false,
    },
    Counting {
        name: "tower-b3, not sampled",
        about: ISTIO,
        with: "spans+metrics",
        without: "spans",
        with_metadata: false,
    },
    Counting {
        name: "tower-b3, not sampled, with metadata of the caller",
        about: ISTIO,
        with: "spans+metrics",
        without: "spans",
        with_metadata: true,
    },
    Counting {
        name: "tower-b3, not sampled, with another observer",
        about: ISTIO,
        with: "observed+metrics",
        without: "observed",
        with_metadata: false,
    },
    Counting {
        name: "axum-prometheus",
        about: "a counter and a histogram with 3 labels, a gauge with 2",
        with: "axum-prometheus",
        without: "bare",
        with_metadata: false,
    },
    Counting {
        name: "axum-prometheus, with body sizes",
        about: "a counter and a histogram with 3 labels, a gauge and a histogram with 2",
        with: "axum-prometheus+sizes",
        without: "bare",
        with_metadata: false,
    },
];

const ISTIO: &str = "a counter and 3 histograms with 25 labels";

/// A service, and the requests that it has counted.
pub struct CountedService {
    /// Its `flush` is the upkeep of the library.
    pub runner: Box<dyn Runner>,
    pub counted: Box<dyn Fn() -> u64>,
}

/// Builds a service that is named in [`COUNTING`]. Requests have `x-b3-sampled: 0`.
pub fn counted_service(name: &str, with_metadata: bool) -> CountedService {
    let metadata = if with_metadata {
        metadata()
    } else {
        String::new()
    };
    let run = MakeRun {
        head: Arc::new(Head::new(&(b3_multi("0") + &metadata))),
        calls_out: Scenario::In0.calls_out(),
    };
    match name {
        "bare" => CountedService {
            runner: run.visit(leaf(), Box::new(|| {})),
            counted: Box::new(|| 0),
        },
        "forward-only" => tower_b3(run, own_builder(Mode::ForwardOnly), false),
        "forward-only+metrics" => tower_b3(run, own_builder(Mode::ForwardOnly), true),
        "spans" => tower_b3(run, own_builder(Mode::Spans), false),
        "spans+metrics" => tower_b3(run, own_builder(Mode::Spans), true),
        "observed" => tower_b3(run, observed_builder(), false),
        "observed+metrics" => tower_b3(run, observed_builder(), true),
        "axum-prometheus" => axum_prometheus(run, BaseMetricLayer::new()),
        "axum-prometheus+sizes" => axum_prometheus(run, BaseMetricLayer::with_response_body_size()),
        other => panic!("no service {other}"),
    }
}

fn own_builder(mode: Mode) -> TracerBuilder {
    let reporter = null_reporter().expect("a reporter");
    builder(mode, Scenario::In0.sampler_says_yes(), reporter)
}

/// With an observer that does nothing, in place of an access log.
fn observed_builder() -> TracerBuilder {
    own_builder(Mode::Spans).observer(|exchange: &EndedExchange<'_>| {
        black_box(exchange.response_code());
    })
}

fn tower_b3(run: MakeRun, builder: TracerBuilder, counts: bool) -> CountedService {
    let metrics = Metrics::builder(workload("orders")).build();
    let builder = match counts {
        true => builder.metrics_for(Direction::Server, &metrics),
        false => builder,
    };
    let tracer = builder.build().expect("a tracer");
    let service = tracer.server_layer().layer(leaf());
    CountedService {
        runner: run.visit(service, Box::new(|| {})),
        counted: Box::new(move || sum(&metrics.text(), "istio_requests_total")),
    }
}

/// The recorder that `PrometheusMetricLayer::pair` installs. Its upkeep is called here, and there by a
/// task every five seconds.
static RECORDED: LazyLock<PrometheusHandle> = LazyLock::new(|| {
    let durations = Matcher::Full(AXUM_HTTP_REQUESTS_DURATION_SECONDS.to_owned());
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(durations, SECONDS_DURATION_BUCKETS)
        .expect("bounds")
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).expect("no recorder yet");
    handle
});

fn axum_prometheus(run: MakeRun, layer: BaseMetricLayer<'static>) -> CountedService {
    LazyLock::force(&RECORDED);
    CountedService {
        runner: run.visit(layer.layer(leaf()), Box::new(|| RECORDED.run_upkeep())),
        counted: Box::new(|| sum(&RECORDED.render(), AXUM_HTTP_REQUESTS_TOTAL)),
    }
}

fn workload(name: &str) -> Workload {
    Workload::new(name)
        .namespace("shop")
        .label("app", name)
        .label("version", "v1")
}

/// The two headers with the metadata of a client layer's workload.
fn metadata() -> String {
    let sent = Arc::new(Mutex::new(HeaderMap::new()));
    let kept = sent.clone();
    let mut client = {
        let metrics = Metrics::builder(workload("webapp")).build();
        let reporter = null_reporter().expect("a reporter");
        let builder = builder(Mode::Spans, false, reporter).metrics(&metrics);
        let tracer = builder.build().expect("a tracer");
        tracer
            .client_layer()
            .layer(service_fn(move |request: Request<Body>| {
                *kept.lock().expect("no panic") = request.into_parts().0.headers;
                async { Ok::<_, Infallible>(response()) }
            }))
    };
    let Ok(_) = now(client.call(out_request(Body::default())));
    let sent = sent.lock().expect("no panic");
    let header = |name| {
        let value = sent[name].to_str().expect("visible text");
        format!("{name}: {value}\r\n")
    };
    ["x-envoy-peer-metadata-id", "x-envoy-peer-metadata"]
        .map(header)
        .concat()
}
