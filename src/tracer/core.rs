//! What a tracer and its layers share: the settings, and the decision whether a trace is sampled.
//! [`build`](super::build) makes it, the layers and [`handle`](super::handle) use it.

#[cfg(feature = "config")]
use super::SetInCode;
use crate::{
    context::{Sampling, TraceContext},
    direction::{Direction, Mode, PerDirection},
    head::RequestHead,
    id::{RequestId, TraceId, TraceIdKind, TraceReason, random::random_u64},
    propagation::{Field, Forwarded, HeaderTable, Incoming, Propagation, carries_context},
    record::{SpanSink, SpanSinks},
    sample::{RateLimit, Sampler, SamplingParameters, Threshold},
    span::OpenSpan,
    tag::{CustomTags, Limits, Names, READ_HEADERS, Tag, TagSources},
    user_code::guarded,
};
use arc_swap::{ArcSwap, Cache, Guard};
use std::{
    borrow::Cow,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// What can change while the service runs.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) sampler: Sampler,
    pub(crate) tags: CustomTags,
    /// Whether a custom tag has the name of a standard one.
    pub(crate) collide: bool,
    /// Whether a custom tag is made of a header that a client layer writes a context to.
    pub(crate) tags_tell_context: bool,
    /// What a request that is served is asked for on behalf of the CLIENT spans below it.
    pub(crate) for_calls: TagSources,
    /// Finds the headers that are propagated and those that tags are made of.
    pub(crate) table: HeaderTable,
}

impl Live {
    pub(super) fn new(
        sampler: Sampler,
        tags: CustomTags,
        for_calls: TagSources,
        names: &Names,
        max_tag_length: usize,
        propagation: &Propagation,
    ) -> Live {
        let mut further = READ_HEADERS.to_vec();
        for name in tags.headers().chain(for_calls.headers()) {
            if !further.contains(name) {
                further.push(name.clone());
            }
        }
        let table = propagation.table_with(&further);
        let tags_tell_context = tags.headers().any(carries_context);
        Live {
            tags_tell_context,
            collide: tags.any_named(&names.tags),
            tags: tags.ready(&table, max_tag_length),
            for_calls: for_calls.with_table(&table),
            sampler,
            table,
        }
    }
}

/// What a request that is served is asked for on behalf of CLIENT spans with these tags.
pub(super) fn for_calls(mode: Mode, tags: &CustomTags) -> TagSources {
    match mode {
        Mode::ForwardOnly => TagSources::default(),
        Mode::Spans | Mode::RecordOnly => tags.sources(),
    }
}

pub(crate) type LiveCache = Cache<LiveOf, Arc<Live>>;

/// Where it is found what goes for a direction.
#[derive(Clone)]
pub(crate) struct LiveOf {
    core: Arc<Core>,
    direction: Direction,
}

impl Deref for LiveOf {
    type Target = ArcSwap<Live>;

    fn deref(&self) -> &ArcSwap<Live> {
        self.core.live.of(self.direction)
    }
}

/// What a tracer and its layers share.
pub(crate) struct Core {
    pub(super) sinks: SpanSinks,
    pub(super) live: PerDirection<ArcSwap<Live>>,
    pub(super) client_sampling: Option<Threshold>,
    pub(super) overall: Option<Threshold>,
    pub(super) forced_limit: Option<RateLimit>,
    pub(super) debug_limit: Option<RateLimit>,
    pub(super) debug_limited: AtomicU64,
    pub(super) malformed: [AtomicU64; Field::ALL.len()],
    pub(crate) propagation: Propagation,
    pub(crate) mode: PerDirection<Mode>,
    pub(crate) ids: TraceIdKind,
    /// Whether SERVER spans take their caller's id, unless the layer says otherwise.
    pub(crate) join: bool,
    pub(crate) names: &'static Names,
    pub(crate) component: Cow<'static, str>,
    /// The tags that say who the service is, behind all others.
    pub(super) identity: PerDirection<Vec<Tag>>,
    #[cfg(feature = "config")]
    pub(super) set_in_code: PerDirection<SetInCode>,
    pub(crate) limits: Limits,
    pub(crate) tag_malformed: bool,
}

