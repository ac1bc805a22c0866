use crate::record::{Reporter, SpanRecord};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keeps finished spans in memory, in the order in which they finished: for tests.
///
/// Clones share what they keep. It grows without bound. The module `test` (feature `test`) has a
/// collector that waits for spans and asserts on their trees.
///
/// A SERVER span finishes with the response's body, so read the body to its end before you take
/// the spans. Over a real connection it may finish a moment after the client has read the response.
///
/// ```
/// use tower_b3::{Tracer, report::InMemoryReporter};
///
/// let spans = InMemoryReporter::default();
/// let tracer = Tracer::builder("orders").reporter(spans.clone()).build()?;
/// tracer.span("reconcile").in_scope(|| tower_b3::tag("invoices", "12"));
///
/// let taken = spans.take();
/// assert_eq!(taken.len(), 1);
/// assert_eq!(taken[0].tag("invoices").as_deref(), Some("12"));
/// assert!(spans.take().is_empty());
/// # Ok::<(), tower_b3::BuildError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct InMemoryReporter(Arc<Mutex<Vec<SpanRecord>>>);

impl InMemoryReporter {
    /// Takes the spans that have finished since the last call.
    pub fn take(&self) -> Vec<SpanRecord> {
        std::mem::take(&mut self.spans())
    }

    fn spans(&self) -> MutexGuard<'_, Vec<SpanRecord>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter for InMemoryReporter {
    fn report(&self, span: SpanRecord) {
        self.spans().push(span);
    }
}
