//! `OpenSpan`: a span that has not finished, or only the context of one.
//!
//! The server and client layers, local spans and carried contexts all own one of these. What happens
//! when an exchange ends is in [`exchange`](crate::exchange), not here.

#[cfg(feature = "tracing-layer")]
use super::guards::ScopeOfGuards;
#[cfg(feature = "log-ids")]
use super::log_span::LogSpan;
use super::{
    Inherited,
    handle::{self, Note, Notes, SpanHandle},
    route_from_below::RouteFromBelow,
    slot,
};
#[cfg(feature = "tracing-layer")]
use crate::record::RemoteNameSource;
use crate::{
    clock::Moment,
    context::TraceContext,
    observe::{ExchangeFacts, Observation},
    record::{Kind, SpanBuffer, SpanRecord, SpanSink},
};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

/// The request that a server layer is serving in this task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServedRequest {
    pub(crate) peer_trusted: bool,
    /// Whether a layer shows the request to observers.
    pub(crate) observed: bool,
}

/// A span that has not finished, or only the context of one. It has one owner at a time: a future or
/// a body or, while that is polled, the thread's slot.
#[derive(Default)]
pub(crate) struct OpenSpan {
    pub(crate) inherited: Inherited,
    /// Set by a server layer, and in local spans below one in the same task: a server layer that runs
    /// inside this span serves the same request.
    pub(crate) served_request: Option<ServedRequest>,
    /// Whether a call, poll or drop panicked while the span was current.
    pub(crate) panicked: bool,
    /// The exchange has no span: while it is polled, the span around it stays current.
    pub(crate) keeps_outer_span: bool,
    pub(crate) exchange: ExchangeFacts,
    /// What the observers keep of the exchange. Empty once it has ended.
    pub(crate) observation: Observation,
    /// When recording started; `None` if the span is not recorded, or has ended.
    started: Option<Moment>,
    record: SpanRecord,
    /// User code has named the span, so the layers do not.
    renamed: bool,
    notes: Option<Arc<Mutex<Notes>>>,
    /// Left from an earlier exchange, for its memory.
    spare_route: Option<Arc<RouteFromBelow>>,
    #[cfg(feature = "tracing-layer")]
    pub(super) scope: ScopeOfGuards,
}

impl OpenSpan {
    pub(crate) fn context(&self) -> Option<TraceContext> {
        self.inherited.context
    }

    /// The present time by the clock of the request, if it has one.
    pub(crate) fn now(&self) -> Option<Moment> {
        self.inherited.clock.map(|clock| clock.later())
    }

    /// Starts recording.
    pub(crate) fn start(&mut self, sink: &Arc<SpanSink>, at: Moment) {
        if let Some(context) = self.inherited.context {
            let settings = sink.settings();
            let record = self.record.record_mut();
            record.begin(context, at, settings.names, settings.max_tag_length);
            self.inherited.sink = Some(Arc::clone(sink));
            self.inherited.clock = Some(at);
            self.started = Some(at);
        }
    }

    /// Whether the span is being recorded: it is sampled, and has not ended.
    pub(crate) fn is_recorded(&self) -> bool {
        self.started.is_some()
    }

    /// Whether the span is recorded or its exchange is observed, and has not ended.
    pub(crate) fn is_followed(&self) -> bool {
        self.started.is_some() || self.is_observed()
    }

    /// Whether the exchange is observed, and has not ended.
    pub(crate) fn is_observed(&self) -> bool {
        self.observation.is_active()
    }

    /// When recording started; `None` if the span is not recorded, or has ended.
    pub(crate) fn started(&self) -> Option<Moment> {
        self.started
    }

    /// The record, if the span is recorded.
    pub(crate) fn record(&mut self) -> Option<&mut SpanBuffer> {
        self.started.is_some().then(|| self.record.record_mut())
    }

    /// The record, if the span is recorded, and what is known about the exchange.
    pub(crate) fn record_and_facts(&mut self) -> Option<(&mut SpanBuffer, &mut ExchangeFacts)> {
        let recorded = self.started.is_some();
        recorded.then_some((self.record.record_mut(), &mut self.exchange))
    }

    /// The record, if the span is recorded, what the span passes on, and what is known about the
    /// exchange.
    pub(crate) fn recorded_parts(
        &mut self,
    ) -> Option<(&mut SpanBuffer, &mut Inherited, &mut ExchangeFacts)> {
        let recorded = self.started.is_some();
        let record = self.record.record_mut();
        recorded.then_some((record, &mut self.inherited, &mut self.exchange))
    }

    /// Whether user code has named the span.
    pub(crate) fn is_renamed(&self) -> bool {
        self.renamed
    }

    /// Lets local spans and carried contexts below set the route of this exchange.
    pub(crate) fn take_route_from_below(&mut self) {
        self.inherited.route = Some(self.spare_route.take().unwrap_or_default());
    }

    /// Sets the route of the exchange, or else of the one above.
    pub(crate) fn set_route(&mut self, template: &str) {
        let from_below = self.inherited.route.as_ref();
        if self.exchange.direction.is_some() {
            if self.is_followed() {
                self.exchange.route.clear();
                self.exchange.route.push_str(template);
                // The last call counts.
                from_below.inspect(|route| route.unset());
            }
        } else if let Some(route) = from_below {
            route.set(template);
        }
    }

