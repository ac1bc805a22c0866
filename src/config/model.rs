use super::{
    ConfigError, Documents,
    bootstrap::Bootstrap,
    mesh::Mesh,
    naming::Naming,
    otel::Otel,
    proxy::Proxy,
    telemetry::{self, Telemetry},
};
use crate::{file, tracer::Directed};
use std::path::Path;

/// What documents of Istio's say about tracing: see the [module](super).
///
/// The default says nothing, and changes nothing under or over another.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TracingConfig {
    pub(super) telemetry: Directed<Telemetry>,
    pub(super) proxy: Proxy,
    pub(super) mesh: Mesh,
    pub(super) bootstrap: Bootstrap,
    pub(super) naming: Naming,
    /// Whether there are documents of Istio's.
    pub(super) istio: bool,
    pub(super) otel: Otel,
    pub(super) strict: bool,
}

impl TracingConfig {
    /// Reads documents of YAML or JSON, all of which count, in their order of precedence. To choose
    /// those that are for one workload, see [`Documents`].
    ///
    /// # Errors
    ///
    /// See [`Documents::parse`]; besides, a provider that is used and is not set up right.
    pub fn from_yaml(text: &str) -> Result<TracingConfig, ConfigError> {
        Documents::parse(text)?.all()
    }

    /// Reads a file as [`from_yaml`](Self::from_yaml) reads a text.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, is not a regular file or is not UTF-8, or what `from_yaml` does
    /// not take: the error names the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<TracingConfig, ConfigError> {
        Documents::from_file(path.as_ref())?.all()
    }

    /// This where it says something, else the other: `workload.over(namespace).over(mesh)`.
    ///
    /// Field by field, as Istio merges: of Telemetry, `customTags` count as a whole; of ProxyConfig,
    /// custom tags are merged one by one; `extensionProviders` by name.
    #[must_use]
    pub fn over(self, other: TracingConfig) -> TracingConfig {
        TracingConfig {
            telemetry: telemetry::both(self.telemetry, other.telemetry),
            proxy: self.proxy.over(other.proxy),
            mesh: self.mesh.over(other.mesh),
            bootstrap: self.bootstrap.over(other.bootstrap),
            naming: self.naming.over(other.naming),
            istio: self.istio || other.istio,
            otel: self.otel.over(other.otel),
            strict: self.strict || other.strict,
        }
    }

    /// Whether a provider that is not supported is an error. By default the tracer then makes no
    /// spans and only forwards the tracing headers, and says so once, as an error in the log.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> TracingConfig {
        self.strict = strict;
        self
    }
}

pub(super) fn read(path: &Path) -> Result<String, ConfigError> {
    file::read_text(path).map_err(|error| ConfigError::new("", error.to_string()))
}
