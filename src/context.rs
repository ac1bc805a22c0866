//! The context of a trace: which trace, which span, and whether it is sampled.

use crate::id::{SpanId, TraceId, TraceIdKind};

/// Whether a trace is recorded and reported: the four states of B3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Sampling {
    /// Undecided: whoever receives it decides.
    #[default]
    Defer,
    /// Not sampled. Ids are still propagated.
    Deny,
    /// Sampled.
    Accept,
    /// Sampled whatever samplers and collectors say; the spans are marked as debug.
    Debug,
}

impl Sampling {
    /// `Some(true)` if spans are recorded, `Some(false)` if not, `None` while undecided.
    pub fn decision(self) -> Option<bool> {
        match self {
            Sampling::Defer => None,
            Sampling::Deny => Some(false),
            Sampling::Accept | Sampling::Debug => Some(true),
        }
    }

    /// Whether spans are recorded: [`Accept`](Self::Accept) or [`Debug`](Self::Debug).
    pub fn is_sampled(self) -> bool {
        self.decision() == Some(true)
    }
}

impl From<bool> for Sampling {
    /// `true` is [`Accept`](Self::Accept), `false` is [`Deny`](Self::Deny).
    fn from(sampled: bool) -> Self {
        if sampled {
            Sampling::Accept
        } else {
            Sampling::Deny
        }
    }
}

/// What travels from span to span: trace id, span id, parent id and sampling state.
///
/// ```
/// use tower_b3::{Sampling, TraceContext};
///
/// let root = TraceContext::root(Sampling::Accept);
/// assert_eq!(root.span_id().get(), root.trace_id().low());
///
/// let child = root.child();
/// assert_eq!(child.trace_id(), root.trace_id());
/// assert_eq!(child.parent_id(), Some(root.span_id()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: TraceId,
    span_id: SpanId,
    parent_id: Option<SpanId>,
    sampling: Sampling,
}

impl TraceContext {
    /// The context of these ids.
    pub fn new(
        trace_id: TraceId,
        span_id: SpanId,
        parent_id: Option<SpanId>,
        sampling: Sampling,
    ) -> TraceContext {
        TraceContext {
            trace_id,
            span_id,
            parent_id,
            sampling,
        }
    }

    /// A new trace with a random 128-bit id, at its first span.
    ///
    /// The span's id is the low half of the trace's, as Envoy and Brave make it.
    pub fn root(sampling: Sampling) -> TraceContext {
        TraceContext::root_of(TraceIdKind::default(), sampling)
    }

    /// A new trace whose id is of the given kind, at its first span.
    pub fn root_of(kind: TraceIdKind, sampling: Sampling) -> TraceContext {
        let trace_id = TraceId::generate(kind);
        TraceContext {
            trace_id,
            span_id: SpanId::new(trace_id.low()).unwrap_or_else(SpanId::random),
            parent_id: None,
            sampling,
        }
    }

    /// A new span below this one.
    pub fn child(&self) -> TraceContext {
        TraceContext {
            span_id: SpanId::random(),
            parent_id: Some(self.span_id),
            ..*self
        }
    }

    /// The same ids with another sampling state.
    #[must_use]
    pub fn with_sampling(self, sampling: Sampling) -> TraceContext {
        TraceContext { sampling, ..self }
    }

    /// The trace.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The span.
    pub fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// The span above; `None` at the root, or where a caller did not say.
    pub fn parent_id(&self) -> Option<SpanId> {
        self.parent_id
    }

    /// Whether the trace is sampled.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_and_children() {
        for kind in [
            TraceIdKind::Random128,
            TraceIdKind::Random64,
            TraceIdKind::TimePrefixed,
        ] {
            let root = TraceContext::root_of(kind, Sampling::Debug);
            assert_eq!(root.span_id().get(), root.trace_id().low());
            assert_eq!(root.parent_id(), None);
            let child = root.child();
            assert_eq!(child.sampling(), Sampling::Debug);
            assert_eq!(child.parent_id(), Some(root.span_id()));
            assert_ne!(child.span_id(), root.span_id());
        }
    }
}
