use super::{HttpSender, JsonEncoder};
use crate::{
    record::SpanRecord,
    report::{
        BatchReporter, Guard, Reporter, ReporterError, Settings, ShutdownReport, Stats,
        settings_methods,
    },
};
use std::time::Duration;

/// Sends spans to Zipkin, or to what takes its format: JSON, version 2, over HTTP.
///
/// A [`BatchReporter`], whose page tells how it works, of [`JsonEncoder`] and [`HttpSender`].
/// Clones are handles on the same reporter.
///
/// ```
/// use tower_b3::{Tracer, zipkin::ZipkinReporter};
///
/// let zipkin = ZipkinReporter::builder("http://zipkin.istio-system:9411/api/v2/spans")
///     .header("authorization", "Bearer 3ae4")
///     .queue_limit(20_000)
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
    /// A reporter that posts to this URL, `http` only. Where it has no path, `/api/v2/spans` is
    /// meant.
    ///
    /// | setting | default |
    /// |---|---|
    /// | [`header`](ZipkinReporterBuilder::header) | `b3: 0`, `user-agent: tower-b3/…` |
    /// | [`queue_limit`](ZipkinReporterBuilder::queue_limit) | 10,000 spans |
    /// | [`message_limit`](ZipkinReporterBuilder::message_limit) | 500,000 bytes |
    /// | [`max_age`](ZipkinReporterBuilder::max_age) | 1 s |
    /// | [`request_timeout`](ZipkinReporterBuilder::request_timeout) | 5 s |
    /// | [`backoff`](ZipkinReporterBuilder::backoff) | from 100 ms to 10 s |
    /// | [`retry_for`](ZipkinReporterBuilder::retry_for) | 60 s |
    pub fn builder(url: impl Into<String>) -> ZipkinReporterBuilder {
        ZipkinReporterBuilder {
            url: url.into(),
            headers: Vec::new(),
            settings: Settings {
                name: "tower-b3-zipkin".to_owned(),
                ..Settings::default()
            },
        }
    }

    /// What has become of the spans so far: see [`BatchReporter::stats`].
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    /// Blocks until the spans finished so far are dealt with: see [`BatchReporter::flush`].
    pub fn flush(&self, deadline: Duration) -> bool {
        self.0.flush(deadline)
    }

    /// Waits until the spans finished so far are dealt with: see [`BatchReporter::flush_async`].
    pub async fn flush_async(&self, deadline: Duration) -> bool {
        self.0.flush_async(deadline).await
    }

    /// Blocks until all is sent and the thread is done: see [`BatchReporter::shutdown`].
    pub fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        self.0.shutdown(deadline)
    }

    /// Waits until all is sent and the thread is done: see [`BatchReporter::shutdown_async`].
    pub async fn shutdown_async(&self, deadline: Duration) -> ShutdownReport {
        self.0.shutdown_async(deadline).await
    }

    /// Shuts the reporter down when it is dropped: see [`BatchReporter::guard`].
    pub fn guard(&self) -> Guard {
        self.0.guard()
    }
}

impl Reporter for ZipkinReporter {
    fn report(&self, span: SpanRecord) {
        self.0.report(span);
    }

    fn flush(&self, deadline: Duration) -> bool {
        self.0.flush(deadline)
    }
}

/// Builds a [`ZipkinReporter`].
#[must_use = "a builder does nothing until it is built"]
#[derive(Clone)]
pub struct ZipkinReporterBuilder {
    url: String,
    headers: Vec<(String, String)>,
    settings: Settings,
}

impl ZipkinReporterBuilder {
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
    pub fn build(self) -> Result<ZipkinReporter, ReporterError> {
        let mut sender = HttpSender::new(&self.url)?;
        for (name, value) in &self.headers {
            sender = sender.header(name, value)?;
        }
        BatchReporter::start(JsonEncoder, sender, self.settings).map(ZipkinReporter)
    }
}

impl std::fmt::Debug for ZipkinReporterBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZipkinReporterBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
