//! The current context of a task, and the functions that use it.

#[path = "../common/mod.rs"]
mod common;

mod carried;
mod handles;
mod limits;
mod local_spans;
mod tasks;
mod user_code;

use std::pin::Pin;
use tower_b3::{Context, Sampling, TraceContext};

#[test]
fn public_types_implement_the_documented_traits() {
    use tower_b3::{id, propagation, record, report, sample, tag};
    fn shared<T: Send + Sync + 'static>() {}
    fn unpin<T: Unpin>() {}
    fn clone<T: Clone>() {}
    fn copy<T: Copy + Eq + std::hash::Hash>() {}
    fn error<T: std::error::Error + Send + Sync + 'static>() {}
    type Fut = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

    shared::<tower_b3::Tracer>();
    clone::<tower_b3::Tracer>();
    shared::<tower_b3::TracerBuilder>();
    shared::<tower_b3::ServerLayer>();
    clone::<tower_b3::ServerLayer>();
    shared::<tower_b3::ClientLayer>();
    clone::<tower_b3::ClientLayer>();
    shared::<tower_b3::Server<()>>();
    clone::<tower_b3::Server<()>>();
    shared::<tower_b3::Client<()>>();
    clone::<tower_b3::Client<()>>();
    shared::<tower_b3::ResponseFuture<Fut>>();
    unpin::<tower_b3::ResponseFuture<Fut>>();
    shared::<tower_b3::ResponseBody<http_body_util::Empty<bytes::Bytes>>>();
    unpin::<tower_b3::ResponseBody<http_body_util::Empty<bytes::Bytes>>>();
    shared::<tower_b3::Span>();
    unpin::<tower_b3::Span>();
    shared::<tower_b3::Instrumented<Fut>>();
    unpin::<tower_b3::Instrumented<Fut>>();
    shared::<tower_b3::InContext<Fut>>();
    unpin::<tower_b3::InContext<Fut>>();
    shared::<Context>();
    clone::<Context>();
    shared::<tower_b3::SpanHandle>();
    clone::<tower_b3::SpanHandle>();
    shared::<tower_b3::Trust>();
    clone::<tower_b3::Trust>();
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
    shared::<tag::Tag>();
    error::<tower_b3::BuildError>();
    error::<tag::TagError>();
    error::<sample::PercentageError>();
    error::<id::ParseIdError>();
    error::<id::ParseRequestIdError>();
}
