//! `TracerInner`: what a tracer and its layers share. [`build`](super::build) makes it; the layers and
//! [`handle`](super::handle) use it.
//!
//! What may change while the service runs is in [`dynamic`](super::dynamic), the decision about sampling
//! in [`decide`](super::decide).

#[cfg(feature = "config")]
use super::SetInCode;
use super::dynamic::DynamicSettings;
#[cfg(feature = "access-log")]
use crate::access_log::AccessLog;
use crate::{
    context::Sampling,
    direction::{Direction, Mode, PerDirection},
    head::RequestHead,
    id::TraceIdKind,
    observe::{Grpc, ObserversOfThreads, RequestHeaders},
    propagation::{Field, Incoming, Propagation},
    record::{SpanSink, SpanSinks},
    sample::{RateLimit, Threshold},
    span::OpenSpan,
    tags::{Tag, TagConvention, UrlLimits},
    user_code::guarded,
};
use arc_swap::ArcSwap;
use http::Request;
use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// What a tracer and its layers share.
pub(crate) struct TracerInner {
    pub(super) sinks: SpanSinks,
    pub(super) dynamic: PerDirection<ArcSwap<DynamicSettings>>,
    pub(super) client_sampling: Option<Threshold>,
    pub(super) overall_sampling: Option<Threshold>,
    pub(super) forced_rate_limit: Option<RateLimit>,
    pub(super) debug_rate_limit: Option<RateLimit>,
    /// The counters of `Tracer::debug_limited` and `Tracer::malformed`. They are statistics: nothing
    /// else depends on their order, so `Relaxed` is enough.
    pub(super) debug_limited: AtomicU64,
    pub(super) malformed: [AtomicU64; Field::ALL.len()],
    pub(crate) propagation: Propagation,
    pub(crate) mode: PerDirection<Mode>,
    pub(crate) trace_ids: TraceIdKind,
    /// Whether SERVER spans take their caller's id, unless the layer decides.
    pub(crate) join: bool,
    pub(crate) tag_convention: &'static TagConvention,
    pub(crate) component: Cow<'static, str>,
    /// The tags that say which service this is. They come after all other custom tags.
    pub(super) identity_tags: PerDirection<Vec<Tag>>,
    #[cfg(feature = "config")]
    pub(super) set_in_code: PerDirection<SetInCode>,
    /// One of the observers: it writes what a configuration says.
    #[cfg(all(feature = "access-log", feature = "config"))]
    pub(crate) configured_log: AccessLog,
    /// Those among the observers.
    #[cfg(feature = "access-log")]
    pub(super) access_logs: Vec<AccessLog>,
    /// The metrics that its layers count in, for changes of the configuration.
    #[cfg(feature = "metrics-config")]
    pub(crate) metrics: Vec<crate::metrics::Metrics>,
    pub(crate) observers: ObserversOfThreads,
    pub(crate) url_limits: UrlLimits,
    pub(crate) tag_malformed_headers: bool,
}

impl TracerInner {
    /// Starts recording, if the trace is sampled.
    pub(crate) fn start(&self, open: &mut OpenSpan, is_local_root: bool) {
        let Some(context) = open.context() else {
            return;
        };
        if open.inherited.suppressed || !context.sampling().is_sampled() {
            return;
        }
        if context.sampling() == Sampling::Debug && is_local_root {
            // The limit is for local roots only: below one that is recorded, everything is.
            if let Some(limit) = &self.debug_rate_limit {
                if !limit.admits() {
                    self.debug_limited.fetch_add(1, Relaxed);
                    open.inherited.suppressed = true;
                    return;
                }
            }
        }
        let sink = self.sink();
        let now = open.now().unwrap_or_else(|| sink.now());
        let forwarded = &open.inherited.forwarded;
        let (forced, sampled_by_caller) = (forwarded.forced, forwarded.sampled_by_caller);
        open.start(sink, now);
        if let Some(record) = open.record() {
            record.fields.local_root = is_local_root;
            record.fields.forced = forced;
            record.fields.sampled_by_caller = is_local_root && sampled_by_caller;
        }
    }

    /// Asks the observers whether they are active. If one is, call [`observe`](Self::observe) once the span
    /// has started.
    pub(crate) fn prepare_observation(&self, open: &mut OpenSpan) -> bool {
        let observers = self.observers.of_current_thread();
        observers.is_some_and(|observers| open.observation.prepare(observers))
    }

    /// Calls the active observers with a request. `headers` is what the layer has found in the headers, if it
    /// has read them. `peer_trusted` is whether metadata may be exchanged with the peer.
    pub(crate) fn observe<B>(
        &self,
        open: &mut OpenSpan,
        direction: Direction,
        request: &mut Request<B>,
        headers: Option<RequestHeaders>,
        peer_trusted: bool,
    ) {
        let Some(observers) = self.observers.of_current_thread() else {
            return;
        };
        let started = open.started().or_else(|| open.now());
        let started = started.unwrap_or_else(|| self.sink().now());
        // In an outgoing request, `x-forwarded-proto` is about another connection.
        let trusted = peer_trusted && direction == Direction::Server;
        let head = RequestHead::of(request).trust_forwarded_proto(trusted);
        let scans = self.observers.want_header_scan(direction);
        let headers = headers.unwrap_or_else(|| RequestHeaders::of(head.headers(), scans));
        let facts = &mut open.exchange;
        facts.direction = Some(direction);
        facts.method = head.method().clone();
        facts.version = head.version();
        facts.grpc = Grpc::requested(headers.is_grpc);
        facts.request_bytes = headers.content_length;
        let observation = &mut open.observation;
        #[cfg(feature = "metrics")]
        if observation.read_request(observers, direction, &head, &headers.scan, peer_trusted) {
            observation.change_request(observers, direction, request.headers_mut());
        }
        let head = RequestHead::of(request).trust_forwarded_proto(trusted);
        observation.begin(observers, started, direction, &head);
    }

    /// How many bytes of a tag's value are kept.
    pub(crate) fn max_tag_length(&self) -> usize {
        self.sinks.settings().max_tag_length
    }

    /// Where spans that this thread starts are reported.
    pub(crate) fn sink(&self) -> &Arc<SpanSink> {
        self.sinks.for_current_thread()
    }

    /// Counts malformed headers, and logs the first of each.
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
