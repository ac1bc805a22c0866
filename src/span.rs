//! Spans that are under way: recording or silent.

use crate::{
    clock::{Moment, wall_micros},
    context::TraceContext,
    propagation::Forwarded,
    record::{Home, Record, SpanRecord},
    scope,
};
use pin_project_lite::pin_project;
use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, ready},
};

/// What a client layer does below a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Below {
    /// A CLIENT span, and its context on the request.
    #[default]
    Child,
    /// The context of a CLIENT span on the request, but nothing is recorded, though the trace is
    /// sampled: its limit is reached.
    Silent,
    /// No span; the context goes on as it is.
    Unchanged,
    /// No span; the headers go on as they came.
    AsItCame,
}

/// A span under way, or the context of one. It has one owner at a time: a future or a body, or,
/// while that is polled, the thread's slot.
#[derive(Default)]
pub(crate) struct Open {
    context: Option<TraceContext>,
    pub(crate) forwarded: Forwarded,
    pub(crate) below: Below,
    /// Whether a poll, call or drop in this scope panicked.
    pub(crate) panicked: bool,
    /// What custom header tags found on the request being served, for CLIENT spans below.
    pub(crate) found: FoundTags,
    /// The name is the handler's and stays.
    renamed: bool,
    route: String,
    record: Option<(Box<Record>, Moment)>,
    /// Where spans below go, in a context without a span of its own.
    home: Option<Arc<dyn Home>>,
    notes: Option<Arc<Mutex<Notes>>>,
    #[cfg(feature = "tracing")]
    log: Option<tracing::Span>,
}

impl Open {
    pub(crate) fn context(&self) -> Option<TraceContext> {
        self.context
    }

    pub(crate) fn set_context(&mut self, context: TraceContext) {
        self.context = Some(context);
    }

    /// Starts recording.
    pub(crate) fn start(&mut self, home: &Arc<dyn Home>, at: Moment) {
        if let Some(context) = self.context {
            let mut record = home.blank();
            record.begin(home, context, at);
            self.record = Some((record, at));
        }
    }

    pub(crate) fn record(&mut self) -> Option<&mut Record> {
        self.record.as_mut().map(|(record, _)| &mut **record)
    }

    /// Where spans below this one go; `None` if the trace is not recorded here.
    fn home(&self) -> Option<&Arc<dyn Home>> {
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
        self.tag("error", "true");
        self.tag("error.reason", reason);
    }

    pub(crate) fn handle(&mut self) -> Option<SpanHandle> {
        self.record.as_ref()?;
        let notes = self.notes.get_or_insert_with(Arc::default);
        Some(SpanHandle {
            context: self.context?,
            notes: Arc::clone(notes),
        })
    }

