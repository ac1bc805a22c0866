use super::{
    Encoder, ReporterError, Sender, Settings, Stats,
    queue::Queue,
    settings::{LAST_FLUSH, after, settings_methods},
    shared::Shared,
    ticket::Ticket,
    worker,
};
use crate::{record::SpanRecord, report::Reporter};
use std::{
    fmt,
    future::poll_fn,
    process,
    sync::Arc,
    thread::{self, ThreadId},
    time::{Duration, Instant},
};
use tokio::{runtime, task::JoinHandle};

/// What the thread may need to account for what it gave up.
const GRACE: Duration = Duration::from_millis(250);

/// Sends spans in batches, from a thread of its own.
///
/// [`report`](Reporter::report) pushes to a bounded queue and returns; it neither blocks nor
/// fails. The thread takes the spans out, [encodes](Encoder) and [sends](Sender) them: once a
/// second, or when there is a lot. It has a runtime of its own and so works under any, or none,
/// and while the application's is blocked or has gone.
///
/// Whatever happens, every span is accounted for in the [`Stats`]. What cannot be delivered now is
/// tried again, with growing waits, while new spans gather in the queue; what the other side
/// refuses is cut in halves until only what it refuses is lost.
///
/// Clones are handles on the same reporter. When the last one goes, those inside tracers
/// included, what is queued is sent, for five seconds at most, and the thread ends. At the end
/// of a program nobody waits for that: keep a [`guard`](BatchReporter::guard) in `main`, or call
/// [`shutdown`](BatchReporter::shutdown).
///
/// ```
/// use tower_b3::{Tracer, report::{BatchReporter, HttpSender}, zipkin::JsonEncoder};
/// use std::time::Duration;
///
/// let sender = HttpSender::new("http://127.0.0.1:9411/api/v2/spans")?;
/// let reporter = BatchReporter::builder(JsonEncoder, sender)
///     .queue_limit(50_000)
///     .queue_bytes(128 * 1024 * 1024)
///     .retry_for(Duration::from_secs(10))
///     .build()?;
/// let guard = reporter.guard();
/// let tracer = Tracer::builder("orders").reporter(reporter.clone()).build()?;
/// assert_eq!(reporter.stats().finished, 0);
/// drop(guard);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct BatchReporter(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    runtime: runtime::Handle,
    thread: ThreadId,
    /// The process that has the thread. One that is forked from it does not.
    process: u32,
}

impl BatchReporter {
    /// A reporter that encodes and sends as these two do.
    ///
    /// | setting | default |
    /// |---|---|
    /// | [`queue_limit`](BatchReporterBuilder::queue_limit) | 10,000 spans |
    /// | [`queue_bytes`](BatchReporterBuilder::queue_bytes) | 32 MiB |
    /// | [`message_limit`](BatchReporterBuilder::message_limit) | 500,000 bytes |
    /// | [`max_age`](BatchReporterBuilder::max_age) | 1 s |
    /// | [`request_timeout`](BatchReporterBuilder::request_timeout) | 5 s |
    /// | [`backoff`](BatchReporterBuilder::backoff) | from 100 ms to 10 s |
    /// | [`retry_for`](BatchReporterBuilder::retry_for) | 60 s |
    pub fn builder<E: Encoder, S: Sender>(encoder: E, sender: S) -> BatchReporterBuilder<E, S> {
        BatchReporterBuilder {
            encoder,
            sender,
            settings: Settings::default(),
        }
    }

    pub(crate) fn start<E: Encoder, S: Sender>(
        encoder: E,
        sender: S,
        settings: Settings,
    ) -> Result<BatchReporter, ReporterError> {
        settings.check()?;
        let shared = Arc::new(Shared::new(Queue::new(
            settings.queue_limit,
            settings.queue_bytes,
        )));
        let (runtime, thread) = worker::start(&shared, encoder, sender, settings)?;
        Ok(BatchReporter(Arc::new(Handle {
            shared,
            runtime,
            thread,
            process: process::id(),
        })))
    }

    /// What has become of the spans so far. Cheap; never waits for the reporter's thread.
    pub fn stats(&self) -> Stats {
        self.0.shared.stats()
    }

    /// Blocks until the spans finished so far are delivered or lost, at most until the deadline;
    /// `true` if all were dealt with. A wait between two attempts is cut short.
    ///
    /// It may be called inside an async runtime, whose thread it blocks; better use
    /// [`flush_async`](Self::flush_async) there.
    ///
    /// In a [forked](crate::guide::reporting#after-a-fork) process it returns `false` at once.
    pub fn flush(&self, deadline: Duration) -> bool {
        if self.0.is_forked() {
            return false;
        }
        let ticket = self.0.shared.ask_to_flush();
        self.0.wait(&ticket, after(deadline))
    }

    /// Waits until the spans finished so far are delivered or lost, at most until the deadline;
    /// `true` if all were dealt with. It works in any async runtime.
    pub async fn flush_async(&self, deadline: Duration) -> bool {
        if self.0.is_forked() {
            return false;
        }
        let ticket = self.0.shared.ask_to_flush();
        self.0.wait_async(ticket, after(deadline)).await
    }

