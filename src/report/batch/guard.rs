use super::{options::DROP_TIMEOUT, reporter::BatchReporter};
use std::time::Duration;

impl BatchReporter {
    /// A guard that shuts the reporter down when it is dropped, also in a panic, for five seconds
    /// at most.
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
/// A signal that is not handled ends the process without dropping anything: handle
/// [SIGTERM and SIGINT](crate::guide::reporting).
#[must_use = "it shuts the reporter down when it is dropped: keep it in a variable while spans are made"]
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
