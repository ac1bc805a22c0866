//! The traits that users rely on: `Send`, `Sync`, `Clone`, `Copy`, `Unpin`, `Error`.

use bytes::Bytes;
use http_body_util::Empty;
use std::{error::Error, hash::Hash, pin::Pin};
use tower_b3::{
    BuildError, ClientLayer, InContext, Instrumented, RequestContext, ResponseBody, ResponseFuture,
    Sampling, ServerLayer, Span, SpanHandle, TraceContext, TracedClient, TracedServer, Tracer,
    TracerBuilder, Trust, id, propagation, record, report, sample, tags,
    test::{SpanCollector, TestReporter, TreeFormat},
};

fn shared<T: Send + Sync + 'static>() {}
fn unpin<T: Unpin>() {}
fn clone<T: Clone>() {}
fn copy<T: Copy + Eq + Hash>() {}
fn error<T: Error + Send + Sync + 'static>() {}
type Fut = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

#[test]
fn tracers_layers_and_handles_implement_the_documented_traits() {
    shared::<Tracer>();
    clone::<Tracer>();
    shared::<TracerBuilder>();
    shared::<ServerLayer>();
    clone::<ServerLayer>();
    shared::<ClientLayer>();
    clone::<ClientLayer>();
    shared::<TracedServer<()>>();
    clone::<TracedServer<()>>();
    shared::<TracedClient<()>>();
    clone::<TracedClient<()>>();
    shared::<ResponseFuture<Fut>>();
    unpin::<ResponseFuture<Fut>>();
    shared::<ResponseBody<Empty<Bytes>>>();
    unpin::<ResponseBody<Empty<Bytes>>>();
    #[cfg(feature = "tracing-layer")]
    shared::<tower_b3::TracingLayer>();
    shared::<Span>();
    unpin::<Span>();
    shared::<Instrumented<Fut>>();
    unpin::<Instrumented<Fut>>();
    shared::<InContext<Fut>>();
    unpin::<InContext<Fut>>();
    shared::<RequestContext>();
    clone::<RequestContext>();
    shared::<SpanHandle>();
    clone::<SpanHandle>();
    shared::<Trust>();
    clone::<Trust>();
}

#[test]
fn values_and_errors_implement_the_documented_traits() {
    copy::<TraceContext>();
    copy::<Sampling>();
    copy::<id::TraceId>();
    copy::<id::SpanId>();
    shared::<id::RequestId>();
    shared::<propagation::Propagation>();
    shared::<propagation::Incoming>();
    shared::<propagation::Forwarded>();
    shared::<record::SpanRecord>();
    clone::<record::SpanRecord>();
    shared::<record::Endpoint>();
    shared::<report::InMemoryReporter>();
    shared::<report::ConsoleReporter>();
    shared::<sample::Sampler>();
    clone::<sample::Sampler>();
    shared::<tags::Tag>();
    #[cfg(feature = "batch")]
    {
        shared::<tower_b3::RunningTracer>();
        error::<tower_b3::StartError>();
        shared::<report::TailSampler>();
        clone::<report::TailSampler>();
        shared::<report::TailSamplerBuilder>();
    }
    shared::<SpanCollector>();
    shared::<TestReporter>();
    clone::<TestReporter>();
    shared::<TreeFormat>();
    clone::<TreeFormat>();
    error::<BuildError>();
    error::<tags::TagError>();
    error::<sample::PercentageError>();
    error::<id::ParseIdError>();
    error::<id::ParseRequestIdError>();
}

#[test]
fn services_give_access_to_the_inner_service() {
    use tower::Layer;

    let tracer = Tracer::builder("shop").build().unwrap();
    let mut server = tracer.server_layer().layer("server".to_owned());
    server.get_mut().push('!');
    assert_eq!(server.get_ref(), "server!");
    assert_eq!(server.into_inner(), "server!");
    let mut client = tracer.client_layer().layer("client".to_owned());
    client.get_mut().push('?');
    assert_eq!(client.get_ref(), "client?");
    assert_eq!(client.into_inner(), "client?");
}

#[cfg(feature = "metrics")]
#[test]
fn metrics_implement_the_documented_traits() {
    use tower_b3::metrics;

    shared::<metrics::Metrics>();
    clone::<metrics::Metrics>();
    shared::<metrics::MetricsBuilder>();
    shared::<metrics::MetricsService>();
    clone::<metrics::MetricsService>();
    unpin::<metrics::ScrapeBody>();
    shared::<metrics::Measurement<'static>>();
    shared::<metrics::Workload>();
    clone::<metrics::Workload>();
    shared::<metrics::PeerMetadata>();
    error::<metrics::PeerMetadataError>();
    error::<metrics::BucketsError>();
}
