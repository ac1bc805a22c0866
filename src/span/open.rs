use super::handle::{self, Note, Notes, SpanHandle};
#[cfg(feature = "tracing")]
use super::log::LogSpan;
use crate::{
    clock::Moment,
    context::TraceContext,
    propagation::Forwarded,
    record::{Home, Record, SpanRecord},
    scope,
};
use std::sync::{Arc, Mutex};

/// What a client layer does below a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Below {
    /// A CLIENT span, and its context on the request.
    #[default]
    Child,
    /// No span; the context goes on as it is.
    Unchanged,
    /// The headers go on as they came. Where the client layer makes spans, their parent is what
    /// those say.
    AsItCame,
}

/// A span under way, or the context of one. It has one owner at a time: a future or a body, or,
/// while that is polled, the thread's slot.
#[derive(Default)]
pub(crate) struct Open {
    pub(super) context: Option<TraceContext>,
    pub(crate) forwarded: Forwarded,
    pub(crate) below: Below,
    /// Whether a server layer made this, or a local span below one in the same task: another
    /// server layer in here serves the same request.
    pub(crate) serves: bool,
    /// Whether a poll, call or drop in this scope panicked.
    pub(crate) panicked: bool,
    /// The trace is sampled, but a limit keeps this process's part of it from being recorded.
    pub(crate) muted: bool,
    /// What custom header tags found on the request being served, for CLIENT spans below.
    pub(crate) found: FoundTags,
    /// The name is the handler's and stays.
    renamed: bool,
    route: String,
    pub(super) record: Option<(Box<Record>, Moment)>,
    /// The pairing of the clocks that spans of this request go by.
    pub(super) clock: Option<Moment>,
    /// Where spans below go, in a context without a span of its own.
    pub(super) home: Option<Arc<dyn Home>>,
    notes: Option<Arc<Mutex<Notes>>>,
    #[cfg(feature = "tracing")]
    pub(super) log: Option<LogSpan>,
}

impl Open {
    pub(crate) fn context(&self) -> Option<TraceContext> {
        self.context
    }

    pub(crate) fn set_context(&mut self, context: TraceContext) {
        self.context = Some(context);
    }

    /// Now, by the clock that the request's spans go by, if there is one.
    pub(crate) fn now(&self) -> Option<Moment> {
        self.clock.map(|clock| clock.later())
    }

    /// Takes over what is handed down to a span below.
    pub(crate) fn inherit(&mut self, parent: &Open) {
        self.forwarded.copy_from(&parent.forwarded);
        self.inherit_unseen(parent);
    }

    /// The same but for the headers that are handed on.
    pub(crate) fn inherit_unseen(&mut self, parent: &Open) {
        self.found.copy_from(&parent.found);
        self.muted = parent.muted;
        self.clock = parent.clock;
    }

    /// Starts recording.
    pub(crate) fn start(&mut self, home: &Arc<dyn Home>, at: Moment) {
        if let Some(context) = self.context {
            let mut record = home.blank();
            record.begin(home, context, at);
            self.record = Some((record, at));
            self.clock = Some(at);
        }
    }

    pub(crate) fn record(&mut self) -> Option<&mut Record> {
        self.record.as_mut().map(|(record, _)| &mut **record)
    }

    /// Where spans below this one go; `None` if the trace is not recorded here.
    pub(super) fn home(&self) -> Option<&Arc<dyn Home>> {
        match &self.record {
            Some((record, _)) => record.home(),
            None => self.home.as_ref(),
        }
    }

    /// Whether the handler named the span.
    pub(crate) fn is_renamed(&self) -> bool {
        self.renamed
    }

    /// Lends the route, whose buffer is to be given back.
    pub(crate) fn take_route(&mut self) -> String {
        std::mem::take(&mut self.route)
    }

    pub(crate) fn give_route(&mut self, route: String) {
        self.route = route;
    }

    pub(crate) fn set_route(&mut self, template: &str) {
        if self.record.is_some() {
            self.route.clear();
            self.route.push_str(template);
        }
    }

