use super::{JsonEncoder, Proto3Encoder};
use crate::{
    printable::place,
    report::{
        BatchReporter, FIXED, HttpOptions, HttpSender, Posted, Redirect, ReporterError, Settings,
        handle_methods, http_methods, settings_methods,
    },
};

/// Where Zipkin takes spans.
const PATH: &str = "/api/v2/spans";

/// Sends spans to Zipkin, or to what takes its format: JSON, version 2, over HTTP.
///
/// A [`BatchReporter`], whose page tells how it works, of [`JsonEncoder`] or [`Proto3Encoder`] and
/// [`HttpSender`].
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
pub struct ZipkinReporter(BatchReporter, Destination);

/// Where it sends, and what cannot be changed of that.
#[derive(Debug, Clone)]
struct Destination {
    redirect: Redirect,
    encoding: Encoding,
}

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

    /// Sends to where this builder says, by URL, headers and certificates, from the next attempt
    /// on: to put a wrong URL or token right without a restart. Its other settings are not looked
    /// at.
    ///
    /// Queue and counts stay as they are. A message that waits for another attempt goes to the new
    /// place at once, and is tried there for as long as a new one; an attempt that is under way is
    /// not given up. After a [shutdown](Self::shutdown) this does nothing.
    ///
    /// ```
    /// use tower_b3::zipkin::{Encoding, ZipkinReporter};
    ///
    /// let zipkin = ZipkinReporter::builder("http://zipkin:9411/api/spans").build()?;
    /// zipkin.redirect(ZipkinReporter::builder("http://zipkin:9411/api/v2/spans"))?;
    ///
    /// let other = ZipkinReporter::builder("http://zipkin:9411").encoding(Encoding::Proto3);
    /// assert_eq!(zipkin.redirect(other).unwrap_err().field(), "encoding");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A URL, a header or a certificate that [`HttpSender`] does not take, another encoding, or
    /// another choice as to gzip: the error names the setting and the reason, and spans go where
    /// they went.
    pub fn redirect(&self, to: ZipkinReporterBuilder) -> Result<(), ReporterError> {
        let ZipkinReporter(reporter, destination) = self;
        if to.encoding != destination.encoding {
            return Err(ReporterError::new("encoding", FIXED));
        }
        let sender = to.sender()?;
        destination.redirect.to(&to.http, sender, reporter)
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
    /// A URL or a header that [`HttpSender`] does not take, a limit or a time of zero, a thread
    /// that cannot be started: the error names the setting and the reason.
    pub fn build(self) -> Result<ZipkinReporter, ReporterError> {
        let sender = self.sender()?;
        let started = match self.encoding {
            Encoding::Json => self.http.start(JsonEncoder, sender, self.settings),
            Encoding::Proto3 => self.http.start(Proto3Encoder, sender, self.settings),
        };
        let (reporter, redirect) = started?;
        let encoding = self.encoding;
        Ok(ZipkinReporter(reporter, Destination { redirect, encoding }))
    }

    fn sender(&self) -> Result<HttpSender, ReporterError> {
        let sender = self.http.sender(&Posted(PATH))?;
        if sender.path().contains("api/v1/spans") {
            tracing::warn!(
                "{} is the path of version 1, spans are written in version 2: Jaeger accepts such \
                 spans and loses their services and tags; use {PATH}",
                place(&self.http.url)
            );
        }
        Ok(sender)
    }
}

impl std::fmt::Debug for ZipkinReporterBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZipkinReporterBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
