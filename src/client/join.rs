//! Whose child a request is, and what it carries.

use super::Config;
use crate::{
    context::{Sampling, TraceContext},
    direction::{Direction, Mode},
    head::RequestHead,
    id::RequestId,
    propagation::{REQUEST_ID, TracingHeader},
    scope,
    span::{Context, OpenSpan, Outgoing},
    tracer::Core,
};
use http::{Extensions, HeaderMap, Request};

/// What becomes of a request that is sent.
pub(super) enum Sent {
    /// It gets a CLIENT span, which is the first of its trace in this process or not.
    Span {
        open: Box<OpenSpan>,
        local_root: bool,
        carried: Carried,
    },
    /// No span is made; the headers are on the request.
    Untraced,
}

/// What is still to be written to a request with a CLIENT span.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Carried {
    /// Nothing: it is on the request, or is for no host but those that context is propagated to.
    Nothing,
    RequestId,
    /// The span's context, with what is forwarded beside it.
    Context,
}

/// What came of looking at the span that a request is sent below.
enum Joined {
    Child(Box<OpenSpan>),
    /// The parent is what the request's own headers say.
    ByHeaders(Box<OpenSpan>),
    Untraced,
}

impl Config {
    /// Finds the parent and makes the CLIENT span's context. Where there is to be no span, what goes
    /// on is written to the request, if it is to a host that context is propagated to.
    ///
    /// The parent is the [`Context`] or [`TraceContext`] in the request's extensions; else the
    /// current one; else what the request's own headers say, where a handler copied them by hand;
    /// else there is none, and a new trace begins.
    pub(super) fn join_parent<B>(&self, request: &mut Request<B>, propagates: bool) -> Sent {
        let core = &*self.tracer.core;
        let given = given_parent(request.extensions_mut());
        let headers = request.headers_mut();
        let joined = match given {
            Some(mut parent) => {
                let forwarded = &mut parent.inherited.forwarded;
                if forwarded.request_id().is_none() && core.mode.client != Mode::ForwardOnly {
                    forwarded.set_request_id(RequestId::random());
                }
                let joined = join(core, &mut parent, headers, propagates);
                parent.finish();
                Some(joined)
            }
            None => scope::with(|parent| join(core, parent, headers, propagates)),
        };
        let open = match joined {
            Some(Joined::Child(open)) => {
                return Sent::Span {
                    open,
                    local_root: false,
                    carried: match core.mode.client {
                        Mode::Spans if propagates => Carried::Context,
                        _ => Carried::Nothing,
                    },
                };
            }
            Some(Joined::ByHeaders(open)) => open,
            None if core.mode.client != Mode::ForwardOnly => scope::blank(),
            None | Some(Joined::Untraced) => return Sent::Untraced,
        };
        self.join_headers(request, propagates, open)
    }

    /// Joins what the request's own headers say, or begins a trace.
    fn join_headers<B>(
        &self,
        request: &mut Request<B>,
        propagates: bool,
        mut open: Box<OpenSpan>,
    ) -> Sent {
        let core = &*self.tracer.core;
        let live = &*core.live(Direction::Client);
        let forwarded = &mut open.inherited.forwarded;
        let seen = live
            .table
            .read(request.headers(), Some(&mut forwarded.headers));
        let incoming = core
            .propagation
            .interpret(&seen, request.headers(), forwarded);
        if !incoming.is_well_formed() {
            core.note_malformed(&incoming);
        }
        if forwarded.request_id().is_none() {
            forwarded.set_request_id(RequestId::random());
        }
        let head = RequestHead::of(request);
        let context = match incoming.context() {
            None => core.root(live, &incoming, forwarded, Some(head)),
            Some(parent) => {
                let trace_id = parent.trace_id();
                let sampling = core.decide(live, trace_id, &incoming, forwarded, Some(head));
                parent.with_sampling(sampling).child()
            }
        };
        // One that the handler set may be one that cannot be kept, or have been given a reason.
        if seen.tracing(TracingHeader::RequestId)
            != forwarded.request_id().map(RequestId::as_header)
        {
            request.headers_mut().remove(REQUEST_ID);
        }
        open.inherited.context = Some(context);
        Sent::Span {
            open,
            local_root: true,
            carried: match core.mode.client {
                _ if !propagates => Carried::Nothing,
                Mode::RecordOnly => Carried::RequestId,
                _ => Carried::Context,
            },
        }
    }
}

/// Takes a parent out of the extensions of a request.
fn given_parent(extensions: &mut Extensions) -> Option<Box<OpenSpan>> {
    if extensions.is_empty() {
        return None;
    }
    let ids = extensions.remove::<TraceContext>();
    let given = extensions.remove::<Context>();
    given
        .or_else(|| ids.map(Context::with_ids))
        .and_then(Context::into_open)
}

/// Makes a child of `parent`. Where its context is not what the request carries, what goes on from
/// `parent` is written to the headers, if context is propagated to them.
fn join(core: &Core, parent: &mut OpenSpan, headers: &mut HeaderMap, propagates: bool) -> Joined {
    let (propagation, mode) = (&core.propagation, core.mode.client);
    let inherited = &mut parent.inherited;
    if let (Outgoing::ClientSpan, Some(context)) = (inherited.outgoing, &mut inherited.context) {
        if mode != Mode::ForwardOnly && context.sampling() == Sampling::Defer {
            // Decided once for all the calls that are made below.
            *context = core.decided(*context);
        }
    }
    let forwarded = &inherited.forwarded;
    match (inherited.outgoing, &inherited.context) {
        (Outgoing::AsReceived, _) if mode != Mode::ForwardOnly => {
            // The parent is among them. Those of a host that is told nothing are removed later.
            propagation.forward_captured(forwarded, headers, propagates);
            let mut open = scope::blank();
            open.inherited.inherit_without_headers(inherited);
            Joined::ByHeaders(open)
        }
        (Outgoing::AsReceived, _) | (_, None) => {
            if propagates {
                propagation.forward_captured(forwarded, headers, true);
            }
            Joined::Untraced
        }
        (outgoing, Some(context)) => {
            let has_span = outgoing == Outgoing::ClientSpan && mode != Mode::ForwardOnly;
            if propagates && !(has_span && mode == Mode::Spans) {
                propagation.inject(context, forwarded, headers);
            }
            if !has_span {
                return Joined::Untraced;
            }
            let mut open = scope::blank();
            open.inherited.context = Some(context.child());
            open.inherited.inherit(inherited);
            Joined::Child(open)
        }
    }
}
