//! Ids of traces and spans, as Zipkin reads and writes them.

use serde::{Serialize, Serializer};
use std::fmt;

/// A trace id of 64 or 128 bits. 128 bits with a zero upper half are the same as 64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(u128);

/// A span id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(u64);

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdError {
    /// There is no digit.
    Empty,
    /// There are more digits than this.
    TooLong(usize),
    /// There is something else than a digit or a lower-case letter up to `f`.
    NotHexadecimal,
    /// All digits are zero.
    Zero,
}

impl TraceId {
    /// Stands for an id that is read later.
    pub(super) const UNKNOWN: TraceId = TraceId(0);

    /// Makes an id of a number; `None` for zero.
    pub fn new(id: u128) -> Option<TraceId> {
        (id != 0).then_some(TraceId(id))
    }

    /// Reads 1 to 32 lower-case hexadecimal digits.
    ///
    /// # Errors
    ///
    /// If it is something else, or zero.
    pub fn parse(text: &str) -> Result<TraceId, IdError> {
        let id = hex(text, 32)?;
        TraceId::new(id).ok_or(IdError::Zero)
    }

    /// The id as a number.
    pub fn get(self) -> u128 {
        self.0
    }

    /// The lower 64 bits. Spans whose ids agree in them belong together, because some services
    /// truncate ids.
    pub fn low(self) -> u64 {
        self.0 as u64
    }

    /// Whether the upper half is not zero.
    pub fn is_long(self) -> bool {
        self.0 >> 64 != 0
    }
}

impl SpanId {
    /// Stands for an id that is read later.
    pub(super) const UNKNOWN: SpanId = SpanId(0);

    /// Makes an id of a number; `None` for zero.
    pub fn new(id: u64) -> Option<SpanId> {
        (id != 0).then_some(SpanId(id))
    }

    /// Reads 1 to 16 lower-case hexadecimal digits.
    ///
    /// # Errors
    ///
    /// If it is something else, or zero.
    pub fn parse(text: &str) -> Result<SpanId, IdError> {
        let id = hex(text, 16)? as u64;
        SpanId::new(id).ok_or(IdError::Zero)
    }

    /// Reads the id of a parent: zero means that there is none.
    pub(crate) fn parse_parent(text: &str) -> Result<Option<SpanId>, IdError> {
        Ok(SpanId::new(hex(text, 16)? as u64))
    }

    /// The id as a number.
    pub fn get(self) -> u64 {
        self.0
    }
}

fn hex(text: &str, most: usize) -> Result<u128, IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > most {
        return Err(IdError::TooLong(most));
    }
    text.bytes().try_fold(0, |id, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return Err(IdError::NotHexadecimal),
        };
        Ok(id << 4 | u128::from(value))
    })
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_long() {
            write!(f, "{:032x}", self.0)
        } else {
            write!(f, "{:016x}", self.0)
        }
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl Serialize for SpanId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IdError::Empty => f.write_str("an id must not be empty"),
            IdError::TooLong(most) => write!(f, "an id has at most {most} digits"),
            IdError::NotHexadecimal => f.write_str("an id must be lower-case hexadecimal"),
            IdError::Zero => f.write_str("an id must not be zero"),
        }
    }
}

impl std::error::Error for IdError {}
