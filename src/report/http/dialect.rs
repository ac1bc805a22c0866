use super::answer::{Answer, PATIENCE};
use crate::report::{Message, Outcome};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use std::{fmt, time::Duration};

/// What requests look like, and what answers mean: where nothing else is said, a message is the
/// body of a request, and the status of its answer tells what came of it.
pub(crate) trait Dialect: fmt::Debug + Send + Sync {
    /// The path that is meant where a URL has none.
    fn path(&self) -> &'static str;

    /// Whether it needs HTTP/2, without asking the other side what it speaks.
    fn needs_http2(&self) -> bool {
        false
    }

    /// How long the rest of an answer may take after its head; as long as a request may take
    /// altogether, if there is no limit.
    fn patience(&self) -> Option<Duration> {
        Some(PATIENCE)
    }

    /// The body of a request; what it needs of headers is added.
    fn body(&self, message: Message, headers: &mut HeaderMap) -> Result<Bytes, http::Error> {
        headers.insert(CONTENT_TYPE, HeaderValue::try_from(message.content_type)?);
        if let Some(encoding) = message.content_encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::try_from(encoding)?);
        }
        Ok(message.body)
    }

    /// What came of a message of so many spans.
    fn outcome(&self, answer: &Answer, spans: usize) -> Outcome {
        let _ = spans;
        answer.outcome()
    }
}

/// Messages posted to this path.
#[derive(Debug)]
pub(crate) struct Posted(pub(crate) &'static str);

impl Dialect for Posted {
    fn path(&self) -> &'static str {
        self.0
    }
}
