/// What has become of the lines of an access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AccessLogStats {
    /// Written to the output.
    pub written: u64,
    /// Dropped because the queue was full or busy, or the log had ended.
    pub dropped: u64,
    /// Lost because writing failed.
    pub failed: u64,
}
