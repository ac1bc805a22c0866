//! The second step of a request: its context, whether it is sampled, and its request id. The decision
//! about sampling itself is the tracer's.

use super::{receive::Received, settings::ServerSettings};
use crate::{
    context::{Sampling, TraceContext},
    direction::Direction,
    head::RequestHead,
    id::{RequestId, TraceIdKind},
    propagation::{Format, Forwarded, HeaderValues, Incoming},
    span::{OpenSpan, OutgoingRequests},
    tracer::DynamicSettings,
};
use http::{HeaderMap, Request};

impl ServerSettings {
    /// Reads the headers in one pass, into `values`, and decides about the trace. `open` gets the context
    /// and the request id.
    pub(super) fn decide<'a, B>(
        &self,
        dynamic: &DynamicSettings,
        request: &'a Request<B>,
        received: &Received,
        values: &mut HeaderValues<'a>,
        open: &mut OpenSpan,
    ) -> Incoming {
        let inherited = &mut open.inherited;
        // The outer layer has read the headers that are forwarded.
        let forwarded = received.outer.is_none();
        let forwarded = forwarded.then_some(&mut inherited.forwarded.headers);
        let table = &dynamic.header_table;
        let observers = &self.tracer.inner.observers;
        match received.observed && observers.want_header_scan(Direction::Server) {
            true => table.read_into::<true>(request.headers(), forwarded, values),
            false => table.read_into::<false>(request.headers(), forwarded, values),
        }
        let forwarded = &mut inherited.forwarded;
        let incoming = match received.outer {
            Some(_) => Incoming::default(),
            None => self.interpret(dynamic, values, request.headers(), received, forwarded),
        };
        if forwarded.request_id().is_none() {
            forwarded.set_request_id(RequestId::random());
        }
        let inner = &self.tracer.inner;
        inherited.context = Some(match (received.excluded, &received.outer) {
            (false, None) => {
                let head = RequestHead::of(request);
                self.server_context(dynamic, &incoming, forwarded, head)
            }
            (false, Some(outer)) => outer.child(),
            (true, None) => {
                let propagation = &inner.propagation;
                propagation.keep_traceparent(request.headers(), forwarded);
                excluded_context(inner.trace_ids, &incoming)
            }
            (true, Some(outer)) => *outer,
        });
        if received.excluded {
            inherited.outgoing_requests = OutgoingRequests::KeepContext;
        }
        incoming
    }

    /// What the request's headers say.
    fn interpret(
        &self,
        dynamic: &DynamicSettings,
        values: &HeaderValues<'_>,
        headers: &HeaderMap,
        received: &Received,
        forwarded: &mut Forwarded,
    ) -> Incoming {
        let inner = &*self.tracer.inner;
        let incoming = inner.propagation.interpret(values, headers, forwarded);
        if !incoming.is_well_formed() {
            inner.note_malformed(&incoming);
        }
        if received.peer_trusted {
            return incoming;
        }
        inner.propagation.remove_added(forwarded);
        // Resets the digit of the id that holds a reason, even if it holds none: whatever the peer wrote
        // there must not be forwarded.
        let by_request_id = dynamic.sampler.is_by_request_id();
        if let Some(id) = forwarded.request_id().filter(|_| by_request_id) {
            let id = id.clone().with_trace_reason(None);
            forwarded.set_request_id(id);
        }
        incoming
    }

    /// Whether the SERVER span takes its caller's id. Only B3 has this model.
    pub(super) fn joins(&self, incoming: &Incoming) -> bool {
        self.join && !matches!(incoming.origin(), None | Some(Format::W3c))
    }

    /// The context of the SERVER span.
    fn server_context(
        &self,
        dynamic: &DynamicSettings,
        incoming: &Incoming,
        forwarded: &mut Forwarded,
        head: RequestHead<'_>,
    ) -> TraceContext {
        let inner = &*self.tracer.inner;
        let Some(caller) = incoming.context() else {
            return inner.root(dynamic, incoming, forwarded, Some(head));
        };
        let trace_id = caller.trace_id();
        let sampling = inner.decide(dynamic, trace_id, incoming, forwarded, Some(head));
        let caller = caller.with_sampling(sampling);
        match self.joins(incoming) {
            true => caller,
            false => caller.child(),
        }
    }
}

/// The context below an excluded request: the incoming one, or new ids that are not sampled.
fn excluded_context(kind: TraceIdKind, incoming: &Incoming) -> TraceContext {
    incoming.context().unwrap_or_else(|| {
        let sampling = match incoming.sampling() {
            Sampling::Defer => Sampling::Deny,
            decided => decided,
        };
        TraceContext::root_of(kind, sampling)
    })
}
