//! OTLP's spans as Zipkin's, by OpenTelemetry's rules for Zipkin.

use super::{
    attributes::{json_text, text},
    message::{KeyValue, OtlpSpan, Resource, Scope},
};
use crate::model::{Annotation, Endpoint, Kind, Span, SpanId, TraceId};
use std::fmt::Write;

/// What was read from an export: the valid spans, and how many were not valid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Otlp {
    /// The valid spans.
    pub spans: Vec<Span>,
    /// The number of the others.
    pub rejected: usize,
    /// Why the first of the others is not valid.
    pub reason: String,
}

impl Otlp {
    /// Adds a span, or counts it if it is not valid.
    pub(super) fn add(&mut self, span: Result<Span, String>) {
        match span {
            Ok(span) => self.spans.push(span),
            Err(reason) => {
                if self.rejected == 0 {
                    self.reason = reason;
                }
                self.rejected += 1;
            }
        }
    }
}

/// What goes into the remote endpoint, and is no tag then.
const PEER_SERVICE: &str = "peer.service";
const PEER_ADDRESS: &str = "network.peer.address";
const PEER_PORT: &str = "network.peer.port";

const STATUS_OK: i32 = 1;
const STATUS_ERROR: i32 = 2;

/// Converts what the span itself says.
pub(super) fn span(from: &OtlpSpan) -> Result<Span, String> {
    let trace_id = number(&from.trace_id, 16).and_then(TraceId::new);
    let trace_id = trace_id.ok_or("field \"traceId\": it must be 16 bytes, not all zero")?;
    let id = number(&from.span_id, 8).and_then(|id| SpanId::new(id as u64));
    let id = id.ok_or("field \"spanId\": it must be 8 bytes, not all zero")?;
    let mut span = Span::new(trace_id, id);
    span.parent_id = number(&from.parent_span_id, 8).and_then(|id| SpanId::new(id as u64));
    span.kind = match from.kind {
        2 => Some(Kind::Server),
        3 => Some(Kind::Client),
        4 => Some(Kind::Producer),
        5 => Some(Kind::Consumer),
        _ => None,
    };
    span.set_name(&from.name);
    span.timestamp = from.start_time_unix_nano / 1000;
    if from.end_time_unix_nano >= from.start_time_unix_nano && from.start_time_unix_nano != 0 {
        let nanos = from.end_time_unix_nano - from.start_time_unix_nano;
        // Zipkin's shortest duration is a microsecond.
        span.duration = (nanos / 1000).max(1);
    }
    let mut remote = Endpoint::default();
    for attribute in &from.attributes {
        add_attribute(&mut span, &mut remote, attribute);
    }
    complete_remote(&span, &mut remote);
    span.remote_endpoint = remote.known();
    for event in &from.events {
        let mut value = event.name.clone();
        if !event.attributes.is_empty() {
            value = format!("{value}: {}", json_text(&event.attributes));
        }
        span.annotations.push(Annotation {
            timestamp: (event.time_unix_nano / 1000) as i64,
            value: value.into(),
        });
    }
    add_status(from, &mut span);
    add_links(from, &mut span);
    Ok(span)
}

/// Adds what the span has from its resource and its scope.
pub(super) fn complete(span: &mut Span, resource: &Resource, scope: &Scope) {
    // The span's own attributes come last, so they replace the resource's.
    let own = std::mem::take(&mut span.tags);
    let mut local = Endpoint::default();
    for attribute in &resource.attributes {
        if attribute.key == "service.name" {
            local.set_service_name(&text(attribute.value.as_ref()));
        } else {
            add_tag(span, &attribute.key, text(attribute.value.as_ref()));
        }
    }
    if !scope.name.is_empty() {
        add_tag(span, "otel.scope.name", scope.name.clone());
    }
    if !scope.version.is_empty() {
        add_tag(span, "otel.scope.version", scope.version.clone());
    }
    span.tags.extend(own);
    span.local_endpoint = local.known();
    span.normalize();
}

fn add_tag(span: &mut Span, name: &str, value: impl Into<Box<str>>) {
    span.tags.push((name.into(), value.into()));
}

fn add_attribute(span: &mut Span, remote: &mut Endpoint, attribute: &KeyValue) {
    let value = text(attribute.value.as_ref());
    match &*attribute.key {
        PEER_SERVICE if !value.is_empty() => remote.set_service_name(&value),
        PEER_ADDRESS if value.parse::<std::net::IpAddr>().is_ok() => remote.set_ip_text(&value),
        PEER_PORT if value.parse::<u16>().is_ok() => remote.port = value.parse().unwrap_or(0),
        // In Zipkin, the presence of the tag is the error.
        "error" if value == "false" => {}
        key => add_tag(span, key, value),
    }
}

/// A client that does not know the name of the other side knows its host.
fn complete_remote(span: &Span, remote: &mut Endpoint) {
    if !matches!(span.kind, Some(Kind::Client | Kind::Producer)) {
        return;
    }
    // The tags are not sorted yet.
    let tag = |name: &str| {
        let found = span.tags.iter().find(|(other, _)| &**other == name);
        found.map(|(_, value)| &**value)
    };
    let host = tag("server.address").or_else(|| tag("net.peer.name"));
    match (host, &remote.service_name) {
        (Some(host), None) if host.parse::<std::net::IpAddr>().is_err() => {
            remote.set_service_name(host);
        }
        (Some(host), _) if remote.ipv4.is_none() && remote.ipv6.is_none() => {
            remote.set_ip_text(host);
        }
        _ => {}
    }
    if remote.port == 0 {
        let port = tag("server.port").or_else(|| tag("net.peer.port"));
        remote.port = port.and_then(|port| port.parse().ok()).unwrap_or(0);
    }
}

fn add_status(from: &OtlpSpan, span: &mut Span) {
    let Some(status) = &from.status else { return };
    match status.code {
        STATUS_OK => add_tag(span, "otel.status_code", "OK"),
        STATUS_ERROR => {
            let reason = if status.message.is_empty() {
                "true"
            } else {
                &status.message
            };
            add_tag(span, "otel.status_code", "ERROR");
            add_tag(span, "error", reason);
        }
        _ => {}
    }
}

fn add_links(from: &OtlpSpan, span: &mut Span) {
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    };
    for (at, link) in from.links.iter().enumerate() {
        let value = format!("{}-{}", hex(&link.trace_id), hex(&link.span_id));
        add_tag(span, &format!("otel.link.{at}"), value);
    }
    if !from.trace_state.is_empty() {
        add_tag(span, "w3c.tracestate", &*from.trace_state);
    }
}

/// A big-endian number of so many bytes.
fn number(bytes: &[u8], len: usize) -> Option<u128> {
    let number = bytes
        .iter()
        .fold(0, |number, &byte| number << 8 | u128::from(byte));
    (bytes.len() == len).then_some(number)
}
