//! `SpanRecord`: the public view of a finished span.
//!
//! How a span is recorded is in [`buffer`](super::buffer).

use super::{EndpointRef, Kind, SpanRecordBuilder, SpanSink, TagValue, buffer::SpanBuffer};
use crate::{
    context::{Sampling, TraceContext},
    id::{SpanId, TraceId},
};
use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

/// A finished span.
///
/// It owns its data. When it is dropped, its memory returns to the tracer for another span.
pub struct SpanRecord(pub(super) Option<Box<SpanBuffer>>);

impl SpanRecord {
    /// Starts a record with these ids: for tests, and for spans from other sources.
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
        let mut record = Box::<SpanBuffer>::default();
        record.fields.context = Some(context);
        SpanRecordBuilder(record)
    }

    pub(crate) fn new(record: Box<SpanBuffer>) -> SpanRecord {
        SpanRecord(Some(record))
    }

    pub(super) fn record(&self) -> &SpanBuffer {
        // Only `drop` takes the buffer.
        self.0.as_deref().expect("the record has not been dropped")
    }

    pub(crate) fn record_mut(&mut self) -> &mut SpanBuffer {
        self.0
            .as_deref_mut()
            .expect("the record has not been dropped")
    }

    /// Where the span is reported, if a tracer made it.
    pub(super) fn sink(&self) -> Option<&Arc<SpanSink>> {
        self.record().sink.as_ref()
    }

    /// The ids and the sampling state.
    pub fn context(&self) -> TraceContext {
        // Both ways to make a record, the builder and `SpanBuffer::begin`, set a context.
        self.record()
            .fields
            .context
            .expect("a finished span has a context")
    }

    /// The trace id.
    pub fn trace_id(&self) -> TraceId {
        self.context().trace_id()
    }

    /// The span id.
    pub fn id(&self) -> SpanId {
        self.context().span_id()
    }

    /// The id of the parent span.
    pub fn parent_id(&self) -> Option<SpanId> {
        self.context().parent_id()
    }

    /// Which side of the exchange the span is for; `None` for a local span.
    pub fn kind(&self) -> Option<Kind> {
        self.record().fields.kind
    }

    /// The name of the span: `GET /items/{id}`.
    pub fn name(&self) -> &str {
        self.record().read(self.record().fields.name)
    }

    /// When the span started, in microseconds since 1970.
    pub fn timestamp(&self) -> u64 {
        self.record().fields.timestamp
    }

    /// How long the span took, in whole microseconds and at least one.
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.record().fields.duration.max(1))
    }

    /// The service that made the span.
    pub fn local_endpoint(&self) -> EndpointRef<'_> {
        let record = self.record();
        match (&record.local_endpoint, &record.sink) {
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
            ip: record.fields.remote_ip,
            port: record.fields.remote_port,
        }
    }

    /// Events, with their times in microseconds since 1970.
    pub fn annotations(&self) -> impl Iterator<Item = (u64, &str)> {
        let record = self.record();
        let annotations = record.annotations().iter();
        annotations.map(|(micros, text)| (*micros, record.read(*text)))
    }

    /// The tags. Each name occurs once.
    pub fn tags(&self) -> impl Iterator<Item = (&str, TagValue<'_>)> {
        let record = self.record();
        let is_effective = |at: usize| !record.fields.may_repeat_names || record.is_effective(at);
        (0..record.tags().len())
            .filter(move |&at| is_effective(at))
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

    /// Whether the span has the tag `error`.
    pub fn is_error(&self) -> bool {
        self.tags().any(|(name, _)| name == "error")
    }

    /// Whether the trace is a debug trace.
    pub fn is_debug(&self) -> bool {
        self.context().sampling() == Sampling::Debug
    }

    /// Whether the request that it belongs to was forced to be traced: by `x-envoy-force-trace` or
    /// `x-client-trace-id`, or by the reason in its `x-request-id` while that is in use. Known of the
    /// SERVER span that the header came to.
    pub fn is_forced(&self) -> bool {
        self.record().fields.forced
    }

    /// Whether the caller of its request, or whoever sent its message, had sampled the trace already.
    /// Known of the local root only.
    pub fn is_sampled_by_caller(&self) -> bool {
        self.record().fields.sampled_by_caller
    }

    /// Whether the span shares its id with the caller's span (see
    /// [`ServerLayer::join`](crate::ServerLayer::join)).
    pub fn is_shared(&self) -> bool {
        self.record().fields.shared
    }

    /// Whether the span has no parent in this process. When it ends, this process's part of the trace
    /// is complete, except for spans of spawned tasks.
    pub fn is_local_root(&self) -> bool {
        self.record().fields.local_root
    }
}

impl Default for SpanRecord {
    /// Makes an empty record, for a span that has not started. It has no context yet.
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
