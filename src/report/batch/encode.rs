use crate::{printable::message, record::SpanRecord};
use std::{borrow::Cow, error::Error, fmt, ops::Range};

/// Writes spans as bytes, and the bytes of several spans as one message.
///
/// Each span is encoded once, alone, when it leaves the queue. A message is put together from
/// encoded spans, so that the reporter knows the size of a message before it makes one, and can
/// cut a batch in halves or send it again without encoding anew. An encoding that compresses
/// wraps another one and compresses in [`message`](Encoder::message).
///
/// All methods are called on the reporter's own thread. Where [`encode`](Encoder::encode) panics,
/// the span is dropped and counted. A panic elsewhere ends the reporter; its spans are counted as
/// [`closed`](super::Dropped::closed).
///
/// ```
/// use tower_b3::{record::SpanRecord, report::{EncodeError, Encoded, Encoder}};
///
/// /// A line for each span.
/// struct Lines;
///
/// impl Encoder for Lines {
///     fn content_type(&self) -> &'static str {
///         "text/plain"
///     }
///
///     fn encode(&self, span: &SpanRecord, to: &mut Vec<u8>) -> Result<(), EncodeError> {
///         if span.name().contains('\n') {
///             return Err(EncodeError::new("a name of two lines"));
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
    /// The messages' media type, as in `content-type`.
    fn content_type(&self) -> &'static str;

    /// The messages' compression, as in `content-encoding`; none by default.
    fn content_encoding(&self) -> Option<&'static str> {
        None
    }

    /// Appends one span.
    ///
    /// # Errors
    ///
    /// The span cannot be written in this encoding. It is dropped and counted; what was appended
    /// of it is removed.
    fn encode(&self, span: &SpanRecord, to: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// The size in bytes of a message of this many spans, whose encodings take this many bytes
    /// together; uncompressed, and never too small.
    fn message_len(&self, spans: usize, bytes: usize) -> usize;

    /// Appends the message of these spans, of which there is at least one.
    fn message(&self, spans: Encoded<'_>, to: &mut Vec<u8>);
}

/// The encodings of some spans, one after the other, as [`Encoder::encode`] wrote them.
#[derive(Debug, Clone)]
pub struct Encoded<'a> {
    bytes: &'a [u8],
    /// Where in `bytes` the next one starts.
    start: usize,
    ends: std::slice::Iter<'a, usize>,
}

impl<'a> Encoded<'a> {
    /// All that lie in `bytes` and end where `ends` says, in ascending order: to try an
    /// [`Encoder`] without a reporter.
    ///
    /// # Panics
    ///
    /// When the spans are asked for, if an end lies before the one before it or outside.
    pub fn all(bytes: &'a [u8], ends: &'a [usize]) -> Encoded<'a> {
        Encoded::new(bytes, ends, 0..ends.len())
    }

    /// Those in this range of all that lie in `bytes` and end where `ends` says.
    pub(super) fn new(bytes: &'a [u8], ends: &'a [usize], range: Range<usize>) -> Encoded<'a> {
        Encoded {
            bytes,
            start: start(ends, range.start),
            ends: ends[range].iter(),
        }
    }
}

/// Where the encoding with this number starts.
pub(super) fn start(ends: &[usize], at: usize) -> usize {
    at.checked_sub(1).map_or(0, |before| ends[before])
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

/// Why a span cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeError(Cow<'static, str>);

impl EncodeError {
    /// An error for this reason.
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
