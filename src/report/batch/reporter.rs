//! [`BatchReporter`], the handle of every batching reporter.
//!
//! It pushes spans to the queue and asks the worker to flush and to end. It is built by `builder`;
//! `guard` shuts it down.

use super::{
    encoder::Encoder,
    error::ReporterError,
    options::{BatchOptions, DROP_TIMEOUT, THREAD_NAME, after},
    panics::log_guarded,
    queue::Queue,
    sender::Sender,
    shutdown::ShutdownReport,
    state::ReporterState,
    stats::Stats,
    waiter::Waiter,
    worker,
};
use crate::record::{Reporter, SpanRecord};
use std::{
    fmt,
    future::poll_fn,
    process,
    sync::Arc,
    thread::{self, ThreadId},
    time::{Duration, Instant},
};
use tokio::{runtime, task::JoinHandle};

/// How much longer than its timeout a shutdown waits for the thread to count what it gave up.
const GRACE: Duration = Duration::from_millis(250);

/// How long the drop of the last handle waits for the spans that are undelivered.
const LAST_HANDLE_TIMEOUT: Duration = Duration::from_secs(1);

/// Sends spans in batches, from a thread of its own.
///
/// [`report`](Reporter::report) pushes the span to a bounded queue and returns. It never blocks or
/// fails. The thread [encodes](Encoder) the queued spans and [sends](Sender) them, once a second,
/// or earlier if there are many. It has a runtime of its own, so it works under any runtime or
/// none, and while the application's runtime is blocked or gone.
///
/// Every span is accounted for in the [`Stats`]. A message that cannot be delivered is retried,
/// with growing waits, while new spans gather in the queue. A message that the collector refuses
/// is split in halves until only the refused spans are dropped.
///
/// Clones are handles on the same reporter, and so are the reporters that wrap one: they
/// dereference to a `BatchReporter`. Keep a [`guard`](BatchReporter::guard) in `main`, or call
/// [`shutdown`](BatchReporter::shutdown). Without either, the drop of the last handle, including
/// those in tracers, waits for one second at most until the queued spans are sent, and logs how
/// many are still not. A handle that is never dropped, for example in a `static`, sends nothing at
/// the end of the program: see [At exit](crate::guide::reporting#at-exit).
///
/// ```
/// # #[cfg(feature = "http")] {
/// use tower_b3::{Tracer, report::{BatchOptions, BatchReporter, HttpSender}, zipkin::JsonEncoder};
/// use std::time::Duration;
///
/// let sender = HttpSender::new("http://127.0.0.1:9411/api/v2/spans")?;
/// let reporter = BatchReporter::builder(JsonEncoder, sender)
///     .options(BatchOptions::new().retry_for(Duration::from_secs(10)))
///     .build()?;
/// let guard = reporter.guard();
/// let tracer = Tracer::builder("orders").reporter(reporter.clone()).build()?;
/// assert_eq!(reporter.stats().finished, 0);
/// drop(guard);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct BatchReporter(Arc<Handle>);

struct Handle {
    state: Arc<ReporterState>,
    runtime: runtime::Handle,
    thread: ThreadId,
    /// The process that has the thread. A process that is forked from it does not.
    process: u32,
}

impl BatchReporter {
    pub(crate) fn start<E: Encoder, S: Sender>(
        encoder: E,
        sender: S,
        options: BatchOptions,
    ) -> Result<BatchReporter, ReporterError> {
        options.check()?;
        let queue = Queue::new(options.queue_limit, options.queue_bytes);
        let name = options.thread_name.as_deref().unwrap_or(THREAD_NAME);
        let state = Arc::new(ReporterState::new(name, queue));
        let (runtime, thread) = worker::start(&state, encoder, sender, options)?;
        Ok(BatchReporter(Arc::new(Handle {
            state,
            runtime,
            thread,
            process: process::id(),
        })))
    }

    /// What has happened to the spans so far. Cheap; never waits for the reporter's thread.
    pub fn stats(&self) -> Stats {
        self.0.state.stats()
    }

