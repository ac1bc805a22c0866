//! [`Encoder`], the trait of a format, and what it is called with.
//!
//! Implementations live elsewhere: in `zipkin`, in `otlp` and, wrapping another one, in
//! `report::gzip`. The caller is the message buffer, on the reporter's thread.

use crate::{printable::message, record::SpanRecord};
use std::{borrow::Cow, error::Error, fmt, ops::Range};

/// Encodes spans, and builds messages from encoded spans.
///
/// Each span is encoded once, when it leaves the queue. A message is built from encoded spans, so
/// the reporter knows a message's size in advance, and can split or resend it without encoding
/// again. An encoding that compresses wraps another one and compresses in
/// [`message`](Encoder::message), as `Gzip` does.
///
/// All methods are called on the reporter's own thread. If [`encode`](Encoder::encode) panics, the
/// span is dropped and counted as [`encode`](super::Dropped::encode). A panic in another method
/// ends the reporter, and its spans are counted as [`closed`](super::Dropped::closed).
///
/// ```
/// use tower_b3::{record::SpanRecord, report::{EncodeError, Encoded, Encoder}};
///
/// /// One line for each span.
/// struct Lines;
///
/// impl Encoder for Lines {
///     fn content_type(&self) -> &'static str {
///         "text/plain"
///     }
///
///     fn encode(&self, span: &SpanRecord, to: &mut Vec<u8>) -> Result<(), EncodeError> {
///         if span.name().contains('\n') {
///             return Err(EncodeError::new("the span's name has more than one line"));
///         }
///         to.extend_from_slice(span.name().as_bytes());
///         Ok(())
///     }
///
///     fn message_len(&self, spans: usize, bytes: usize) -> usize {
///         bytes + spans
///     }
///
///     fn message(&self, spans: Encoded<'_>, to: &mut Vec<u8>) {
///         for span in spans {
///             to.extend_from_slice(span);
///             to.push(b'\n');
///         }
///     }
/// }
/// ```
pub trait Encoder: Send + Sync + 'static {
    /// The media type of the messages, for `content-type`.
    fn content_type(&self) -> &'static str;

    /// The compression of the messages, for `content-encoding`. The default is none.
    fn content_encoding(&self) -> Option<&'static str> {
        None
    }

    /// Appends the encoding of one span.
    ///
    /// # Errors
    ///
    /// The format cannot express the span. It is dropped and counted, and what was appended is
    /// removed.
    fn encode(&self, span: &SpanRecord, to: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// An upper bound of the size, before compression, of a message of `spans` spans whose
    /// encodings take `bytes` bytes in total.
    fn message_len(&self, spans: usize, bytes: usize) -> usize;

    /// Appends the message of these spans. There is at least one.
    fn message(&self, spans: Encoded<'_>, to: &mut Vec<u8>);
}

/// The encodings of several spans, each as [`Encoder::encode`] appended it.
#[derive(Debug, Clone)]
pub struct Encoded<'a> {
    bytes: &'a [u8],
    /// Where the next span starts in `bytes`.
    start: usize,
    ends: std::slice::Iter<'a, usize>,
}

impl<'a> Encoded<'a> {
    /// Adjacent encodings in `bytes`, each of which ends at one of the offsets in `ends`, which
    /// must ascend. To call an [`Encoder`] without a reporter, in a test for example.
    ///
    /// # Panics
    ///
    /// The iterator panics if the offsets do not ascend, or lie outside of `bytes`.
    pub fn all(bytes: &'a [u8], ends: &'a [usize]) -> Encoded<'a> {
        Encoded::new(bytes, ends, 0..ends.len())
    }

    /// As [`all`](Self::all), but only the spans in this range.
    pub(super) fn new(bytes: &'a [u8], ends: &'a [usize], range: Range<usize>) -> Encoded<'a> {
        Encoded {
            bytes,
            start: start(ends, range.start),
            ends: ends[range].iter(),
        }
    }
}

/// The offset at which the span with this index starts.
pub(super) fn start(ends: &[usize], index: usize) -> usize {
    index.checked_sub(1).map_or(0, |previous| ends[previous])
}

impl<'a> Iterator for Encoded<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let end = *self.ends.next()?;
        let span = &self.bytes[self.start..end];
        self.start = end;
        Some(span)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ends.size_hint()
    }
}

impl ExactSizeIterator for Encoded<'_> {}

/// Why a span cannot be encoded. It appears in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeError(Cow<'static, str>);

impl EncodeError {
    /// An error with this reason.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> EncodeError {
        EncodeError(reason.into())
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        message(&self.0).fmt(f)
    }
}

impl Error for EncodeError {}
