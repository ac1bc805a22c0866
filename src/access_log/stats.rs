use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What has become of the lines of an access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AccessLogStats {
    /// Written to the output.
    pub written: u64,
    /// Dropped because the queue was full, or the log had ended.
    pub dropped: u64,
    /// Lost because writing failed.
    pub failed: u64,
}

impl AccessLogStats {
    pub(crate) fn sum(all: impl Iterator<Item = AccessLogStats>) -> AccessLogStats {
        all.fold(AccessLogStats::default(), |sum, one| AccessLogStats {
            written: sum.written + one.written,
            dropped: sum.dropped + one.dropped,
            failed: sum.failed + one.failed,
        })
    }
}

/// The counts of a log, over all outputs that it has had.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) written: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) failed: AtomicU64,
}

impl Totals {
    pub(super) fn stats(&self) -> AccessLogStats {
        AccessLogStats {
            written: self.written.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            failed: self.failed.load(Relaxed),
        }
    }
}
