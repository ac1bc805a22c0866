//! Finds the parent of an outgoing request, and decides whether the request gets a span.

use super::{settings::ClientSettings, write::HeadersToWrite};
use crate::{
    context::{Sampling, TraceContext},
    direction::{Direction, Mode},
    head::RequestHead,
    id::RequestId,
    propagation::{REQUEST_ID, TracingHeader},
    span::{OpenSpan, OutgoingRequests, RequestContext, slot},
    tracer::TracerInner,
};
use http::{Extensions, HeaderMap, Request};

/// The place of an outgoing request in its trace.
pub(super) enum Placement {
    /// The request gets a CLIENT span.
    Span {
        open: Box<OpenSpan>,
        /// Whether it is the first span of its trace in this process.
        is_local_root: bool,
        to_write: HeadersToWrite,
    },
    /// The request gets no span, and its headers are written.
    Untraced,
}

/// How a request relates to the span that it is sent below.
enum Relation {
    Child(Box<OpenSpan>),
    /// The parent is the context in the request's own headers.
    InHeaders(Box<OpenSpan>),
    Untraced,
}

impl ClientSettings {
    /// Finds the parent and makes the CLIENT span's context. If there is no span, writes the headers,
    /// unless the request's host must not get any.
    ///
    /// The parent is the [`RequestContext`] or [`TraceContext`] in the request's extensions; otherwise the
    /// current span; otherwise the context in the request's own headers, where a handler copied them by
    /// hand. Without any of these, a new trace begins.
    pub(super) fn place<B>(&self, request: &mut Request<B>, propagates: bool) -> Placement {
        let inner = &*self.tracer.inner;
        let mode = inner.mode.client;
        let given = given_parent(request.extensions_mut());
        let headers = request.headers_mut();
        let relation = match given {
            Some(mut parent) => {
                let forwarded = &mut parent.inherited.forwarded;
                if forwarded.request_id().is_none() && mode != Mode::ForwardOnly {
                    forwarded.set_request_id(RequestId::random());
                }
                let relation = relate(inner, &mut parent, headers, propagates);
                parent.finish();
                Some(relation)
            }
            None => slot::with_current(|parent| relate(inner, parent, headers, propagates)),
        };
        let open = match relation {
            Some(Relation::Child(open)) => {
                return Placement::Span {
                    open,
                    is_local_root: false,
                    to_write: match mode {
                        Mode::Spans if propagates => HeadersToWrite::Context,
                        _ => HeadersToWrite::Nothing,
                    },
                };
            }
            Some(Relation::InHeaders(open)) => open,
            None if mode != Mode::ForwardOnly => slot::blank(),
            None | Some(Relation::Untraced) => return Placement::Untraced,
        };
        self.place_by_headers(request, propagates, open)
    }

    /// Joins the trace in the request's own headers, or begins one.
    fn place_by_headers<B>(
        &self,
        request: &mut Request<B>,
        propagates: bool,
        mut open: Box<OpenSpan>,
    ) -> Placement {
        let inner = &*self.tracer.inner;
        let dynamic = &*inner.dynamic_settings(Direction::Client);
        let forwarded = &mut open.inherited.forwarded;
        let table = &dynamic.header_table;
        let values = table.read(request.headers(), Some(&mut forwarded.headers));
        let propagation = &inner.propagation;
        let incoming = propagation.interpret(&values, request.headers(), forwarded);
        if !incoming.is_well_formed() {
            inner.note_malformed(&incoming);
        }
        if forwarded.request_id().is_none() {
            forwarded.set_request_id(RequestId::random());
        }
        let head = RequestHead::of(request);
        let context = match incoming.context() {
            None => inner.root(dynamic, &incoming, forwarded, Some(head)),
            Some(parent) => {
                let trace_id = parent.trace_id();
                let sampling = inner.decide(dynamic, trace_id, &incoming, forwarded, Some(head));
                parent.with_sampling(sampling).child()
            }
        };
        // The handler's id may be malformed, or the decision may have been written into it. It is
        // removed, because a request id that is present is not overwritten.
        if values.tracing(TracingHeader::RequestId)
            != forwarded.request_id().map(RequestId::as_header)
        {
            request.headers_mut().remove(REQUEST_ID);
        }
        open.inherited.context = Some(context);
        Placement::Span {
            open,
            is_local_root: true,
            to_write: match inner.mode.client {
                _ if !propagates => HeadersToWrite::Nothing,
                Mode::RecordOnly => HeadersToWrite::RequestId,
                _ => HeadersToWrite::Context,
            },
        }
    }
}

/// Takes a parent out of the extensions of a request, so that it is not sent on to an inner service.
fn given_parent(extensions: &mut Extensions) -> Option<Box<OpenSpan>> {
    if extensions.is_empty() {
        return None;
    }
    let ids = extensions.remove::<TraceContext>();
    let given = extensions.remove::<RequestContext>();
    given
        .or_else(|| ids.map(RequestContext::with_ids))
        .and_then(RequestContext::into_open)
}

/// Makes a child of `parent`. If the request does not carry the child's context, writes to the headers
/// what it carries instead.
fn relate(
    inner: &TracerInner,
    parent: &mut OpenSpan,
    headers: &mut HeaderMap,
    propagates: bool,
) -> Relation {
    let (propagation, mode) = (&inner.propagation, inner.mode.client);
    let inherited = &mut parent.inherited;
    let outgoing_requests = inherited.outgoing_requests;
    if let (OutgoingRequests::StartSpan, Some(context)) =
        (outgoing_requests, &mut inherited.context)
    {
        if mode != Mode::ForwardOnly && context.sampling() == Sampling::Defer {
            // Decided once, for all the calls that are made below the parent.
            *context = inner.decided(*context);
        }
    }
    let forwarded = &inherited.forwarded;
    match (outgoing_requests, &inherited.context) {
        (OutgoingRequests::ForwardReceivedHeaders, _) if mode != Mode::ForwardOnly => {
            // The parent is in these headers, so they are written even if `propagates` is false. They
            // are removed again after they have been read.
            propagation.forward_captured(forwarded, headers, propagates);
            let mut open = slot::blank();
            open.inherited.inherit_without_headers(inherited);
            Relation::InHeaders(open)
        }
        (OutgoingRequests::ForwardReceivedHeaders, _) | (_, None) => {
            if propagates {
                propagation.forward_captured(forwarded, headers, true);
            }
            Relation::Untraced
        }
        (_, Some(context)) => {
            let starts_span =
                outgoing_requests == OutgoingRequests::StartSpan && mode != Mode::ForwardOnly;
            let carries_span = starts_span && mode == Mode::Spans;
            if propagates && !carries_span {
                propagation.inject(context, forwarded, headers);
            }
            if !starts_span {
                return Relation::Untraced;
            }
            let mut open = slot::blank();
            open.inherited.context = Some(context.child());
            open.inherited.inherit(inherited);
            Relation::Child(open)
        }
    }
}
