use super::escape::string;
use crate::{
    id::{SpanId, TraceId},
    record::{EndpointRef, SpanRecord, TagValue},
    report::{EncodeError, Encoded, Encoder},
};
use std::{io::Write, net::IpAddr};

/// Zipkin's JSON, version 2.
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
            to.extend_from_slice(b",\"name\":");
            string(span.name(), to);
        }
        if span.timestamp() != 0 {
            to.extend_from_slice(b",\"timestamp\":");
            number(span.timestamp(), to);
        }
        to.extend_from_slice(b",\"duration\":");
        number(span.duration().as_micros() as u64, to);
        endpoint(b",\"localEndpoint\":{", span.local_endpoint(), to);
        endpoint(b",\"remoteEndpoint\":{", span.remote_endpoint(), to);
        list(
            b",\"annotations\":[",
            b"]",
            span.annotations(),
            to,
            |(micros, text), to| {
                to.extend_from_slice(b"{\"timestamp\":");
                number(micros, to);
                to.extend_from_slice(b",\"value\":");
                string(text, to);
                to.push(b'}');
            },
        );
        list(
            b",\"tags\":{",
            b"}",
            span.tags(),
            to,
            |(name, value), to| {
                string(name, to);
                to.push(b':');
                tag(value, to);
            },
        );
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
        // Two brackets, and a comma between each two.
        bytes + spans.max(1) + 1
    }

    fn message(&self, spans: Encoded<'_>, to: &mut Vec<u8>) {
        let mut before = b'[';
        for span in spans {
            to.push(before);
            to.extend_from_slice(span);
            before = b',';
        }
        to.push(b']');
    }
}

/// A member of entries between brackets; nothing if there are none.
fn list<T>(
    open: &[u8],
    close: &[u8],
    entries: impl Iterator<Item = T>,
    to: &mut Vec<u8>,
    write: impl Fn(T, &mut Vec<u8>),
) {
    let mut before = open;
    for entry in entries {
        to.extend_from_slice(before);
        write(entry, to);
        before = b",";
    }
    if before != open {
        to.extend_from_slice(close);
    }
}

fn trace_id(id: TraceId, to: &mut Vec<u8>) {
    to.extend_from_slice(&id.digits()[id.skip()..]);
}

fn span_id(id: SpanId, to: &mut Vec<u8>) {
    to.extend_from_slice(&id.digits());
}

/// Two digits at a time.
fn number(mut number: u64, to: &mut Vec<u8>) {
    const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
        2021222324252627282930313233343536373839\
        4041424344454647484950515253545556575859\
        6061626364656667686970717273747576777879\
        8081828384858687888990919293949596979899";
    let mut digits = [0; 20];
    let mut start = digits.len();
    while number >= 10 {
        let pair = (number % 100) as usize * 2;
        number /= 100;
        start -= 2;
        digits[start..start + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if number > 0 || start == digits.len() {
        start -= 1;
        digits[start] = b'0' + number as u8;
    }
    to.extend_from_slice(&digits[start..]);
}

fn tag(value: TagValue<'_>, to: &mut Vec<u8>) {
    match value {
        TagValue::Text(text) => string(text, to),
        TagValue::Number(value) => {
            to.push(b'"');
            number(value, to);
            to.push(b'"');
        }
        TagValue::Address(ip) => {
            to.push(b'"');
            address(ip, to);
            to.push(b'"');
        }
    }
}

fn endpoint(open: &[u8], endpoint: EndpointRef<'_>, to: &mut Vec<u8>) {
    if endpoint.is_empty() {
        return;
    }
    to.extend_from_slice(open);
    let first = to.len();
    let name = |name: &[u8], to: &mut Vec<u8>| {
        if to.len() > first {
            to.push(b',');
        }
        to.extend_from_slice(name);
    };
    if let Some(service) = endpoint.service_name {
        name(b"\"serviceName\":", to);
        string(service, to);
    }
    if let Some(ip) = endpoint.ip {
        // A mapped IPv4 address is one.
        let ip = ip.to_canonical();
        name(
            if ip.is_ipv4() {
                b"\"ipv4\":\""
            } else {
                b"\"ipv6\":\""
            },
            to,
        );
        address(ip, to);
        to.push(b'"');
    }
    if let Some(port) = endpoint.port {
        name(b"\"port\":", to);
        number(u64::from(port), to);
    }
    to.push(b'}');
}

fn address(ip: IpAddr, to: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => {
            let [first, rest @ ..] = ip.octets();
            number(u64::from(first), to);
            for octet in rest {
                to.push(b'.');
                number(u64::from(octet), to);
            }
        }
        IpAddr::V6(ip) => {
            // Writing to a vector does not fail.
            let _ = write!(to, "{ip}");
        }
    }
}

#[cfg(test)]
mod tests;
