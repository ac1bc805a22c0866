use super::batch::{EncodeError, Encoded, Encoder};
use crate::record::SpanRecord;
use flate2::{Compression, write::GzEncoder};
use std::io::Write;

/// Compresses the messages of another encoding with gzip.
///
/// The spans of a service are similar, so JSON shrinks to about a fifth. It costs the reporter's
/// thread about a microsecond for each span, at the fastest of gzip's nine levels. The
/// [message limit](super::BatchOptions::message_limit) applies before compression.
///
/// The wrapped encoding must not compress by itself: only gzip is declared to the receiver.
///
/// ```
/// use tower_b3::{report::{Encoded, Encoder, Gzip}, zipkin::JsonEncoder};
///
/// let mut message = Vec::new();
/// Gzip::new(JsonEncoder).message(Encoded::all(b"{}{}", &[2, 4]), &mut message);
/// assert!(message.starts_with(&[0x1f, 0x8b])); // gzip's magic number
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Gzip<E> {
    encoder: E,
}

impl<E: Encoder> Gzip<E> {
    /// The given encoding, compressed.
    pub fn new(encoder: E) -> Gzip<E> {
        Gzip { encoder }
    }
}

impl<E: Encoder> Encoder for Gzip<E> {
    fn content_type(&self) -> &'static str {
        self.encoder.content_type()
    }

    fn content_encoding(&self) -> Option<&'static str> {
        Some("gzip")
    }

    fn encode(&self, span: &SpanRecord, to: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.encoder.encode(span, to)
    }

    fn message_len(&self, spans: usize, bytes: usize) -> usize {
        self.encoder.message_len(spans, bytes)
    }

    fn message(&self, spans: Encoded<'_>, to: &mut Vec<u8>) {
        let mut message = Vec::new();
        self.encoder.message(spans, &mut message);
        let mut gzip = GzEncoder::new(to, Compression::fast());
        // Writing to a vector does not fail.
        let written = gzip.write_all(&message).and_then(|()| gzip.try_finish());
        debug_assert!(written.is_ok());
    }
}
