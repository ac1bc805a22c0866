//! `TraceContext`: the ids of a span and whether it is sampled.
//!
//! Propagation reads and writes it, spans and samplers build on it. What else travels with a request
//! (forwarded headers, the request id) is not here.

use crate::id::{SpanId, TraceId, TraceIdKind};

/// Whether a trace is sampled: the four states of B3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Sampling {
    /// Undecided: the receiver decides.
    #[default]
    Defer,
    /// Not sampled; ids are still propagated.
    Deny,
    /// Sampled.
    Accept,
    /// Sampled regardless of samplers and collectors; the spans are marked as debug.
    Debug,
}

impl Sampling {
    /// Returns `Some(true)` if spans are recorded, `Some(false)` if not, `None` if undecided.
    pub fn decision(self) -> Option<bool> {
        match self {
            Sampling::Defer => None,
            Sampling::Deny => Some(false),
            Sampling::Accept | Sampling::Debug => Some(true),
        }
    }

    /// Returns whether spans are recorded: [`Accept`](Self::Accept) or [`Debug`](Self::Debug).
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

/// The context of a span: trace id, span id, parent id and sampling state.
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
    /// Creates a context from its parts.
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

    /// Starts a trace with a random 128-bit id.
    ///
    /// The id of the root span is the low half of the trace id, as in Envoy and Brave.
    pub fn root(sampling: Sampling) -> TraceContext {
        TraceContext::root_of(TraceIdKind::default(), sampling)
    }

    /// Starts a trace with an id of this kind.
    pub fn root_of(kind: TraceIdKind, sampling: Sampling) -> TraceContext {
        let trace_id = TraceId::generate(kind);
        TraceContext {
            trace_id,
            span_id: SpanId::new(trace_id.low()).unwrap_or_else(SpanId::random),
            parent_id: None,
            sampling,
        }
    }

    /// Creates a child: the same trace, a new span id, and this span as the parent.
    pub fn child(&self) -> TraceContext {
        TraceContext {
            span_id: SpanId::random(),
            parent_id: Some(self.span_id),
            ..*self
        }
    }

    /// Replaces the sampling state.
    #[must_use]
    pub fn with_sampling(self, sampling: Sampling) -> TraceContext {
        TraceContext { sampling, ..self }
    }

    /// The same span, without saying which its parent is.
    pub(crate) fn without_parent(self) -> TraceContext {
        TraceContext {
            parent_id: None,
            ..self
        }
    }

    /// The trace id.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The span id.
    pub fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// The id of the parent span; `None` for a root span, or if the caller did not send it.
    pub fn parent_id(&self) -> Option<SpanId> {
        self.parent_id
    }

    /// The sampling state.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_has_the_low_half_of_its_trace_id_and_a_child_has_a_parent() {
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
