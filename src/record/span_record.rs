use super::{EndpointRef, Kind, SpanRecordBuilder, SpanSink, TagValue, buffer::Record};
use crate::{
    context::{Sampling, TraceContext},
    id::{SpanId, TraceId},
};
use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

/// A finished span.
///
/// It owns a copy of everything in it, in a buffer that goes back to its tracer when the record is
/// dropped.
pub struct SpanRecord(pub(super) Option<Box<Record>>);

impl SpanRecord {
    /// A record of these ids, to be filled in: for tests, and for spans that come from elsewhere.
    ///
    /// ```
    /// use tower_b3::{Sampling, TraceContext, record::{Endpoint, Kind, SpanRecord}};
    ///
    /// let span = SpanRecord::builder(TraceContext::root(Sampling::Accept))
    ///     .name("get /items")
    ///     .kind(Kind::Server)
    ///     .local_endpoint(Endpoint::service("catalog"))
    ///     .tag("http.status_code", "200")
    ///     .build();
    /// assert_eq!(span.tag("http.status_code").as_deref(), Some("200"));
    /// ```
    pub fn builder(context: TraceContext) -> SpanRecordBuilder {
        let mut record = Box::<Record>::default();
        record.fixed.context = Some(context);
        SpanRecordBuilder(record)
    }

    pub(crate) fn new(record: Box<Record>) -> SpanRecord {
        SpanRecord(Some(record))
    }

    pub(super) fn record(&self) -> &Record {
        // Only `drop` takes the buffer out.
        self.0.as_deref().expect("a record until it is dropped")
    }

    pub(crate) fn record_mut(&mut self) -> &mut Record {
        self.0.as_deref_mut().expect("a record until it is dropped")
    }

    /// Where it goes, if it is of a tracer.
    pub(super) fn sink(&self) -> Option<&Arc<SpanSink>> {
        self.record().sink.as_ref()
    }

    /// The ids and the sampling state.
    pub fn context(&self) -> TraceContext {
        // A record is built from a context, or started with one.
        self.record().fixed.context.expect("a record has a context")
    }

    /// The trace.
    pub fn trace_id(&self) -> TraceId {
        self.context().trace_id()
    }

    /// The span.
    pub fn id(&self) -> SpanId {
        self.context().span_id()
    }

    /// The span above.
    pub fn parent_id(&self) -> Option<SpanId> {
        self.context().parent_id()
    }

    /// The side of the exchange; `None` for a local span.
    pub fn kind(&self) -> Option<Kind> {
        self.record().fixed.kind
    }

    /// What was done: `GET /items/{id}`.
    pub fn name(&self) -> &str {
        self.record().read(self.record().fixed.name)
    }

    /// When it started, in microseconds since 1970.
    pub fn timestamp(&self) -> u64 {
        self.record().fixed.timestamp
    }

    /// How long it took: at least a microsecond, in whole ones.
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.record().fixed.duration.max(1))
    }

    /// The service that made the span.
    pub fn local_endpoint(&self) -> EndpointRef<'_> {
        let record = self.record();
        match (&record.local, &record.sink) {
            (Some(own), _) => (**own).as_ref(),
            (None, Some(sink)) => (*sink.settings().endpoint).as_ref(),
            (None, None) => EndpointRef::default(),
        }
    }

    /// The service on the other side.
    pub fn remote_endpoint(&self) -> EndpointRef<'_> {
        let record = self.record();
        EndpointRef {
            service_name: Some(record.remote_service()).filter(|name| !name.is_empty()),
            ip: record.fixed.remote_ip,
            port: record.fixed.remote_port,
        }
    }

    /// Events, with their times in microseconds since 1970.
    pub fn annotations(&self) -> impl Iterator<Item = (u64, &str)> {
        let record = self.record();
        let annotations = record.annotations().iter();
        annotations.map(|(micros, text)| (*micros, record.read(*text)))
    }

    /// Tags, each name once.
    pub fn tags(&self) -> impl Iterator<Item = (&str, TagValue<'_>)> {
        let record = self.record();
        let stands = |at: usize| !record.fixed.doubtful || record.stands(at);
        (0..record.tags().len())
            .filter(move |&at| stands(at))
            .map(|at| {
                let tag = &record.tags()[at];
                (record.tag_name(tag), record.tag_value(tag))
            })
    }

    /// The value of one tag.
    pub fn tag(&self, name: &str) -> Option<Cow<'_, str>> {
        self.tags()
            .find(|(other, _)| *other == name)
            .map(|(_, value)| value.to_text())
    }

    /// Whether it is tagged as an error.
    pub fn is_error(&self) -> bool {
        self.tags().any(|(name, _)| name == "error")
    }

    /// Whether the trace is one of debug.
    pub fn is_debug(&self) -> bool {
        self.context().sampling() == Sampling::Debug
    }

    /// Whether the request that it belongs to was forced to be traced: by `x-envoy-force-trace` or
    /// `x-client-trace-id`, or by the reason in its `x-request-id` while that is in use. Known of the
    /// SERVER span that the header came to.
    pub fn is_forced(&self) -> bool {
        self.record().fixed.forced
    }

    /// Whether the caller of its request, or whoever sent its message, had sampled the trace already.
    /// Known of the local root only.
    pub fn is_sampled_by_caller(&self) -> bool {
        self.record().fixed.sampled_by_caller
    }

    /// Whether the span's id is its caller's too (see
    /// [`ServerLayer::join`](crate::ServerLayer::join)).
    pub fn is_shared(&self) -> bool {
        self.record().fixed.shared
    }

    /// Whether no other span of this process is above it: when it is finished, so is this
    /// process's part of the trace, but for what was spawned.
    pub fn is_local_root(&self) -> bool {
        self.record().fixed.local_root
    }
}

impl Default for SpanRecord {
    /// An empty record, for a span that has not started.
    fn default() -> Self {
        SpanRecord(Some(Box::default()))
    }
}

impl Drop for SpanRecord {
    fn drop(&mut self) {
        if let Some(mut record) = self.0.take() {
            if let Some(sink) = record.sink.take() {
                sink.recycle(record);
            }
        }
    }
}

impl Clone for SpanRecord {
    fn clone(&self) -> Self {
        SpanRecord(self.0.clone())
    }
}

impl fmt::Debug for SpanRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Tags<'a>(&'a SpanRecord);
        impl fmt::Debug for Tags<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let tags = self.0.tags();
                f.debug_map()
                    .entries(tags.map(|(name, value)| (name, value.to_text())))
                    .finish()
            }
        }
        f.debug_struct("SpanRecord")
            .field("context", &self.context())
            .field("kind", &self.kind())
            .field("name", &self.name())
            .field("timestamp", &self.timestamp())
            .field("duration", &self.duration())
            .field("local_endpoint", &self.local_endpoint())
            .field("remote_endpoint", &self.remote_endpoint())
            .field("annotations", &self.annotations().collect::<Vec<_>>())
            .field("tags", &Tags(self))
            .field("shared", &self.is_shared())
            .finish()
    }
}
