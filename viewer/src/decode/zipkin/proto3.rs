//! Zipkin's protocol buffers: `zipkin.proto3.ListOfSpans`.

use crate::{
    decode::{
        DecodeError,
        wire::{Messages, decode},
    },
    model::{Annotation, Budget, Endpoint, Kind, Span, SpanId, TraceId},
};
use std::{collections::BTreeMap, net::IpAddr};

/// The field of the list.
const SPANS: usize = 1;

#[derive(Clone, PartialEq, prost::Message)]
struct Proto3Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    parent_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    id: Vec<u8>,
    #[prost(int32, tag = "4")]
    kind: i32,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(fixed64, tag = "6")]
    timestamp: u64,
    #[prost(uint64, tag = "7")]
    duration: u64,
    #[prost(message, optional, tag = "8")]
    local_endpoint: Option<Proto3Endpoint>,
    #[prost(message, optional, tag = "9")]
    remote_endpoint: Option<Proto3Endpoint>,
    #[prost(message, repeated, tag = "10")]
    annotations: Vec<Proto3Annotation>,
    #[prost(btree_map = "string, string", tag = "11")]
    tags: BTreeMap<String, String>,
    #[prost(bool, tag = "12")]
    debug: bool,
    #[prost(bool, tag = "13")]
    shared: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Proto3Endpoint {
    #[prost(string, tag = "1")]
    service_name: String,
    #[prost(bytes = "vec", tag = "2")]
    ipv4: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    ipv6: Vec<u8>,
    #[prost(int32, tag = "4")]
    port: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Proto3Annotation {
    #[prost(fixed64, tag = "1")]
    timestamp: u64,
    #[prost(string, tag = "2")]
    value: String,
}

/// Reads Zipkin's protocol buffers: a `ListOfSpans`. An empty message is an empty list.
///
/// # Errors
///
/// If any span is not valid.
pub fn zipkin_proto3(message: &[u8]) -> Result<Vec<Span>, DecodeError> {
    let (mut spans, budget) = (Vec::new(), Budget::default());
    for field in Messages(message) {
        let (number, bytes) = field?;
        if number == SPANS {
            let span = decode(bytes).and_then(convert);
            let at = spans.len() + 1;
            let span = span.map_err(|error| DecodeError::new(format!("span {at}: {error}")))?;
            budget.spend(&span).map_err(DecodeError::new)?;
            spans.push(span);
        }
    }
    Ok(spans)
}

fn convert(from: Proto3Span) -> Result<Span, String> {
    let mut span = Span::new(trace_id(&from.trace_id)?, required("id", &from.id)?);
    span.parent_id = span_id("parent_id", &from.parent_id)?;
    span.kind = usize::try_from(from.kind - 1)
        .ok()
        .and_then(|at| Kind::ALL.get(at).copied());
    span.set_name(&from.name);
    // Zipkin reads signed numbers.
    let positive = |number: u64| i64::try_from(number).map_or(0, |_| number);
    span.timestamp = positive(from.timestamp);
    span.duration = positive(from.duration);
    span.local_endpoint = endpoint(from.local_endpoint)?;
    span.remote_endpoint = endpoint(from.remote_endpoint)?;
    let annotations = from.annotations.into_iter().map(|from| Annotation {
        timestamp: from.timestamp as i64,
        value: from.value.into(),
    });
    span.annotations = annotations.collect();
    let tags = from.tags.into_iter();
    span.tags = tags
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    span.debug = from.debug;
    span.shared = from.shared;
    span.normalize();
    Ok(span)
}

fn trace_id(bytes: &[u8]) -> Result<TraceId, String> {
    let id = match bytes.len() {
        8 | 16 => bytes.iter().fold(0, |id, &byte| id << 8 | u128::from(byte)),
        len => return Err(format!("field \"trace_id\": {len} bytes; it has 8 or 16")),
    };
    TraceId::new(id).ok_or_else(|| "field \"trace_id\": an id must not be zero".to_owned())
}

/// An id; zero and no bytes are none.
fn span_id(field: &str, bytes: &[u8]) -> Result<Option<SpanId>, String> {
    match <[u8; 8]>::try_from(bytes) {
        Ok(bytes) => Ok(SpanId::new(u64::from_be_bytes(bytes))),
        Err(_) if bytes.is_empty() => Ok(None),
        Err(_) => Err(format!("field {field:?}: {} bytes; it has 8", bytes.len())),
    }
}

fn required(field: &str, bytes: &[u8]) -> Result<SpanId, String> {
    let id = span_id(field, bytes)?;
    id.ok_or_else(|| format!("field {field:?}: it is missing or zero"))
}

fn endpoint(from: Option<Proto3Endpoint>) -> Result<Option<Endpoint>, String> {
    let Some(from) = from else { return Ok(None) };
    let mut endpoint = Endpoint::default();
    endpoint.set_service_name(&from.service_name);
    if let Ok(ip) = <[u8; 4]>::try_from(from.ipv4) {
        endpoint.set_ip(IpAddr::from(ip));
    }
    if let Ok(ip) = <[u8; 16]>::try_from(from.ipv6) {
        endpoint.set_ip(IpAddr::from(ip));
    }
    let port = u16::try_from(from.port.max(0));
    endpoint.port = port.map_err(|_| format!("field \"port\": {}; at most 65535", from.port))?;
    Ok(endpoint.known())
}
