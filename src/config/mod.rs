//! Istio's tracing configuration, read from the documents and variables that you already have.
//!
//! ```
//! use tower_b3::{Direction, config::TracingConfig};
//!
//! let config = TracingConfig::from_yaml(
//!     "
//! tracing:
//!   sampling: 10
//!   customTags:
//!     custom_tag: { literal: { value: Test Tag } }
//!     tenant: { header: { name: x-tenant, defaultValue: nobody } }
//!   zipkin: { address: zipkin.istio-system:9411 }
//! ",
//! )?;
//! # #[cfg(any(feature = "otlp", feature = "zipkin"))]
//! let tracing = config.start("webapp")?; // or `config.start(Tracer::builder("webapp")…)`
//! assert_eq!(config.sampling(Direction::Server), 10.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Settings in code override a configuration, wherever [`config`](crate::TracerBuilder::config) is
//! called. [`ConfigFile`] reloads a file while the service runs. Both have `start`, which also starts the
//! reporter and shuts it down in the end.
//!
//! # Documents
//!
//! A text contains one or several documents of YAML or JSON, with field names in camelCase or
//! snake_case:
//!
//! | document | what is read |
//! |---|---|
//! | a tracing block | `tracing` of a ProxyConfig or a Telemetry, or its contents |
//! | a MeshConfig, or the ConfigMap `istio` with one in `data.mesh` | `defaultConfig.tracing`, `extensionProviders`, `defaultProviders.tracing`, `rootNamespace`, `enableTracing` |
//! | an IstioOperator, an Istio, values of Istio's charts | `meshConfig`; `global.proxy.tracer`, `global.tracer.zipkin.address`, `pilot.traceSampling` |
//! | a ProxyConfig | `spec.tracing` |
//! | a Pod, a Deployment, any other resource with a pod template | the pods' annotation `proxy.istio.io/config` |
//! | a Telemetry | `spec.tracing`, unless it has `targetRefs` |
//! | an Envoy bootstrap, or a ConfigMap with one for `sidecar.istio.io/bootstrapOverride` | `tracing.http` |
//! | a List | its items |
//!
//! With the feature `access-log`, `accessLogFile`, `accessLogFormat`, `accessLogEncoding`,
//! `defaultProviders.accessLogging` and `extensionProviders` with `envoyFileAccessLog` of a MeshConfig, and
//! `spec.accessLogging` of a Telemetry are read too.
//!
//! With the feature `metrics-config`, documents are read for metrics too: see
//! [the guide](crate::guide::metrics_configuration).
//!
//! Other documents are skipped. Inside the tracing blocks every field is checked, and an error names
//! its path. Outside of them nothing is checked.
//!
//! # Precedence
//!
//! Telemetry overrides ProxyConfig. Within each of the two, from the highest rank to the lowest:
//!
//! | Telemetry | ProxyConfig |
//! |---|---|
//! | a tracing block without a resource around it | a tracing block without a resource around it |
//! | a resource with a selector | a resource with a selector |
//! | | the annotation of a pod |
//! | a resource of the namespace | a resource of the namespace |
//! | a resource of the root namespace | a resource of the root namespace |
//! | | `defaultConfig` of a MeshConfig |
//! | | the values of Istio's charts |
//!
//! Where spans go, an Envoy bootstrap overrides the ProxyConfig, unless Telemetry or
//! `defaultProviders` name a provider.
//!
//! Of several documents with the same rank, the first in the text overrides the others.
//! [`TracingConfig::over`] says how two are merged, and [`Documents::for_workload`] which ones apply
//! to a workload.
//!
//! # Where it differs from Istio
//!
//! See [the design rationale](crate::guide::rationale).

// Each module uses only the ones before it. The test `architecture` reads this list.
//
// Dependency order: tree, yaml, node, custom_tag, http_settings, tls, proxy, telemetry, provider, mesh,
//   access_logging, bootstrap, naming, otel, metrics, model, source, settings, access_log_filter, access_log,
//   address, endpoint, collector, reporter, workload, ranked_config, recognise, documents, load, env, deserialize, restart, apply,
//   file, metrics_shape, destination, watch, start

#[cfg(feature = "access-log")]
mod access_log;
#[cfg(all(feature = "access-log", feature = "metrics-config"))]
mod access_log_filter;
#[cfg(feature = "access-log")]
mod access_logging;
mod address;
mod apply;
mod bootstrap;
mod collector;
mod custom_tag;
mod deserialize;
#[cfg(any(feature = "otlp", feature = "zipkin"))]
mod destination;
mod documents;
mod endpoint;
mod env;
mod file;
mod http_settings;
mod load;
mod mesh;
#[cfg(feature = "metrics-config")]
mod metrics;
#[cfg(feature = "metrics-config")]
mod metrics_shape;
mod model;
mod naming;
mod node;
mod otel;
mod provider;
mod proxy;
mod ranked_config;
mod recognise;
#[cfg(any(feature = "otlp", feature = "zipkin"))]
mod reporter;
mod restart;
mod settings;
mod source;
#[cfg(any(feature = "otlp", feature = "zipkin"))]
mod start;
mod telemetry;
mod tls;
mod tree;
mod watch;
mod workload;
mod yaml;

pub use crate::config_error::ConfigError;
pub use collector::Collector;
pub use documents::Documents;
pub use file::ConfigFile;
pub use model::TracingConfig;
#[cfg(any(feature = "otlp", feature = "zipkin"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "otlp", feature = "zipkin"))))]
pub use reporter::CollectorReporter;
pub use watch::Watch;
pub use workload::Workload;
