//! The peers' stacks.

use crate::peer::{
    fastrace::{self as fast, FastraceClient, FastraceProperties},
    floor::{Floor, Side},
    nothing::Nothing,
    otel::{NullExporter, OtelClient, OtelServer},
    sdk::SdkClient,
    zipkin::{ZipkinClient, ZipkinServer, queue_reporter},
};
use bytes::Bytes;
use http::{Request, Response};
use load::{Body, Scenario, null_reporter, response, take_out, tracer};
use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_propagator_b3::Propagator;
use opentelemetry_sdk::{
    Resource,
    trace::{BatchSpanProcessor, Sampler, SdkTracerProvider},
};
use std::{
    convert::Infallible,
    error::Error,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tower::{Layer, Service, ServiceBuilder, layer::layer_fn, service_fn};
use tower_b3::Mode;
use tower_http::{
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    trace::{DefaultMakeSpan, DefaultOnResponse, TraceLayer},
};
use tracing::Level;
use tracing_subscriber::layer::SubscriberExt;

/// Takes a peer's service.
pub trait Visitor<B> {
    type Out;

    /// `flush` waits until the peer's thread has freed every span.
    fn visit<S, RB>(self, service: S, flush: Flush) -> Self::Out
    where
        S: Service<Request<B>, Response = Response<RB>, Error = Infallible, Future: Send>
            + Clone
            + Send
            + 'static,
        RB: http_body::Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static;
}

pub type Flush = Box<dyn Fn() + Send>;

/// What the client layer is around: it takes the request and answers at once.
fn sink() -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    service_fn(|request: Request<Body>| async move {
        drop(request);
        Ok(response())
    })
}

/// A handler that sends one request through `client`.
macro_rules! calling {
    ($B:ty, $client:expr) => {{
        let client = $client;
        service_fn(move |request: Request<$B>| {
            let mut client = client.clone();
            async move {
                drop(request);
                let _ = client.call(take_out()).await;
                Ok::<_, Infallible>(response())
            }
        })
    }};
}

/// The server layer around the leaf, or around a handler that calls through the client layer.
macro_rules! both {
    ($visitor:ident, $scenario:ident, $B:ident, $leaf:ident, $flush:expr, $server:expr, $client:expr $(,)?) => {{
        let flush: Flush = $flush;
        // A layer made of a closure is around one service only, so each branch has its own.
        if $scenario.calls_out() {
            let server = $server;
            let client = $client;
            let handler = calling!($B, client(sink()));
            $visitor.visit(Layer::layer(&server, handler), flush)
        } else {
            let server = $server;
            $visitor.visit(Layer::layer(&server, $leaf), flush)
        }
    }};
}

fn no_flush() -> Flush {
    Box::new(|| {})
}

/// OpenTelemetry's SDK: a batch processor with its defaults, which are a queue of 2,048 and batches
/// of 512.
fn otel(scenario: Scenario) -> (SdkTracerProvider, Flush) {
    let root = if scenario.sampler_says_yes() {
        Sampler::AlwaysOn
    } else {
        Sampler::TraceIdRatioBased(0.0)
    };
    let resource = Resource::builder_empty().with_service_name("orders");
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(root)))
        .with_resource(resource.build())
        .with_span_processor(BatchSpanProcessor::builder(NullExporter).build())
        .build();
    let flushed = provider.clone();
    let flush = move || {
        let _ = flushed.force_flush();
    };
    (provider, Box::new(flush))
}

/// The global `tracing` subscriber as their READMEs have it, of which a process has one.
fn otel_tracing(scenario: Scenario) -> Flush {
    static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();
    let provider = PROVIDER.get_or_init(|| {
        let (provider, _) = otel(scenario);
        opentelemetry::global::set_text_map_propagator(Propagator::new());
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("peers"));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::set_global_default(subscriber).expect("no subscriber yet");
        provider
    });
    Box::new(|| {
        let _ = provider.force_flush();
    })
}

