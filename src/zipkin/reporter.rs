use super::{JsonEncoder, Proto3Encoder};
use crate::report::{
    BatchReporter, HttpOptions, ReporterError, Settings, handle_methods, http_methods,
    settings_methods,
};

/// Where Zipkin takes spans.
const PATH: &str = "/api/v2/spans";

/// Sends spans to Zipkin, or to what takes its format: JSON, version 2, over HTTP.
///
/// A [`BatchReporter`], whose page tells how it works, of [`JsonEncoder`] or [`Proto3Encoder`] and
/// [`HttpSender`](crate::report::HttpSender).
/// Clones are handles on the same reporter.
///
/// ```
/// use tower_b3::{Tracer, zipkin::ZipkinReporter};
///
/// let zipkin = ZipkinReporter::builder("http://zipkin.istio-system:9411/api/v2/spans")
///     .bearer("3ae4")
///     .queue_limit(20_000)
///     .queue_bytes(64 * 1024 * 1024)
///     .build()?;
/// let tracer = Tracer::builder("orders").reporter(zipkin.clone()).build()?;
/// println!("{}", zipkin.stats());
///
/// let error = ZipkinReporter::builder("zipkin:9411/api/v2/spans").build().unwrap_err();
/// assert_eq!(error.field(), "url");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ZipkinReporter(BatchReporter);

impl ZipkinReporter {
    /// A reporter that posts to this URL: `http`, or with the feature `tls` `https`. Where it has no
    /// path, `/api/v2/spans` is meant.
    ///
    /// | setting | default |
    /// |---|---|
    /// | [`header`](ZipkinReporterBuilder::header) | `b3: 0`, `user-agent: tower-b3/…` |
    /// | [`bearer`](ZipkinReporterBuilder::bearer), [`basic`](ZipkinReporterBuilder::basic) | no `authorization` |
    /// | `gzip`, with the feature `gzip` | not compressed |
    /// | `ca_certificate`, with the feature `tls` | whom the system trusts |
    /// | `client_certificate`, with the feature `tls` | none |
    /// | [`encoding`](ZipkinReporterBuilder::encoding) | JSON |
    /// | [`queue_limit`](ZipkinReporterBuilder::queue_limit) | 10,000 spans |
    /// | [`queue_bytes`](ZipkinReporterBuilder::queue_bytes) | 32 MiB |
    /// | [`message_limit`](ZipkinReporterBuilder::message_limit) | 500,000 bytes |
    /// | [`max_age`](ZipkinReporterBuilder::max_age) | 1 s |
    /// | [`request_timeout`](ZipkinReporterBuilder::request_timeout) | 5 s |
    /// | [`backoff`](ZipkinReporterBuilder::backoff) | from 100 ms to 10 s |
    /// | [`retry_for`](ZipkinReporterBuilder::retry_for) | 60 s |
    pub fn builder(url: impl Into<String>) -> ZipkinReporterBuilder {
        ZipkinReporterBuilder {
            http: HttpOptions::new(url.into()),
            encoding: Encoding::default(),
            settings: Settings {
                name: "tower-b3-zipkin".to_owned(),
                ..Settings::default()
            },
        }
    }
}

handle_methods!(ZipkinReporter);

/// How spans are written for Zipkin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Encoding {
    /// [`JsonEncoder`], which a person can read.
    #[default]
    Json,
    /// [`Proto3Encoder`]: about half the size, and faster.
    Proto3,
}

/// Builds a [`ZipkinReporter`].
#[must_use = "a builder does nothing until it is built"]
#[derive(Clone)]
pub struct ZipkinReporterBuilder {
    http: HttpOptions,
    encoding: Encoding,
    settings: Settings,
}

impl ZipkinReporterBuilder {
    settings_methods!(settings);
    http_methods!(http);

    /// How spans are written; as JSON by default.
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Starts the reporter and its thread. Nothing is sent before there are spans; a collector
    /// that is not there is no error, but an outage.
    ///
    /// # Errors
    ///
    /// A URL or a header that [`HttpSender`](crate::report::HttpSender) does not take, a limit or a time of zero, a thread
    /// that cannot be started: the error names the setting and the reason.
    pub fn build(self) -> Result<ZipkinReporter, ReporterError> {
        let sender = self.http.sender(PATH)?;
        if sender.path().contains("api/v1/spans") {
            tracing::warn!(
                "{} is the path of version 1, spans are written in version 2: Jaeger accepts such \
                 spans and loses their services and tags; use {PATH}",
                self.http.url
            );
        }
        let reporter = match self.encoding {
            Encoding::Json => self.http.start(JsonEncoder, sender, self.settings),
            Encoding::Proto3 => self.http.start(Proto3Encoder, sender, self.settings),
        };
        reporter.map(ZipkinReporter)
    }
}

impl std::fmt::Debug for ZipkinReporterBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZipkinReporterBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
