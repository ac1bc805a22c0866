//! Peers that are not on OpenTelemetry's SDK: other tracers, and layers for log lines and request ids.

use super::{Handler, Stack, Visitor, both, no_flush, sink};
use crate::peer::{
    fastrace::{self as fast, FastraceClient, FastraceProperties},
    zipkin::{ZipkinClient, ZipkinServer, queue_reporter},
};
use http::Request;
use load::{response, take_out};
use std::convert::Infallible;
use tower::{Layer, Service, ServiceBuilder, layer::layer_fn, service_fn};
use tower_http::{
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    trace::{DefaultMakeSpan, DefaultOnResponse, TraceLayer},
};
use tracing::Level;

impl<B, V, L> Stack<B, V, L>
where
    B: http_body::Body + Send + 'static,
    V: Visitor<B>,
    L: Handler<B>,
{
    pub fn fastrace(self) -> V::Out {
        ::fastrace::set_reporter(fast::NullReporter, fastrace::collector::Config::default());
        let sample = self.scenario.sampler_says_yes();
        both!(
            self,
            B,
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

    pub fn zipkin(self) -> V::Out {
        let (reporter, queue) = queue_reporter();
        let endpoint = zipkin::Endpoint::builder().service_name("orders").build();
        if self.scenario.sampler_says_yes() {
            zipkin::set_tracer(zipkin::sample::AlwaysSampler, reporter, endpoint)
        } else {
            zipkin::set_tracer(zipkin::sample::RandomSampler::new(0.0), reporter, endpoint)
        }
        .expect("no tracer yet");
        both!(
            self,
            B,
            Box::new(move || queue.flush()),
            layer_fn(|inner| ZipkinServer { inner }),
            |inner| ZipkinClient { inner },
        )
    }

    pub fn tower_http(self) -> V::Out {
        let subscriber = tracing_subscriber::fmt()
            .with_writer(std::io::sink)
            .with_max_level(Level::INFO)
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("no subscriber yet");
        let trace = TraceLayer::new_for_http()
            .make_span_with(DefaultMakeSpan::new().level(Level::INFO))
            .on_response(DefaultOnResponse::new().level(Level::INFO));
        both!(
            self,
            B,
            no_flush(),
            ServiceBuilder::new()
                .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
                .layer(trace)
                .layer(PropagateRequestIdLayer::x_request_id()),
            |inner| inner,
        )
    }

    pub fn tower_http_request_id(self) -> V::Out {
        both!(
            self,
            B,
            no_flush(),
            ServiceBuilder::new()
                .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
                .layer(PropagateRequestIdLayer::x_request_id()),
            |inner| inner,
        )
    }

    pub fn tower_request_id(self) -> V::Out {
        both!(
            self,
            B,
            no_flush(),
            tower_request_id::RequestIdLayer,
            |inner| inner,
        )
    }
}
