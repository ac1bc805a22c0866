//! [`RunningTracer`]: a tracer together with what must end when it does. The methods that start one are
//! in `start` and, for a configuration, next to the configuration.

use super::Tracer;
use crate::report::{BatchReporter, ShutdownReport};
use std::{
    any::Any,
    fmt,
    ops::Deref,
    time::{Duration, Instant},
};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// A [`Tracer`], the reporter that sends its spans, and, if it was started from a file, the watch on
/// that file.
///
/// Keep it in `main` while the service runs. It dereferences to the tracer. When it is dropped, also
/// by a panic, the file is no longer watched, and what is left is sent, for five seconds at most. What
/// cannot be sent is logged.
///
/// ```
/// use tower_b3::{Tracer, zipkin::JsonLinesReporter};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let reporter = JsonLinesReporter::builder(std::io::stderr()).build()?;
///     let tracing = Tracer::builder("orders").start(reporter)?;
///     let server_layer = tracing.server_layer();
///     // Serve. However this function ends, what is queued is sent.
///     Ok(())
/// }
/// ```
///
/// Bind it to a variable with a name: `let _ = …` drops it at once. A signal that is not handled ends
/// the process without dropping anything: handle [SIGTERM and SIGINT](crate::guide::reporting).
#[must_use = "spans are sent only until this is dropped: bind it to a variable such as `tracing`, not to `_`"]
pub struct RunningTracer {
    tracer: Tracer,
    /// `None` if spans go nowhere, or to a reporter of another kind.
    reporter: Option<BatchReporter>,
    /// Whether the tracer has another reporter, which may pass spans on to `reporter`.
    in_front: bool,
    timeout: Duration,
    watch: Option<Box<dyn Any + Send + Sync>>,
    ended: bool,
}

impl RunningTracer {
    pub(super) fn new(
        tracer: Tracer,
        reporter: Option<BatchReporter>,
        in_front: bool,
    ) -> RunningTracer {
        RunningTracer {
            tracer,
            reporter,
            in_front,
            timeout: DEFAULT_TIMEOUT,
            watch: None,
            ended: false,
        }
    }

    /// Drops this watch before the reporter is shut down.
    #[cfg(all(feature = "config", any(feature = "otlp", feature = "zipkin")))]
    pub(crate) fn watched_by(mut self, watch: impl Any + Send + Sync) -> RunningTracer {
        self.watch = Some(Box::new(watch));
        self
    }

    /// How long the drop may take; 5 seconds by default.
    pub fn timeout(mut self, timeout: Duration) -> RunningTracer {
        self.timeout = timeout;
        self
    }

    /// The tracer, to be cloned. It works on after this value is dropped, but its spans are no longer
    /// sent.
    pub fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// The reporter, for its counts; `None` if a configuration sends spans nowhere.
    pub fn reporter(&self) -> Option<&BatchReporter> {
        self.reporter.as_ref()
    }

    /// Does what the drop does, with this timeout, and returns what was lost; `None` without a
    /// [`reporter`](Self::reporter).
    ///
    /// It blocks: inside an async runtime, use `spawn_blocking`.
    pub fn shutdown(mut self, timeout: Duration) -> Option<ShutdownReport> {
        self.end(timeout)
    }

    fn end(&mut self, timeout: Duration) -> Option<ShutdownReport> {
        self.ended = true;
        self.watch = None;
        let started = Instant::now();
        // An output that blocks must not keep spans from being sent.
        self.flush_observers(timeout / 2);
        if self.in_front {
            let left = timeout.saturating_sub(started.elapsed());
            self.tracer.flush(left);
        }
        let left = timeout.saturating_sub(started.elapsed());
        let reporter = self.reporter.as_ref()?;
        Some(reporter.shutdown(left))
    }
}

impl RunningTracer {
    fn flush_observers(&self, timeout: Duration) {
        let inner = &self.tracer.inner;
        if inner.observers.flush(timeout) {
            return;
        }
        #[cfg(feature = "access-log")]
        if let Some(log) = inner.access_logs.iter().find(|log| log.queued() > 0) {
            return log.warn_of_queued(timeout);
        }
        let seconds = timeout.as_secs_f64();
        tracing::warn!("tracing: an observer has not finished within {seconds} s");
    }
}

impl Deref for RunningTracer {
    type Target = Tracer;

    fn deref(&self) -> &Tracer {
        &self.tracer
    }
}

impl Drop for RunningTracer {
    fn drop(&mut self) {
        if !self.ended {
            self.end(self.timeout);
        }
    }
}

impl fmt::Debug for RunningTracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningTracer")
            .field("tracer", &self.tracer)
            .field("reporter", &self.reporter)
            .finish_non_exhaustive()
    }
}
