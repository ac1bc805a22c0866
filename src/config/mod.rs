//! Istio's tracing configuration, read as people have it.
//!
//! ```
//! use tower_b3::{Direction, Tracer, config::TracingConfig};
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
//! let mut builder = Tracer::builder("webapp").config(&config);
//! # #[cfg(any(feature = "otlp", feature = "zipkin"))]
//! if let Some(reporter) = config.reporter()? {
//!     builder = builder.reporter(reporter);
//! }
//! let tracer = builder.build()?;
//! assert_eq!(config.sampling(Direction::Server), 10.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What code sets stands over what documents say, wherever
//! [`config`](crate::TracerBuilder::config) is called.
//!
//! # Documents
//!
//! YAML or JSON, one or several in a text, names in camelCase or snake_case:
//!
//! | document | what is read |
//! |---|---|
//! | a block | `tracing` of a ProxyConfig or a Telemetry, or what is inside of it |
//! | a MeshConfig, or the ConfigMap `istio` with one in `data.mesh` | `defaultConfig.tracing`, `extensionProviders`, `defaultProviders.tracing`, `rootNamespace`, `enableTracing` |
//! | an IstioOperator, an Istio, values of Istio's charts | `meshConfig`; `global.proxy.tracer`, `global.tracer.zipkin.address`, `pilot.traceSampling` |
//! | a ProxyConfig | `spec.tracing` |
//! | a Pod, a Deployment, whatever has a pod's template | the annotation `proxy.istio.io/config` of the pod |
//! | a Telemetry | `spec.tracing`, unless it has `targetRefs` |
//! | a bootstrap of Envoy's, or a ConfigMap with one for `sidecar.istio.io/bootstrapOverride` | `tracing.http` |
//! | a List | its items |
//!
//! Others are skipped. Inside the tracing blocks every field is judged, and an error names its path;
//! outside of them nothing is.
//!
//! # Precedence
//!
//! Telemetry stands over ProxyConfig, and a bootstrap counts where neither Telemetry nor
//! `defaultProviders` names a provider. Among Telemetry resources those with a selector stand over
//! those of the namespace, over those of the root namespace; among ProxyConfigs a resource with a
//! selector over the annotation, over the namespace's, over the root namespace's, over
//! `defaultConfig`. A block without a resource stands over all. Of one rank, the first in the text
//! stands over the later ones. [`TracingConfig::over`] tells how two are merged, and
//! [`Documents::for_workload`] which ones are for whom.
//!
//! # Where it differs from Istio
//!
//! See [the rationale](crate::guide::rationale).

mod bootstrap;
mod collector;
mod custom_tag;
mod deserialize;
mod documents;
mod env;
mod error;
mod file;
mod mesh;
mod model;
mod naming;
mod otel;
mod proxy;
mod reader;
mod recognise;
#[cfg(any(feature = "otlp", feature = "zipkin"))]
mod reporter;
mod settings;
mod telemetry;
mod tree;
mod workload;

pub use collector::Collector;
pub use documents::Documents;
pub use error::ConfigError;
pub use file::{ConfigFile, Watch};
pub use model::TracingConfig;
#[cfg(any(feature = "otlp", feature = "zipkin"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "otlp", feature = "zipkin"))))]
pub use reporter::CollectorReporter;
pub use workload::Workload;
