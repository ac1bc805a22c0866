//! [`OtlpEncoder`]: spans as OTLP's protocol buffers.
//!
//! `protobuf` has the wire format; this file knows the fields.

use crate::{
    decimal::write_address,
    protobuf::{self, FIRST, SECOND, short_key, short_len},
    record::{EndpointRef, Kind, SpanRecord, TagValue},
    report::{EncodeError, Encoded, Encoder},
};

/// Encodes spans as OTLP's `ExportTraceServiceRequest`, in protocol buffers.
///
/// | span | OTLP |
/// |---|---|
/// | local service | the resource's `service.name`; adjacent spans of a service share a resource |
/// | kind | the same; a local span is `INTERNAL` |
/// | tags | attributes: integers for numbers, text for the others |
/// | the tag `error` | the status `ERROR`, with `error.reason` as its message |
/// | annotations | events |
/// | remote endpoint | `peer.service`, `network.peer.address`, `network.peer.port`, unless the span has a tag of that name |
/// | 64-bit trace id | padded with zeros |
#[derive(Debug, Clone, Copy, Default)]
pub struct OtlpEncoder;

/// The attributes for the remote endpoint.
const PEER_SERVICE: &str = "peer.service";
const PEER_ADDRESS: &str = "network.peer.address";
const PEER_PORT: &str = "network.peer.port";

/// The number of the field `attributes` of a span.
const ATTRIBUTES: u32 = 9;

/// The maximum size of a resource and a scope without the service's name.
const MAX_RESOURCE_LEN: usize = 80;

impl Encoder for OtlpEncoder {
    fn content_type(&self) -> &'static str {
        "application/x-protobuf"
    }

    /// Appends the service's name, by which `message` groups spans, and the span as an element of a
    /// scope.
    fn encode(&self, span: &SpanRecord, to: &mut Vec<u8>) -> Result<(), EncodeError> {
        let service = span.local_endpoint().service_name.unwrap_or_default();
        protobuf::varint(to, service.len() as u64);
        to.extend_from_slice(service.as_bytes());
        protobuf::long_message(to, 2, |to| write(span, to));
        Ok(())
    }

    fn message_len(&self, spans: usize, bytes: usize) -> usize {
        // As if each span had a resource of its own, which is an upper bound.
        bytes + spans * MAX_RESOURCE_LEN
    }

    fn message(&self, spans: Encoded<'_>, to: &mut Vec<u8>) {
        let mut spans = spans.map(split).peekable();
        while let Some((service, first)) = spans.next() {
            protobuf::message(to, 1, |to| {
                resource(to, service);
                protobuf::message(to, 2, |to| {
                    scope(to);
                    to.extend_from_slice(first);
                    while let Some((_, next)) = spans.next_if(|(other, _)| *other == service) {
                        to.extend_from_slice(next);
                    }
                });
            });
        }
    }
}