impl Core {
    /// A root context with the decision on it.
    pub(crate) fn root(
        &self,
        live: &Live,
        incoming: &Incoming,
        forwarded: &mut Forwarded,
        head: Option<RequestHead<'_>>,
    ) -> TraceContext {
        let context = TraceContext::root_of(self.ids, incoming.sampling());
        let sampling = self.decide(live, context.trace_id(), incoming, forwarded, head);
        context.with_sampling(sampling)
    }

    /// Whether a trace is sampled: the order of the decisions is Envoy's. While decisions travel
    /// in request ids, the one made here is packed into the one that is forwarded.
    pub(crate) fn decide(
        &self,
        live: &Live,
        trace_id: TraceId,
        incoming: &Incoming,
        forwarded: &mut Forwarded,
        head: Option<RequestHead<'_>>,
    ) -> Sampling {
        let explicit = incoming.sampling();
        let sampler = &live.sampler;
        let packs = sampler.is_by_request_id();
        forwarded.forced = incoming.is_forced() || incoming.is_client_forced();
        forwarded.sampled_by_caller = explicit.is_sampled();
        if explicit != Sampling::Defer && !packs {
            return explicit;
        }
        let parameters =
            SamplingParameters::new(trace_id, head).with_request_id(forwarded.request_id());
        let undecided = explicit == Sampling::Defer;
        // Where the caller has decided, the answer is for the request id alone: no limit is used up
        // for it.
        let samples = || {
            (undecided || sampler.is_stateless(&parameters)) && sampler.should_sample(&parameters)
        };
        let reason = self.reason(packs, samples, &parameters, incoming);
        let reason = reason.filter(|reason| !undecided || self.admits(*reason));
        if undecided {
            forwarded.forced = reason.is_some_and(|reason| reason != TraceReason::Sampled);
        }
        if let (true, Some(id)) = (packs, forwarded.request_id()) {
            // As Envoy: what only was not sampled leaves the id alone, and so does an id that
            // cannot be sampled by.
            if id.sampling_number().is_some() && id.trace_reason() != reason {
                let id = id.clone().with_trace_reason(reason);
                forwarded.set_request_id(id);
            }
        }
        // An explicit state is never overruled.
        match explicit {
            Sampling::Defer => Sampling::from(reason.is_some()),
            explicit => explicit,
        }
    }

    /// Why the trace is sampled by what is known here; `None` if it is not.
    fn reason(
        &self,
        packs: bool,
        samples: impl FnOnce() -> bool,
        parameters: &SamplingParameters<'_>,
        incoming: &Incoming,
    ) -> Option<TraceReason> {
        let by_id = parameters
            .request_id()
            .filter(|id| packs && id.sampling_number().is_some());
        let number = match by_id {
            Some(_) => parameters.request_number(),
            None => parameters.trace_id().low(),
        };
        // Before the sampler, whose limit is for what is sampled in the end.
        if self.overall.is_some_and(|overall| !overall.admits(number)) {
            return None;
        }
        let travelled = by_id.and_then(RequestId::trace_reason);
        let forced = || match incoming.is_forced() {
            _ if incoming.is_client_forced() && self.admits_clients() => {
                Some(TraceReason::ClientForced)
            }
            true => Some(TraceReason::Forced),
            false => None,
        };
        let reason = travelled.or_else(forced);
        reason.or_else(|| samples().then_some(TraceReason::Sampled))
    }

    /// Whether the rate of forced traces leaves room for this one. It is to be asked only where the
    /// reason decides: what an explicit state decides takes no room.
    fn admits(&self, reason: TraceReason) -> bool {
        let limit = self.forced_limit.as_ref();
        reason == TraceReason::Sampled || limit.is_none_or(RateLimit::admits)
    }

