use super::OtlpEncoder;
use crate::report::{
    BatchReporter, HttpOptions, ReporterError, Settings, handle_methods, http_methods,
    settings_methods,
};

/// Where a collector takes traces.
const PATH: &str = "/v1/traces";

/// Sends spans to an OpenTelemetry Collector, to Jaeger, or to whatever else takes OTLP: as
/// protocol buffers over HTTP.
///
/// A [`BatchReporter`], whose page tells how it works, of [`OtlpEncoder`] and [`HttpSender`](crate::report::HttpSender).
/// Clones are handles on the same reporter.
///
/// ```
/// use tower_b3::{Tracer, otlp::OtlpReporter};
///
/// let otlp = OtlpReporter::builder("http://collector:4318/v1/traces").build()?;
/// let tracer = Tracer::builder("orders").reporter(otlp.clone()).build()?;
/// println!("{}", otlp.stats());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct OtlpReporter(BatchReporter);

impl OtlpReporter {
    /// A reporter that posts to this URL. Where it has no path, `/v1/traces` is meant.
    ///
    /// Settings and defaults are those of
    /// [`ZipkinReporter`](crate::zipkin::ZipkinReporter::builder), but for the encoding.
    pub fn builder(url: impl Into<String>) -> OtlpReporterBuilder {
        OtlpReporterBuilder {
            http: HttpOptions::new(url.into()),
            settings: Settings {
                name: "tower-b3-otlp".to_owned(),
                ..Settings::default()
            },
        }
    }
}

handle_methods!(OtlpReporter);

/// Builds an [`OtlpReporter`].
#[must_use = "a builder does nothing until it is built"]
#[derive(Clone)]
pub struct OtlpReporterBuilder {
    http: HttpOptions,
    settings: Settings,
}

impl OtlpReporterBuilder {
    settings_methods!(settings);
    http_methods!(http);

    /// Starts the reporter and its thread. Nothing is sent before there are spans; a collector
    /// that is not there is no error, but an outage.
    ///
    /// # Errors
    ///
    /// A URL or a header that [`HttpSender`](crate::report::HttpSender) does not take, a limit or a time of zero, a thread
    /// that cannot be started: the error names the setting and the reason.
    pub fn build(self) -> Result<OtlpReporter, ReporterError> {
        let sender = self.http.sender(PATH)?;
        self.http
            .start(OtlpEncoder, sender, self.settings)
            .map(OtlpReporter)
    }
}

impl std::fmt::Debug for OtlpReporterBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtlpReporterBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
