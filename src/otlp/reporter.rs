//! [`OtlpReporter`]: the encoder of this module and the HTTP sender, behind the handle of a batching
//! reporter.

use super::{encoder::OtlpEncoder, grpc::OverGrpc, http::OverHttp};
use crate::report::{
    BatchOptions, BatchReporter, Dialect, HttpOptions, HttpSender, Redirect, ReporterError,
    batch_handle, start_redirectable,
};

/// Sends spans to an OpenTelemetry Collector, to Jaeger, or to anything else that accepts OTLP: as
/// protocol buffers over HTTP or gRPC.
///
/// It is a handle on a [`BatchReporter`], which has the methods and says how it works. Clones are
/// handles on the same reporter.
///
/// ```
/// use tower_b3::{
///     Tracer,
///     otlp::{OtlpReporter, Protocol},
///     report::{BatchOptions, HttpOptions},
/// };
///
/// let otlp = OtlpReporter::builder("http://collector:4318/v1/traces").build()?;
/// let tracer = Tracer::builder("orders").reporter(otlp.clone()).build()?;
/// println!("{}", otlp.stats());
///
/// // With everything that can be set:
/// let collector = HttpOptions::new("http://collector:4317").header("x-tenant", "shop");
/// let grpc = OtlpReporter::builder(collector)
///     .protocol(Protocol::Grpc)
///     .options(BatchOptions::new().queue_limit(20_000))
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The collector's responses:
///
/// | over HTTP | over gRPC | meaning |
/// |---|---|---|
/// | 2xx | `OK` | accepted, except for the spans that `partial_success` counts as rejected, which are counted as refused |
/// | 408, 429, 5xx, no response | `CANCELLED`, `DEADLINE_EXCEEDED`, `ABORTED`, `OUT_OF_RANGE`, `UNAVAILABLE`, `DATA_LOSS`, no response; `RESOURCE_EXHAUSTED` with a `RetryInfo` | retried, after the time in `retry-after` or `RetryInfo` |
/// | 413 | `RESOURCE_EXHAUSTED`, if the text says that the message is too large | split in halves |
/// | 400 | `INVALID_ARGUMENT` | split in halves until only the refused spans are dropped |
/// | any other | any other | refused |
#[derive(Debug, Clone)]
pub struct OtlpReporter(BatchReporter, Redirect);

/// The transport of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Protocol {
    /// HTTP requests to `/v1/traces`, on a collector's port 4318: `http/protobuf` in
    /// `OTEL_EXPORTER_OTLP_PROTOCOL`.
    #[default]
    Http,
    /// gRPC requests, on a collector's port 4317: `grpc` in `OTEL_EXPORTER_OTLP_PROTOCOL`. It
    /// needs HTTP/2 on the whole path; without TLS it is used with prior knowledge.
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
    /// A reporter that posts to this URL, over HTTP by default to the path `/v1/traces`. For gRPC
    /// the URL must have no path. Headers, credentials and certificates are set by
    /// [`HttpOptions`].
    pub fn builder(to: impl Into<HttpOptions>) -> OtlpReporterBuilder {
        OtlpReporterBuilder {
            http: to.into(),
            protocol: Protocol::default(),
            #[cfg(feature = "gzip")]
            gzip: false,
            options: BatchOptions::default(),
        }
    }

    /// Changes the URL, the protocol, the headers and the certificates to those of this builder,
    /// from the next attempt on: to correct a wrong URL or token without a restart. The builder's
    /// [`BatchOptions`] are ignored.
    ///
    /// The queue and the counts are kept. A message that waits for a retry is sent to the new
    /// destination at once, and retried there for as long as a new message. An attempt in progress
    /// is not cancelled. After a [shutdown](BatchReporter::shutdown) this has no effect.
    ///
    /// # Errors
    ///
    /// A value that [`HttpOptions`] does not allow, or another compression than that of the running
    /// reporter. The error names the option, and the destination stays as it is.
    pub fn redirect(&self, to: OtlpReporterBuilder) -> Result<(), ReporterError> {
        let OtlpReporter(reporter, redirect) = self;
        redirect.to(to.sender()?, to.is_gzip(), reporter)
    }
}

batch_handle!(OtlpReporter);

/// Builds an [`OtlpReporter`].
#[must_use = "a builder does nothing until it is built"]
#[derive(Debug, Clone)]
pub struct OtlpReporterBuilder {
    http: HttpOptions,
    protocol: Protocol,
    #[cfg(feature = "gzip")]
    gzip: bool,
    options: BatchOptions,
}

impl OtlpReporterBuilder {
    /// Whether spans go over HTTP or gRPC; over HTTP by default.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Whether messages are compressed with [`Gzip`](crate::report::Gzip); off by default.
    #[cfg(feature = "gzip")]
    #[cfg_attr(docsrs, doc(cfg(feature = "gzip")))]
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.gzip = gzip;
        self
    }

    /// Limits and times, instead of the default [`BatchOptions`].
    pub fn options(mut self, options: BatchOptions) -> Self {
        self.options = options;
        self
    }

    /// Starts the reporter and its thread. Nothing is sent before there are spans, and a collector
    /// that is not available is no error.
    ///
    /// # Errors
    ///
    /// A value that [`HttpOptions`] or [`BatchOptions`] does not allow, a path in the URL for gRPC,
    /// or a thread that cannot be started. The error names the option.
    pub fn build(self) -> Result<OtlpReporter, ReporterError> {
        let (sender, gzip) = (self.sender()?, self.is_gzip());
        let options = self.options.or_thread_name("tower-b3-otlp");
        let (reporter, redirect) = start_redirectable(OtlpEncoder, sender, gzip, options)?;
        Ok(OtlpReporter(reporter, redirect))
    }

    fn sender(&self) -> Result<HttpSender, ReporterError> {
        let dialect = self.protocol.dialect();
        let sender = HttpSender::with_dialect(&self.http, dialect)?;
        if self.protocol == Protocol::Grpc && sender.path() != dialect.path() {
            let reason = "must have no path: gRPC defines the path";
            return Err(ReporterError::new("url", reason));
        }
        Ok(sender)
    }

    fn is_gzip(&self) -> bool {
        #[cfg(feature = "gzip")]
        return self.gzip;
        #[cfg(not(feature = "gzip"))]
        false
    }
}
