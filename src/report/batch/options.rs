//! [`BatchOptions`]: what every batching reporter can be told, its defaults and its checks.
//!
//! The builders of the reporters take one such value by `.options(…)`. What only some reporters
//! know, such as a URL or a Kafka topic, is not here.

use super::ReporterError;
use std::time::{Duration, Instant};

/// The name of a thread that no option names.
pub(super) const THREAD_NAME: &str = "tower-b3-reporter";
/// How long a reporter keeps sending when its last handle is dropped without a shutdown.
pub(super) const DROP_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest allowed message: it is in memory twice, and protocols count its bytes in 32 bits.
const MAX_MESSAGE_LIMIT: usize = 1024 * 1024 * 1024;
/// Longer timeouts are cut to this, since an [`Instant`] cannot be arbitrarily far away.
const MAX_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The moment that is `timeout` from now; at most a year away.
pub(super) fn after(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(MAX_TIMEOUT)
}

/// The options of a batching reporter: limits, times, the name of its thread.
///
/// Every builder of a batching reporter takes them:
///
/// ```
/// use std::time::Duration;
/// use tower_b3::{report::BatchOptions, zipkin::JsonLinesReporter};
///
/// let options = BatchOptions::new()
///     .queue_limit(50_000)
///     .queue_bytes(128 * 1024 * 1024)
///     .retry_for(Duration::from_secs(10));
/// let reporter = JsonLinesReporter::builder(std::io::stderr()).options(options).build()?;
/// # Ok::<(), tower_b3::report::ReporterError>(())
/// ```
///
/// | option | default | limits |
/// |---|---|---|
/// | [`queue_limit`](Self::queue_limit) | 10,000 spans | spans waiting to be sent |
/// | [`queue_bytes`](Self::queue_bytes) | 32 MiB | memory of the spans waiting to be sent |
/// | [`message_limit`](Self::message_limit) | 500,000 bytes | size of one message |
/// | [`max_age`](Self::max_age) | 1 s | time before a span is sent |
/// | [`request_timeout`](Self::request_timeout) | 5 s | time for one attempt to send |
/// | [`backoff`](Self::backoff) | 100 ms to 10 s | time between attempts |
/// | [`retry_for`](Self::retry_for) | 60 s | time for all attempts of one message |
/// | [`thread_name`](Self::thread_name) | `tower-b3-…`, by reporter | |
///
/// Values are checked when the reporter is built.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing until they are given to a builder"]
pub struct BatchOptions {
    pub(super) queue_limit: usize,
    pub(super) queue_bytes: usize,
    pub(super) message_limit: usize,
    pub(super) max_age: Duration,
    pub(super) request_timeout: Duration,
    pub(super) min_backoff: Duration,
    pub(super) max_backoff: Duration,
    pub(super) retry_for: Duration,
    pub(super) thread_name: Option<String>,
}

impl Default for BatchOptions {
    fn default() -> Self {
        BatchOptions {
            queue_limit: 10_000,
            queue_bytes: 32 * 1024 * 1024,
            message_limit: 500_000,
            max_age: Duration::from_secs(1),
            request_timeout: Duration::from_secs(5),
            min_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(10),
            retry_for: Duration::from_secs(60),
            thread_name: None,
        }
    }
}

impl BatchOptions {
    /// The defaults.
    pub fn new() -> BatchOptions {
        BatchOptions::default()
    }

    /// The maximum number of spans that wait to be sent. While the queue is full, new spans are
    /// dropped and counted as [`queue_full`](super::Dropped::queue_full).
    ///
    /// A typical span takes about one kilobyte, so a limit above 30,000 needs a higher
    /// [`queue_bytes`](Self::queue_bytes) as well.
    pub fn queue_limit(mut self, spans: usize) -> Self {
        self.queue_limit = spans;
        self
    }

    /// The maximum memory, in bytes, of the spans that wait to be sent. While there is no room,
    /// new spans are dropped and counted as [`queue_full`](super::Dropped::queue_full).
    ///
    /// The bytes are divided evenly among the queue's shards: four for each core, at most 32. A
    /// thread whose shard is full uses the others. Only a span that is larger than a shard's share
    /// can exceed the limit; it is let in when the shard is empty. Buffers grow by doubling, so up
    /// to twice as much memory is reserved.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// The maximum size of a message in bytes before compression; 1 GiB at most. A single span
    /// that is larger is dropped and counted as [`too_large`](super::Dropped::too_large).
    pub fn message_limit(mut self, bytes: usize) -> Self {
        self.message_limit = bytes;
        self
    }

    /// How long a span may wait for others before it is sent. The resolution is a millisecond.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// How long one attempt to send a message may take.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// The wait before the first retry, and the longest wait between retries.
    ///
    /// The wait doubles from retry to retry. Each wait is a random part of that (full jitter), so
    /// that many services do not come back at the same time.
    pub fn backoff(mut self, min: Duration, max: Duration) -> Self {
        self.min_backoff = min;
        self.max_backoff = max;
        self
    }

    /// How long a message is retried before its spans are dropped and counted as
    /// [`retries_exhausted`](super::Dropped::retries_exhausted). With zero there is one attempt.
    pub fn retry_for(mut self, time: Duration) -> Self {
        self.retry_for = time;
        self
    }

    /// The name of the reporter's thread. Linux shows the first 15 bytes.
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.thread_name = Some(name.into());
        self
    }

    /// Names the thread unless it has a name.
    pub(crate) fn or_thread_name(mut self, name: &str) -> Self {
        self.thread_name.get_or_insert_with(|| name.to_owned());
        self
    }

    pub(super) fn check(&self) -> Result<(), ReporterError> {
        for (field, limit) in [
            ("queue_limit", self.queue_limit),
            ("queue_bytes", self.queue_bytes),
            ("message_limit", self.message_limit),
        ] {
            if limit == 0 {
                return Err(ReporterError::new(field, "must be at least 1"));
            }
        }
        if self.message_limit > MAX_MESSAGE_LIMIT {
            let reason = format!("must be at most {MAX_MESSAGE_LIMIT} bytes");
            return Err(ReporterError::new("message_limit", reason));
        }
        for (field, time) in [
            ("max_age", self.max_age),
            ("request_timeout", self.request_timeout),
            ("backoff", self.min_backoff),
        ] {
            if time.is_zero() {
                return Err(ReporterError::new(field, "must be longer than zero"));
            }
        }
        if self.max_backoff < self.min_backoff {
            let reason = "the maximum must not be shorter than the minimum";
            return Err(ReporterError::new("backoff", reason));
        }
        // The operating system takes a thread's name as a C string.
        if self
            .thread_name
            .as_ref()
            .is_some_and(|name| name.contains('\0'))
        {
            return Err(ReporterError::new("thread_name", "must not contain NUL"));
        }
        Ok(())
    }
}
