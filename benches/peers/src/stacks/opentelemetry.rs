//! Peers on OpenTelemetry's SDK, directly or through the `tracing` crate.

use super::{Flush, Handler, Stack, Visitor, both, sink};
use crate::peer::{
    otel::{NullExporter, OtelClient, OtelServer},
    sdk::SdkClient,
};
use http::Request;
use load::{Scenario, response, take_out};
use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_propagator_b3::Propagator;
use opentelemetry_sdk::{
    Resource,
    trace::{BatchSpanProcessor, Sampler, SdkTracerProvider},
};
use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
};
use tower::{Layer, Service, ServiceBuilder, layer::layer_fn, service_fn};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tracing::Level;
use tracing_subscriber::layer::SubscriberExt;

/// OpenTelemetry's SDK: a batch processor with its defaults, which are a queue of 2,048 and batches
/// of 512.
fn otel(scenario: Scenario) -> (SdkTracerProvider, Flush) {
    provider(scenario.sampler_says_yes())
}

pub fn provider(samples: bool) -> (SdkTracerProvider, Flush) {
    let root = if samples {
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

/// The global `tracing` subscriber, set up as in the READMEs of these peers. A process has only one.
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

impl<B, V, L> Stack<B, V, L>
where
    B: http_body::Body + Send + 'static,
    V: Visitor<B>,
    L: Handler<B>,
{
    pub fn direct(self) -> V::Out {
        let (provider, flush) = otel(self.scenario);
        let tracer = provider.tracer("peers");
        let b3 = Arc::new(Propagator::new());
        let (server_tracer, server_b3) = (tracer.clone(), b3.clone());
        both!(
            self,
            B,
            flush,
            layer_fn(move |inner| OtelServer {
                inner,
                tracer: server_tracer.clone(),
                b3: server_b3.clone(),
            }),
            |inner| OtelClient { inner, tracer, b3 },
        )
    }

    pub fn instrumentation_tower(self) -> V::Out {
        let (provider, flush) = otel(self.scenario);
        let tracer = provider.tracer("peers");
        opentelemetry::global::set_text_map_propagator(Propagator::new());
        opentelemetry::global::set_tracer_provider(provider);
        let b3 = Arc::new(Propagator::new());
        both!(
            self,
            B,
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

    pub fn axum_tracing(self) -> V::Out {
        both!(
            self,
            B,
            otel_tracing(self.scenario),
            axum_tracing_opentelemetry::middleware::OtelAxumLayer::default(),
            |inner| SdkClient { inner },
        )
    }

    pub fn tower_http_opentelemetry(self) -> V::Out {
        both!(
            self,
            B,
            otel_tracing(self.scenario),
            tower_http_opentelemetry::http::server::HttpServerTelemetryLayer::new(),
            |inner| tower_http_opentelemetry::http::client::HttpClientTelemetryLayer::new()
                .layer(inner),
        )
    }

    pub fn tower_otel(self) -> V::Out {
        both!(
            self,
            B,
            otel_tracing(self.scenario),
            tower_otel::trace::HttpLayer::server(Level::INFO),
            |inner| tower_otel::trace::HttpLayer::client(Level::INFO).layer(inner),
        )
    }

    pub fn tower_otel_with_request_id(self) -> V::Out {
        both!(
            self,
            B,
            otel_tracing(self.scenario),
            ServiceBuilder::new()
                .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
                .layer(tower_otel::trace::HttpLayer::server(Level::INFO))
                .layer(PropagateRequestIdLayer::x_request_id()),
            |inner| tower_otel::trace::HttpLayer::client(Level::INFO).layer(inner),
        )
    }
}
