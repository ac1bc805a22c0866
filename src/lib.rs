//! B3 distributed tracing for Tower services, as an Envoy or Istio sidecar does it.
//!
//! Two layers. The [server layer](Tracer::server_layer) extracts `x-request-id`, `x-b3-*`, `b3`
//! and `traceparent` (or makes them), decides on sampling and puts a SERVER span around each
//! request. The [client layer](Tracer::client_layer) puts a CLIENT span around each request that
//! is sent, and writes the headers to it, the opaque ones of other tracing systems included. In
//! between nothing is passed around: the current context is the task's.
//!
//! # A server
//!
//! ```
//! use axum::{Router, routing::get};
//! use tower_b3::{Tracer, sample::Sampler, tag::Tag};
//! # use tower_b3::report::NoopReporter;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let zipkin = NoopReporter;
//! let tracer = Tracer::builder("webapp")
//!     .sampler(Sampler::percentage(10.0)?)
//!     .tag(Tag::literal("custom_tag", "Test Tag"))
//!     .tag(Tag::environment("zone", "ZONE").default_value("unknown"))
//!     .tag(Tag::request_header("tenant", "x-tenant"))
//!     .reporter(zipkin) // anything that implements `Reporter`
//!     .build()?;
//!
//! async fn catalog() -> &'static str {
//!     tower_b3::tag("cart.items", "3");
//!     "[]"
//! }
//!
//! let app: Router = Router::new()
//!     .route("/api/catalog", get(catalog))
//!     .layer(tracer.server_layer());
//! # Ok(()) }
//! ```
//!
//! # A client
//!
//! Any `tower::Service` that takes [`http::Request`]s will do; here it is hyper's.
//!
//! ```
//! use bytes::Bytes;
//! use http_body_util::Empty;
//! use hyper_util::{client::legacy::Client, rt::TokioExecutor};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//! use tower_b3::{Route, Tracer};
//!
//! # async fn call(tracer: &Tracer) -> Result<(), Box<dyn std::error::Error>> {
//! let http = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
//! let mut client = ServiceBuilder::new()
//!     .layer(tracer.client_layer().remote_service("catalog"))
//!     .service(http);
//!
//! let mut request = http::Request::get("http://catalog:8080/items/7").body(Empty::new())?;
//! request.extensions_mut().insert(Route::new("/items/{id}")); // names the span
//! let response = client.ready().await?.call(request).await?;
//! # Ok(()) }
//! ```
//!
//! # Where to go from here
//!
//! | for | see |
//! |---|---|
//! | tags, local spans, spawned tasks; and more than stands at the root: `error`, `rename`, `route`, `handle` | [`scope`] |
//! | percentages, rate limits, rules, changes at run time | [`sample`] |
//! | custom tags and the standard ones | [`mod@tag`] |
//! | Zipkin, the console, a file, tests, a reporter of your own | [`report`]; `zipkin` |
//! | headers without the layers | [`propagation`] |
//! | strangers' requests, health checks | [`Trust`], [`ServerLayer::exclude_paths`] |
//! | Istio's documents and the environment as configuration | `config`, [`guide::no_sidecar`] |
//! | the name and the tags that a sidecar's spans have | [`istio`] |
//! | in a mesh with sidecars, or in their place | [`guide::sidecar`], [`guide::no_sidecar`] |
//! | requests from outside | [`guide::edge`] |
//! | reqwest | `reqwest` |
//! | gRPC with tonic, WebSockets, event streams | [`guide::grpc`] |
//! | a retry layer | [`guide::retries`] |
//! | coming from OpenTelemetry | `guide::opentelemetry` |
//! | every header that is read and written | [`guide::headers`] |
//! | what happens to a span after it ends | `guide::reporting` |
//! | how it is built, and why so | [`guide::architecture`], [`guide::rationale`] |
//! | what differs from Envoy and Brave on purpose | [`guide::parity`] |
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `zipkin` | yes | `ZipkinReporter`: JSON or protocol buffers over HTTP, batched on a thread of its own (brings hyper and tokio) |
//! | `otlp` | | `OtlpReporter`: OTLP over HTTP or gRPC, for an OpenTelemetry Collector or Jaeger |
//! | `gzip` | | messages compressed: `.gzip(true)` of both reporters, `report::Gzip` |
//! | `tls` | | `https` URLs for the reporters, an authority and a client certificate of one's own, HTTP/2 (brings rustls and ring; needs a C compiler, no cmake) |
//! | `axum` | | [`Context`] as an extractor, the matched path as the route, the peer's address |
//! | `kafka` | | `KafkaReporter`: to Zipkin's collectors by way of Kafka |
//! | `config` | | `config`: Istio's tracing configuration, read from YAML or JSON as it stands, and followed while it changes |
//! | `reqwest` | | `reqwest`: requests of reqwest's through the client layer, `.traced(&layer)`, and its client as a service |
//! | `tracing` | | `trace_id` and `span_id` of a request on its log lines: a `tracing` span of level `ERROR` and target `tower_b3`, which a filter by target must let through (`RUST_LOG=info,webapp=debug`, or `webapp=info,tower_b3=error`) |
//!
//! Without features there is no runtime: values, propagation, spans, samplers, both layers, and
//! reporters for tests and the console.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(feature = "axum")]
mod axum;
mod client;
mod clock;
#[cfg(feature = "config")]
#[cfg_attr(docsrs, doc(cfg(feature = "config")))]
pub mod config;
mod context;
#[cfg(feature = "zipkin")]
mod decimal;
mod digits;
mod exchange;
mod file;
pub mod guide;
mod head;
mod hosts;
pub mod id;
pub mod istio;
#[cfg(feature = "otlp")]
pub mod otlp;
mod printable;
pub mod propagation;
#[cfg(feature = "zipkin")]
mod protobuf;
pub mod record;
pub mod report;
#[cfg(feature = "reqwest")]
pub mod reqwest;
pub mod sample;
pub mod scope;
mod server;
mod span;
mod stripe;
pub mod tag;
mod tracer;
mod trust;
#[cfg(any(feature = "config", feature = "zipkin"))]
mod url;
mod user_code;
mod words;
#[cfg(feature = "zipkin")]
pub mod zipkin;

pub use client::{Client, ClientLayer, Route};
pub use context::{Sampling, TraceContext};
pub use exchange::{ResponseBody, ResponseFuture};
pub use head::RequestHead;
pub use scope::{annotate, current, in_current_context, request_id, span, tag};
pub use server::{Server, ServerLayer};
pub use span::{Context, InContext, Instrumented, Span, SpanHandle};
pub use tracer::{BuildError, Direction, Mode, Tracer, TracerBuilder};
pub use trust::{NetworkError, Networks, Predicate, Trust};

/// The README's examples.
#[cfg(all(
    doctest,
    feature = "axum",
    feature = "config",
    feature = "reqwest",
    feature = "zipkin"
))]
#[doc = include_str!("../README.md")]
struct Readme;
