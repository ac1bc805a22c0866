//! The ids of a request are on its log lines.
#![cfg(feature = "log-ids")]

use http::{Request, Response};
use http_body_util::BodyExt;
use std::convert::Infallible;
use test_kit::log::LogBuffer;
use tokio::{runtime::Builder, task::yield_now};
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{Tracer, in_current_context, sample::Sampler};

/// The log lines of one request, and its trace id.
fn logged(sampler: Sampler) -> (Vec<String>, String) {
    let log = LogBuffer::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
        .with_writer(log.clone())
        .finish();
    let tracer = Tracer::builder("shop").sampler(sampler).build().unwrap();
    let service = service_fn(|_: Request<String>| async {
        tracing::info!("in the handler");
        yield_now().await;
        tracing::info!("after a pause");
        tower_b3::span("load").in_scope(|| tracing::info!("in a local span"));
        tokio::spawn(in_current_context(async { tracing::info!("in a task") }))
            .await
            .unwrap();
        let context = tower_b3::current().unwrap();
        Ok::<_, Infallible>(Response::new(context.trace_id().to_string()))
    });
    let service = tracer.server_layer().layer(service);
    let runtime = Builder::new_current_thread().build().unwrap();
    let trace_id = tracing::subscriber::with_default(subscriber, || {
        tracing::info!("before");
        let trace_id = runtime.block_on(async {
            let response = service.oneshot(Request::new(String::new())).await.unwrap();
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            String::from_utf8(bytes.to_vec()).unwrap()
        });
        tracing::info!("behind");
        trace_id
    });
    (log.lines(), trace_id)
}

#[test]
fn every_line_of_a_request_has_its_ids_sampled_or_not() {
    for sampler in [Sampler::always(), Sampler::never()] {
        let (lines, trace_id) = logged(sampler);
        assert_eq!(lines.len(), 6, "{lines:#?}");
        let (within, around): (Vec<_>, Vec<_>) = lines
            .iter()
            .partition(|line| line.contains(&format!("trace_id={trace_id} span_id=")));
        assert_eq!(within.len(), 4, "{lines:#?}");
        assert!(around.iter().all(|line| !line.contains("trace_id")));
    }
}