    pub(crate) fn tag(&mut self, name: &str, value: &str) {
        match (name, value) {
            // The tag is there or it is not; what went wrong has a tag of its own.
            ("error", "false") => {}
            ("error", reason) if !matches!(reason, "" | "true") => self.error(reason),
            _ => self.write_tag(name, value),
        }
    }

    fn write_tag(&mut self, name: &str, value: &str) {
        if let Some((record, _)) = &mut self.record {
            let most = record.home().map_or(0, |home| home.max_tag_length());
            record.handler_tag(name, value, most);
        }
    }

    pub(crate) fn annotate(&mut self, text: &str) {
        if let Some((_, started)) = &self.record {
            self.annotate_at(started.later().micros(), text);
        }
    }

    fn annotate_at(&mut self, micros: u64, text: &str) {
        if let Some((record, _)) = &mut self.record {
            let most = record.home().map_or(0, |home| home.max_tag_length());
            record.annotate(micros, text, most);
        }
    }

    pub(crate) fn rename(&mut self, name: &str) {
        if let Some((record, _)) = &mut self.record {
            record.set_name(&[name]);
            self.renamed = true;
        }
    }

    pub(crate) fn error(&mut self, reason: &str) {
        self.write_tag("error", "true");
        self.write_tag("error.reason", reason);
    }

    pub(crate) fn handle(&mut self) -> Option<SpanHandle> {
        let (_, clock) = self.record.as_ref()?;
        let clock = *clock;
        let notes = self.notes.get_or_insert_with(Arc::default);
        Some(SpanHandle {
            context: self.context?,
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
        if let Some((mut record, started)) = self.record.take() {
            record.end(started.elapsed());
            if let Some(home) = record.home().map(Arc::clone) {
                home.report(SpanRecord::new(record));
                self.home = Some(home);
            }
        }
    }

    /// Ends the span and gives the box back to the thread.
    pub(crate) fn finish(mut self: Box<Self>) {
        self.end();
        self.context = None;
        self.forwarded.clear();
        self.below = Below::default();
        self.serves = false;
        self.panicked = false;
        self.muted = false;
        self.found.clear();
        self.renamed = false;
        self.route.clear();
        self.home = None;
        self.clock = None;
        #[cfg(feature = "tracing")]
        {
            self.log = None;
        }
        scope::recycle(self);
    }

    /// A silent or recording child, for a local span or a context to be carried along.
    pub(super) fn derive(&self, context: Option<TraceContext>) -> Box<Open> {
        let mut open = scope::blank();
        open.context = context;
        open.below = self.below;
        open.serves = self.serves;
        open.inherit(self);
        open
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn is_logged(&self) -> bool {
        self.log.is_some()
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn set_log(&mut self, context: &TraceContext) {
        self.log = Some(LogSpan::new(context));
    }

    pub(crate) fn log_enter(&self) {
        #[cfg(feature = "tracing")]
        if let Some(log) = &self.log {
            log.enter();
        }
    }

    pub(crate) fn log_exit(&self) {
        #[cfg(feature = "tracing")]
        if let Some(log) = &self.log {
            log.exit();
        }
    }
}

/// Names and values of tags, in one buffer.
#[derive(Debug, Clone, Default)]
pub(crate) struct FoundTags {
    text: String,
    ends: Vec<(usize, usize)>,
}

impl FoundTags {
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        self.text.push_str(name);
        let middle = self.text.len();
        self.text.push_str(value);
        self.ends.push((middle, self.text.len()));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        starts
            .zip(&self.ends)
            .find(|(start, (middle, _))| self.text.get(*start..*middle) == Some(name))
            .and_then(|(_, (middle, end))| self.text.get(*middle..*end))
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    pub(crate) fn copy_from(&mut self, other: &FoundTags) {
        self.text.clone_from(&other.text);
        self.ends.clone_from(&other.ends);
    }
}
