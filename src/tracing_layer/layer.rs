//! `TracingLayer`: its settings, and what it does with each call of the subscriber.

use super::{
    event,
    fields::Fields,
    table::{Known, Table},
    tags,
};
use crate::{
    span::{
        OpenSpan, SharedSpan,
        guards::{self, GuardKey, Placed},
        slot::with_current,
    },
    tracer::Tracer,
};
use std::{fmt, sync::Arc};
use tracing::{
    Event, Id, Level, Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Record},
};
use tracing_subscriber::layer::{Context, Layer};

/// Makes spans of the `tracing` crate local spans below the current one: a layer of a
/// `tracing_subscriber::Registry`.
///
/// ```
/// use tower_b3::{TracingLayer, test::SpanCollector};
/// use tracing_subscriber::layer::SubscriberExt;
///
/// #[tracing::instrument]
/// fn load_cart(user: u32) {
///     tower_b3::tag("items", "3"); // on the span `load_cart`
/// }
///
/// # let spans = SpanCollector::new();
/// # let tracer = spans.tracer("shop");
/// let subscriber = tracing_subscriber::registry().with(TracingLayer::new());
/// tracing::subscriber::with_default(subscriber, || {
///     // Here the span of a request is current.
/// #   tracer.span("GET /cart").in_scope(|| {
///     load_cart(7);
/// #   });
/// });
/// # spans.assert_tree(
/// #     "
/// #     shop  GET /cart
/// #     shop  └─ load_cart  user=7 items=3
/// #     ",
/// # );
/// ```
///
/// See [`guide::tracing`](crate::guide::tracing) for what becomes of fields, events, parents and
/// filters.
///
/// | setting | default |
/// |---|---|
/// | [`max_span_level`](Self::max_span_level) | all levels |
/// | [`max_event_level`](Self::max_event_level) | `INFO` |
/// | [`target`](Self::target), [`code_location`](Self::code_location) | off |
/// | [`root_spans`](Self::root_spans) | none |
pub struct TracingLayer {
    table: Table,
    detached: Arc<SharedSpan>,
    roots: Option<Tracer>,
    max_span_level: LevelFilter,
    max_event_level: LevelFilter,
    target: bool,
    code_location: bool,
}

impl TracingLayer {
    /// A layer with the default settings.
    pub fn new() -> TracingLayer {
        TracingLayer {
            table: Table::new(),
            detached: SharedSpan::detached(),
            roots: None,
            max_span_level: LevelFilter::TRACE,
            max_event_level: LevelFilter::INFO,
            target: false,
            code_location: false,
        }
    }

    /// Starts traces with this tracer: where nothing is current, and for `parent: None`. Its sampler for
    /// [`Direction::Client`](crate::Direction::Client) decides. Default: spans outside of a request are
    /// not recorded.
    #[must_use]
    pub fn root_spans(mut self, tracer: &Tracer) -> Self {
        self.roots = Some(tracer.clone());
        self
    }

    /// Records spans up to this level. Those above still carry the context of the span above them to
    /// where they are entered, for example into a spawned task, which they do not if a filter of the
    /// subscriber disables them. Default: all levels.
    #[must_use]
    pub fn max_span_level(mut self, level: impl Into<LevelFilter>) -> Self {
        self.max_span_level = level.into();
        self
    }

    /// Adds events up to this level to the current span, as annotations. An event of level `ERROR` sets
    /// the tags `error` and `error.reason` whatever the level is. Default: `INFO`.
    #[must_use]
    pub fn max_event_level(mut self, level: impl Into<LevelFilter>) -> Self {
        self.max_event_level = level.into();
        self
    }

    /// Whether spans have the tag `target`: the module, unless the code says otherwise. Default: off.
    #[must_use]
    pub fn target(mut self, tag: bool) -> Self {
        self.target = tag;
        self
    }

    /// Whether spans have the tags `code.file.path` and `code.line.number`. Default: off.
    #[must_use]
    pub fn code_location(mut self, tag: bool) -> Self {
        self.code_location = tag;
        self
    }

    fn key(&self, id: &Id) -> GuardKey {
        GuardKey {
            layer: self.table.number(),
            span: id.into_u64(),
        }
    }

