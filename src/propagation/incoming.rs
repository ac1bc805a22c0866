use super::Format;
use crate::context::{Sampling, TraceContext};
use std::fmt;

/// What a request's headers say about its trace.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    pub(super) context: Option<TraceContext>,
    pub(super) sampling: Sampling,
    pub(super) origin: Option<Format>,
    pub(super) forced: bool,
    pub(super) client_forced: bool,
    pub(super) malformed: Flaws,
}

impl Incoming {
    /// The caller's context, if its ids can be read.
    pub fn context(&self) -> Option<TraceContext> {
        self.context
    }

    /// The caller's decision, which can come without ids.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// The format that the ids were read from.
    pub fn origin(&self) -> Option<Format> {
        self.origin
    }

    /// Whether `x-envoy-force-trace` is there, whatever its value.
    pub fn is_forced(&self) -> bool {
        self.forced
    }

    /// Whether `x-client-trace-id` is there, whatever its value.
    pub fn is_client_forced(&self) -> bool {
        self.client_forced
    }

    /// What was there but could not be read.
    ///
    /// Only headers that were consulted are judged: beside a well-formed `b3`, for one, the
    /// others are not.
    pub fn malformed(&self) -> impl Iterator<Item = Malformed> + '_ {
        self.malformed.iter()
    }

    pub(crate) fn is_well_formed(&self) -> bool {
        self.malformed.0 == Flaws::default().0
    }
}

/// A header that could not be read, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// The header.
    pub field: Field,
    /// What is wrong with it.
    pub reason: Reason,
}

impl fmt::Display for Malformed {
    /// The header's name and the reason: `x-b3-traceid: not hexadecimal`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field.header_name(), self.reason)
    }
}

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

    /// The header's name, in lower case.
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
    /// Over 256 bytes; read no further.
    TooLong,
    /// Of the right shape, but for a character that is not a hexadecimal digit.
    NotHex,
    /// An id of a wrong length, or a value of a wrong shape.
    Shape,
    /// An id of zeros, which is none.
    Zero,
    /// None of the values that the header can have.
    UnknownValue,
    /// Its partner is missing: of trace id and span id neither means anything alone.
    Alone,
    /// Not 1 to 256 visible ASCII characters.
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

/// At most one reason a field.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Flaws([Option<Reason>; Field::ALL.len()]);

impl Flaws {
    pub(super) fn note(&mut self, field: Field, reason: Reason) {
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
