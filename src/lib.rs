#![cfg_attr(
    not(all(feature = "access-log", feature = "config", feature = "log-format", feature = "otlp", feature = "reqwest", feature = "zipkin")),
    doc = include_str!("guide/links_docs_rs.md")
)]
//! B3 distributed tracing for Tower services, as an Envoy or Istio sidecar does it.
//!
//! There are two layers. The [server layer](Tracer::server_layer) reads `x-request-id`, `x-b3-*`,
//! `b3` and `traceparent`, or generates what is missing, decides on sampling, and makes a SERVER
//! span for each request. The [client layer](Tracer::client_layer) makes a CLIENT span for each
//! request that is sent, and writes the headers to it, including the opaque headers of other
//! tracing systems. The current span belongs to the task, so nothing is passed between the two.
//!
//! # A server that calls another service
//!
//! ```
//! use axum::{Router, routing::get};
//! use bytes::Bytes;
//! use http_body_util::Empty;
//! use hyper_util::{client::legacy, rt::TokioExecutor};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_b3::{RouteTemplate, Tracer, sample::Sampler, tags::Tag};
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
//! // Any `tower::Service` that takes `http::Request`s will do.
//! let http = legacy::Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
//! let client = ServiceBuilder::new()
//!     .layer(tracer.client_layer().remote_service("catalog"))
//!     .service(http);
//!
//! let catalog = async move || {
//!     tower_b3::tag("cart.items", "3"); // on the SERVER span
//!     let request = http::Request::get("http://catalog:8080/items")
//!         .extension(RouteTemplate::new("/items")) // names the CLIENT span: `GET /items`
//!         .body(Empty::new())
//!         .expect("a valid request");
//!     match client.clone().oneshot(request).await {
//!         Ok(response) => response.status().to_string(),
//!         Err(error) => error.to_string(),
//!     }
//! };
//! let app: Router = Router::new()
//!     .route("/api/catalog", get(catalog))
//!     .layer(tracer.server_layer());
//! # Ok(()) }
//! ```
//!
//! # Where to go from here
//!
//! The [guide] starts with a path by task.
//!
//! | topic | see |
//! |---|---|
//! | **Use** | |
//! | Tag the current span, add an event, start a local span | [`tag()`], [`annotate()`], [`span()`] |
//! | Name the span, set its route, mark it as failed, carry a handle elsewhere | [`scope::rename()`], [`scope::route()`], [`scope::error()`], [`scope::handle()`] |
//! | The current ids; spawned tasks | [`current()`], [`request_id()`], [`in_current_context()`] |
//! | Start tracer and reporter in one call, from a URL, a file or the environment | `TracerBuilder::start_zipkin`, `ConfigFile::start`, `RunningTracer` |
//! | Percentages, rate limits, rules, forced traces, tail sampling | [`guide::sampling`], [`sample`] |
//! | Custom and standard tags | [`tags`] |
//! | Zipkin, OTLP, Kafka, the console, a file, tests, your own reporter | [`guide::reporters`], [`report`], [`zipkin`], [`otlp`] |
//! | Where to put the layers: timeouts, CORS, compression, panics | [`guide::layer_order`] |
//! | reqwest | [`mod@reqwest`] |
//! | gRPC with tonic, WebSockets, server-sent events | [`guide::grpc`] |
//! | Databases, Kafka and other queues; carriers other than HTTP headers | [`guide::databases_and_queues`], [`Span::kind`], [`Tracer::producer_span`], [`Tracer::consumer_span`] |
//! | Functions under `#[tracing::instrument]` | [`guide::tracing`] |
//! | Retries | [`guide::retries`] |
//! | Ids of a request on its log lines; Grafana, Kibana, Kiali | [`guide::logs`], [`logs`] |
//! | A line for each request, as Envoy writes it | [`guide::access_log`], [`access_log`] |
//! | Istio's standard metrics: Prometheus, Grafana, Kiali, alerts | [`guide::metrics`], `metrics` |
//! | From a metric to a trace to a log line | [`guide::metric_trace_log`] |
//! | Tests of a traced service | [`guide::testing`], `test` |
//! | Read and write headers without the layers | [`propagation`] |
//! | **Deploy** | |
//! | In a mesh with sidecars, instead of one, or in ambient mode | [`guide::sidecar`], [`guide::no_sidecar`], [`guide::ambient`] |
//! | Configuration from Istio's documents and the environment | [`config`], [`guide::no_sidecar`] |
//! | Metrics shaped by Istio's documents | [`guide::metrics_configuration`] |
//! | The name and tags of a sidecar's spans | [`istio`] |
//! | Requests from outside, health checks | [`guide::edge`], [`Trust`], [`ServerLayer::exclude_paths`] |
//! | Queue, retries, counts and shutdown of a reporter | [`guide::reporting`] |
//! | Coming from OpenTelemetry | [`guide::opentelemetry`] |
//! | **Look up** | |
//! | Every header that is read and written | [`guide::headers`] |
//! | Differences from Envoy and Brave | [`guide::parity`] |
//! | How it is built, and why | [`guide::architecture`], [`guide::rationale`] |
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `zipkin` | yes | [`zipkin`]: spans to Zipkin, JSON or protocol buffers over HTTP, sent from their own thread (includes `http`) |
//! | `otlp` | | [`otlp`]: OTLP over HTTP or gRPC, for an OpenTelemetry Collector or Jaeger (includes `http`) |
//! | `kafka` | | `KafkaReporter`: spans to Zipkin's collectors through Kafka, with a client in pure Rust (includes `batch`) |
//! | `http` | | `HttpSender`, and `TowerSender` for your own HTTP client (brings hyper; includes `batch`) |
//! | `batch` | | `BatchReporter`: a queue and a thread that sends, with your own `Encoder` and `Sender`; Zipkin's encoders; `JsonLinesReporter` (brings tokio) |
//! | `gzip` | | compressed messages: `.gzip(true)` of the reporters, `report::Gzip` (includes `batch`) |
//! | `tls` | | `https` URLs for the reporters, a certificate authority and a client certificate of your own, HTTP/2 (brings rustls and ring, which needs a C compiler but no cmake; includes `http`) |
//! | `axum` | | [`RequestContext`] as an extractor, the matched path as the route, the peer's address |
//! | `reqwest` | | [`mod@reqwest`]: `.traced(&layer)` sends a reqwest request through the client layer; reqwest's client as a service |
//! | `config` | | [`config`]: Istio's tracing configuration, read from YAML or JSON, and watched |
//! | `metrics-config` | | metrics shaped by Istio's configuration, see [`guide::metrics_configuration`] (includes `metrics` and `config`; brings cel, regex and chrono) |
//! | `metrics` | | `metrics`: Istio's standard metrics for Prometheus, Grafana and Kiali, with exemplars; peer metadata; see [`guide::metrics`] |
//! | `prometheus-client`, `prometheus` | | these metrics in a registry of one of these crates (include `metrics`) |
//! | `test` | | `test`: collects the spans of a test, compares their tree with expected text, fails if spans are left over |
//! | `tracing-layer` | | `TracingLayer` for `tracing-subscriber`: functions under `#[instrument]`, and the spans of libraries that use `tracing`, are spans of the trace, see [`guide::tracing`] |
//! | `log-format` | | [`logs`]: the ids of a request on each of its log lines, whatever the filter: an event format for `tracing-subscriber` |
//! | `access-log` | | [`access_log`]: a line for each exchange, sampled or not, in Envoy's text and JSON formats, from its own thread |
//! | `log-ids` | | `trace_id` and `span_id` on the log lines of other subscribers: fields of a `tracing` span of level `ERROR` and target `tower_b3`, which a filter by target must let through (`RUST_LOG=info,webapp=debug`, or `webapp=info,tower_b3=error`) |
//!
//! The features `axum` and `reqwest` are for axum 0.8 and reqwest 0.13. Support for another major
//! version of either comes with a new major version of this crate (below 1.0, a new minor one).
//!
//! Without features there is no async runtime: ids, propagation, spans, samplers, both layers, and
//! the reporters for tests and the console.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(feature = "access-log")]
#[cfg_attr(docsrs, doc(cfg(feature = "access-log")))]
pub mod access_log;
#[cfg(feature = "axum")]
mod axum;
mod client;
mod clock;
#[cfg(feature = "config")]
#[cfg_attr(docsrs, doc(cfg(feature = "config")))]
pub mod config;
#[cfg(feature = "config")]
mod config_error;
mod context;
#[cfg(any(feature = "access-log", feature = "batch"))]
mod decimal;
mod digits;
mod direction;
mod exchange;
mod file;
pub mod guide;
mod head;
mod hosts;
pub mod id;
pub mod istio;
#[cfg(feature = "log-format")]
#[cfg_attr(docsrs, doc(cfg(feature = "log-format")))]
pub mod logs;
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub mod metrics;
pub mod observe;
#[cfg(feature = "otlp")]
#[cfg_attr(docsrs, doc(cfg(feature = "otlp")))]
pub mod otlp;
mod printable;
pub mod propagation;
#[cfg(feature = "batch")]
mod protobuf;
pub mod record;
pub mod report;
#[cfg(feature = "reqwest")]
pub mod reqwest;
pub mod sample;
pub mod scope;
mod server;
mod shard;
mod span;
pub mod tags;
#[cfg(feature = "test")]
#[cfg_attr(docsrs, doc(cfg(feature = "test")))]
pub mod test;
mod text;
mod tracer;
#[cfg(feature = "tracing-layer")]
mod tracing_layer;
mod trust;
#[cfg(any(feature = "config", feature = "http", feature = "kafka"))]
mod url;
mod user_code;
mod word_scan;
#[cfg(feature = "batch")]
#[cfg_attr(docsrs, doc(cfg(feature = "batch")))]
pub mod zipkin;

pub use client::{ClientLayer, RouteTemplate, TracedClient};
pub use context::{Sampling, TraceContext};
pub use direction::{Direction, Mode};
pub use exchange::{ResponseBody, ResponseFuture};
pub use head::RequestHead;
pub use scope::{annotate, current, in_current_context, request_id, span, tag};
pub use server::{ServerLayer, TracedServer};
pub use span::{InContext, Instrumented, RequestContext, Span, SpanHandle};
pub use tracer::{BuildError, Tracer, TracerBuilder};
#[cfg(feature = "batch")]
#[cfg_attr(docsrs, doc(cfg(feature = "batch")))]
pub use tracer::{RunningTracer, StartError};
#[cfg(feature = "tracing-layer")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing-layer")))]
pub use tracing_layer::TracingLayer;
pub use trust::{ParseNetworkError, Trust, TrustedNetworks};

/// The README's examples.
#[cfg(all(
    doctest,
    feature = "axum",
    feature = "config",
    feature = "metrics",
    feature = "reqwest",
    feature = "zipkin"
))]
#[doc = include_str!("../README.md")]
struct Readme;
