#![doc = include_str!("links.md")]
#![cfg_attr(
    all(feature = "access-log", feature = "config", feature = "kafka", feature = "log-format", feature = "metrics", feature = "otlp", feature = "tracing-layer", feature = "zipkin"),
    doc = include_str!("links_features.md")
)]
#![doc = include_str!("README.md")]

/// A page, with the features that its examples need; without these it says so.
///
/// The definitions of links for rustdoc come first, since the first definition of a label counts.
macro_rules! page {
    ($name:ident, $file:literal $(, $feature:tt)*) => {
        #[doc = include_str!("links.md")]
        #[cfg_attr(
            all(feature = "access-log", feature = "config", feature = "kafka", feature = "log-format", feature = "metrics", feature = "otlp", feature = "tracing-layer", feature = "zipkin"),
            doc = include_str!("links_features.md")
        )]
        #[cfg_attr(all($(feature = $feature),*), doc = include_str!($file))]
        #[cfg_attr(
            not(all($(feature = $feature),*)),
            doc = concat!("This page is shown if the documentation is built with the features", $(" `", $feature, "`",)* ".")
        )]
        pub mod $name {}
    };
}

page!(layer_order, "layer_order.md");
page!(sampling, "sampling.md", "zipkin");
page!(reporters, "reporters.md", "zipkin");
page!(retries, "retries.md");
page!(grpc, "grpc.md");
page!(
    databases_and_queues,
    "databases_and_queues.md",
    "test",
    "tracing-layer"
);
page!(tracing, "tracing.md", "test", "tracing-layer");
page!(logs, "logs.md", "log-format");
page!(access_log, "access_log.md", "access-log", "config");
page!(testing, "testing.md", "test");
page!(sidecar, "sidecar.md");
page!(no_sidecar, "no_sidecar.md", "config", "zipkin");
page!(metrics, "metrics.md", "axum", "metrics");
page!(metric_trace_log, "metric_trace_log.md");
page!(
    metrics_configuration,
    "metrics_configuration.md",
    "metrics-config"
);
page!(ambient, "ambient.md", "config", "test");
page!(edge, "edge.md");
page!(reporting, "reporting.md", "zipkin");
page!(opentelemetry, "opentelemetry.md", "config", "zipkin");
page!(headers, "headers.md");
page!(parity, "parity.md");
page!(architecture, "architecture.md");
page!(rationale, "rationale.md");
