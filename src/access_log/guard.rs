use super::log::AccessLog;
use std::time::Duration;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

impl AccessLog {
    /// A guard that writes what is left when it is dropped, also in a panic, for five seconds at most.
    #[must_use = "a guard that is dropped at once writes what is left now: bind it to a variable such as `_guard`, not to `_`"]
    pub fn guard(&self) -> AccessLogGuard {
        AccessLogGuard {
            log: self.clone(),
            timeout: DEFAULT_TIMEOUT,
        }
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
        self.log.flush(self.timeout);
    }
}