    /// The same, without keeping the reporter: `None` once it is gone.
    #[cfg(feature = "metrics")]
    pub(crate) fn stats_while_it_lives(&self) -> impl Fn() -> Option<Stats> + Send + Sync + use<> {
        let handle = Arc::downgrade(&self.0);
        let state = Arc::downgrade(&self.0.state);
        // The handle is not upgraded: the drop of the last one waits for what is undelivered.
        move || match handle.strong_count() {
            0 => None,
            _ => Some(state.upgrade()?.stats()),
        }
    }

    /// Blocks until all spans finished so far are delivered or dropped, at most for `timeout`.
    /// Returns whether they were. A wait between two attempts is cut short.
    ///
    /// It may be called inside an async runtime, but blocks the runtime's thread; prefer
    /// [`flush_async`](Self::flush_async) there.
    ///
    /// In a [forked](crate::guide::reporting#after-a-fork) process it returns `false` at once.
    pub fn flush(&self, timeout: Duration) -> bool {
        if self.0.is_forked() {
            return false;
        }
        let waiter = self.0.state.request_flush();
        self.0.wait(&waiter, after(timeout))
    }

    /// [`flush`](Self::flush) without blocking, in any async runtime.
    pub async fn flush_async(&self, timeout: Duration) -> bool {
        if self.0.is_forked() {
            return false;
        }
        let waiter = self.0.state.request_flush();
        self.0.wait_async(waiter, after(timeout)).await
    }

    /// Blocks until all queued spans are delivered or dropped and the thread has ended, at most
    /// for `timeout`. Spans that are not delivered by then are dropped and counted as
    /// [`closed`](super::Dropped::closed), and so are spans that finish from now on, of which the
    /// first is logged as a warning.
    ///
    /// Of several shutdowns the earliest deadline counts; a later call reports the result of the
    /// first.
    ///
    /// In a [forked](crate::guide::reporting#after-a-fork) process it returns at once.
    pub fn shutdown(&self, timeout: Duration) -> ShutdownReport {
        if self.0.is_forked() {
            return self.0.forked_report();
        }
        let deadline = after(timeout);
        let waiter = self.0.state.shut_down(deadline);
        let in_time = self.0.wait(&waiter, deadline + GRACE);
        self.0.report(in_time)
    }

    /// [`shutdown`](Self::shutdown) without blocking, in any async runtime.
    pub async fn shutdown_async(&self, timeout: Duration) -> ShutdownReport {
        if self.0.is_forked() {
            return self.0.forked_report();
        }
        let deadline = after(timeout);
        let waiter = self.0.state.shut_down(deadline);
        let in_time = self.0.wait_async(waiter, deadline + GRACE).await;
        self.0.report(in_time)
    }

    /// Tells the reporter that its sender has a new destination, so that the next attempt is made
    /// at once.
    #[cfg(any(feature = "otlp", feature = "zipkin"))]
    pub(crate) fn redirected(&self) {
        self.0.state.redirected();
    }
}

impl Handle {
    fn wait(&self, waiter: &Waiter, deadline: Instant) -> bool {
        // An encoder or a sender that calls this would wait for itself.
        thread::current().id() != self.thread && waiter.wait(deadline)
    }

    async fn wait_async(&self, waiter: Arc<Waiter>, deadline: Instant) -> bool {
        // The caller's runtime may have no timer; the reporter's has one.
        let _timer = AbortOnDrop(self.runtime.spawn({
            let waiter = Arc::clone(&waiter);
            async move {
                tokio::time::sleep_until(deadline.into()).await;
                waiter.complete(false);
            }
        }));
        poll_fn(|cx| waiter.poll(cx)).await
    }

    /// Whether this process was forked from the one with the reporter's thread, so that nothing is
    /// sent. If so, spans are refused from now on.
    ///
    /// It takes no lock: the process may have been forked while the thread held it.
    fn is_forked(&self) -> bool {
        let forked = process::id() != self.process;
        if forked && self.state.close() {
            tracing::warn!(
                "this process was forked from the one with the reporter's thread: its spans are \
                 dropped"
            );
        }
        forked
    }

