//! The text of log lines, and a request in whose handler they are logged.

use crate::common::{PARENT, SPAN, TRACE, get};
use http::{Request, Response};
use serde_json::Value;
use std::convert::Infallible;
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{Tracer, report::NoopReporter};
use tracing_subscriber::{
    EnvFilter,
    fmt::{
        SubscriberBuilder,
        format::{DefaultFields, Format, Full, Json, JsonFields},
    },
};

/// A format of text without what differs from run to run, and without the span of the feature
/// `log-ids`.
pub fn text() -> SubscriberBuilder<DefaultFields, Format<Full, ()>, EnvFilter> {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("info,tower_b3=off"))
        .with_ansi(false)
        .without_time()
}

/// The same in JSON.
pub fn json() -> SubscriberBuilder<JsonFields, Format<Json, ()>, EnvFilter> {
    text().json()
}

/// What is logged while `work` runs.
#[macro_export]
macro_rules! logged {
    ($builder:expr, $work:expr) => {{
        let log = test_kit::log::LogBuffer::default();
        let subscriber = $builder.with_writer(log.clone()).finish();
        tracing::subscriber::with_default(subscriber, $work);
        log.text()
    }};
}

/// The ids that a request has in these tests.
pub fn ids(sampled: &str) -> String {
    format!(
        "x-b3-traceid: {TRACE}|x-b3-spanid: {SPAN}|x-b3-parentspanid: {PARENT}|\
         x-b3-sampled: {sampled}|x-request-id: req-1"
    )
}

/// A tracer whose spans are not looked at.
pub fn tracer() -> Tracer {
    let builder = Tracer::builder("shop").reporter(NoopReporter);
    builder.build().unwrap()
}

/// Serves a request with these headers by a handler that runs `work`. The SERVER span is the one that the
/// headers name.
pub fn serve(tracer: &Tracer, headers: &str, work: impl FnOnce()) {
    serve_async(tracer, headers, async move || work());
}

/// The same with an async handler, on a runtime of one thread.
pub fn serve_async(tracer: &Tracer, headers: &str, work: impl AsyncFnOnce()) {
    let mut work = Some(work);
    let service = service_fn(|_: Request<()>| {
        let work = work.take().unwrap();
        async move {
            work().await;
            Ok::<_, Infallible>(Response::new(String::new()))
        }
    });
    let service = tracer.server_layer().join(true).layer(service);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let response = runtime.block_on(service.oneshot(get("/items", headers)));
    drop(response.unwrap());
}

/// The lines as JSON.
#[track_caller]
pub fn objects(text: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    text.lines().map(parse).collect()
}

/// In front of the lines of a request with [`ids`].
pub fn prefix(sampled: bool) -> String {
    format!(
        "trace_id={TRACE} span_id={SPAN} parent_id={PARENT} request_id=req-1 sampled={sampled} "
    )
}