fn ours<B, V, L, LB>(mode: Mode, scenario: Scenario, visitor: V, leaf: L) -> V::Out
where
    B: http_body::Body + Send + 'static,
    V: Visitor<B>,
    L: Service<Request<B>, Response = Response<LB>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
    LB: http_body::Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static,
{
    let reporter = null_reporter().expect("a reporter");
    let tracer = tracer(mode, scenario.sampler_says_yes(), reporter.clone());
    let flush = move || {
        assert!(reporter.flush(Duration::from_secs(60)));
    };
    both!(
        visitor,
        scenario,
        B,
        leaf,
        Box::new(flush),
        tracer.server_layer(),
        |inner| tracer.client_layer().layer(inner),
    )
}

/// Builds a peer for a scenario, around a handler that answers at once.
///
/// Some have state of the process's: each peer once a process, and all for one scenario.
pub fn with_peer<B, V>(name: &str, scenario: Scenario, visitor: V) -> V::Out
where
    B: http_body::Body + Send + 'static,
    V: Visitor<B>,
{
    let leaf = service_fn(|request: Request<B>| async move {
        drop(request);
        Ok::<_, Infallible>(response())
    });
    with_peer_around(name, scenario, visitor, leaf)
}

/// The same around this handler, where the scenario has no outgoing request.
pub fn with_peer_around<B, V, L, LB>(name: &str, scenario: Scenario, visitor: V, leaf: L) -> V::Out
where
    B: http_body::Body + Send + 'static,
    V: Visitor<B>,
    L: Service<Request<B>, Response = Response<LB>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
    LB: http_body::Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static,
{
    let set_id = || SetRequestIdLayer::x_request_id(MakeRequestUuid);
    let propagate_id = PropagateRequestIdLayer::x_request_id;
    let recorded = scenario.is_recorded();
    match name {
        "baseline" => both!(
            visitor,
            scenario,
            B,
            leaf,
            no_flush(),
            layer_fn(|inner| inner),
            |inner| inner,
        ),
        "nothing" => both!(
            visitor,
            scenario,
            B,
            leaf,
            no_flush(),
            layer_fn(|inner| Nothing { inner }),
            |inner| Nothing { inner },
        ),
        "floor" => both!(
            visitor,
            scenario,
            B,
            leaf,
            no_flush(),
            layer_fn(move |inner| Floor {
                inner,
                side: Side::Server,
                recorded
            }),
            |inner| Floor {
                inner,
                side: Side::Client,
                recorded
            },
        ),
        "tower-b3" => ours(Mode::Spans, scenario, visitor, leaf),
        "forward-only" => ours(Mode::ForwardOnly, scenario, visitor, leaf),
        "fastrace" => {
            fastrace::set_reporter(fast::NullReporter, fastrace::collector::Config::default());
            let sample = scenario.sampler_says_yes();
            both!(
                visitor,
                scenario,
                B,
                leaf,
                Box::new(fastrace::flush),
                ServiceBuilder::new()
                    .layer(
                        fastrace_tower::FastraceServerLayer::default()
                            .with_span_context_extractor(move |h| fast::extract(h, sample)),
                    )
                    .layer(layer_fn(|inner| FastraceProperties { inner })),
                |inner| FastraceClient { inner },
            )
        }
        "otel-direct" => {
            let (provider, flush) = otel(scenario);
            let tracer = provider.tracer("peers");
            let b3 = Arc::new(Propagator::new());
            let (server_tracer, server_b3) = (tracer.clone(), b3.clone());
            both!(
                visitor,
                scenario,
                B,
                leaf,
                flush,
                layer_fn(move |inner| OtelServer {
                    inner,
                    tracer: server_tracer.clone(),
                    b3: server_b3.clone(),
                }),
                |inner| OtelClient { inner, tracer, b3 },
            )
        }
        "zipkin" => {
            let (reporter, queue) = queue_reporter();
            let endpoint = zipkin::Endpoint::builder().service_name("orders").build();
            if scenario.sampler_says_yes() {
                zipkin::set_tracer(zipkin::sample::AlwaysSampler, reporter, endpoint)
            } else {
                zipkin::set_tracer(zipkin::sample::RandomSampler::new(0.0), reporter, endpoint)
            }
            .expect("no tracer yet");
            both!(
                visitor,
                scenario,
                B,
                leaf,
                Box::new(move || queue.flush()),
                layer_fn(|inner| ZipkinServer { inner }),
                |inner| ZipkinClient { inner },
            )
        }
        "otel-inst-tower" => {
            let (provider, flush) = otel(scenario);
            let tracer = provider.tracer("peers");
            opentelemetry::global::set_text_map_propagator(Propagator::new());
            opentelemetry::global::set_tracer_provider(provider);
            let b3 = Arc::new(Propagator::new());
            both!(
                visitor,
                scenario,
                B,
                leaf,
                flush,
                opentelemetry_instrumentation_tower::http::server::LayerBuilder::builder()
                    .with_metrics(false)
                    .with_request_extractor_fn(|request: &Request<B>| {
                        let mut tags = vec![KeyValue::new("env", "prod")];
                        let tenant = request.headers().get("x-tenant");
                        if let Some(tenant) = tenant.and_then(|value| value.to_str().ok()) {
                            tags.push(KeyValue::new("tenant", tenant.to_owned()));
                        }
                        tags
                    })
                    .build()
                    .expect("a layer"),
                |inner| OtelClient { inner, tracer, b3 },
            )
        }
        "axum-tracing-otel" => both!(
            visitor,
            scenario,
            B,
            leaf,
            otel_tracing(scenario),
            axum_tracing_opentelemetry::middleware::OtelAxumLayer::default(),
            |inner| SdkClient { inner },
        ),
        "tower-http-otel" => both!(
            visitor,
            scenario,
            B,
            leaf,
            otel_tracing(scenario),
            tower_http_opentelemetry::http::server::HttpServerTelemetryLayer::new(),
            |inner| tower_http_opentelemetry::http::client::HttpClientTelemetryLayer::new()
                .layer(inner),
        ),
        "tower-otel" => both!(
            visitor,
            scenario,
            B,
            leaf,
            otel_tracing(scenario),
            tower_otel::trace::HttpLayer::server(Level::INFO),
            |inner| tower_otel::trace::HttpLayer::client(Level::INFO).layer(inner),
        ),
        "tower-otel+id" => both!(
            visitor,
            scenario,
            B,
            leaf,
            otel_tracing(scenario),
            ServiceBuilder::new()
                .layer(set_id())
                .layer(tower_otel::trace::HttpLayer::server(Level::INFO))
                .layer(propagate_id()),
            |inner| tower_otel::trace::HttpLayer::client(Level::INFO).layer(inner),
        ),
        "tower-http" => {
            let subscriber = tracing_subscriber::fmt()
                .with_writer(std::io::sink)
                .with_max_level(Level::INFO)
                .finish();
            tracing::subscriber::set_global_default(subscriber).expect("no subscriber yet");
            let trace = TraceLayer::new_for_http()
                .make_span_with(DefaultMakeSpan::new().level(Level::INFO))
                .on_response(DefaultOnResponse::new().level(Level::INFO));
            both!(
                visitor,
                scenario,
                B,
                leaf,
                no_flush(),
                ServiceBuilder::new()
                    .layer(set_id())
                    .layer(trace)
                    .layer(propagate_id()),
                |inner| inner,
            )
        }
        "tower-http-id" => both!(
            visitor,
            scenario,
            B,
            leaf,
            no_flush(),
            ServiceBuilder::new().layer(set_id()).layer(propagate_id()),
            |inner| inner,
        ),
        "tower-request-id" => both!(
            visitor,
            scenario,
            B,
            leaf,
            no_flush(),
            tower_request_id::RequestIdLayer,
            |inner| inner,
        ),
        other => panic!("no peer {other}"),
    }
}