    /// Leaves the queue as it is: some of its spans are the other process's, which sends them.
    fn forked_report(&self) -> ShutdownReport {
        let stats = self.state.stats();
        ShutdownReport {
            in_time: false,
            lost: stats.queued + stats.in_flight,
            stats,
        }
    }

    fn report(&self, in_time: bool) -> ShutdownReport {
        ShutdownReport {
            in_time,
            lost: self.state.lost_at_end(),
            stats: self.state.stats(),
        }
    }
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The last handle is gone. If spans are undelivered, the program may be about to end, so this waits
/// a little, and what is not sent by then is logged.
impl Drop for Handle {
    fn drop(&mut self) {
        if self.is_forked() {
            return;
        }
        let waiter = self.state.request_end(after(DROP_TIMEOUT));
        let undelivered = || {
            let stats = self.state.stats();
            stats.queued + stats.in_flight
        };
        if undelivered() == 0 || self.wait(&waiter, after(LAST_HANDLE_TIMEOUT)) {
            return;
        }
        let undelivered = undelivered();
        log_guarded(|| {
            tracing::warn!(
                "{}: the last handle on the reporter was dropped with {undelivered} spans \
                 undelivered; its thread goes on for {DROP_TIMEOUT:?}, and they are lost if the \
                 process ends before that. Keep a guard to wait for them",
                self.state.name()
            );
        });
    }
}

impl Reporter for BatchReporter {
    fn report(&self, span: SpanRecord) {
        self.0.state.report(&span);
    }

    fn report_ref(&self, span: &SpanRecord) -> bool {
        self.0.state.report(span);
        true
    }

    fn flush(&self, timeout: Duration) -> bool {
        BatchReporter::flush(self, timeout)
    }
}

impl fmt::Debug for BatchReporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BatchReporter").field(&self.stats()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        context::{Sampling, TraceContext},
        report::batch::{
            encoder::{EncodeError, Encoded},
            sender::{Message, Outcome},
        },
    };

    struct EmptyMessages;

    impl Encoder for EmptyMessages {
        fn content_type(&self) -> &'static str {
            "text/plain"
        }

        fn encode(&self, _: &SpanRecord, _: &mut Vec<u8>) -> Result<(), EncodeError> {
            Ok(())
        }

        fn message_len(&self, _: usize, bytes: usize) -> usize {
            bytes
        }

        fn message(&self, _: Encoded<'_>, _: &mut Vec<u8>) {}
    }

    struct AcceptAll;

    impl Sender for AcceptAll {
        async fn send(&mut self, _: Message) -> Outcome {
            Outcome::Accepted
        }
    }

    /// A reporter as it is in a forked process.
    fn forked() -> BatchReporter {
        let options = BatchOptions::new().max_age(DROP_TIMEOUT * 100);
        let reporter = BatchReporter::start(EmptyMessages, AcceptAll, options).unwrap();
        let mut handle = Arc::into_inner(reporter.0).expect("there is one handle");
        handle.process += 1;
        BatchReporter(Arc::new(handle))
    }

    #[test]
    fn no_call_waits_in_a_forked_process() {
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        let report = |reporter: &BatchReporter| {
            let context = TraceContext::root(Sampling::Accept);
            reporter.report(SpanRecord::builder(context).build());
        };
        for shutdown_async in [false, true] {
            let reporter = forked();
            report(&reporter);
            report(&reporter);
            let started = Instant::now();
            assert!(!reporter.flush(Duration::MAX));
            assert!(!runtime.block_on(reporter.flush_async(Duration::MAX)));
            report(&reporter);
            let ended = if shutdown_async {
                runtime.block_on(reporter.shutdown_async(Duration::MAX))
            } else {
                reporter.shutdown(Duration::MAX)
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
