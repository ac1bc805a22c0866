use super::{options::DROP_TIMEOUT, reporter::BatchReporter};
use std::time::Duration;

impl BatchReporter {
    /// A guard that shuts the reporter down when it is dropped, also in a panic, for five seconds
    /// at most.
    ///
    /// Bind it to a variable with a name, such as `_guard`. `let _ = reporter.guard()` drops it at
    /// once: the reporter is shut down, and every later span is dropped. The compiler accepts that;
    /// the first span that is lost is logged as a warning that names the guard.
    #[must_use = "a guard that is dropped at once shuts the reporter down: bind it to a variable such as `_guard`, not to `_`"]
    pub fn guard(&self) -> Guard {
        Guard {
            reporter: self.clone(),
            timeout: DROP_TIMEOUT,
        }
    }
}

/// Shuts a reporter down when it is dropped; from [`BatchReporter::guard`].
///
/// ```
/// use std::time::Duration;
/// use tower_b3::{Tracer, zipkin::JsonLinesReporter};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let reporter = JsonLinesReporter::builder(std::io::stderr()).build()?;
///     let _guard = reporter.guard().timeout(Duration::from_secs(2));
///     let tracer = Tracer::builder("orders").reporter(reporter).build()?;
///     // Serve. However this function ends, what is queued is sent.
///     Ok(())
/// }
/// ```
///
/// The compiler warns if a guard is not bound to a variable at all:
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// # let reporter = tower_b3::zipkin::JsonLinesReporter::builder(std::io::stderr()).build().unwrap();
/// reporter.guard();
/// ```
///
/// A signal that is not handled ends the process without dropping anything: handle
/// [SIGTERM and SIGINT](crate::guide::reporting).
#[must_use = "a guard that is dropped at once shuts the reporter down: bind it to a variable such as `_guard`, not to `_`"]
#[derive(Debug)]
pub struct Guard {
    reporter: BatchReporter,
    timeout: Duration,
}

impl Guard {
    /// How long the shutdown may take; 5 seconds by default.
    pub fn timeout(mut self, timeout: Duration) -> Guard {
        self.timeout = timeout;
        self
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.reporter.shutdown(self.timeout);
    }
}
