//! Spans of the same process, without HTTP.

use crate::{
    model::{Annotation, Endpoint, Kind, Span, SpanId, TraceId},
    store::Store,
};
use std::sync::Arc;
use tower_b3::{
    record::{self, EndpointRef, SpanRecord},
    report::Reporter,
};

/// Puts spans into the store of a [`Viewer`](crate::Viewer); see [`Viewer::reporter`].
///
/// It is for development: it copies each span on the request's thread, and waits for the store.
///
/// [`Viewer::reporter`]: crate::Viewer::reporter
#[derive(Debug, Clone)]
pub struct ViewerReporter {
    store: Arc<Store>,
}

impl ViewerReporter {
    pub(crate) fn new(store: Arc<Store>) -> ViewerReporter {
        ViewerReporter { store }
    }
}

impl Reporter for ViewerReporter {
    fn report(&self, span: SpanRecord) {
        self.report_ref(&span);
    }

    fn report_ref(&self, span: &SpanRecord) -> bool {
        self.store.add(convert(span));
        true
    }
}

fn convert(record: &SpanRecord) -> Option<Span> {
    let trace_id = TraceId::new(record.trace_id().get())?;
    let mut span = Span::new(trace_id, SpanId::new(record.id().get())?);
    span.parent_id = record.parent_id().and_then(|id| SpanId::new(id.get()));
    span.kind = match record.kind() {
        Some(record::Kind::Client) => Some(Kind::Client),
        Some(record::Kind::Server) => Some(Kind::Server),
        Some(record::Kind::Producer) => Some(Kind::Producer),
        Some(record::Kind::Consumer) => Some(Kind::Consumer),
        _ => None,
    };
    span.set_name(record.name());
    span.timestamp = record.timestamp();
    span.duration = u64::try_from(record.duration().as_micros()).unwrap_or(u64::MAX);
    span.local_endpoint = endpoint(record.local_endpoint());
    span.remote_endpoint = endpoint(record.remote_endpoint());
    let annotations = record.annotations().map(|(micros, value)| Annotation {
        timestamp: i64::try_from(micros).unwrap_or(i64::MAX),
        value: value.into(),
    });
    span.annotations = annotations.collect();
    let tags = record.tags();
    let tags = tags.map(|(name, value)| (name.into(), value.to_text().into()));
    span.tags = tags.collect();
    span.debug = record.is_debug();
    span.shared = record.is_shared();
    span.normalize();
    Some(span)
}

fn endpoint(record: EndpointRef<'_>) -> Option<Endpoint> {
    let mut endpoint = Endpoint::default();
    endpoint.set_service_name(record.service_name.unwrap_or_default());
    if let Some(ip) = record.ip {
        endpoint.set_ip(ip);
    }
    endpoint.port = record.port.unwrap_or(0);
    endpoint.known()
}
