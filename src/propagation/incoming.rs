//! `Incoming`: the result of reading a request's headers, including what is malformed.
//!
//! How headers are read is in [`extract`](super::extract).

use super::format::Format;
use crate::context::{Sampling, TraceContext};
use std::fmt;

/// The trace context of a request, as far as its headers are readable.
///
/// [`Propagation::extract`](super::Propagation::extract) returns it.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    pub(super) context: Option<TraceContext>,
    pub(super) sampling: Sampling,
    pub(super) origin: Option<Format>,
    pub(super) forced: bool,
    pub(super) client_forced: bool,
    pub(super) malformed: MalformedFields,
}

impl Incoming {
    /// Returns the caller's context, if its ids are readable.
    pub fn context(&self) -> Option<TraceContext> {
        self.context
    }

    /// Returns the caller's sampling decision, which may be present without ids.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Returns the format from which the ids were read.
    pub fn origin(&self) -> Option<Format> {
        self.origin
    }

    /// Returns whether the request has `x-envoy-force-trace`, with any value.
    pub fn is_forced(&self) -> bool {
        self.forced
    }

    /// Returns whether the request has `x-client-trace-id`, with any value.
    pub fn is_client_forced(&self) -> bool {
        self.client_forced
    }

    /// Returns the headers that could not be read.
    ///
    /// Headers that were not needed are not checked. With a well-formed `b3`, for example, `x-b3-*`
    /// are not.
    pub fn malformed(&self) -> impl Iterator<Item = Malformed> + '_ {
        self.malformed.iter()
    }

    pub(crate) fn is_well_formed(&self) -> bool {
        self.malformed.0 == MalformedFields::default().0
    }
}

/// A header that could not be read, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Malformed {
    /// The header.
    pub field: Field,
    /// Why it could not be read.
    pub reason: Reason,
}

impl fmt::Display for Malformed {
    /// Writes the header's name and the reason: `x-b3-traceid: not hexadecimal`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field.header_name(), self.reason)
    }
}

/// The longest value of a `b3`, `x-b3-*` or `traceparent` header that is read, in bytes.
pub(super) const MAX_VALUE_BYTES: usize = 256;

/// A header that can be malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// `b3`
    B3,
    /// `x-b3-traceid`
    TraceId,
    /// `x-b3-spanid`
    SpanId,
    /// `x-b3-parentspanid`
    ParentSpanId,
    /// `x-b3-sampled`
    Sampled,
    /// `x-b3-flags`
    Flags,
    /// `traceparent`
    Traceparent,
    /// `x-request-id`
    RequestId,
}

impl Field {
    pub(crate) const ALL: [Field; 8] = [
        Field::B3,
        Field::TraceId,
        Field::SpanId,
        Field::ParentSpanId,
        Field::Sampled,
        Field::Flags,
        Field::Traceparent,
        Field::RequestId,
    ];

    /// Returns the header's name in lower case.
    pub fn header_name(self) -> &'static str {
        match self {
            Field::B3 => "b3",
            Field::TraceId => "x-b3-traceid",
            Field::SpanId => "x-b3-spanid",
            Field::ParentSpanId => "x-b3-parentspanid",
            Field::Sampled => "x-b3-sampled",
            Field::Flags => "x-b3-flags",
            Field::Traceparent => "traceparent",
            Field::RequestId => "x-request-id",
        }
    }
}

/// Why a header could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The value has over 256 bytes.
    TooLong,
    /// A character is not a hexadecimal digit.
    NotHex,
    /// An id has the wrong length, or the value has the wrong number of fields.
    Shape,
    /// All digits of an id are zero.
    Zero,
    /// The value is not among those that the header can have.
    UnknownValue,
    /// There is a trace id without a span id, or a span id without a trace id.
    Alone,
    /// The value is not 1 to 256 visible ASCII characters.
    NotVisible,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::TooLong => "over 256 bytes",
            Reason::NotHex => "not hexadecimal",
            Reason::Shape => "wrong length or shape",
            Reason::Zero => "all zero",
            Reason::UnknownValue => "unknown value",
            Reason::Alone => "trace id or span id without the other",
            Reason::NotVisible => "not 1 to 256 visible ASCII characters",
        })
    }
}

/// The malformed headers, with one reason each.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MalformedFields([Option<Reason>; Field::ALL.len()]);

impl MalformedFields {
    pub(super) fn add(&mut self, field: Field, reason: Reason) {
        self.0[field as usize].get_or_insert(reason);
    }

    pub(super) fn get(&self, field: Field) -> Option<Reason> {
        self.0[field as usize]
    }

    fn iter(&self) -> impl Iterator<Item = Malformed> + '_ {
        let pairs = Field::ALL.into_iter().zip(self.0);
        pairs.filter_map(|(field, reason)| reason.map(|reason| Malformed { field, reason }))
    }
}
