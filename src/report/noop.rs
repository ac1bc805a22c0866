use crate::record::{Reporter, SpanRecord};

/// Drops every span: for services that only propagate.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoopReporter;

impl Reporter for NoopReporter {
    fn report(&self, _span: SpanRecord) {}

    fn report_ref(&self, _span: &SpanRecord) -> bool {
        true
    }
}
