//! From a configuration to a running tracer in one call.

use super::{
    endpoint::Target, file::ConfigFile, model::TracingConfig, reporter::CollectorReporter,
};
use crate::{
    config_error::ConfigError,
    direction::{Direction, Mode},
    report::BatchReporter,
    tracer::{BuildError, RunningTracer, StartError, TracerBuilder},
};

impl ConfigFile {
    /// Starts a tracer by this file: it is configured by it, reports to the collector in it, and
    /// follows its changes, as [`watch`](Self::watch) describes, until the returned value is dropped.
    /// What is left is sent then.
    ///
    /// ```no_run
    /// use tower_b3::config::{ConfigFile, TracingConfig};
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let tracing = ConfigFile::open("/etc/shop/tracing.yaml")?
    ///         .over(TracingConfig::from_env()?)?
    ///         .start("webapp")?;
    ///     let server_layer = tracing.server_layer();
    ///     // Serve until SIGTERM or SIGINT.
    ///     Ok(())
    /// }
    /// ```
    ///
    /// `tracer` is the service's name, or a builder with more settings, which override the file's:
    ///
    /// ```no_run
    /// # use tower_b3::config::ConfigFile;
    /// use tower_b3::{Tracer, tags::Tag};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let builder = Tracer::builder("webapp").tag(Tag::literal("team", "shop"));
    /// let tracing = ConfigFile::open("/etc/shop/tracing.yaml")?.start(builder)?;
    /// # Ok(()) }
    /// ```
    ///
    /// If the builder has a reporter, spans go there, and none is started. If there is neither a
    /// reporter nor a collector, spans are dropped, and a warning has the reason. The name of the
    /// service is the builder's, whatever [`TracingConfig::service_name`] is.
    ///
    /// With the feature `metrics-config`, the builder's `metrics` get the file's shape, except for
    /// buckets and an expiry that code has set, and follow its changes.
    ///
    /// If [`reporter`](Self::reporter) was called, that reporter is used for the collector of the
    /// file, and shut down in the end.
    ///
    /// # Errors
    ///
    /// Those of [`TracingConfig::reporter`], `TracingConfig::metrics_shape` and
    /// [`TracerBuilder::build`], or the thread that watches the file cannot be started.
    #[cfg_attr(docsrs, doc(cfg(any(feature = "otlp", feature = "zipkin"))))]
    pub fn start(self, tracer: impl Into<TracerBuilder>) -> Result<RunningTracer, StartError> {
        let (builder, mut file) = (tracer.into(), self);
        let reporter = match file.redirected_reporter() {
            Some(reporter) => Some(reporter.clone()),
            None => file.config().reporter_for(&builder)?,
        };
        if let Some(reporter) = &reporter {
            file = file.reporter(reporter.clone());
        }
        let running = file.config().start_with(builder, reporter)?;
        let watch = file.watch(&running).map_err(StartError::Watch)?;
        Ok(running.watched_by(watch))
    }
}

impl TracingConfig {
    /// Starts a tracer by this configuration: it is configured by it and reports to the collector in
    /// it. What is left is sent when the returned value is dropped.
    ///
    /// ```no_run
    /// use tower_b3::config::TracingConfig;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let tracing = TracingConfig::from_env()?.start("webapp")?;
    /// # Ok(()) }
    /// ```
    ///
    /// The parameter and the reporter are those of [`ConfigFile::start`].
    ///
    /// # Errors
    ///
    /// Those of [`TracingConfig::reporter`] and [`TracerBuilder::build`].
    #[cfg_attr(docsrs, doc(cfg(any(feature = "otlp", feature = "zipkin"))))]
    pub fn start(&self, tracer: impl Into<TracerBuilder>) -> Result<RunningTracer, StartError> {
        let builder = tracer.into();
        let reporter = self.reporter_for(&builder)?;
        self.start_with(builder, reporter)
    }

    /// The reporter that a tracer of this builder needs; `None` if it has one, or if spans go nowhere.
    fn reporter_for(
        &self,
        builder: &TracerBuilder,
    ) -> Result<Option<CollectorReporter>, ConfigError> {
        if builder.has_reporter() {
            return Ok(None);
        }
        let reporter = self.reporter()?;
        let makes_spans = |direction| self.mode(direction) != Mode::ForwardOnly;
        if reporter.is_none() && Direction::BOTH.into_iter().any(makes_spans) {
            if let Target::None(reason) = self.target()? {
                tracing::warn!(
                    "tracing: spans are dropped, because there is no collector: {reason}"
                );
            }
        }
        Ok(reporter)
    }

    fn start_with(
        &self,
        builder: TracerBuilder,
        reporter: Option<CollectorReporter>,
    ) -> Result<RunningTracer, StartError> {
        #[cfg(feature = "metrics-config")]
        self.shape_metrics(&builder)?;
        builder
            .config(self)
            .start_with(reporter.map(BatchReporter::from))
    }
}

impl From<ConfigError> for StartError {
    fn from(error: ConfigError) -> StartError {
        StartError::Build(BuildError::Config(error))
    }
}
