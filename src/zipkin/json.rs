//! [`JsonEncoder`], written by hand: text goes from the span's buffer into the message without
//! owned strings or a serializer in between. `escape` writes the strings.

use super::escape::string;
use crate::{
    decimal::{write_address, write_number},
    id::{SpanId, TraceId},
    record::{EndpointRef, SpanRecord, TagValue},
    report::{EncodeError, Encoded, Encoder},
};

/// Encodes spans as Zipkin's JSON, version 2: `application/json`, an array of spans.
///
/// ```
/// use tower_b3::{Sampling, TraceContext, record::SpanRecord, report::Encoder, zipkin::JsonEncoder};
///
/// let span = SpanRecord::builder(TraceContext::root(Sampling::Accept)).name("reconcile").build();
/// let mut json = Vec::new();
/// JsonEncoder.encode(&span, &mut json)?;
/// assert!(String::from_utf8(json)?.contains(r#""name":"reconcile""#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonEncoder;

impl Encoder for JsonEncoder {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn encode(&self, span: &SpanRecord, to: &mut Vec<u8>) -> Result<(), EncodeError> {
        to.extend_from_slice(b"{\"traceId\":\"");
        trace_id(span.trace_id(), to);
        to.extend_from_slice(b"\",\"id\":\"");
        span_id(span.id(), to);
        if let Some(parent) = span.parent_id() {
            to.extend_from_slice(b"\",\"parentId\":\"");
            span_id(parent, to);
        }
        if let Some(kind) = span.kind() {
            to.extend_from_slice(b"\",\"kind\":\"");
            to.extend_from_slice(kind.as_str().as_bytes());
        }
        to.push(b'"');
        if !span.name().is_empty() {
            to.extend_from_slice(b",\"name\":\"");
            string(span.name(), to);
            to.push(b'"');
        }
        if span.timestamp() != 0 {
            to.extend_from_slice(b",\"timestamp\":");
            write_number(span.timestamp(), to);
        }
        to.extend_from_slice(b",\"duration\":");
        write_number(span.duration().as_micros() as u64, to);
        endpoint(b",\"localEndpoint\":{", span.local_endpoint(), to);
        endpoint(b",\"remoteEndpoint\":{", span.remote_endpoint(), to);
        let mut annotations = span.annotations();
        if let Some(first) = annotations.next() {
            to.extend_from_slice(b",\"annotations\":[{\"timestamp\":");
            annotation(first, to);
            for other in annotations {
                to.extend_from_slice(b"\"},{\"timestamp\":");
                annotation(other, to);
            }
            to.extend_from_slice(b"\"}]");
        }
        let mut tags = span.tags();
        if let Some(first) = tags.next() {
            to.extend_from_slice(b",\"tags\":{\"");
            tag(first, to);
            for other in tags {
                to.extend_from_slice(b"\",\"");
                tag(other, to);
            }
            to.extend_from_slice(b"\"}");
        }
        if span.is_debug() {
            to.extend_from_slice(b",\"debug\":true");
        }
        if span.is_shared() {
            to.extend_from_slice(b",\"shared\":true");
        }
        to.push(b'}');
        Ok(())
    }

    fn message_len(&self, spans: usize, bytes: usize) -> usize {
        // Two brackets, and commas in between.
        bytes + spans.max(1) + 1
    }

    fn message(&self, spans: Encoded<'_>, to: &mut Vec<u8>) {
        let mut separator = b'[';
        for span in spans {
            to.push(separator);
            to.extend_from_slice(span);
            separator = b',';
        }
        to.push(b']');
    }
}

fn trace_id(id: TraceId, to: &mut Vec<u8>) {
    to.extend_from_slice(&id.digits()[id.omitted_digits()..]);
}

fn span_id(id: SpanId, to: &mut Vec<u8>) {
    to.extend_from_slice(&id.digits());
}

/// Appends an annotation from its timestamp on, without the closing quote.
fn annotation((micros, text): (u64, &str), to: &mut Vec<u8>) {
    write_number(micros, to);
    to.extend_from_slice(b",\"value\":\"");
    string(text, to);
}

/// Appends a tag, without the first and the last quote.
fn tag((name, value): (&str, TagValue<'_>), to: &mut Vec<u8>) {
    string(name, to);
    to.extend_from_slice(b"\":\"");
    match value {
        TagValue::Text(text) => string(text, to),
        TagValue::Number(value) => write_number(value, to),
        TagValue::Address(ip) => write_address(ip, to),
    }
}

/// Appends an endpoint after `prefix`; nothing if it is empty.
fn endpoint(prefix: &[u8], endpoint: EndpointRef<'_>, to: &mut Vec<u8>) {
    if endpoint.is_empty() {
        return;
    }
    to.extend_from_slice(prefix);
    let first = to.len();
    let name = |name: &[u8], to: &mut Vec<u8>| {
        if to.len() > first {
            to.push(b',');
        }
        to.extend_from_slice(name);
    };
    if let Some(service) = endpoint.service_name {
        name(b"\"serviceName\":\"", to);
        string(service, to);
        to.push(b'"');
    }
    if let Some(ip) = endpoint.ip {
        name(
            if ip.is_ipv4() {
                b"\"ipv4\":\""
            } else {
                b"\"ipv6\":\""
            },
            to,
        );
        write_address(ip, to);
        to.push(b'"');
    }
    if let Some(port) = endpoint.port {
        name(b"\"port\":", to);
        write_number(u64::from(port), to);
    }
    to.push(b'}');
}

#[cfg(test)]
mod tests;
