#![doc = include_str!("links.md")]
#![cfg_attr(
    all(feature = "config", feature = "kafka", feature = "otlp", feature = "zipkin"),
    doc = include_str!("links_features.md")
)]
#![doc = include_str!("README.md")]

/// A page. The definitions of its links for rustdoc come first, as the first one of a label counts.
macro_rules! page {
    ($(#[$attribute:meta])* $name:ident, $file:literal) => {
        #[doc = include_str!("links.md")]
        #[cfg_attr(
            all(feature = "config", feature = "kafka", feature = "otlp", feature = "zipkin"),
            doc = include_str!("links_features.md")
        )]
        #[doc = include_str!($file)]
        $(#[$attribute])*
        pub mod $name {}
    };
}

page!(layer_order, "layer_order.md");
page!(sampling, "sampling.md");
page!(reporters, "reporters.md");
page!(retries, "retries.md");
page!(grpc, "grpc.md");
page!(sidecar, "sidecar.md");
page!(no_sidecar, "no_sidecar.md");
page!(edge, "edge.md");
page!(
    #[cfg(feature = "zipkin")]
    reporting,
    "reporting.md"
);
page!(
    #[cfg(feature = "zipkin")]
    opentelemetry,
    "opentelemetry.md"
);
page!(headers, "headers.md");
page!(parity, "parity.md");
page!(architecture, "architecture.md");
page!(rationale, "rationale.md");
