use super::StoredTrace;

/// The traces that have changed since a reader asked last.
///
/// A reader asks when it is ready for more, so a slow reader costs nothing: it finds only the latest
/// state of each trace.
#[derive(Debug)]
pub(crate) struct Updates {
    /// Changes when the store is cleared.
    pub(crate) generation: u64,
    /// How many more traces had changed.
    pub(crate) missed: usize,
    pub(crate) traces: Vec<StoredTrace>,
    /// The number of the last change.
    pub(crate) last: u64,
}