/// Splits what `encode` has appended: the service's name and the span.
fn split(span: &[u8]) -> (&[u8], &[u8]) {
    let (mut len, mut at) = (0, 0);
    while let Some(byte) = span.get(at) {
        len |= usize::from(byte & 0x7f) << (7 * at);
        at += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    span[at..].split_at(len)
}

fn resource(to: &mut Vec<u8>, service: &[u8]) {
    protobuf::message(to, 1, |to| {
        if !service.is_empty() {
            attribute(to, 1, "service.name", |to| protobuf::bytes(to, 1, service));
        }
    });
}

fn scope(to: &mut Vec<u8>) {
    protobuf::message(to, 1, |to| {
        protobuf::bytes(to, 1, b"tower-b3");
        protobuf::bytes(to, 2, env!("CARGO_PKG_VERSION").as_bytes());
    });
}

fn write(span: &SpanRecord, to: &mut Vec<u8>) {
    protobuf::bytes(to, 1, &span.trace_id().get().to_be_bytes());
    protobuf::bytes(to, 2, &span.id().get().to_be_bytes());
    if let Some(parent) = span.parent_id() {
        protobuf::bytes(to, 4, &parent.get().to_be_bytes());
    }
    protobuf::bytes(to, 5, span.name().as_bytes());
    let kind = match span.kind() {
        None => 1,
        Some(Kind::Server) => 2,
        Some(Kind::Client) => 3,
        Some(Kind::Producer) => 4,
        Some(Kind::Consumer) => 5,
    };
    protobuf::number(to, 6, kind);
    let took = span.duration().as_micros() as u64;
    protobuf::fixed64(to, 7, nanos(span.timestamp()));
    protobuf::fixed64(to, 8, nanos(span.timestamp().saturating_add(took)));
    let mut error = false;
    let mut reason = None;
    let mut peer = span.remote_endpoint();
    for (name, value) in span.tags() {
        match name {
            "error" => error = true,
            "error.reason" => reason = Some(value),
            _ => {
                // Attribute names are unique, so a tag replaces the endpoint's attribute.
                match name {
                    PEER_SERVICE => peer.service_name = None,
                    PEER_ADDRESS => peer.ip = None,
                    PEER_PORT => peer.port = None,
                    _ => {}
                }
                tag(to, name, value);
            }
        }
    }
    remote(to, peer);
    for (micros, text) in span.annotations() {
        protobuf::message(to, 11, |to| {
            protobuf::fixed64(to, 1, nanos(micros));
            protobuf::bytes(to, 2, text.as_bytes());
        });
    }
    if error || reason.is_some() {
        protobuf::message(to, 15, |to| {
            if let Some(reason) = reason {
                protobuf::bytes(to, 2, reason.to_text().as_bytes());
            }
            protobuf::number(to, 3, 2);
        });
    }
    // The trace is sampled, or the span would not be here.
    protobuf::fixed32(to, 16, 1);
}

fn remote(to: &mut Vec<u8>, remote: EndpointRef<'_>) {
    if let Some(service) = remote.service_name {
        tag(to, PEER_SERVICE, TagValue::Text(service));
    }
    if let Some(ip) = remote.ip {
        tag(to, PEER_ADDRESS, TagValue::Address(ip));
    }
    if let Some(port) = remote.port {
        tag(to, PEER_PORT, TagValue::Number(u64::from(port)));
    }
}

fn tag(to: &mut Vec<u8>, name: &str, value: TagValue<'_>) {
    match value {
        TagValue::Text(text) => text_tag(to, name.as_bytes(), text.as_bytes()),
        TagValue::Number(number) => attribute(to, ATTRIBUTES, name, |to| {
            // Written even if it is zero: the field's presence says which type the value has.
            protobuf::key(to, 3, 0);
            protobuf::varint(to, number);
        }),
        TagValue::Address(ip) => attribute(to, ATTRIBUTES, name, |to| {
            protobuf::message(to, 1, |to| write_address(ip, to));
        }),
    }
}

/// Like `attribute` with a text, and faster if all lengths take one byte.
fn text_tag(to: &mut Vec<u8>, name: &[u8], text: &[u8]) {
    let len = name.len() + text.len() + 6;
    match (short_key(ATTRIBUTES), short_len(len)) {
        (Some(key), Some(len)) if !name.is_empty() => {
            let (name_len, text_len) = (name.len() as u8, text.len() as u8);
            to.extend_from_slice(&[key, len, FIRST, name_len]);
            to.extend_from_slice(name);
            to.extend_from_slice(&[SECOND, text_len + 2, FIRST, text_len]);
            to.extend_from_slice(text);
        }
        _ => protobuf::message(to, ATTRIBUTES, |to| {
            protobuf::bytes(to, 1, name);
            protobuf::message(to, 2, |to| {
                // Written even if it is empty, as for numbers.
                protobuf::opening(to, 1, text.len());
                to.extend_from_slice(text);
            });
        }),
    }
}

fn attribute(to: &mut Vec<u8>, field: u32, name: &str, value: impl FnOnce(&mut Vec<u8>)) {
    protobuf::message(to, field, |to| {
        protobuf::bytes(to, 1, name.as_bytes());
        protobuf::message(to, 2, value);
    });
}

fn nanos(micros: u64) -> u64 {
    micros.saturating_mul(1000)
}
