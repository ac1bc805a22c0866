use super::ReporterError;
use std::time::{Duration, Instant};

/// How long a reporter flushes when its last handle goes without a shutdown.
pub(super) const LAST_FLUSH: Duration = Duration::from_secs(5);
/// The largest message: it is in memory twice, and protocols count its bytes in 32 bits.
const MAX_MESSAGE: usize = 1024 * 1024 * 1024;
/// The longest wait: moments are finite.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The moment that is this long from now, or a year.
pub(super) fn after(time: Duration) -> Instant {
    Instant::now() + time.min(LONGEST)
}

/// What every batching reporter can be told.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) queue_limit: usize,
    pub(crate) queue_bytes: usize,
    pub(crate) message_limit: usize,
    pub(crate) max_age: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) first_backoff: Duration,
    pub(crate) longest_backoff: Duration,
    pub(crate) retry_for: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            name: "tower-b3-reporter".to_owned(),
            queue_limit: 10_000,
            queue_bytes: 32 * 1024 * 1024,
            message_limit: 500_000,
            max_age: Duration::from_secs(1),
            request_timeout: Duration::from_secs(5),
            first_backoff: Duration::from_millis(100),
            longest_backoff: Duration::from_secs(10),
            retry_for: Duration::from_secs(60),
        }
    }
}

impl Settings {
    pub(super) fn check(&self) -> Result<(), ReporterError> {
        let limits = [
            ("queue_limit", self.queue_limit),
            ("queue_bytes", self.queue_bytes),
            ("message_limit", self.message_limit),
        ];
        for (field, limit) in limits {
            if limit == 0 {
                return Err(ReporterError::new(field, "zero"));
            }
        }
        if self.message_limit > MAX_MESSAGE {
            let reason = format!("more than {MAX_MESSAGE} bytes");
            return Err(ReporterError::new("message_limit", reason));
        }
        let times = [
            ("max_age", self.max_age),
            ("request_timeout", self.request_timeout),
            ("backoff", self.first_backoff),
        ];
        for (field, time) in times {
            if time.is_zero() {
                return Err(ReporterError::new(field, "zero"));
            }
        }
        if self.longest_backoff < self.first_backoff {
            return Err(ReporterError::new(
                "backoff",
                "the longest is shorter than the first",
            ));
        }
        // The operating system takes a thread's name as a C string.
        if self.name.contains('\0') {
            return Err(ReporterError::new("thread_name", "contains NUL"));
        }
        Ok(())
    }
}

/// The setters that the builders of batching reporters have in common; `$settings` is where the
/// [`Settings`] lie in the builder.
macro_rules! settings_methods {
    ($($settings:ident).+) => {
        /// The most spans that wait to be sent; 10,000 by default. When there are more, the newest
        /// are dropped and counted. A span takes about one kilobyte, so above some 30,000 there
        /// must be more of [`queue_bytes`](Self::queue_bytes) too.
        pub fn queue_limit(mut self, spans: usize) -> Self {
            self.$($settings).+.queue_limit = spans;
            self
        }

        /// The most memory that spans take while they wait to be sent, in bytes; 32 MiB by
        /// default. When there is no room, the newest are dropped and counted, as when they are
        /// too many.
        ///
        /// It is shared out evenly among the queue's shards, one for each core, at most 32; a
        /// thread that finds its own full uses the others. It is never exceeded, but for spans
        /// that are larger than a share: such a one is let in where no other waits. Its memory grows
        /// by doubling, so up to twice as much is reserved.
        pub fn queue_bytes(mut self, bytes: usize) -> Self {
            self.$($settings).+.queue_bytes = bytes;
            self
        }

        /// The largest message, in bytes before compression; 500,000 by default, 1 GiB at most. A
        /// span that is larger alone is dropped and counted.
        pub fn message_limit(mut self, bytes: usize) -> Self {
            self.$($settings).+.message_limit = bytes;
            self
        }

        /// How long a span waits for others before it is sent; 1 second by default. Whole
        /// milliseconds count.
        pub fn max_age(mut self, age: std::time::Duration) -> Self {
            self.$($settings).+.max_age = age;
            self
        }

        /// How long an attempt to send a message may take; 5 seconds by default.
        pub fn request_timeout(mut self, timeout: std::time::Duration) -> Self {
            self.$($settings).+.request_timeout = timeout;
            self
        }

        /// The wait before the first further attempt and the longest one between attempts; 100
        /// milliseconds and 10 seconds by default. The wait doubles from attempt to attempt, and
        /// any part of it is left out at random, so that many services do not come back at once.
        pub fn backoff(
            mut self,
            first: std::time::Duration,
            longest: std::time::Duration,
        ) -> Self {
            self.$($settings).+.first_backoff = first;
            self.$($settings).+.longest_backoff = longest;
            self
        }

        /// How long a message is tried again before its spans are dropped and counted; 60 seconds
        /// by default. Zero means that there is one attempt only.
        pub fn retry_for(mut self, time: std::time::Duration) -> Self {
            self.$($settings).+.retry_for = time;
            self
        }

        /// The name of the reporter's thread. Linux shows its first 15 bytes.
        pub fn thread_name(mut self, name: impl Into<String>) -> Self {
            self.$($settings).+.name = name.into();
            self
        }
    };
}

pub(crate) use settings_methods;
