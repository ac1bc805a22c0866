//! Between the spans of `tower_b3`, before they are sent, and those of the store.

use crate::model::{Annotation, Endpoint, Kind, Span, SpanId, TraceId};
use std::{net::IpAddr, time::Duration};
use tower_b3::{
    Sampling, TraceContext, id,
    record::{self, EndpointRef, SpanRecord},
};

/// `None` for an id that is zero.
pub(crate) fn from_record(record: &SpanRecord) -> Option<Span> {
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
    span.local_endpoint = from_endpoint(record.local_endpoint());
    span.remote_endpoint = from_endpoint(record.remote_endpoint());
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

fn from_endpoint(record: EndpointRef<'_>) -> Option<Endpoint> {
    let mut endpoint = Endpoint::default();
    endpoint.set_service_name(record.service_name.unwrap_or_default());
    if let Some(ip) = record.ip {
        endpoint.set_ip(ip);
    }
    endpoint.port = record.port.unwrap_or(0);
    endpoint.known()
}

/// For what `tower_b3` does with spans, such as [`TraceTree`], which shows a trace as text.
///
/// ```
/// use tower_b3::{record::SpanRecord, report::TraceTree};
/// use tower_b3_viewer::{decode::zipkin_json, store::{Store, TraceQuery, Window}};
///
/// let store = Store::default();
/// store.add(zipkin_json(br#"[{"traceId":"1","id":"1","name":"tick","duration":20}]"#)?);
/// let traces = store.find(&TraceQuery::all(Window::ALL));
/// let records: Vec<SpanRecord> = traces[0].iter().map(|span| SpanRecord::from(&**span)).collect();
/// assert!(TraceTree::new(&records).to_string().contains("tick  20µs"));
/// # Ok::<(), tower_b3_viewer::decode::DecodeError>(())
/// ```
///
/// [`TraceTree`]: tower_b3::report::TraceTree
impl From<&Span> for SpanRecord {
    fn from(span: &Span) -> SpanRecord {
        let mut record = SpanRecord::builder(context(span))
            .name(span.name.as_deref().unwrap_or_default())
            .timestamp(span.timestamp)
            .duration(Duration::from_micros(span.duration))
            .local_endpoint(to_endpoint(span.local_endpoint.as_ref()))
            .remote_endpoint(to_endpoint(span.remote_endpoint.as_ref()))
            .shared(span.shared);
        if let Some(kind) = span.kind {
            record = record.kind(match kind {
                Kind::Client => record::Kind::Client,
                Kind::Server => record::Kind::Server,
                Kind::Producer => record::Kind::Producer,
                Kind::Consumer => record::Kind::Consumer,
            });
        }
        for (name, value) in &span.tags {
            record = record.tag(name, value);
        }
        for annotation in &span.annotations {
            let micros = u64::try_from(annotation.timestamp).unwrap_or(0);
            record = record.annotation(micros, &annotation.value);
        }
        record.build()
    }
}

fn context(span: &Span) -> TraceContext {
    let span_id = |id: SpanId| id::SpanId::new(id.get());
    let sampling = match span.debug {
        true => Sampling::Debug,
        false => Sampling::Accept,
    };
    let (trace_id, id) = (id::TraceId::new(span.trace_id.get()), span_id(span.id));
    let ids = trace_id.zip(id).expect("ids of the store are not zero");
    TraceContext::new(ids.0, ids.1, span.parent_id.and_then(span_id), sampling)
}

fn to_endpoint(endpoint: Option<&Endpoint>) -> record::Endpoint {
    let Some(endpoint) = endpoint else {
        return record::Endpoint::default();
    };
    let name = endpoint.service_name.as_deref().unwrap_or_default();
    let record = record::Endpoint::service(name.to_owned()).with_port(endpoint.port);
    let ip = endpoint.ipv4.map(IpAddr::V4);
    match ip.or(endpoint.ipv6.map(IpAddr::V6)) {
        Some(ip) => record.with_ip(ip),
        None => record,
    }
}
