//! [`ZipkinReporter`]: an encoder of this module and the HTTP sender, behind the handle of a batching
//! reporter.

use super::{encoding::Encoding, json::JsonEncoder, proto3::Proto3Encoder};
use crate::{
    printable::place,
    report::{
        BatchOptions, BatchReporter, CANNOT_CHANGE, HttpOptions, HttpSender, PlainPost, Redirect,
        ReporterError, batch_handle, start_redirectable,
    },
};

/// Where Zipkin accepts spans.
const PATH: &str = "/api/v2/spans";

/// Sends spans to Zipkin, or to anything else that accepts its format (version 2), over HTTP.
///
/// It is a handle on a [`BatchReporter`], which has the methods and says how it works. Clones are
/// handles on the same reporter. A response's meaning is described at [`HttpSender`].
///
/// ```
/// use tower_b3::{
///     Tracer,
///     report::{BatchOptions, HttpOptions},
///     zipkin::{Encoding, ZipkinReporter},
/// };
///
/// let zipkin = ZipkinReporter::builder("http://zipkin.istio-system:9411").build()?;
/// let tracer = Tracer::builder("orders").reporter(zipkin.clone()).build()?;
/// println!("{}", zipkin.stats());
///
/// // With everything that can be set:
/// let zipkin = ZipkinReporter::builder(HttpOptions::new("http://zipkin:9411").bearer("3ae4"))
///     .encoding(Encoding::Proto3)
///     .options(BatchOptions::new().queue_limit(20_000))
///     .build()?;
///
/// let error = ZipkinReporter::builder("zipkin:9411/api/v2/spans").build().unwrap_err();
/// assert_eq!(error.field(), "url");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ZipkinReporter(BatchReporter, Destination);

#[derive(Debug, Clone)]
struct Destination {
    redirect: Redirect,
    encoding: Encoding,
}

impl ZipkinReporter {
    /// A reporter that posts to this URL, by default to the path `/api/v2/spans`. Headers,
    /// credentials and certificates are set by [`HttpOptions`].
    pub fn builder(to: impl Into<HttpOptions>) -> ZipkinReporterBuilder {
        ZipkinReporterBuilder {
            http: to.into(),
            encoding: Encoding::default(),
            #[cfg(feature = "gzip")]
            gzip: false,
            options: BatchOptions::default(),
        }
    }

    /// Changes the URL, the headers and the certificates to those of this builder, from the next
    /// attempt on: to correct a wrong URL or token without a restart. The builder's
    /// [`BatchOptions`] are ignored.
    ///
    /// The queue and the counts are kept. A message that waits for a retry is sent to the new
    /// destination at once, and retried there for as long as a new message. An attempt in progress
    /// is not cancelled. After a [shutdown](BatchReporter::shutdown) this has no effect.
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
    /// A value that [`HttpOptions`] does not allow, or another encoding or compression than that of
    /// the running reporter. The error names the option, and the destination stays as it is.
    pub fn redirect(&self, to: ZipkinReporterBuilder) -> Result<(), ReporterError> {
        let ZipkinReporter(reporter, destination) = self;
        if to.encoding != destination.encoding {
            return Err(ReporterError::new("encoding", CANNOT_CHANGE));
        }
        let sender = to.sender()?;
        destination.redirect.to(sender, to.is_gzip(), reporter)
    }
}

batch_handle!(ZipkinReporter);

/// Builds a [`ZipkinReporter`].
#[must_use = "a builder does nothing until it is built"]
#[derive(Debug, Clone)]
pub struct ZipkinReporterBuilder {
    http: HttpOptions,
    encoding: Encoding,
    #[cfg(feature = "gzip")]
    gzip: bool,
    options: BatchOptions,
}

impl ZipkinReporterBuilder {
    /// The encoding of the spans; JSON by default.
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
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
    /// A value that [`HttpOptions`] or [`BatchOptions`] does not allow, or a thread that cannot be
    /// started. The error names the option.
    pub fn build(self) -> Result<ZipkinReporter, ReporterError> {
        let (sender, gzip) = (self.sender()?, self.is_gzip());
        let options = self.options.or_thread_name("tower-b3-zipkin");
        let (reporter, redirect) = match self.encoding {
            Encoding::Json => start_redirectable(JsonEncoder, sender, gzip, options),
            Encoding::Proto3 => start_redirectable(Proto3Encoder, sender, gzip, options),
        }?;
        let encoding = self.encoding;
        Ok(ZipkinReporter(reporter, Destination { redirect, encoding }))
    }

    fn sender(&self) -> Result<HttpSender, ReporterError> {
        let sender = HttpSender::with_dialect(&self.http, &PlainPost(PATH))?;
        if sender.path().contains("api/v1/spans") {
            tracing::warn!(
                "{} is the path of version 1 of Zipkin's API, but spans are sent in version 2: Jaeger \
                 accepts them there and loses their services and tags; use {PATH}",
                place(self.http.url())
            );
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
