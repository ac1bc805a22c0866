use super::{Endpoint, Kind, SpanRecord, buffer::Record};
use std::{sync::Arc, time::Duration};

/// Makes a [`SpanRecord`] by hand.
#[derive(Debug)]
pub struct SpanRecordBuilder(pub(super) Box<Record>);

impl SpanRecordBuilder {
    /// What was done.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.0.set_name(&[name]);
        self
    }

    /// The side of the exchange.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.0.fixed.kind = Some(kind);
        self
    }

    /// When it started, in microseconds since 1970.
    #[must_use]
    pub fn timestamp(mut self, micros: u64) -> Self {
        self.0.fixed.timestamp = micros;
        self
    }

    /// How long it took, in whole microseconds; less than one counts as one.
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.0.fixed.duration = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self
    }

    /// The service that made the span.
    #[must_use]
    pub fn local_endpoint(mut self, endpoint: Endpoint) -> Self {
        self.0.local = Some(Arc::new(endpoint));
        self
    }

    /// The service on the other side.
    #[must_use]
    pub fn remote_endpoint(mut self, endpoint: Endpoint) -> Self {
        self.0.set_remote(&endpoint);
        self
    }

    /// A tag. Of two with one name the later counts. One whose name is empty or white space alone,
    /// or whose value is empty, is left out.
    #[must_use]
    pub fn tag(mut self, name: &str, value: &str) -> Self {
        self.0.handler_tag(name, value);
        self
    }

    /// An event, at a time in microseconds since 1970. One whose text is empty or white space alone
    /// is left out.
    #[must_use]
    pub fn annotation(mut self, micros: u64, text: &str) -> Self {
        self.0.annotate(micros, text);
        self
    }

    /// Whether the span's id is its caller's too.
    #[must_use]
    pub fn shared(mut self, shared: bool) -> Self {
        self.0.fixed.shared = shared;
        self
    }

    /// Whether no other span of this process is above it.
    #[must_use]
    pub fn local_root(mut self, local_root: bool) -> Self {
        self.0.fixed.local_root = local_root;
        self
    }

    /// Whether its request was forced to be traced.
    #[must_use]
    pub fn forced(mut self, forced: bool) -> Self {
        self.0.fixed.forced = forced;
        self
    }

    /// Whether the caller of its request had sampled the trace.
    #[must_use]
    pub fn sampled_by_caller(mut self, sampled: bool) -> Self {
        self.0.fixed.sampled_by_caller = sampled;
        self
    }

    /// The record.
    pub fn build(self) -> SpanRecord {
        SpanRecord(Some(self.0))
    }
}
