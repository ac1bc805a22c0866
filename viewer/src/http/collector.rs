//! Where clients send spans.

use super::{
    receive::{MESSAGE, receive},
    reply::{Reply, empty, text},
    viewer::Shared,
};
use crate::decode::{DecodeError, zipkin_json};
use crate::model::Span;
use bytes::Buf;
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use http_body::Body;
use std::fmt::Display;

/// The type of a message, without parameters.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next();
    kind.unwrap_or_default().trim().to_ascii_lowercase()
}

/// `POST /api/v2/spans`.
pub(super) async fn zipkin<B>(shared: &Shared, headers: &HeaderMap, body: B) -> Result<Reply, Reply>
where
    B: Body<Data: Buf, Error: Display>,
{
    let decode: fn(&[u8]) -> Result<Vec<Span>, DecodeError> = zipkin_json;
    let spans = receive(&shared.held, headers, body, MESSAGE, decode).await?;
    let spans = spans.map_err(|error| text(StatusCode::BAD_REQUEST, error.to_string()))?;
    shared.store.add(spans);
    Ok(empty(StatusCode::ACCEPTED))
}

/// `POST /api/v1/spans`.
pub(super) fn zipkin_v1() -> Reply {
    let sentence = "Version 1 of Zipkin's format is not supported. Configure the client to send \
                    version 2, as JSON or proto3, to /api/v2/spans.";
    text(StatusCode::BAD_REQUEST, sentence)
}
