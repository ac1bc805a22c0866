#[cfg(feature = "log-ids")]
use super::log::LogSpan;
use crate::{
    clock::Moment, context::TraceContext, propagation::Forwarded, record::SpanSink,
    tag::FallbackValues,
};
use std::sync::Arc;

/// What a client layer does with requests that are sent below a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Outgoing {
    /// A CLIENT span, and its context on the request.
    #[default]
    ClientSpan,
    /// No span; the context goes on as it is.
    SameContext,
    /// The headers go on as they came. Where the client layer makes spans, their parent is what
    /// those say.
    AsReceived,
}

/// What a span hands down to the spans and requests below it.
#[derive(Clone, Default)]
pub(crate) struct Inherited {
    pub(crate) context: Option<TraceContext>,
    pub(crate) forwarded: Forwarded,
    pub(crate) outgoing: Outgoing,
    /// The trace is sampled, but a limit keeps this process's part of it from being recorded.
    pub(crate) muted: bool,
    /// What the request being served says to the custom tags of CLIENT spans below.
    pub(crate) found: FallbackValues,
    /// The pair of clock readings from which spans of this request tell the time.
    pub(crate) clock: Option<Moment>,
    /// Where spans below go; `None` if the trace is not recorded here.
    pub(crate) sink: Option<Arc<SpanSink>>,
    #[cfg(feature = "log-ids")]
    pub(super) log: Option<LogSpan>,
}

impl Inherited {
    /// A copy that shares no memory with the request it came from.
    pub(super) fn detached(&self) -> Inherited {
        Inherited {
            context: self.context,
            forwarded: self.forwarded.detached(),
            outgoing: self.outgoing,
            muted: self.muted,
            found: self.found.clone(),
            clock: self.clock,
            sink: self.sink.clone(),
            #[cfg(feature = "log-ids")]
            log: self.log.clone(),
        }
    }

    /// Takes over what a span below `parent` is told, into the memory that is there: not the
    /// context, of which it makes its own.
    pub(crate) fn inherit(&mut self, parent: &Inherited) {
        self.forwarded.copy_from(&parent.forwarded);
        self.inherit_without_headers(parent);
    }

    /// The same without the headers that are forwarded.
    pub(crate) fn inherit_without_headers(&mut self, parent: &Inherited) {
        self.found.copy_from(&parent.found);
        self.muted = parent.muted;
        self.clock = parent.clock;
    }

    /// Empties it, and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.context = None;
        self.forwarded.clear();
        self.outgoing = Outgoing::default();
        self.muted = false;
        self.found.clear();
        self.clock = None;
        self.sink = None;
        #[cfg(feature = "log-ids")]
        {
            self.log = None;
        }
    }
}
