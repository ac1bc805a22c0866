use super::log::AccessLog;
use std::time::Duration;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

impl AccessLog {
    /// A guard that writes what is left when it is dropped, also in a panic, for five seconds at most. Lines that are
    /// left then are counted in a warning.
    #[must_use = "a guard that is dropped at once writes what is left now: bind it to a variable such as `_guard`, not to `_`"]
    pub fn guard(&self) -> AccessLogGuard {
        AccessLogGuard {
            log: self.clone(),
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// Says that time has run out before all lines were written.
    pub(crate) fn warn_of_queued(&self, timeout: Duration) {
        let (lines, seconds) = (self.queued(), timeout.as_secs_f64());
        tracing::warn!(
            "access log: {lines} lines are not written after {seconds} s, and are lost if the process ends"
        );
    }
}

/// Writes what is left when it is dropped; from [`AccessLog::guard`]. A `RunningTracer` does the same for
/// the access logs among its observers.
#[must_use = "a guard that is dropped at once writes what is left now: bind it to a variable such as `_guard`, not to `_`"]
#[derive(Debug)]
pub struct AccessLogGuard {
    log: AccessLog,
    timeout: Duration,
}

impl AccessLogGuard {
    /// How long the drop may take; 5 seconds by default.
    pub fn timeout(mut self, timeout: Duration) -> AccessLogGuard {
        self.timeout = timeout;
        self
    }
}

impl Drop for AccessLogGuard {
    fn drop(&mut self) {
        if !self.log.flush(self.timeout) {
            self.log.warn_of_queued(self.timeout);
        }
    }
}
