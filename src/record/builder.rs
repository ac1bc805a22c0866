//! `SpanRecordBuilder`: records made by hand, without a tracer.

use super::{Endpoint, Kind, SpanRecord, buffer::SpanBuffer};
use std::{sync::Arc, time::Duration};

/// Builds a [`SpanRecord`] by hand; see [`SpanRecord::builder`].
#[derive(Debug)]
pub struct SpanRecordBuilder(pub(super) Box<SpanBuffer>);

impl SpanRecordBuilder {
    /// The name of the span: what was done.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.0.set_name(&[name]);
        self
    }

    /// Which side of the exchange the span is for. Default: none, a local span.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.0.fields.kind = Some(kind);
        self
    }

    /// When the span started, in microseconds since 1970.
    #[must_use]
    pub fn timestamp(mut self, micros: u64) -> Self {
        self.0.fields.timestamp = micros;
        self
    }

    /// How long the span took, in whole microseconds and at least one.
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.0.fields.duration = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self
    }

    /// The service that made the span.
    #[must_use]
    pub fn local_endpoint(mut self, endpoint: Endpoint) -> Self {
        self.0.local_endpoint = Some(Arc::new(endpoint));
        self
    }

    /// The service on the other side.
    #[must_use]
    pub fn remote_endpoint(mut self, endpoint: Endpoint) -> Self {
        self.0.set_remote_endpoint(&endpoint);
        self
    }

    /// Sets a tag, replacing an earlier tag of the same name. A tag is ignored if its name is blank or
    /// its value is empty.
    #[must_use]
    pub fn tag(mut self, name: &str, value: &str) -> Self {
        self.0.set_handler_tag(name, value);
        self
    }

    /// Adds an event at a time in microseconds since 1970. An event with a blank text is ignored.
    #[must_use]
    pub fn annotation(mut self, micros: u64, text: &str) -> Self {
        self.0.annotate(micros, text);
        self
    }

    /// Whether the span shares its id with the caller's span.
    #[must_use]
    pub fn shared(mut self, shared: bool) -> Self {
        self.0.fields.shared = shared;
        self
    }

    /// Whether the span has no parent in this process.
    #[must_use]
    pub fn local_root(mut self, local_root: bool) -> Self {
        self.0.fields.local_root = local_root;
        self
    }

    /// Whether its request was forced to be traced.
    #[must_use]
    pub fn forced(mut self, forced: bool) -> Self {
        self.0.fields.forced = forced;
        self
    }

    /// Whether the caller of its request had sampled the trace.
    #[must_use]
    pub fn sampled_by_caller(mut self, sampled: bool) -> Self {
        self.0.fields.sampled_by_caller = sampled;
        self
    }

    /// Returns the finished record.
    pub fn build(self) -> SpanRecord {
        SpanRecord(Some(self.0))
    }
}