    /// Copies the route that was set below, if one was, to what is known about the exchange.
    pub(crate) fn note_route_from_below(&mut self) {
        if let Some(route) = &self.inherited.route {
            route.copy_to(&mut self.exchange.route);
        }
    }

    pub(crate) fn tag(&mut self, name: &str, value: &str) {
        if let Some(record) = self.record() {
            record.set_tag(name, value);
        }
    }

    pub(crate) fn annotate(&mut self, text: &str) {
        if let Some(started) = self.started {
            self.annotate_at(started.later().micros(), text);
        }
    }

    fn annotate_at(&mut self, micros: u64, text: &str) {
        if let Some(record) = self.record() {
            record.annotate(micros, text);
        }
    }

    /// Adds the event that the span comes after another one without being its child.
    pub(crate) fn follows_from(&mut self, context: &TraceContext) {
        if self.is_recorded() {
            let (trace_id, span_id) = (context.trace_id(), context.span_id());
            self.annotate(&format!("follows from {trace_id}-{span_id}"));
        }
    }

    pub(crate) fn rename(&mut self, name: &str) {
        if let Some(record) = self.record() {
            record.set_name(&[name]);
            self.renamed = true;
        }
    }

    pub(crate) fn set_kind(&mut self, kind: Kind) {
        if let Some(record) = self.record() {
            record.fields.kind = Some(kind);
        }
    }

    pub(crate) fn set_remote_service(&mut self, name: &str) {
        if let Some(record) = self.record() {
            #[cfg(feature = "tracing-layer")]
            record.set_remote_service_from(RemoteNameSource::Name, name);
            #[cfg(not(feature = "tracing-layer"))]
            record.replace_remote_service(name);
        }
    }

    pub(crate) fn set_remote_address(&mut self, address: SocketAddr) {
        if let Some(record) = self.record() {
            record.set_remote_address(Some(address.ip().to_canonical()), Some(address.port()));
        }
    }

    pub(crate) fn error(&mut self, reason: &str) {
        self.tag("error", "true");
        self.tag("error.reason", reason);
    }

    pub(crate) fn handle(&mut self) -> Option<SpanHandle> {
        let clock = self.started?;
        let notes = self.notes.get_or_insert_with(Arc::default);
        Some(SpanHandle {
            context: self.inherited.context?,
            clock,
            notes: Arc::clone(notes),
        })
    }

    /// Ends the span: its record goes to the reporter. The context stays, for the drop of a body.
    pub(crate) fn end(&mut self) {
        // Before the clock is read: no event of a handle is later than the end.
        if let Some(notes) = self.notes.take() {
            for note in handle::lock(&notes).close() {
                match note {
                    Note::Tag(name, value) => self.tag(&name, &value),
                    Note::Annotation(at, text) => self.annotate_at(at, &text),
                }
            }
        }
        let Some(started) = self.started.take() else {
            return;
        };
        self.record.record_mut().end(started.elapsed());
        if let Some(sink) = self.inherited.sink.take() {
            self.inherited.sink = sink.report(&mut self.record);
        }
        self.record.record_mut().reset();
    }

    /// Ends the span and gives the box back to the thread.
    pub(crate) fn finish(mut self: Box<Self>) {
        self.end();
        #[cfg(feature = "tracing-layer")]
        self.scope.clear();
        if let Some(mut route) = self.inherited.route.take() {
            if Arc::get_mut(&mut route).is_some() {
                route.unset();
                self.spare_route = Some(route);
            }
        }
        self.inherited.clear();
        self.served_request = None;
        self.panicked = false;
        self.keeps_outer_span = false;
        self.renamed = false;
        self.exchange.clear();
        slot::recycle(self);
    }

    /// A child that is not recorded yet, with this context.
    pub(super) fn child(&self, context: TraceContext) -> Box<OpenSpan> {
        let mut open = slot::blank();
        open.inherited.context = Some(context);
        open.inherited.outgoing_requests = self.inherited.outgoing_requests;
        open.inherited.inherit(&self.inherited);
        open.inherited.route.clone_from(&self.inherited.route);
        open.served_request = self.served_request;
        open
    }

    #[cfg(feature = "log-ids")]
    pub(crate) fn has_log_span(&self) -> bool {
        self.inherited.log_span.is_some()
    }

    /// Puts the ids of the span on the log lines that are written while it is current.
    #[cfg(feature = "log-ids")]
    pub(crate) fn start_log_span(&mut self) {
        if let Some(context) = &self.inherited.context {
            self.inherited.log_span = Some(LogSpan::new(context));
        }
    }

    pub(super) fn enter_log_span(&self) {
        #[cfg(feature = "log-ids")]
        if let Some(span) = &self.inherited.log_span {
            span.enter();
        }
    }

    pub(super) fn exit_log_span(&self) {
        #[cfg(feature = "log-ids")]
        if let Some(span) = &self.inherited.log_span {
            span.exit();
        }
    }
}
