//! [`TracingConfig`]: what the documents and the environment say, block by block, and how two of
//! them are merged. What follows from it is computed in [`settings`](super::settings) and
//! [`endpoint`](super::endpoint).

#[cfg(feature = "access-log")]
use super::access_logging::AccessLogging;
#[cfg(feature = "metrics-config")]
use super::metrics::Metrics;
use super::{
    bootstrap::Bootstrap, mesh::Mesh, naming::Naming, otel::Otel, proxy::Proxy,
    telemetry::Telemetry,
};
use crate::direction::PerDirection;

/// A tracing configuration, from Istio's documents, the environment, or both: see the
/// [module](super).
///
/// The default sets nothing: merged with another configuration it changes nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TracingConfig {
    pub(super) telemetry: PerDirection<Telemetry>,
    pub(super) proxy: Proxy,
    pub(super) mesh: Mesh,
    pub(super) bootstrap: Bootstrap,
    pub(super) naming: Naming,
    /// Whether there are any of Istio's documents, so that Istio's defaults apply.
    pub(super) istio: bool,
    pub(super) otel: Otel,
    #[cfg(feature = "metrics-config")]
    pub(super) metrics: Metrics,
    pub(super) strict: bool,
    #[cfg(feature = "access-log")]
    pub(super) access_logging: AccessLogging,
}

impl TracingConfig {
    /// This configuration, and the other one where this one sets nothing:
    /// `workload.over(namespace).over(mesh)`.
    ///
    /// Fields are merged one by one, as in Istio. So are the `customTags` of a ProxyConfig and, by
    /// name, `extensionProviders`, while the `customTags` of a Telemetry are replaced as a whole.
    #[must_use]
    pub fn over(self, other: TracingConfig) -> TracingConfig {
        TracingConfig {
            telemetry: Telemetry::both_over(self.telemetry, other.telemetry),
            proxy: self.proxy.over(other.proxy),
            mesh: self.mesh.over(other.mesh),
            bootstrap: self.bootstrap.over(other.bootstrap),
            naming: self.naming.over(other.naming),
            istio: self.istio || other.istio,
            otel: self.otel.over(other.otel),
            #[cfg(feature = "metrics-config")]
            metrics: self.metrics.over(other.metrics),
            strict: self.strict || other.strict,
            #[cfg(feature = "access-log")]
            access_logging: self.access_logging.over(other.access_logging),
        }
    }

    /// Whether the two say the same about tracing.
    pub(super) fn traces_as(&self, other: &TracingConfig) -> bool {
        #[cfg(feature = "metrics-config")]
        let other = &TracingConfig {
            metrics: self.metrics.clone(),
            ..other.clone()
        };
        self == other
    }

    /// Sets whether an unsupported provider is an error. By default the tracer then makes no spans,
    /// only forwards the tracing headers, and logs one error.
    ///
    /// It also makes an error of an access log that cannot be written, because its provider is not supported,
    /// its format or filter cannot be used, or its file cannot be opened. By default the log is left out, and
    /// one error is logged.
    ///
    /// It also makes an error of a setting of metrics that has no effect, such as an expression that is
    /// not CEL. By default that is a warning.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> TracingConfig {
        self.strict = strict;
        self
    }
}
