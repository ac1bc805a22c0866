//! The message that is being filled: spans that have left the queue, encoded.
//!
//! The delivery adds spans here, sends the message or parts of it, and clears it.

use super::{
    counters::DropCause,
    encoder::{EncodeError, Encoded, Encoder, start},
    sender::Message,
};
use crate::{
    id::{SpanId, TraceId},
    record::SpanRecord,
    user_code::catch,
};
use std::ops::Range;

#[derive(Debug, Default)]
pub(super) struct MessageBuffer {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// The ids of the spans, to name one that is refused.
    ids: Vec<(TraceId, SpanId)>,
    /// Set if an encoded span that did not fit follows the last end.
    left_over: Option<(TraceId, SpanId)>,
}

/// The result of adding a span.
#[derive(Debug)]
pub(super) enum AddOutcome {
    Added,
    /// The message is full, and the span is the first one of the next message. This one must be
    /// sent and [cleared](MessageBuffer::clear).
    MessageFull,
    /// The span must be dropped.
    Dropped(DropCause, EncodeError),
}

impl MessageBuffer {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(super) fn ids(&self, index: usize) -> (TraceId, SpanId) {
        self.ids[index]
    }

    /// Encodes a span and adds it, unless the message would exceed `limit` bytes.
    pub(super) fn add(
        &mut self,
        span: &SpanRecord,
        encoder: &impl Encoder,
        limit: usize,
    ) -> AddOutcome {
        let before = start(&self.ends, self.len());
        let encoded = catch(|| encoder.encode(span, &mut self.bytes));
        let panicked = |panic| Err(EncodeError::new(format!("the encoder panicked: {panic}")));
        if let Err(error) = encoded.unwrap_or_else(panicked) {
            self.bytes.truncate(before);
            return AddOutcome::Dropped(DropCause::Encode, error);
        }
        let ids = (span.trace_id(), span.id());
        let end = self.bytes.len();
        if encoder.message_len(self.len() + 1, end) <= limit {
            self.ends.push(end);
            self.ids.push(ids);
            return AddOutcome::Added;
        }
        if encoder.message_len(1, end - before) > limit {
            self.bytes.truncate(before);
            let error = EncodeError::new("larger than the message limit");
            return AddOutcome::Dropped(DropCause::TooLarge, error);
        }
        self.left_over = Some(ids);
        AddOutcome::MessageFull
    }

    /// Removes the spans of this message. A span that did not fit becomes the first of the next.
    pub(super) fn clear(&mut self) {
        self.bytes.drain(..start(&self.ends, self.len()));
        self.ends.clear();
        self.ids.clear();
        if let Some(ids) = self.left_over.take() {
            self.ends.push(self.bytes.len());
            self.ids.push(ids);
        }
    }

    /// Builds the message of the spans in this range, which must not be empty.
    pub(super) fn message(&self, range: Range<usize>, encoder: &impl Encoder) -> Message {
        let spans = range.len();
        let bytes = start(&self.ends, range.end) - start(&self.ends, range.start);
        let mut body = Vec::with_capacity(encoder.message_len(spans, bytes));
        encoder.message(Encoded::new(&self.bytes, &self.ends, range), &mut body);
        let mut message = Message::new(body, encoder.content_type(), spans);
        message.content_encoding = encoder.content_encoding();
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Sampling, TraceContext};

    /// The spans' names, each followed by a comma.
    struct Names;

    impl Encoder for Names {
        fn content_type(&self) -> &'static str {
            "text/plain"
        }

        fn encode(&self, span: &SpanRecord, to: &mut Vec<u8>) -> Result<(), EncodeError> {
            to.extend_from_slice(span.name().as_bytes());
            if span.name().starts_with('-') {
                return Err(EncodeError::new("starts with a dash"));
            }
            Ok(())
        }

        fn message_len(&self, spans: usize, bytes: usize) -> usize {
            spans + bytes
        }

        fn message(&self, spans: Encoded<'_>, to: &mut Vec<u8>) {
            for span in spans {
                to.extend_from_slice(span);
                to.push(b',');
            }
        }
    }

    #[test]
    fn a_message_is_filled_up_to_its_limit() {
        let mut buffer = MessageBuffer::default();
        let add = |buffer: &mut MessageBuffer, name: &str| {
            let context = TraceContext::root(Sampling::Accept);
            let span = SpanRecord::builder(context).name(name).build();
            buffer.add(&span, &Names, 8)
        };
        let text = |buffer: &MessageBuffer, range| {
            String::from_utf8(buffer.message(range, &Names).body.to_vec()).unwrap()
        };
        assert!(matches!(add(&mut buffer, "abc"), AddOutcome::Added));
        assert!(matches!(
            add(&mut buffer, "-1"),
            AddOutcome::Dropped(DropCause::Encode, _)
        ));
        assert!(matches!(
            add(&mut buffer, "12345678"),
            AddOutcome::Dropped(DropCause::TooLarge, _)
        ));
        assert!(matches!(add(&mut buffer, "def"), AddOutcome::Added));
        assert_eq!(text(&buffer, 0..2), "abc,def,");
        assert_eq!(text(&buffer, 1..2), "def,");
        assert!(matches!(
            add(&mut buffer, "1234567"),
            AddOutcome::MessageFull
        ));
        assert_eq!(buffer.len(), 2);
        assert_eq!(text(&buffer, 0..2), "abc,def,");
        buffer.clear();
        assert_eq!(text(&buffer, 0..1), "1234567,");
        buffer.clear();
        assert!(buffer.is_empty());
        assert!(buffer.bytes.is_empty());
    }
}
