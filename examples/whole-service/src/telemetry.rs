//! Tracing and logs of a service.

use crate::setting;
use std::{error::Error, io, time::Duration};
use tower_b3::{
    RunningTracer, Tracer, TracingLayer, logs::WithIds, report::BatchOptions,
    zipkin::ZipkinReporter,
};
use tracing_subscriber::{
    EnvFilter, Layer, filter::LevelFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

/// Logs JSON on standard error, as `RUST_LOG` says, and sends spans to `ZIPKIN_URL`.
///
/// Keep the tracer until the end of `main`: it sends the last spans when it is dropped.
///
/// # Errors
///
/// If a variable has a value that cannot be used.
pub fn start(service: &str) -> Result<RunningTracer, Box<dyn Error>> {
    let selected = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into());
    let lines = fmt::layer()
        .json()
        .flatten_event(true)
        .with_writer(io::stderr)
        .map_event_format(WithIds::json)
        .with_filter(selected.from_env()?);
    let spans = TracingLayer::new().with_filter(LevelFilter::INFO);
    tracing_subscriber::registry()
        .with(lines)
        .with(spans)
        .init();

    let url = setting("ZIPKIN_URL", "http://127.0.0.1:9411/api/v2/spans");
    let max_age = Duration::from_millis(setting("SPANS_MAX_AGE_MS", "1000").parse()?);
    let zipkin = ZipkinReporter::builder(url)
        .options(BatchOptions::new().max_age(max_age))
        .build()?;
    Ok(Tracer::builder(service.to_owned()).start(zipkin)?)
}