    /// Where a new span belongs.
    fn place(&self, attributes: &Attributes<'_>) -> Placed {
        let metadata = attributes.metadata();
        let recorded = *metadata.level() <= self.max_span_level;
        let name = metadata.name();
        let placed = match attributes.parent() {
            Some(parent) => match self.table.get(parent.into_u64()) {
                Some(parent) => guards::below(&parent, name, recorded),
                None => Placed::Detached,
            },
            None if attributes.is_root() => Placed::Detached,
            None => guards::below_current(name, recorded),
        };
        match (placed, &self.roots) {
            (Placed::Nowhere | Placed::Detached, Some(tracer)) if recorded => {
                let root = tracer.root_span(name).into_open();
                root.map_or(Placed::Detached, Placed::Recorded)
            }
            (placed, _) => placed,
        }
    }

    /// Writes the fields, the target and the place in the code to a new span.
    fn describe(&self, attributes: &Attributes<'_>, open: &mut OpenSpan) {
        let Some(max_length) = max_length(open) else {
            return;
        };
        let record = |fields: &mut Fields| attributes.record(fields);
        Fields::read(max_length, record, |fields| tags::write(fields, open));
        let metadata = attributes.metadata();
        if self.target {
            open.tag("target", metadata.target());
        }
        if let (true, Some(file)) = (self.code_location, metadata.file()) {
            open.tag("code.file.path", file);
        }
        if let (true, Some(line)) = (self.code_location, metadata.line()) {
            open.tag("code.line.number", &line.to_string());
        }
    }
}

/// How long values may be; `None` if the span is not recorded, so that nothing is to be formatted.
fn max_length(open: &mut OpenSpan) -> Option<usize> {
    open.record().map(|record| record.max_tag_length())
}

/// Whether this crate made the span or the event: its log span of a request, or what it logs.
fn is_own(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let rest = target.strip_prefix("tower_b3");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

impl<S: Subscriber> Layer<S> for TracingLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        if guards::is_muted() || is_own(attributes.metadata()) {
            return;
        }
        let (span, is_own) = match self.place(attributes) {
            Placed::Nowhere => return,
            Placed::Detached => (Arc::clone(&self.detached), false),
            Placed::Carried(span) => (span, false),
            Placed::Recorded(mut open) => {
                self.describe(attributes, &mut open);
                (guards::share(open), true)
            }
        };
        self.table.insert(id.into_u64(), Known { span, is_own });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let known = self.table.get_own(id.into_u64());
        let Some(span) = known else {
            return;
        };
        if let Some(max_length) = span.with(max_length).flatten() {
            let record = |fields: &mut Fields| values.record(fields);
            Fields::read(max_length, record, |fields| {
                span.with(|open| tags::write(fields, open));
            });
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, _: Context<'_, S>) {
        let context = self.table.get(follows.into_u64());
        let context = context.and_then(|span| span.with(|open| open.context()).flatten());
        let known = self.table.get_own(id.into_u64());
        if let (Some(context), Some(span)) = (context, known) {
            span.with(|open| open.follows_from(&context));
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let is_error = *metadata.level() == Level::ERROR;
        let annotated = *metadata.level() <= self.max_event_level;
        if !(annotated || is_error) || guards::is_muted() || is_own(metadata) {
            return;
        }
        let record = |fields: &mut Fields| event.record(fields);
        if let Some(parent) = event.parent() {
            let Some(span) = self.table.get(parent.into_u64()) else {
                return;
            };
            if let Some(max_length) = span.with(max_length).flatten() {
                Fields::read(max_length, record, |fields| {
                    span.with(|open| event::write(fields, annotated, is_error, open));
                });
            }
        } else if event.is_contextual() {
            if let Some(max_length) = with_current(max_length).flatten() {
                Fields::read(max_length, record, |fields| {
                    with_current(|open| event::write(fields, annotated, is_error, open));
                });
            }
        }
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        if let Some(span) = self.table.get(id.into_u64()) {
            guards::enter(self.key(id), span);
        }
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        guards::exit(self.key(id));
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        if let Some(Known { span, is_own }) = self.table.remove(id.into_u64()) {
            if is_own {
                span.end();
            }
            span.release();
        }
    }
}

impl Default for TracingLayer {
    fn default() -> Self {
        TracingLayer::new()
    }
}

impl Drop for TracingLayer {
    /// Ends the spans that are left: nobody will close them. A registry can fail to close a span, as the
    /// guide says under "Nesting".
    fn drop(&mut self) {
        for known in self.table.take_all() {
            if known.is_own {
                known.span.end();
            }
        }
    }
}

impl fmt::Debug for TracingLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracingLayer")
            .field("root_spans", &self.roots)
            .field("max_span_level", &self.max_span_level)
            .field("max_event_level", &self.max_event_level)
            .field("target", &self.target)
            .field("code_location", &self.code_location)
            .finish_non_exhaustive()
    }
}
