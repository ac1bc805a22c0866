use super::Span;
use std::cell::Cell;

/// How much memory the spans of one message may take.
///
/// Spans repeat what a message says once, such as the attributes of their resource, and a span of a
/// few bytes takes hundreds in memory. So a message within its limit could become spans without a
/// limit.
#[derive(Default)]
pub(crate) struct Budget(Cell<usize>);

const MOST_BYTES: usize = 256 << 20;

impl Budget {
    /// Counts a span. The error says that it is too much.
    pub(crate) fn spend(&self, span: &Span) -> Result<(), String> {
        self.0.set(self.0.get() + span.bytes());
        if self.0.get() <= MOST_BYTES {
            return Ok(());
        }
        let most = MOST_BYTES >> 20;
        Err(format!(
            "the spans take more than {most} MiB of memory; send fewer spans at once"
        ))
    }
}