    /// Blocks until the queued spans are delivered or lost and the thread is done, at most until
    /// the deadline: what was not delivered then is lost, counted as `closed`.
    ///
    /// Spans that finish from now on are dropped and counted. Of several shutdowns the earliest
    /// deadline counts; one that comes later reports what the first one did.
    ///
    /// In a [forked](crate::guide::reporting#after-a-fork) process it returns at once.
    pub fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        if self.0.is_forked() {
            return self.0.forked_report();
        }
        let deadline = after(deadline);
        let ticket = self.0.shared.ask_to_end(deadline);
        let in_time = self.0.wait(&ticket, deadline + GRACE);
        self.0.report(in_time)
    }

    /// Does what [`shutdown`](Self::shutdown) does, without blocking, in any async runtime.
    pub async fn shutdown_async(&self, deadline: Duration) -> ShutdownReport {
        if self.0.is_forked() {
            return self.0.forked_report();
        }
        let deadline = after(deadline);
        let ticket = self.0.shared.ask_to_end(deadline);
        let in_time = self.0.wait_async(ticket, deadline + GRACE).await;
        self.0.report(in_time)
    }

    /// The sender sends elsewhere from its next attempt on, which is due at once.
    pub(crate) fn redirected(&self) {
        self.0.shared.redirected();
    }

    /// Shuts the reporter down when it is dropped, be it in a panic, for five seconds at most.
    pub fn guard(&self) -> Guard {
        Guard {
            reporter: self.clone(),
            deadline: LAST_FLUSH,
        }
    }
}

impl Handle {
    fn wait(&self, ticket: &Ticket, deadline: Instant) -> bool {
        // An encoder or a sender would wait for itself.
        thread::current().id() != self.thread && ticket.wait(deadline)
    }

    async fn wait_async(&self, ticket: Arc<Ticket>, deadline: Instant) -> bool {
        // The caller's runtime may have no timer; the reporter's has.
        let _clock = Clock(self.runtime.spawn({
            let ticket = Arc::clone(&ticket);
            async move {
                tokio::time::sleep_until(deadline.into()).await;
                ticket.settle(false);
            }
        }));
        poll_fn(|cx| ticket.poll(cx)).await
    }

    /// Whether this is a process that was forked from the reporter's, so that nobody sends. Then
    /// spans are refused from now on. No lock is taken here: the process may have been forked while
    /// the reporter's thread held it.
    fn is_forked(&self) -> bool {
        let forked = process::id() != self.process;
        if forked && self.shared.refuse() {
            tracing::warn!(
                "the reporter's thread is in the process that this one was forked from: spans \
                 are lost here"
            );
        }
        forked
    }

    /// What is left in the queue stays there: some of it is the other process's, which sends it.
    fn forked_report(&self) -> ShutdownReport {
        let stats = self.shared.stats();
        ShutdownReport {
            in_time: false,
            lost: stats.queued + stats.in_flight,
            stats,
        }
    }

    fn report(&self, in_time: bool) -> ShutdownReport {
        ShutdownReport {
            in_time,
            lost: self.shared.lost_at_the_end(),
            stats: self.shared.stats(),
        }
    }
}

/// Ends a wait at its deadline; stops when nobody waits any more.
struct Clock(JoinHandle<()>);

impl Drop for Clock {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if !self.is_forked() {
            self.shared.ask_to_end(after(LAST_FLUSH));
        }
    }
}

impl Reporter for BatchReporter {
    fn report(&self, span: SpanRecord) {
        self.0.shared.report(&span);
    }

    fn report_ref(&self, span: &SpanRecord) -> bool {
        self.0.shared.report(span);
        true
    }

    fn flush(&self, deadline: Duration) -> bool {
        BatchReporter::flush(self, deadline)
    }
}

impl fmt::Debug for BatchReporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BatchReporter").field(&self.stats()).finish()
    }
}

/// Builds a [`BatchReporter`].
#[must_use = "a builder does nothing until it is built"]
#[derive(Debug)]
pub struct BatchReporterBuilder<E, S> {
    encoder: E,
    sender: S,
    settings: Settings,
}

impl<E: Encoder, S: Sender> BatchReporterBuilder<E, S> {
    settings_methods!(settings);

    /// Starts the reporter and its thread.
    ///
    /// # Errors
    ///
    /// A limit or a time of zero, a longest backoff that is shorter than the first, a thread that
    /// cannot be started: the error names the setting and the reason.
    pub fn build(self) -> Result<BatchReporter, ReporterError> {
        BatchReporter::start(self.encoder, self.sender, self.settings)
    }
}

/// What a shutdown has done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Whether the thread was done in time. It is not if an encoder or a sender blocks, nor in a
    /// forked process, where there is no such thread.
    pub in_time: bool,
    /// How many of the spans that were queued or under way were not delivered.
    pub lost: u64,
    /// The counts at the end.
    pub stats: Stats,
}