    /// Whether a client may force this trace: by chance, as in Envoy.
    fn admits_clients(&self) -> bool {
        let limit = self.client_sampling.as_ref();
        limit.is_none_or(|limit| limit.admits(random_u64()))
    }

    /// The context with the decision on it, if it was undecided.
    pub(crate) fn decided(&self, context: TraceContext) -> TraceContext {
        if context.sampling() != Sampling::Defer {
            return context;
        }
        let live = self.live(Direction::Client);
        let (incoming, mut forwarded) = (Incoming::default(), Forwarded::default());
        let trace_id = context.trace_id();
        context.with_sampling(self.decide(&live, trace_id, &incoming, &mut forwarded, None))
    }

    /// Starts recording, if the trace is sampled.
    pub(crate) fn start(&self, open: &mut OpenSpan, local_root: bool) {
        let Some(context) = open.context() else {
            return;
        };
        if open.inherited.muted || !context.sampling().is_sampled() {
            return;
        }
        if context.sampling() == Sampling::Debug && local_root {
            if let Some(limit) = &self.debug_limit {
                if !limit.admits() {
                    self.debug_limited.fetch_add(1, Relaxed);
                    open.inherited.muted = true;
                    return;
                }
            }
        }
        let sink = self.sink();
        let now = open.now().unwrap_or_else(|| sink.now());
        let forwarded = &open.inherited.forwarded;
        let (forced, by_caller) = (forwarded.forced, forwarded.sampled_by_caller);
        open.start(sink, now);
        if let Some(record) = open.record() {
            record.fixed.local_root = local_root;
            record.fixed.forced = forced;
            record.fixed.sampled_by_caller = local_root && by_caller;
        }
    }

    /// How many bytes of a tag's value are kept.
    pub(crate) fn max_tag_length(&self) -> usize {
        self.sinks.settings().max_tag_length
    }

    /// The calling thread's way to the reporter.
    pub(crate) fn sink(&self) -> &Arc<SpanSink> {
        self.sinks.own()
    }

    /// What goes for a direction at the moment.
    pub(crate) fn live(&self, direction: Direction) -> Guard<Arc<Live>> {
        self.live.of(direction).load()
    }

    /// The same for a service that asks with each request: it keeps what goes, and looks only
    /// whether that has changed.
    pub(crate) fn live_cache(self: &Arc<Self>, direction: Direction) -> LiveCache {
        Cache::new(LiveOf {
            core: Arc::clone(self),
            direction,
        })
    }

    /// Changes what goes for a direction; `None` leaves what there is.
    pub(super) fn change(
        &self,
        direction: Direction,
        sampler: Option<&Sampler>,
        tags: Option<&CustomTags>,
    ) {
        self.live.of(direction).rcu(|live| {
            let sampler = sampler.unwrap_or(&live.sampler).clone();
            let tags = tags.unwrap_or(&live.tags).clone();
            let for_calls = self.for_calls(direction);
            let most = self.max_tag_length();
            Live::new(
                sampler,
                tags,
                for_calls,
                self.names,
                most,
                &self.propagation,
            )
        });
        if direction == Direction::Client && tags.is_some() {
            // The server layer gathers what these tags are made of.
            self.change(Direction::Server, None, None);
        }
    }

    fn for_calls(&self, direction: Direction) -> TagSources {
        match direction {
            Direction::Server => for_calls(self.mode.client, &self.live(Direction::Client).tags),
            Direction::Client => TagSources::default(),
        }
    }

    /// Counts what could not be read, and says so once.
    pub(crate) fn note_malformed(&self, incoming: &Incoming) {
        for malformed in incoming.malformed() {
            if self.malformed[malformed.field as usize].fetch_add(1, Relaxed) == 0 {
                guarded(|| {
                    tracing::debug!("malformed {malformed}; further ones are counted, not logged")
                });
            }
        }
    }
}
