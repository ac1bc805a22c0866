//! [`ConfigFile`]: a file of documents that remembers how it was read, so that it can be read again.
//! [`watch`](super::watch) reloads it.

#[cfg(feature = "metrics-config")]
use super::metrics::MetricsListener;
#[cfg(any(feature = "otlp", feature = "zipkin"))]
use super::reporter::CollectorReporter;
use super::{
    documents::{Documents, read_file},
    model::TracingConfig,
    workload::Workload,
};
use crate::{config_error::ConfigError, printable::place};
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// A file of documents that can be reloaded while the service runs.
///
/// ```no_run
/// use tower_b3::config::{ConfigFile, TracingConfig};
///
/// # #[cfg(any(feature = "otlp", feature = "zipkin"))]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let file = ConfigFile::open("/etc/shop/tracing.yaml")?.over(TracingConfig::from_env()?)?;
/// let tracing = file.start("webapp")?;
/// # Ok(()) }
/// # #[cfg(not(any(feature = "otlp", feature = "zipkin")))]
/// # fn main() {}
/// ```
///
/// To start the parts one by one: [`config`](Self::config), `TracingConfig::reporter`,
/// [`TracerBuilder::config`](crate::TracerBuilder::config) and [`watch`](Self::watch).
#[derive(Clone)]
pub struct ConfigFile {
    path: PathBuf,
    workload: Option<Workload>,
    /// What applies where the file sets nothing.
    fallback: TracingConfig,
    /// What was read last, also if it could not be used.
    text: Result<String, ConfigError>,
    config: TracingConfig,
    #[cfg(any(feature = "otlp", feature = "zipkin"))]
    reporter: Option<CollectorReporter>,
    #[cfg(feature = "metrics-config")]
    pub(super) metrics_listener: Option<MetricsListener>,
}

impl ConfigFile {
    /// Reads the file as [`Documents::from_file`] does, and merges all of its documents.
    ///
    /// # Errors
    ///
    /// Those of [`Documents::from_file`]. A provider that is used and misconfigured is an error only
    /// in the next step, because it may be for another [workload](Self::for_workload).
    pub fn open(path: impl AsRef<Path>) -> Result<ConfigFile, ConfigError> {
        let path = path.as_ref();
        let text = read_file(path).map_err(|error| error.in_file(path))?;
        let documents = Documents::parse(&text).map_err(|error| error.in_file(path))?;
        Ok(ConfigFile {
            path: path.to_owned(),
            workload: None,
            fallback: TracingConfig::default(),
            text: Ok(text),
            config: documents.all_unchecked(),
            #[cfg(any(feature = "otlp", feature = "zipkin"))]
            reporter: None,
            #[cfg(feature = "metrics-config")]
            metrics_listener: None,
        })
    }

    /// Uses only the documents that [apply to this workload](Documents::for_workload).
    ///
    /// # Errors
    ///
    /// Those of [`Documents::for_workload`].
    pub fn for_workload(mut self, workload: Workload) -> Result<ConfigFile, ConfigError> {
        self.workload = Some(workload);
        self.merge_again()
    }

    /// Uses this configuration where the file sets nothing, for example the
    /// [environment](TracingConfig::from_env).
    ///
    /// # Errors
    ///
    /// The merged configuration cannot be used.
    pub fn over(mut self, fallback: TracingConfig) -> Result<ConfigFile, ConfigError> {
        self.fallback = fallback;
        self.merge_again()
    }

    /// Sets the reporter that is redirected when the collector in the file changes.
    #[cfg(any(feature = "otlp", feature = "zipkin"))]
    #[cfg_attr(docsrs, doc(cfg(any(feature = "otlp", feature = "zipkin"))))]
    #[must_use]
    pub fn reporter(mut self, reporter: CollectorReporter) -> ConfigFile {
        self.reporter = Some(reporter);
        self
    }

    /// The configuration, as the file was last read.
    pub fn config(&self) -> &TracingConfig {
        &self.config
    }

    #[cfg(feature = "metrics-config")]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path, for log lines.
    pub(super) fn shown_path(&self) -> String {
        place(&self.path.display().to_string()).to_string()
    }

    #[cfg(any(feature = "otlp", feature = "zipkin"))]
    pub(super) fn redirected_reporter(&self) -> Option<&CollectorReporter> {
        self.reporter.as_ref()
    }

    /// Reads the file again. Returns whether its contents or the error have changed.
    ///
    /// Contents are compared instead of times: a mounted ConfigMap is replaced by changing a symbolic link.
    pub(super) fn read_again(&mut self) -> bool {
        let text = read_file(&self.path).map_err(|error| error.in_file(&self.path));
        let changed = text != self.text;
        self.text = text;
        changed
    }

    /// Merges what was read last.
    pub(super) fn merge_again(mut self) -> Result<ConfigFile, ConfigError> {
        let config = self.text.clone().and_then(|text| self.merge(&text));
        self.config = config.map_err(|error| error.in_file(&self.path))?;
        Ok(self)
    }

    fn merge(&self, text: &str) -> Result<TracingConfig, ConfigError> {
        let documents = Documents::parse(text)?;
        let config = match &self.workload {
            Some(workload) => documents.for_workload(workload),
            None => documents.all(),
        }?;
        Ok(config.over(self.fallback.clone()))
    }
}

/// The text may contain secrets.
impl fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigFile")
            .field("path", &self.path)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
