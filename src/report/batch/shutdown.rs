use super::stats::Stats;
use std::fmt;

/// The result of a shutdown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Whether the thread ended before the timeout. It does not if an encoder or a sender blocks,
    /// nor in a forked process, which has no such thread.
    pub in_time: bool,
    /// How many of the spans that were queued or being sent were not delivered.
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
