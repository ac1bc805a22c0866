use super::{OtlpEncoder, grpc::OverGrpc, http::OverHttp};
use crate::report::{
    BatchReporter, Dialect, HttpOptions, HttpSender, Redirect, ReporterError, Settings,
    handle_methods, http_methods, settings_methods,
};

/// Sends spans to an OpenTelemetry Collector, to Jaeger, or to whatever else takes OTLP: as
/// protocol buffers over HTTP or gRPC.
///
/// A [`BatchReporter`], whose page tells how it works, of [`OtlpEncoder`] and [`HttpSender`].
/// Clones are handles on the same reporter.
///
/// ```
/// use tower_b3::{Tracer, otlp::{OtlpReporter, Protocol}};
///
/// let otlp = OtlpReporter::builder("http://collector:4318/v1/traces").build()?;
/// let tracer = Tracer::builder("orders").reporter(otlp.clone()).build()?;
/// println!("{}", otlp.stats());
///
/// let grpc = OtlpReporter::builder("http://collector:4317").protocol(Protocol::Grpc).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What a collector answers means:
///
/// | over HTTP | over gRPC | |
/// |---|---|---|
/// | 2xx | `OK` | taken, but for the spans that `partial_success` counts as rejected: these are counted as refused |
/// | 408, 429, 5xx, nothing | `CANCELLED`, `DEADLINE_EXCEEDED`, `ABORTED`, `OUT_OF_RANGE`, `UNAVAILABLE`, `DATA_LOSS`, nothing; `RESOURCE_EXHAUSTED` with a `RetryInfo` | tried again, after what `retry-after` or `RetryInfo` says |
/// | 413 | `RESOURCE_EXHAUSTED` of a message that is too large | cut in halves |
/// | 400 | `INVALID_ARGUMENT` | cut in halves until the span that is refused stands alone |
/// | any other | any other | refused |
#[derive(Debug, Clone)]
pub struct OtlpReporter(BatchReporter, Redirect);

/// What OTLP is sent over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Protocol {
    /// A request to `/v1/traces`: a collector's port 4318. `http/protobuf` in
    /// `OTEL_EXPORTER_OTLP_PROTOCOL`.
    #[default]
    Http,
    /// A call of gRPC's: a collector's port 4317. It needs HTTP/2 all the way: without TLS both
    /// sides begin with it, unasked.
    Grpc,
}

impl Protocol {
    fn dialect(self) -> &'static dyn Dialect {
        match self {
            Protocol::Http => &OverHttp,
            Protocol::Grpc => &OverGrpc,
        }
    }
}

impl OtlpReporter {
    /// A reporter that posts to this URL. Where it has no path, `/v1/traces` is meant; for gRPC it
    /// must have none.
    ///
    /// Settings and defaults are those of
    /// [`ZipkinReporter`](crate::zipkin::ZipkinReporter::builder), but for the encoding, and for
    /// [`protocol`](OtlpReporterBuilder::protocol), which is HTTP.
    pub fn builder(url: impl Into<String>) -> OtlpReporterBuilder {
        OtlpReporterBuilder {
            http: HttpOptions::new(url.into()),
            protocol: Protocol::default(),
            settings: Settings {
                name: "tower-b3-otlp".to_owned(),
                ..Settings::default()
            },
        }
    }

    /// Sends to where this builder says, by URL, protocol, headers and certificates, from the next
    /// attempt on: see [`ZipkinReporter::redirect`](crate::zipkin::ZipkinReporter::redirect).
    ///
    /// # Errors
    ///
    /// A URL, a header or a certificate that [`HttpSender`] does not take, or another choice as to
    /// gzip: the error names the setting and the reason, and spans go where they went.
    pub fn redirect(&self, to: OtlpReporterBuilder) -> Result<(), ReporterError> {
        let OtlpReporter(reporter, redirect) = self;
        redirect.to(&to.http, to.sender()?, reporter)
    }
}

handle_methods!(OtlpReporter);

/// Builds an [`OtlpReporter`].
#[must_use = "a builder does nothing until it is built"]
#[derive(Clone)]
pub struct OtlpReporterBuilder {
    http: HttpOptions,
    protocol: Protocol,
    settings: Settings,
}

impl OtlpReporterBuilder {
    settings_methods!(settings);
    http_methods!(http);

    /// Whether spans go over HTTP or gRPC; over HTTP by default.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Starts the reporter and its thread. Nothing is sent before there are spans; a collector
    /// that is not there is no error, but an outage.
    ///
    /// # Errors
    ///
    /// A URL or a header that [`HttpSender`] does not take, a path in the URL for gRPC, a limit or a
    /// time of zero, a thread that cannot be started: the error names the setting and the reason.
    pub fn build(self) -> Result<OtlpReporter, ReporterError> {
        let sender = self.sender()?;
        let (reporter, redirect) = self.http.start(OtlpEncoder, sender, self.settings)?;
        Ok(OtlpReporter(reporter, redirect))
    }

    fn sender(&self) -> Result<HttpSender, ReporterError> {
        let dialect = self.protocol.dialect();
        let sender = self.http.sender(dialect)?;
        if self.protocol == Protocol::Grpc && sender.path() != dialect.path() {
            let reason = "a path, which gRPC has of its own";
            return Err(ReporterError::new("url", reason));
        }
        Ok(sender)
    }
}

impl std::fmt::Debug for OtlpReporterBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtlpReporterBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
