//! The reporters against a real Jaeger: Zipkin's formats and OTLP are shown as the same trace.

use std::time::Duration;

use test_kit::backends::{Http, Jaeger, JaegerSpan};
use tower_b3::id::TraceId;
use tower_b3::otlp::{OtlpReporter, Protocol};
use tower_b3::report::{BatchOptions, Reporter};
use tower_b3::zipkin::{Encoding, ZipkinReporter};

use super::{DELIVERED, SPANS, a_minute_ago, assert_all_sent, span, trace};
use crate::test_dir;

#[tokio::test]
async fn jaeger_shows_the_same_trace_of_every_encoding() {
    let Some(dir) = test_dir("jaeger_shows_the_same_trace_of_every_encoding") else {
        return;
    };
    let jaeger = Jaeger::start(&dir, &Http::default()).await;
    let started = a_minute_ago();
    for encoding in [Encoding::Json, Encoding::Proto3] {
        let reporter = ZipkinReporter::builder(jaeger.zipkin())
            .encoding(encoding)
            .build();
        let reporter = reporter.expect("a reporter");
        let trace_id = TraceId::random();
        trace(trace_id, started)
            .into_iter()
            .for_each(|span| reporter.report(span));
        assert_all_sent(&reporter.shutdown_async(DELIVERED).await, SPANS);
        assert_shown(&jaeger.trace(&trace_id.to_string(), SPANS).await, started);
    }
    for (url, protocol) in [
        (jaeger.otlp(), Protocol::Http),
        (jaeger.grpc(), Protocol::Grpc),
    ] {
        for gzip in [false, true] {
            let reporter = OtlpReporter::builder(&url).protocol(protocol).gzip(gzip);
            let reporter = reporter.build().expect("a reporter");
            let trace_id = TraceId::random();
            trace(trace_id, started)
                .into_iter()
                .for_each(|span| reporter.report(span));
            assert_all_sent(&reporter.shutdown_async(DELIVERED).await, SPANS);
            assert_shown(&jaeger.trace(&trace_id.to_string(), SPANS).await, started);
        }
    }
}

/// Jaeger accepts gRPC messages of at most 4 MiB, and the error text comes from its gRPC library.
#[tokio::test]
async fn a_message_too_large_for_jaeger_is_split() {
    let Some(dir) = test_dir("a_message_too_large_for_jaeger_is_split") else {
        return;
    };
    const EACH: usize = 200_000;
    let jaeger = Jaeger::start(&dir, &Http::default()).await;
    let reporter = OtlpReporter::builder(jaeger.grpc())
        .protocol(Protocol::Grpc)
        .options(
            BatchOptions::new()
                .max_age(DELIVERED)
                .message_limit(64 << 20),
        )
        .build()
        .expect("a reporter");
    let trace_id = TraceId::random();
    let text = "x".repeat(EACH);
    let spans = (4 << 20) / EACH + 10;
    for id in 1..=spans as u64 {
        let large = span(trace_id, id, None).timestamp(a_minute_ago());
        reporter.report(large.name("large").tag("text", &text).build());
    }
    let report = reporter.shutdown_async(DELIVERED).await;
    assert_all_sent(&report, spans);
    assert_eq!(report.stats.batches, 2, "{report}");
    jaeger.trace(&trace_id.to_string(), spans).await;
}

/// The ports for HTTP and gRPC are adjacent and easily confused.
#[tokio::test]
async fn the_wrong_jaeger_port_is_an_outage() {
    let Some(dir) = test_dir("the_wrong_jaeger_port_is_an_outage") else {
        return;
    };
    let jaeger = Jaeger::start(&dir, &Http::default()).await;
    let http = jaeger.otlp().replace("/v1/traces", "");
    for (url, protocol) in [(http, Protocol::Grpc), (jaeger.grpc(), Protocol::Http)] {
        let reporter = OtlpReporter::builder(url).protocol(protocol);
        let reporter = reporter
            .options(BatchOptions::new().retry_for(Duration::ZERO))
            .build();
        let reporter = reporter.expect("a reporter");
        reporter.report(span(TraceId::random(), 1, None).build());
        let report = reporter.shutdown_async(DELIVERED).await;
        assert_eq!(report.stats.dropped.retries_exhausted, 1, "{report}");
        let error = report.stats.last_error.expect("an error").message;
        assert!(!error.is_empty());
        println!("{protocol:?}: {error}");
    }
}

fn assert_shown(spans: &[JaegerSpan], started: u64) {
    let tag = |span: &JaegerSpan, name: &str| span.tags.get(name).cloned().unwrap_or_default();
    let lines: Vec<_> = spans
        .iter()
        .map(|span| {
            let parent = span.parent.as_deref().map_or("-", |id| &id[15..]);
            // Jaeger shows a span without a kind either without one or as an internal span.
            let kind = tag(span, "span.kind").replace("internal", "");
            let (service, name) = (&span.service, &span.name);
            format!("{} {parent} {service} {kind} {name}", &span.id[15..])
        })
        .collect();
    let expected = [
        "1 - web server get /",
        "2 1 web client get",
        "3 2 items server get /items",
        "4 3 items  load",
        "5 4 items producer order",
        "6 5 web consumer order",
    ];
    assert_eq!(lines, expected, "{spans:#?}");
    let errors = |span: &JaegerSpan| {
        tag(span, "otel.status_code") == "ERROR" && tag(span, "error") == "true"
    };
    let errors: Vec<bool> = spans.iter().map(errors).collect();
    assert_eq!(
        errors,
        [false, false, true, false, false, false],
        "{spans:#?}"
    );
    assert_eq!(tag(&spans[2], "http.status_code"), "503", "{spans:#?}");
    assert_eq!(tag(&spans[1], "peer.service"), "items", "{spans:#?}");
    assert_eq!(spans[0].start, started + 1);
    assert_eq!(spans[0].duration, 9_000);
}
