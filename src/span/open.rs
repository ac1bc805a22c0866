//! A span under way, or only the context of one.

#[cfg(feature = "log-ids")]
use super::log::LogSpan;
use super::{
    ExchangeFacts, Inherited,
    handle::{self, Note, Notes, SpanHandle},
};
use crate::{
    clock::Moment,
    context::TraceContext,
    record::{SpanBuffer, SpanRecord, SpanSink},
    scope,
};
use std::sync::{Arc, Mutex};

/// A request that a server layer serves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Serving {
    /// Whether its peer is trusted.
    pub(crate) trusted: bool,
}

/// A span under way, or the context of one. It has one owner at a time: a future or a body, or,
/// while that is polled, the thread's slot.
#[derive(Default)]
pub(crate) struct OpenSpan {
    pub(crate) inherited: Inherited,
    /// Set by a server layer, and in local spans below one in the same task: another server layer
    /// in here serves the same request.
    pub(crate) serving: Option<Serving>,
    /// Whether a poll, call or drop in this scope panicked.
    pub(crate) panicked: bool,
    pub(crate) exchange: ExchangeFacts,
    /// When recording started; `None` if the span is not recorded.
    started: Option<Moment>,
    record: SpanRecord,
    /// The name is the handler's and stays.
    renamed: bool,
    route: String,
    notes: Option<Arc<Mutex<Notes>>>,
}

impl OpenSpan {
    pub(crate) fn context(&self) -> Option<TraceContext> {
        self.inherited.context
    }

    /// Now, by the clock that the request's spans go by, if there is one.
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

    /// Whether the span is recorded, and has not ended.
    pub(crate) fn is_recorded(&self) -> bool {
        self.started.is_some()
    }

    /// What is recorded, if it is.
    pub(crate) fn record(&mut self) -> Option<&mut SpanBuffer> {
        self.started.is_some().then(|| self.record.record_mut())
    }

    /// The same, apart from what is handed down.
    pub(crate) fn record_and_inherited(&mut self) -> Option<(&mut SpanBuffer, &mut Inherited)> {
        let recorded = self.started.is_some();
        recorded.then_some((self.record.record_mut(), &mut self.inherited))
    }

    /// Whether the handler named the span.
    pub(crate) fn is_renamed(&self) -> bool {
        self.renamed
    }

    /// What is recorded, if it is, with the route and what is known of the exchange.
    pub(crate) fn record_and_facts(&mut self) -> Option<(&mut SpanBuffer, &str, &ExchangeFacts)> {
        let recorded = self.started.is_some();
        recorded.then_some((self.record.record_mut(), &self.route, &self.exchange))
    }

    pub(crate) fn set_route(&mut self, template: &str) {
        if self.started.is_some() {
            self.route.clear();
            self.route.push_str(template);
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

    pub(crate) fn rename(&mut self, name: &str) {
        if let Some(record) = self.record() {
            record.set_name(&[name]);
            self.renamed = true;
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

    /// Ends the span: its record goes to the reporter. What is left is its context, in which a
    /// body is dropped.
    pub(crate) fn end(&mut self) {
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
        self.inherited.clear();
        self.serving = None;
        self.panicked = false;
        self.renamed = false;
        self.route.clear();
        self.exchange = ExchangeFacts::default();
        scope::recycle(self);
    }

    /// A silent or recording child, for a local span or a context to be carried along.
    pub(super) fn derive(&self, context: Option<TraceContext>) -> Box<OpenSpan> {
        let mut open = scope::blank();
        open.inherited.context = context;
        open.inherited.outgoing = self.inherited.outgoing;
        open.inherited.inherit(&self.inherited);
        open.serving = self.serving;
        open
    }

    #[cfg(feature = "log-ids")]
    pub(crate) fn is_logged(&self) -> bool {
        self.inherited.log.is_some()
    }

    #[cfg(feature = "log-ids")]
    pub(crate) fn set_log(&mut self, context: &TraceContext) {
        self.inherited.log = Some(LogSpan::new(context));
    }

    pub(crate) fn log_enter(&self) {
        #[cfg(feature = "log-ids")]
        if let Some(log) = &self.inherited.log {
            log.enter();
        }
    }

    pub(crate) fn log_exit(&self) {
        #[cfg(feature = "log-ids")]
        if let Some(log) = &self.inherited.log {
            log.exit();
        }
    }
}
