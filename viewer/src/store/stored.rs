use crate::{
    model::Span,
    trace::{Summary, TraceView, for_each_call, merge},
};
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

/// The spans of a trace as they were reported. A clone is a cheap snapshot.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoredTrace {
    pub(super) spans: Arc<Vec<Arc<Span>>>,
    pub(super) updated: u64,
    summary: Arc<OnceLock<Summary>>,
}

impl StoredTrace {
    pub(super) fn push(&mut self, span: Arc<Span>) {
        Arc::make_mut(&mut self.spans).push(span);
    }

    /// Marks it as changed.
    pub(super) fn set_updated(&mut self, updated: u64) {
        self.updated = updated;
        self.summary = Arc::default();
    }

    pub(crate) fn spans(&self) -> &[Arc<Span>] {
        &self.spans
    }

    pub(crate) fn updated(&self) -> u64 {
        self.updated
    }

    /// The trace as the page shows it; `None` only without spans.
    pub(crate) fn view(&self) -> Option<TraceView> {
        TraceView::new(&self.spans)
    }

    /// The summary, computed once for each state of the trace.
    pub(crate) fn summary(&self) -> Option<&Summary> {
        if let Some(summary) = self.summary.get() {
            return Some(summary);
        }
        let view = self.view()?;
        Some(
            self.summary
                .get_or_init(|| Summary::new(&view, self.updated)),
        )
    }

    /// Whether the service `caller` calls the service `callee` in it.
    pub(crate) fn has_call(&self, caller: &str, callee: &str) -> bool {
        let mut found = false;
        for_each_call(&merge(&self.spans), |call| {
            found |= call.parent == caller && call.child == callee;
        });
        found
    }

    /// The traces by complete id, for those who do not want 64-bit ids to match 128-bit ids.
    pub(crate) fn by_complete_id(&self) -> Vec<Vec<Arc<Span>>> {
        let mut groups: Vec<Vec<Arc<Span>>> = Vec::new();
        let mut by_id = HashMap::new();
        for span in self.spans.iter() {
            let at = *by_id.entry(span.trace_id).or_insert(groups.len());
            if at == groups.len() {
                groups.push(Vec::new());
            }
            groups[at].push(Arc::clone(span));
        }
        groups
    }
}
