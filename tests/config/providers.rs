//! Providers that are unsupported, unknown or misconfigured: what is logged, and what is an error.

use crate::{
    apply::{configured, serve_and_call},
    common::{headers, values},
    documents, read,
};
use std::{cell::RefCell, io, sync::Once};
use tower_b3::{
    BuildError, Mode, Tracer, TracerBuilder, config::TracingConfig, report::InMemoryReporter,
};

thread_local! {
    /// What this thread has logged since `logged` began; `None` outside of it.
    static LOG: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

struct ThreadLog;

impl io::Write for ThreadLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.as_mut().map(|log| log.extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs the work, and returns what it logs on this thread.
///
/// The subscriber is the whole process's. With one for each test, `tracing` may decide on another
/// test's thread, which has none, that nobody wants a line, and remembers that.
fn logged<R>(work: impl FnOnce() -> R) -> (R, String) {
    static SUBSCRIBER: Once = Once::new();
    SUBSCRIBER.call_once(|| {
        tracing_subscriber::fmt()
            .without_time()
            .with_ansi(false)
            .with_target(false)
            .with_writer(|| ThreadLog)
            .init();
    });
    LOG.set(Some(Vec::new()));
    let result = work();
    let text = String::from_utf8(LOG.take().unwrap()).unwrap();
    (result, text)
}

#[test]
fn an_unsupported_provider_logs_one_error_and_forwards_headers() {
    let config = read(&documents()["scene-9-datadog.yaml"].1);
    let (test, log) = logged(|| configured(&config));
    assert_eq!(
        log.trim(),
        "ERROR tracing: the provider datadog is not supported; no spans are made, and these headers \
         are forwarded unchanged: b3, x-b3-traceid, x-b3-spanid, x-b3-parentspanid, \
         x-b3-sampled, x-b3-flags, traceparent, tracestate, x-request-id, x-envoy-force-trace, \
         x-client-trace-id, x-ot-span-context, x-cloud-trace-context, grpc-trace-bin, \
         x-datadog-trace-id, x-datadog-parent-id, x-datadog-sampling-priority, sw8, \
         x-amzn-trace-id"
    );
    let sent = "x-datadog-trace-id: 7|x-datadog-parent-id: 8|x-datadog-sampling-priority: 1|\
        x-b3-traceid: not an id|x-request-id: r|x-envoy-force-trace: ";
    let called = serve_and_call(&test.tracer, sent, "");
    for (name, value) in &headers(sent) {
        assert_eq!(values(&called, name.as_str()), [value.as_bytes()], "{name}");
    }
    test.spans.take(0);
    // Code may still set the mode.
    let (_, log) = logged(|| {
        Tracer::builder("shop")
            .mode(Mode::Spans)
            .config(&config)
            .build()
    });
    assert_eq!(log, "");
}

#[test]
fn a_missing_reporter_logs_one_warning() {
    let config = read("tracing: { zipkin: { address: 'zipkin:9411' } }");
    let built = |builder: TracerBuilder| logged(|| builder.build().unwrap()).1;
    assert_eq!(
        built(Tracer::builder("shop").config(&config)).trim(),
        "WARN tracing: the tracer has no reporter, so spans for http://zipkin:9411/api/v2/spans are \
         dropped"
    );
    let with_reporter = Tracer::builder("shop").reporter(InMemoryReporter::default());
    assert_eq!(built(with_reporter.config(&config)), "");
    let forward_only = Tracer::builder("shop").mode(Mode::ForwardOnly);
    assert_eq!(built(forward_only.config(&config)), "");
    // Without a collector and a reporter, spans are dropped on purpose.
    let nowhere = read("tracing: { sampling: 10 }");
    assert_eq!(built(Tracer::builder("shop").config(&nowhere)), "");
}

#[test]
fn an_unsupported_provider_is_an_error_if_strict() {
    for (name, expected) in [
        (
            "scene-9-lightstep.yaml",
            "the provider lightstep is not supported",
        ),
        (
            "scene-9-skywalking.yaml",
            "the provider skywalking is not supported",
        ),
        (
            "scene-9-datadog-provider.yaml",
            "the provider dd (datadog) is not supported",
        ),
        (
            "unknown-provider.yaml",
            "the provider jaeger is not defined in `extensionProviders`",
        ),
    ] {
        let config = read(&documents()[name].1).strict(true);
        let error = Tracer::builder("shop").config(&config).build().unwrap_err();
        assert!(matches!(error, BuildError::Config(_)));
        assert_eq!(error.to_string(), expected);
        assert_eq!(config.collector().unwrap_err().to_string(), expected);
        let relaxed = config.over(TracingConfig::default()).strict(false);
        Tracer::builder("shop").config(&relaxed).build().unwrap();
    }
}

/// One text defines the provider, another one uses it.
#[test]
fn a_misconfigured_provider_is_an_error_when_it_is_used() {
    let mesh = read("extensionProviders: [ { name: a, zipkin: { service: a } } ]");
    let named = read("tracing: [ { providers: [ { name: a } ] } ]");
    let error = Tracer::builder("shop")
        .config(&named.over(mesh))
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`extensionProviders[0].zipkin`: missing field `port`"
    );
}
