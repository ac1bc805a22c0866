//! The decision whether a trace is sampled, for both layers and for local spans.
//!
//! The order is Envoy's: what the caller has decided, a limit on all sampling, the reason in the request
//! id, the headers that force a trace, and only then the sampler.

use super::{TracerInner, dynamic::DynamicSettings};
use crate::{
    context::{Sampling, TraceContext},
    direction::Direction,
    head::RequestHead,
    id::{RequestId, TraceId, TraceReason, random::random_u64},
    propagation::{Forwarded, Incoming},
    sample::{RateLimit, SamplingParameters},
};

impl TracerInner {
    /// A new trace's root context, with the decision in it.
    pub(crate) fn root(
        &self,
        dynamic: &DynamicSettings,
        incoming: &Incoming,
        forwarded: &mut Forwarded,
        head: Option<RequestHead<'_>>,
    ) -> TraceContext {
        let context = TraceContext::root_of(self.trace_ids, incoming.sampling());
        let sampling = self.decide(dynamic, context.trace_id(), incoming, forwarded, head);
        context.with_sampling(sampling)
    }

    /// The context with the decision in it, for a trace that no request asked for.
    pub(crate) fn decided(&self, context: TraceContext) -> TraceContext {
        if context.sampling() != Sampling::Defer {
            return context;
        }
        let dynamic = self.dynamic_settings(Direction::Client);
        let (incoming, mut forwarded) = (Incoming::default(), Forwarded::default());
        let trace_id = context.trace_id();
        context.with_sampling(self.decide(&dynamic, trace_id, &incoming, &mut forwarded, None))
    }

    /// Decides whether a trace is sampled. While sampling is by request id, the decision is also
    /// written into the request id that is forwarded.
    pub(crate) fn decide(
        &self,
        dynamic: &DynamicSettings,
        trace_id: TraceId,
        incoming: &Incoming,
        forwarded: &mut Forwarded,
        head: Option<RequestHead<'_>>,
    ) -> Sampling {
        let explicit = incoming.sampling();
        let sampler = &dynamic.sampler;
        let by_request_id = sampler.is_by_request_id();
        forwarded.forced = incoming.is_forced() || incoming.is_client_forced();
        forwarded.sampled_by_caller = explicit.is_sampled();
        if explicit != Sampling::Defer && !by_request_id {
            return explicit;
        }
        let parameters =
            SamplingParameters::new(trace_id, head).with_request_id(forwarded.request_id());
        let undecided = explicit == Sampling::Defer;
        // If the caller has decided, the answer is for the request id only, and must not use up the
        // budget of a limit.
        let samples = || {
            (undecided || sampler.is_stateless(&parameters)) && sampler.should_sample(&parameters)
        };
        let reason = self.reason(by_request_id, samples, &parameters, incoming);
        let reason = reason.filter(|reason| !undecided || self.admits(*reason));
        if undecided {
            forwarded.forced = reason.is_some_and(|reason| reason != TraceReason::Sampled);
        }
        if let (true, Some(id)) = (by_request_id, forwarded.request_id()) {
            // As in Envoy, an id that sampling cannot use stays as it is.
            if id.sampling_number().is_some() && id.trace_reason() != reason {
                let id = id.clone().with_trace_reason(reason);
                forwarded.set_request_id(id);
            }
        }
        // A decision of the caller is never overruled.
        match explicit {
            Sampling::Defer => Sampling::from(reason.is_some()),
            explicit => explicit,
        }
    }

    /// The reason why this service would sample the trace; `None` if it would not.
    fn reason(
        &self,
        by_request_id: bool,
        samples: impl FnOnce() -> bool,
        parameters: &SamplingParameters<'_>,
        incoming: &Incoming,
    ) -> Option<TraceReason> {
        let request_id = parameters
            .request_id()
            .filter(|id| by_request_id && id.sampling_number().is_some());
        let number = match request_id {
            Some(_) => parameters.request_number(),
            None => parameters.trace_id().low(),
        };
        // Before the sampler, whose rate limit is for traces that are sampled in the end.
        let limit = self.overall_sampling;
        if limit.is_some_and(|limit| !limit.admits(number)) {
            return None;
        }
        let forced = || match incoming.is_forced() {
            _ if incoming.is_client_forced() && self.admits_client_forced() => {
                Some(TraceReason::ClientForced)
            }
            true => Some(TraceReason::Forced),
            false => None,
        };
        let received = request_id.and_then(RequestId::trace_reason);
        let reason = received.or_else(forced);
        reason.or_else(|| samples().then_some(TraceReason::Sampled))
    }

    /// Whether the rate limit for forced traces admits this one. Call it only if the reason decides:
    /// each call that returns `true` uses up some of the budget.
    fn admits(&self, reason: TraceReason) -> bool {
        let limit = self.forced_rate_limit.as_ref();
        reason == TraceReason::Sampled || limit.is_none_or(RateLimit::admits)
    }

    /// Whether `x-client-trace-id` forces this trace: by chance, as in Envoy.
    fn admits_client_forced(&self) -> bool {
        let limit = self.client_sampling.as_ref();
        limit.is_none_or(|limit| limit.admits(random_u64()))
    }
}