/// `3 spans lost at shutdown: 120 finished, …`
impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} spans lost at shutdown: {}", self.lost, self.stats)
    }
}

/// Shuts a reporter down when it is dropped; from [`BatchReporter::guard`].
///
/// ```
/// use tower_b3::{Tracer, zipkin::ZipkinReporter};
/// use std::time::Duration;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let zipkin = ZipkinReporter::builder("http://127.0.0.1:9411").build()?;
///     let _guard = zipkin.guard().deadline(Duration::from_secs(2));
///     let tracer = Tracer::builder("orders").reporter(zipkin).build()?;
///     // Serve. However this function ends, what is queued is sent.
///     Ok(())
/// }
/// ```
///
/// A signal that is not handled ends the process without that: serve
/// [until SIGTERM or SIGINT](crate::guide::reporting).
#[must_use = "it shuts the reporter down when it is dropped: bind it to a name for as long as spans are made"]
#[derive(Debug)]
pub struct Guard {
    reporter: BatchReporter,
    deadline: Duration,
}

impl Guard {
    /// How long the shutdown may take; 5 seconds by default.
    pub fn deadline(mut self, deadline: Duration) -> Guard {
        self.deadline = deadline;
        self
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.reporter.shutdown(self.deadline);
    }
}

/// The methods of a [`BatchReporter`], for a reporter that wraps one.
macro_rules! handle_methods {
    ($reporter:ident) => {
        impl $reporter {
            /// What has become of the spans so far: see [`BatchReporter::stats`].
            pub fn stats(&self) -> crate::report::Stats {
                self.0.stats()
            }

            /// Blocks until the spans finished so far are dealt with: see [`BatchReporter::flush`].
            pub fn flush(&self, deadline: std::time::Duration) -> bool {
                self.0.flush(deadline)
            }

            /// Waits until the spans finished so far are dealt with: see [`BatchReporter::flush_async`].
            pub async fn flush_async(&self, deadline: std::time::Duration) -> bool {
                self.0.flush_async(deadline).await
            }

            /// Blocks until all is sent and the thread is done: see [`BatchReporter::shutdown`].
            pub fn shutdown(&self, deadline: std::time::Duration) -> crate::report::ShutdownReport {
                self.0.shutdown(deadline)
            }

            /// Waits until all is sent and the thread is done: see [`BatchReporter::shutdown_async`].
            pub async fn shutdown_async(
                &self,
                deadline: std::time::Duration,
            ) -> crate::report::ShutdownReport {
                self.0.shutdown_async(deadline).await
            }

            /// Shuts the reporter down when it is dropped: see [`BatchReporter::guard`].
            pub fn guard(&self) -> crate::report::Guard {
                self.0.guard()
            }
        }

        /// To keep reporters of several kinds under one type.
        impl From<$reporter> for crate::report::BatchReporter {
            fn from(reporter: $reporter) -> Self {
                reporter.0
            }
        }

        impl crate::report::Reporter for $reporter {
            fn report(&self, span: crate::record::SpanRecord) {
                self.0.report(span);
            }

            fn report_ref(&self, span: &crate::record::SpanRecord) -> bool {
                self.0.report_ref(span)
            }

            fn flush(&self, deadline: std::time::Duration) -> bool {
                self.0.flush(deadline)
            }
        }
    };
}

pub(crate) use handle_methods;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        context::{Sampling, TraceContext},
        report::JsonLinesReporter,
    };

    /// A reporter as a forked process has it.
    fn forked() -> BatchReporter {
        let reporter = JsonLinesReporter::builder(std::io::sink()).max_age(LAST_FLUSH * 100);
        let reporter = BatchReporter::from(reporter.build().unwrap());
        let mut handle = Arc::into_inner(reporter.0).expect("there is one handle");
        handle.process += 1;
        BatchReporter(Arc::new(handle))
    }

    #[test]
    fn nobody_waits_in_a_forked_process() {
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        let report = |reporter: &BatchReporter| {
            let context = TraceContext::root(Sampling::Accept);
            reporter.report(SpanRecord::builder(context).build());
        };
        for end in 0..2 {
            let reporter = forked();
            report(&reporter);
            report(&reporter);
            let started = Instant::now();
            assert!(!reporter.flush(Duration::MAX));
            assert!(!runtime.block_on(reporter.flush_async(Duration::MAX)));
            report(&reporter);
            let ended = match end {
                0 => reporter.shutdown(Duration::MAX),
                _ => runtime.block_on(reporter.shutdown_async(Duration::MAX)),
            };
            drop(reporter.guard());
            drop(reporter);
            assert!(started.elapsed() < Duration::from_secs(5));
            assert_eq!((ended.in_time, ended.lost), (false, 2));
            let stats = ended.stats;
            assert_eq!((stats.finished, stats.queued), (3, 2));
            assert_eq!(stats.dropped.closed, 1);
        }
    }
}
