//! From a builder to a running tracer in one call.

use super::{RunningTracer, StartError, TracerBuilder};
use crate::report::BatchReporter;
#[cfg(feature = "zipkin")]
use crate::{report::HttpOptions, zipkin::ZipkinReporter};

impl TracerBuilder {
    /// Builds a tracer whose spans go to this reporter, which is shut down when the returned value is
    /// dropped.
    ///
    /// If [`reporter`](Self::reporter) was called, the tracer reports to that one instead. It is
    /// flushed before `reporter` is shut down: so a `TailSampler` stands between the tracer and
    /// `reporter`.
    ///
    /// With the feature `metrics`, the builder's metrics show the counts of `reporter`.
    ///
    /// # Errors
    ///
    /// Those of [`build`](Self::build). The reporter is then shut down.
    #[cfg_attr(docsrs, doc(cfg(feature = "batch")))]
    pub fn start(self, reporter: impl Into<BatchReporter>) -> Result<RunningTracer, StartError> {
        self.start_with(Some(reporter.into()))
    }

    /// Builds a tracer that sends its spans to the Zipkin at this URL, with the defaults of a
    /// [`ZipkinReporter`]. What is left is sent when the returned value is dropped.
    ///
    /// ```
    /// use tower_b3::{Tracer, sample::Sampler};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let tracing = Tracer::builder("webapp")
    ///     .sampler(Sampler::percentage(10.0)?)
    ///     .start_zipkin("http://localhost:9411/api/v2/spans")?;
    /// let server_layer = tracing.server_layer();
    /// # Ok(()) }
    /// ```
    ///
    /// For an encoding or limits of your own, build the reporter and call [`start`](Self::start).
    ///
    /// # Errors
    ///
    /// Those of [`build`](Self::build), and a value that [`HttpOptions`] does not allow.
    #[cfg(feature = "zipkin")]
    #[cfg_attr(docsrs, doc(cfg(feature = "zipkin")))]
    pub fn start_zipkin(self, to: impl Into<HttpOptions>) -> Result<RunningTracer, StartError> {
        self.start(ZipkinReporter::builder(to).build()?)
    }

    pub(crate) fn start_with(
        mut self,
        reporter: Option<BatchReporter>,
    ) -> Result<RunningTracer, StartError> {
        let in_front = self.has_reporter();
        if let (Some(reporter), false) = (&reporter, in_front) {
            self = self.reporter(reporter.clone());
        }
        #[cfg(feature = "metrics")]
        let counting = self.metrics.list();
        let tracer = self.build()?;
        #[cfg(feature = "metrics")]
        if let Some(reporter) = &reporter {
            for metrics in &counting {
                metrics.show_reporter(reporter);
            }
        }
        Ok(RunningTracer::new(tracer, reporter, in_front))
    }

    pub(crate) fn has_reporter(&self) -> bool {
        self.reporter.is_some()
    }
}

/// A builder for the service of this name.
impl From<&str> for TracerBuilder {
    fn from(service_name: &str) -> TracerBuilder {
        super::Tracer::builder(service_name.to_owned())
    }
}

/// A builder for the service of this name.
impl From<String> for TracerBuilder {
    fn from(service_name: String) -> TracerBuilder {
        super::Tracer::builder(service_name)
    }
}
