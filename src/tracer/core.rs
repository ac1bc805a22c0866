use super::Mode;
use crate::{
    context::{Sampling, TraceContext},
    head::RequestHead,
    home::Homes,
    id::{TraceId, TraceIdKind},
    propagation::{Field, Incoming, Propagation},
    sample::{RateLimit, SampleRequest, Sampler, Threshold},
    span::Open,
    tag::{CustomTags, Limits, Names},
};
use arc_swap::ArcSwap;
use std::{
    borrow::Cow,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// What a tracer and its layers share.
pub(crate) struct Core {
    pub(super) homes: Homes,
    pub(super) sampler: ArcSwap<Sampler>,
    pub(super) overall: Option<Threshold>,
    pub(super) forced_limit: Option<RateLimit>,
    pub(super) debug_limit: Option<RateLimit>,
    pub(super) debug_limited: AtomicU64,
    pub(super) malformed: [AtomicU64; Field::ALL.len()],
    pub(crate) propagation: Propagation,
    pub(crate) mode: Mode,
    pub(crate) ids: TraceIdKind,
    pub(crate) tags: CustomTags,
    /// Whether a custom tag has the name of a standard one.
    pub(crate) collide: bool,
    pub(crate) names: &'static Names,
    pub(crate) component: Cow<'static, str>,
    pub(crate) limits: Limits,
    pub(crate) tag_malformed: bool,
}

impl Core {
    /// A root context with the decision on it.
    pub(crate) fn root(&self, incoming: &Incoming, head: Option<RequestHead<'_>>) -> TraceContext {
        let context = TraceContext::root_of(self.ids, incoming.sampling());
        context.with_sampling(self.decide(context.trace_id(), incoming, head))
    }

    /// Whether a trace is sampled: the order of the decisions is Envoy's.
    pub(crate) fn decide(
        &self,
        trace_id: TraceId,
        incoming: &Incoming,
        head: Option<RequestHead<'_>>,
    ) -> Sampling {
        // An explicit state is never overruled.
        if incoming.sampling() != Sampling::Defer {
            return incoming.sampling();
        }
        let sampled = if incoming.is_client_forced() || incoming.is_forced() {
            self.forced_limit.as_ref().is_none_or(RateLimit::admits)
        } else {
            let request = SampleRequest::new(trace_id, head);
            self.sampler.load().sample(&request)
        };
        let overall = self
            .overall
            .is_none_or(|overall| overall.hits(trace_id.low()));
        Sampling::from(sampled && overall)
    }

    /// The context with the decision on it, if it was undecided.
    pub(crate) fn decided(
        &self,
        context: TraceContext,
        head: Option<RequestHead<'_>>,
    ) -> TraceContext {
        if context.sampling() != Sampling::Defer {
            return context;
        }
        let undecided = Incoming::default();
        context.with_sampling(self.decide(context.trace_id(), &undecided, head))
    }

    /// Starts recording, if the trace is sampled.
    pub(crate) fn start(&self, open: &mut Open, local_root: bool) {
        let Some(context) = open.context() else {
            return;
        };
        if open.muted || !context.sampling().is_sampled() {
            return;
        }
        if context.sampling() == Sampling::Debug && local_root {
            if let Some(limit) = &self.debug_limit {
                if !limit.admits() {
                    self.debug_limited.fetch_add(1, Relaxed);
                    open.muted = true;
                    return;
                }
            }
        }
        let home = self.homes.own();
        open.start(home, self.homes.shared().clock.now());
        if let Some(record) = open.record() {
            record.local_root = local_root;
            record.doubtful = self.collide;
        }
    }

    pub(crate) fn max_tag_length(&self) -> usize {
        self.homes.shared().max_tag_length
    }

    /// Counts what could not be read, and says so once.
    pub(crate) fn note_malformed(&self, incoming: &Incoming) {
        for malformed in incoming.malformed() {
            if self.malformed[malformed.field as usize].fetch_add(1, Relaxed) == 0 {
                tracing::debug!("malformed {malformed}; further ones are counted, not logged");
            }
        }
    }
}