    /// Ends the span: its record goes to the reporter. What is left is its context, in which a
    /// body is dropped.
    pub(crate) fn end(&mut self) {
        if let Some(notes) = self.notes.take() {
            for note in lock(&notes).close() {
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
        self.panicked = false;
        self.found.clear();
        self.renamed = false;
        self.route.clear();
        self.home = None;
        #[cfg(feature = "tracing")]
        {
            self.log = None;
        }
        scope::recycle(self);
    }

    /// A silent or recording child, for a local span or a context to be carried along.
    fn derive(&self, context: Option<TraceContext>) -> Box<Open> {
        let mut open = scope::blank();
        open.context = context;
        open.forwarded.clone_from(&self.forwarded);
        open.below = self.below;
        open.found.clone_from(&self.found);
        open
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn set_log(&mut self, log: tracing::Span) {
        self.log = Some(log);
    }

    pub(crate) fn log_enter(&self) {
        #[cfg(feature = "tracing")]
        if let Some(log) = &self.log {
            log.with_subscriber(|(id, subscriber)| subscriber.enter(id));
        }
    }

    pub(crate) fn log_exit(&self) {
        #[cfg(feature = "tracing")]
        if let Some(log) = &self.log {
            log.with_subscriber(|(id, subscriber)| subscriber.exit(id));
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

    fn clone_from(&mut self, other: &FoundTags) {
        self.text.clone_from(&other.text);
        self.ends.clone_from(&other.ends);
    }
}

/// A local span: a piece of a handler's own work.
///
/// Started by [`span`](crate::span) below the current span or by
/// [`Tracer::span`](crate::Tracer::span) at the top of a new trace. It is finished when it is
/// dropped, or when the closure or future that it is around has ended. Below a request that is
/// not sampled it records nothing but carries the ids on.
#[must_use = "a span ends when it is dropped"]
pub struct Span {
    open: Option<Box<Open>>,
}

impl Span {
    /// A span that does nothing.
    pub(crate) fn none() -> Span {
        Span { open: None }
    }

    pub(crate) fn of(open: Box<Open>) -> Span {
        Span { open: Some(open) }
    }

    /// A child of `parent`.
    pub(crate) fn below(parent: &Open, name: &str) -> Span {
        let Some(context) = parent.context else {
            return Span::none();
        };
        // Below an excluded request or one whose spans a sidecar makes there are no spans; the
        // context stays what it is.
        if matches!(parent.below, Below::Unchanged | Below::AsItCame) {
            return Span::of(parent.derive(Some(context)));
        }
        let mut open = parent.derive(Some(context.child()));
        if let Some(home) = parent.home() {
            let at = match &parent.record {
                Some((_, started)) => started.later(),
                None => home.now(),
            };
            open.start(home, at);
        }
        open.rename(name);
        #[cfg(feature = "tracing")]
        if parent.log.is_some() {
            open.log = open.context.map(|context| log_span(&context));
        }
        Span::of(open)
    }

    /// The span's ids; `None` if it was started where nothing was current.
    pub fn context(&self) -> Option<TraceContext> {
        self.open.as_ref().and_then(|open| open.context)
    }

    /// Tags the span, as [`tag`](crate::tag) does for the current one.
    pub fn tag(&mut self, name: impl AsRef<str>, value: impl AsRef<str>) {
        if let Some(open) = &mut self.open {
            open.tag(name.as_ref(), value.as_ref());
        }
    }

    /// Adds an event, at the present time.
    pub fn annotate(&mut self, text: impl AsRef<str>) {
        if let Some(open) = &mut self.open {
            open.annotate(text.as_ref());
        }
    }

    /// Gives the span another name.
    pub fn rename(&mut self, name: impl AsRef<str>) {
        if let Some(open) = &mut self.open {
            open.rename(name.as_ref());
        }
    }

    /// Marks the span as failed.
    pub fn error(&mut self, reason: impl AsRef<str>) {
        if let Some(open) = &mut self.open {
            open.error(reason.as_ref());
        }
    }

    /// A handle, to tag the span from another task; `None` if it is not recorded.
    pub fn handle(&mut self) -> Option<SpanHandle> {
        self.open.as_mut().and_then(|open| open.handle())
    }

    /// Runs a closure in which the span is current, then finishes it.
    pub fn in_scope<R>(mut self, work: impl FnOnce() -> R) -> R {
        let _entered = scope::enter(&mut self.open);
        work()
    }

    /// The span is current whenever the future is polled, and finished when it has ended or is
    /// dropped.
    pub fn instrument<F>(self, future: F) -> Instrumented<F> {
        Instrumented {
            inner: Some(future),
            span: self,
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(mut open) = self.open.take() {
            if open.panicked || std::thread::panicking() {
                open.error("panic");
            }
            open.finish();
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Span")
            .field("context", &self.context())
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// A future with a [`Span`] around it.
    #[must_use = "futures do nothing unless polled"]
    pub struct Instrumented<F> {
        #[pin]
        inner: Option<F>,
        span: Span,
    }

    impl<F> PinnedDrop for Instrumented<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = scope::enter(&mut this.span.open);
            this.inner.set(None);
        }
    }
}

impl<F: Future> Future for Instrumented<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let entered = scope::enter(&mut this.span.open);
        let output = match this.inner.as_mut().as_pin_mut() {
            Some(inner) => ready!(inner.poll(cx)),
            // Polled after it was ready, which a future may answer as it likes.
            None => return Poll::Pending,
        };
        this.inner.set(None);
        drop(entered);
        *this.span = Span::none();
        Poll::Ready(output)
    }
}

/// The context of a request, to be carried to where it is not current: into a spawned task, over
/// a channel, or in the extensions of an outgoing request, where a client layer finds it.
///
/// It holds ids, request id and forwarded headers, not the span: see [`SpanHandle`] for that.
#[derive(Clone, Default)]
pub struct Context {
    context: Option<TraceContext>,
    forwarded: Forwarded,
    below: Below,
    found: FoundTags,
    home: Option<Arc<dyn Home>>,
    #[cfg(feature = "tracing")]
    log: Option<tracing::Span>,
}

impl Context {
    /// The current context; `None` where nothing is current.
    pub fn current() -> Option<Context> {
        scope::with(|open| Context::of(open))
    }

    pub(crate) fn of(open: &Open) -> Context {
        Context {
            context: open.context,
            forwarded: open.forwarded.detached(),
            below: open.below,
            found: open.found.clone(),
            home: open.home().cloned(),
            #[cfg(feature = "tracing")]
            log: open.log.clone(),
        }
    }

    /// Ids and sampling state; `None` below a sidecar that makes the spans.
    pub fn trace_context(&self) -> Option<TraceContext> {
        self.context
    }

    /// The request id.
    pub fn request_id(&self) -> Option<&crate::id::RequestId> {
        self.forwarded.request_id()
    }

    /// The context is current whenever the future is polled, and when it is dropped.
    pub fn instrument<F>(self, future: F) -> InContext<F> {
        InContext {
            inner: Some(future),
            scope: Span {
                open: self.into_open(),
            },
        }
    }

    /// Runs a closure in which the context is current.
    pub fn in_scope<R>(self, work: impl FnOnce() -> R) -> R {
        let mut open = self.into_open();
        let result = {
            let _entered = scope::enter(&mut open);
            work()
        };
        if let Some(open) = open {
            open.finish();
        }
        result
    }

    pub(crate) fn into_open(self) -> Option<Box<Open>> {
        let any = self.context.is_some() || self.below == Below::AsItCame;
        any.then(|| {
            let mut open = scope::blank();
            open.context = self.context;
            open.forwarded = self.forwarded;
            open.below = self.below;
            open.found = self.found;
            open.home = self.home;
            #[cfg(feature = "tracing")]
            {
                open.log = self.log;
            }
            open
        })
    }
}

impl From<TraceContext> for Context {
    /// A context that came from elsewhere, a message say. It has no request id and no headers to
    /// forward, and local spans below it are not recorded.
    fn from(context: TraceContext) -> Self {
        Context {
            context: Some(context),
            ..Context::default()
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("trace_context", &self.context)
            .field("forwarded", &self.forwarded)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// A future in a [`Context`].
    #[must_use = "futures do nothing unless polled"]
    pub struct InContext<F> {
        #[pin]
        inner: Option<F>,
        scope: Span,
    }

    impl<F> PinnedDrop for InContext<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = scope::enter(&mut this.scope.open);
            this.inner.set(None);
        }
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let _entered = scope::enter(&mut this.scope.open);
        match this.inner.as_pin_mut() {
            Some(inner) => inner.poll(cx),
            None => Poll::Pending,
        }
    }
}

/// A handle on a span that another task or thread owns.
///
/// What it adds is written when the span finishes; after that it is refused.
#[derive(Debug, Clone)]
pub struct SpanHandle {
    context: TraceContext,
    notes: Arc<Mutex<Notes>>,
}

#[derive(Debug, Default)]
struct Notes {
    closed: bool,
    pending: Vec<Note>,
}

#[derive(Debug)]
enum Note {
    Tag(String, String),
    Annotation(u64, String),
}

impl Notes {
    fn close(&mut self) -> Vec<Note> {
        self.closed = true;
        std::mem::take(&mut self.pending)
    }
}

fn lock(notes: &Mutex<Notes>) -> MutexGuard<'_, Notes> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SpanHandle {
    /// The span's ids.
    pub fn context(&self) -> TraceContext {
        self.context
    }

    /// Tags the span. `false` if it has finished.
    pub fn tag(&self, name: impl Into<String>, value: impl Into<String>) -> bool {
        self.note(Note::Tag(name.into(), value.into()))
    }

    /// Adds an event, at the present time. `false` if the span has finished.
    pub fn annotate(&self, text: impl Into<String>) -> bool {
        self.note(Note::Annotation(wall_micros(), text.into()))
    }

    /// Marks the span as failed. `false` if it has finished.
    pub fn error(&self, reason: impl Into<String>) -> bool {
        self.tag("error", "true") && self.tag("error.reason", reason)
    }

    fn note(&self, note: Note) -> bool {
        let mut notes = lock(&self.notes);
        if !notes.closed {
            notes.pending.push(note);
        }
        !notes.closed
    }
}

/// A span of the `tracing` crate, for log lines.
///
/// Of the highest level, so that no filter by level takes the ids off the lines.
#[cfg(feature = "tracing")]
pub(crate) fn log_span(context: &TraceContext) -> tracing::Span {
    tracing::error_span!(
        target: "tower_b3",
        "request",
        trace_id = %context.trace_id(),
        span_id = %context.span_id(),
    )
}
