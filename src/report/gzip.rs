use super::{EncodeError, Encoded, Encoder};
use crate::record::SpanRecord;
use flate2::{Compression, write::GzEncoder};
use std::io::Write;

/// Another encoding, compressed with gzip.
///
/// Spans of one service have much in common, but for their ids: JSON shrinks to about a fifth. That
/// costs the reporter's thread about a microsecond a span, at level 1 of 9, the fastest. The
/// [limit](super::BatchReporterBuilder::message_limit) is one of bytes before compression.
///
/// The encoding must not compress by itself: only the outer compression is declared.
///
/// ```
/// use tower_b3::{report::{BatchReporter, Gzip, HttpSender}, zipkin::JsonEncoder};
///
/// let sender = HttpSender::new("http://127.0.0.1:9411/api/v2/spans")?;
/// let reporter = BatchReporter::builder(Gzip::new(JsonEncoder), sender).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Gzip<E> {
    encoder: E,
}

impl<E: Encoder> Gzip<E> {
    /// Compresses the messages of this encoding.
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
        // A vector takes all that is written to it.
        let written = gzip.write_all(&message).and_then(|()| gzip.try_finish());
        debug_assert!(written.is_ok());
    }
}
