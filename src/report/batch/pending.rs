use super::{
    Encoder, Message,
    counters::Cause,
    encode::{EncodeError, Encoded, start},
};
use crate::{
    id::{SpanId, TraceId},
    record::SpanRecord,
    user_code::catch,
};
use std::ops::Range;

/// Spans that have left the queue, encoded: the message that is being filled.
#[derive(Debug, Default)]
pub(super) struct Pending {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Whose spans they are, to name one that is refused.
    ids: Vec<(TraceId, SpanId)>,
    /// An encoded span that did not fit lies behind the last end.
    left_over: Option<(TraceId, SpanId)>,
}

/// What came of adding a span.
#[derive(Debug)]
pub(super) enum Added {
    In,
    /// It is the first of the next message: this one is to be sent and
    /// [cleared](Pending::clear).
    Next,
    /// It is lost.
    Lost(Cause, Option<EncodeError>),
}

impl Pending {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(super) fn ids(&self, at: usize) -> (TraceId, SpanId) {
        self.ids[at]
    }

    /// Encodes a span, of messages of at most `limit` bytes.
    pub(super) fn add(&mut self, span: &SpanRecord, encoder: &impl Encoder, limit: usize) -> Added {
        let before = start(&self.ends, self.len());
        let encoded = catch(|| encoder.encode(span, &mut self.bytes));
        let panicked = |panic| Err(EncodeError::new(format!("the encoder panicked: {panic}")));
        if let Err(error) = encoded.unwrap_or_else(panicked) {
            self.bytes.truncate(before);
            return Added::Lost(Cause::Encode, Some(error));
        }
        let ids = (span.trace_id(), span.id());
        let end = self.bytes.len();
        if encoder.message_len(self.len() + 1, end) <= limit {
            self.ends.push(end);
            self.ids.push(ids);
            return Added::In;
        }
        if encoder.message_len(1, end - before) > limit {
            self.bytes.truncate(before);
            return Added::Lost(Cause::TooLarge, None);
        }
        self.left_over = Some(ids);
        Added::Next
    }

    /// Forgets the spans of this message and starts the next with what was left over.
    pub(super) fn clear(&mut self) {
        self.bytes.drain(..start(&self.ends, self.len()));
        self.ends.clear();
        self.ids.clear();
        if let Some(ids) = self.left_over.take() {
            self.ends.push(self.bytes.len());
            self.ids.push(ids);
        }
    }

    /// The message of the spans in this range, which is not empty.
    pub(super) fn message(&self, range: Range<usize>, encoder: &impl Encoder) -> Message {
        let spans = range.len();
        let bytes = start(&self.ends, range.end) - start(&self.ends, range.start);
        let mut body = Vec::with_capacity(encoder.message_len(spans, bytes));
        encoder.message(Encoded::new(&self.bytes, &self.ends, range), &mut body);
        Message {
            body: body.into(),
            content_type: encoder.content_type(),
            content_encoding: encoder.content_encoding(),
            spans,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Sampling, TraceContext};

    /// Names, each followed by a comma.
    struct Names;

    impl Encoder for Names {
        fn content_type(&self) -> &'static str {
            "text/plain"
        }

        fn encode(&self, span: &SpanRecord, to: &mut Vec<u8>) -> Result<(), EncodeError> {
            to.extend_from_slice(span.name().as_bytes());
            if span.name().starts_with('-') {
                return Err(EncodeError::new("negative"));
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
    fn fills_messages_to_the_limit() {
        let mut pending = Pending::default();
        let add = |pending: &mut Pending, name: &str| {
            let context = TraceContext::root(Sampling::Accept);
            let span = SpanRecord::builder(context).name(name).build();
            pending.add(&span, &Names, 8)
        };
        let text = |pending: &Pending, range| {
            String::from_utf8(pending.message(range, &Names).body.to_vec()).unwrap()
        };
        assert!(matches!(add(&mut pending, "abc"), Added::In));
        assert!(matches!(
            add(&mut pending, "-1"),
            Added::Lost(Cause::Encode, Some(_))
        ));
        assert!(matches!(
            add(&mut pending, "12345678"),
            Added::Lost(Cause::TooLarge, None)
        ));
        assert!(matches!(add(&mut pending, "def"), Added::In));
        assert_eq!(text(&pending, 0..2), "abc,def,");
        assert_eq!(text(&pending, 1..2), "def,");
        assert!(matches!(add(&mut pending, "1234567"), Added::Next));
        assert_eq!(pending.len(), 2);
        assert_eq!(text(&pending, 0..2), "abc,def,");
        pending.clear();
        assert_eq!(text(&pending, 0..1), "1234567,");
        pending.clear();
        assert!(pending.is_empty());
        assert!(pending.bytes.is_empty());
    }
}
