//! Reading and writing a trace context where there is no HTTP request: headers of messages, maps.
//!
//! What a carrier has is copied into a header map, and read from there like a request's headers. What a
//! request would carry is written to a header map, and copied from there.

use super::{
    carrier::{Carrier, CarrierMut},
    forwarded::Forwarded,
    incoming::{Incoming, MAX_VALUE_BYTES},
    names,
    settings::Propagation,
    table::KnownHeader,
    tracing_header::{TracingHeader, TracingHeaderSet, carries_context},
};
use crate::context::TraceContext;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::str;

/// The longest name that is looked up, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// How many bytes of opaque headers are taken from one message. Requests sent below it carry them, and
/// servers refuse requests with too large headers.
const MAX_OPAQUE_BYTES: usize = 8 * 1024;

/// Stands for a byte that no header has. No value that is read may contain it.
const REPLACEMENT: u8 = 0xff;

impl Propagation {
    /// Reads a trace context from a carrier: the headers of a message, a map.
    ///
    /// This is [`extract`](Self::extract) with the same rules, for what HTTP headers cannot be: names are
    /// compared without regard to case; of several entries of one name, the first is used; a value with
    /// bytes that are not allowed in a header is malformed. Up to 8 KiB of opaque headers are forwarded.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use tower_b3::{Sampling, propagation::Propagation};
    ///
    /// let message = HashMap::from([("B3", "463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-0")]);
    /// let (incoming, _) = Propagation::default().extract_from(&message);
    /// assert_eq!(incoming.sampling(), Sampling::Deny);
    ///
    /// let message = vec![("b3".to_owned(), b"463ac35c\0".to_vec())];
    /// let (incoming, _) = Propagation::default().extract_from(&message);
    /// let malformed: Vec<_> = incoming.malformed().map(|header| header.to_string()).collect();
    /// assert_eq!(malformed, ["b3: wrong length or shape"]);
    /// ```
    pub fn extract_from<C: Carrier + ?Sized>(&self, carrier: &C) -> (Incoming, Forwarded) {
        self.extract(&self.headers_of(carrier))
    }

    /// Writes a context and the forwarded headers to a carrier, in the
    /// [formats for messages](Self::message_formats).
    ///
    /// As with [`inject`](Self::inject), trace headers that the carrier already has are replaced or, if
    /// they are of a B3 format that is not written, removed; an opaque header or `x-request-id` that it
    /// already has is kept. There are three differences:
    ///
    /// - The parent's id is left out, which nothing needs.
    /// - Headers that were added with [`forward`](Self::forward) are not written: brokers keep messages,
    ///   and such a header may be a credential.
    /// - Of an opaque header with several values, the first is written.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use tower_b3::{Sampling, TraceContext, propagation::{Forwarded, Propagation}};
    ///
    /// let context = TraceContext::root(Sampling::Accept);
    /// let mut message = HashMap::from([("X-B3-TraceId".to_owned(), "stale".to_owned())]);
    /// Propagation::default().inject_into(&context, &Forwarded::default(), &mut message);
    /// let (trace_id, span_id) = (context.trace_id(), context.span_id());
    /// assert_eq!(message, HashMap::from([("b3".to_owned(), format!("{trace_id}-{span_id}-1"))]));
    /// ```
    pub fn inject_into<C: CarrierMut + ?Sized>(
        &self,
        context: &TraceContext,
        forwarded: &Forwarded,
        carrier: &mut C,
    ) {
        let mut forwarded = forwarded.clone();
        self.remove_added(&mut forwarded);
        let mut headers = HeaderMap::new();
        self.inject_formats(
            self.message_formats,
            TracingHeaderSet::default(),
            &context.without_parent(),
            &forwarded,
            &mut headers,
        );
        self.remove_stale(&headers, carrier);
        add_missing(&headers, carrier);
    }

    /// The entries of a carrier that have a meaning here, as headers.
    pub(crate) fn headers_of<C: Carrier + ?Sized>(&self, carrier: &C) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut opaque_bytes = 0;
        carrier.for_each(&mut |name, value| {
            with_known(self, name, |known| {
                let name = &*known.name;
                if is_read(known) {
                    // The first one counts.
                    if !headers.contains_key(name) {
                        let _ = headers.try_insert(name.clone(), readable(value));
                    }
                } else if known.tracing.is_some() || known.forwarded {
                    let length = name.as_str().len() + value.len();
                    let fits = length <= MAX_OPAQUE_BYTES - opaque_bytes;
                    if let (true, Ok(value)) = (fits, HeaderValue::from_bytes(value)) {
                        opaque_bytes += length;
                        let _ = headers.try_append(name.clone(), value);
                    }
                }
            });
        });
        headers
    }

    /// Removes what carries a context, other than an entry that is about to be replaced.
    fn remove_stale<C: CarrierMut + ?Sized>(&self, written: &HeaderMap, carrier: &mut C) {
        let mut stale: Vec<String> = Vec::new();
        carrier.for_each(&mut |name, _| {
            with_known(self, name, |known| {
                let replaced = carries_context(&known.name)
                    && (*known.name != names::TRACEPARENT || written.contains_key(&*known.name));
                if replaced && !stale.iter().any(|other| other == name) {
                    stale.push(name.to_owned());
                }
            });
        });
        for name in stale {
            carrier.remove(&name);
        }
    }
}

/// Whether the value is interpreted, and never forwarded as it came.
fn is_read(known: &KnownHeader) -> bool {
    known.tracing.is_some_and(TracingHeader::is_written)
}

/// Calls `found` if the name is that of a known header, in any case.
fn with_known(propagation: &Propagation, name: &str, found: impl FnOnce(&KnownHeader)) {
    let mut lower = [0; MAX_NAME_BYTES];
    let Some(lower) = lower.get_mut(..name.len()) else {
        return;
    };
    lower.copy_from_slice(name.as_bytes());
    lower.make_ascii_lowercase();
    if let Some(known) = propagation.table.known(lower) {
        found(known);
    }
}

/// The value as a header. A malformed one stays malformed.
fn readable(value: &[u8]) -> HeaderValue {
    // One byte more than is read shows that the value is too long.
    let value = &value[..value.len().min(MAX_VALUE_BYTES + 1)];
    HeaderValue::from_bytes(value).unwrap_or_else(|_| {
        let allowed = |byte: &u8| *byte == b'\t' || *byte >= b' ' && *byte != 0x7f;
        let replaced = value.iter().map(|byte| match allowed(byte) {
            true => *byte,
            false => REPLACEMENT,
        });
        let replaced: Vec<u8> = replaced.collect();
        HeaderValue::from_bytes(&replaced).unwrap_or_else(|_| HeaderValue::from_static("?"))
    })
}

/// Sets the first value of each header that the carrier does not have.
pub(crate) fn add_missing<C: CarrierMut + ?Sized>(headers: &HeaderMap, carrier: &mut C) {
    let mut present: Vec<HeaderName> = Vec::new();
    carrier.for_each(&mut |name, _| {
        // A name with more bytes than a header's is none of these.
        let written = headers
            .keys()
            .find(|header| header.as_str().eq_ignore_ascii_case(name));
        present.extend(written.cloned());
    });
    for name in headers.keys().filter(|name| !present.contains(name)) {
        let value = headers.get(name).map(HeaderValue::as_bytes);
        if let Some(Ok(value)) = value.map(str::from_utf8) {
            carrier.set(name.as_str(), value);
        }
    }
}
