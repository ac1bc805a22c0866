use tower_b3::id::TraceId;
use tower_b3::otlp::OtlpReporter;
use tower_b3::report::Reporter;
use tower_b3::zipkin::{Encoding, ZipkinReporter};

use super::{DELIVERED, SPANS, a_minute_ago, assert_all_sent, trace};
use crate::backends::{Http, Jaeger, JaegerSpan, bench};

#[tokio::test]
async fn jaeger_shows_the_same_trace_of_every_encoding() {
    let Some(dir) = bench("jaeger_shows_the_same_trace_of_every_encoding") else {
        return;
    };
    let jaeger = Jaeger::start(&dir, &Http::new()).await;
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
    let reporter = OtlpReporter::builder(jaeger.otlp())
        .build()
        .expect("a reporter");
    let trace_id = TraceId::random();
    trace(trace_id, started)
        .into_iter()
        .for_each(|span| reporter.report(span));
    assert_all_sent(&reporter.shutdown_async(DELIVERED).await, SPANS);
    assert_shown(&jaeger.trace(&trace_id.to_string(), SPANS).await, started);
}

fn assert_shown(spans: &[JaegerSpan], started: u64) {
    let tag = |span: &JaegerSpan, name: &str| span.tags.get(name).cloned().unwrap_or_default();
    let lines: Vec<_> = spans
        .iter()
        .map(|span| {
            let parent = span.parent.as_deref().map_or("-", |id| &id[15..]);
            // Jaeger shows a span of no kind without one, or as an internal one.
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
