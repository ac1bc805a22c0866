use super::OtlpEncoder;
use crate::report::{
    BatchReporter, HttpSender, ReporterError, Settings, handle_methods, settings_methods,
};

/// Where a collector takes traces.
const PATH: &str = "/v1/traces";

/// Sends spans to an OpenTelemetry Collector, to Jaeger, or to whatever else takes OTLP: as
/// protocol buffers over HTTP.
///
/// A [`BatchReporter`], whose page tells how it works, of [`OtlpEncoder`] and [`HttpSender`].
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
            url: url.into(),
            headers: Vec::new(),
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
    url: String,
    headers: Vec<(String, String)>,
    settings: Settings,
}

impl OtlpReporterBuilder {
    settings_methods!(settings);

    /// A header on every request, `authorization` say. Of two of one name the later counts.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Starts the reporter and its thread. Nothing is sent before there are spans; a collector
    /// that is not there is no error, but an outage.
    ///
    /// # Errors
    ///
    /// A URL or a header that [`HttpSender`] does not take, a limit or a time of zero, a thread
    /// that cannot be started: the error names the setting and the reason.
    pub fn build(self) -> Result<OtlpReporter, ReporterError> {
        let mut sender = HttpSender::at(&self.url, PATH)?;
        for (name, value) in &self.headers {
            sender = sender.header(name, value)?;
        }
        BatchReporter::start(OtlpEncoder, sender, self.settings).map(OtlpReporter)
    }
}

impl std::fmt::Debug for OtlpReporterBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtlpReporterBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
