use super::response::{BODY_TIMEOUT, CollectorResponse};
use crate::report::batch::{Message, Outcome};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use std::{fmt, time::Duration};

/// What a collector's protocol adds to HTTP: what a request looks like, and what a response means.
///
/// By default, the message is the request's body and the response's status is the outcome.
pub(crate) trait Dialect: fmt::Debug + Send + Sync {
    /// The path for URLs that have none.
    fn path(&self) -> &'static str;

    /// Whether it needs HTTP/2, with prior knowledge: without asking whether the server has it.
    fn needs_http2(&self) -> bool {
        false
    }

    /// How long the response's body may take after its head. `None` if the request timeout is the
    /// only limit.
    fn body_timeout(&self) -> Option<Duration> {
        Some(BODY_TIMEOUT)
    }

    /// The body of the request for a message. Adds the headers that belong to it.
    fn body(&self, message: Message, headers: &mut HeaderMap) -> Result<Bytes, http::Error> {
        headers.insert(CONTENT_TYPE, HeaderValue::try_from(message.content_type)?);
        if let Some(encoding) = message.content_encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::try_from(encoding)?);
        }
        Ok(message.body)
    }

    /// The outcome for a message of this many spans.
    fn outcome(&self, response: &CollectorResponse, _spans: usize) -> Outcome {
        response.outcome()
    }
}

/// The default dialect, with this default path.
#[derive(Debug)]
pub(crate) struct PlainPost(pub(crate) &'static str);

impl Dialect for PlainPost {
    fn path(&self) -> &'static str {
        self.0
    }
}
