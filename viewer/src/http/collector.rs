//! Where clients send spans: Zipkin's and OpenTelemetry's.

use super::{
    receive::{MESSAGE, receive},
    reply::{Refusal, Reply, empty, json, json_with, refusal, text, with_type},
    viewer::Shared,
};
use crate::decode::{DecodeError, Otlp, otlp_json, otlp_protobuf, zipkin_json, zipkin_proto3};
use crate::model::Span;
use bytes::Buf;
use http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE};
use http_body::Body;
use prost::Message;
use std::{fmt::Display, sync::Arc};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// The type of a message, without parameters.
fn media_type(headers: &HeaderMap) -> String {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next();
    kind.unwrap_or_default().trim().to_ascii_lowercase()
}

/// `POST /api/v2/spans`.
pub(super) async fn zipkin<B>(
    shared: &Shared,
    headers: &HeaderMap,
    body: B,
) -> Result<Reply, Refusal>
where
    B: Body<Data: Buf, Error: Display>,
{
    let decode: fn(&[u8]) -> Result<Vec<Span>, DecodeError> = match &*media_type(headers) {
        PROTOBUF => zipkin_proto3,
        // Zipkin takes everything else for JSON.
        _ => zipkin_json,
    };
    let store = Arc::clone(&shared.store);
    let add = move |message: &[u8]| decode(message).map(|spans| store.add(spans));
    let added = receive(&shared.held, headers, body, MESSAGE, add).await?;
    added.map_err(|error| refusal(StatusCode::BAD_REQUEST, error.to_string()))?;
    Ok(empty(StatusCode::ACCEPTED))
}

/// `POST /api/v1/spans`.
pub(super) fn zipkin_v1() -> Reply {
    let sentence = "Version 1 of Zipkin's format is not supported. Configure the client to send \
                    version 2, as JSON or proto3, to /api/v2/spans.";
    text(StatusCode::BAD_REQUEST, sentence)
}

/// `POST /v1/traces`: OTLP over HTTP. The response has the type of the request.
pub(super) async fn otlp<B>(shared: &Shared, headers: &HeaderMap, body: B) -> Result<Reply, Refusal>
where
    B: Body<Data: Buf, Error: Display>,
{
    let decode: fn(&[u8]) -> Result<Otlp, DecodeError>;
    let form;
    match &*media_type(headers) {
        PROTOBUF => (decode, form) = (otlp_protobuf, Form::Protobuf),
        JSON => (decode, form) = (otlp_json, Form::Json),
        other => {
            let sentence = format!("Content-Type is {other:?}; allowed are {PROTOBUF} and {JSON}.");
            return Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence));
        }
    }
    let store = Arc::clone(&shared.store);
    let add = move |message: &[u8]| {
        let read = decode(message)?;
        store.add(read.spans);
        Ok((read.rejected, read.reason))
    };
    let added: Result<_, DecodeError> = receive(&shared.held, headers, body, MESSAGE, add).await?;
    let (rejected, reason) = added.map_err(|error| Box::new(form.error(&error.to_string())))?;
    Ok(form.success(rejected, &reason))
}

/// The form of OTLP's messages.
#[derive(Clone, Copy)]
enum Form {
    Protobuf,
    Json,
}

/// `ExportTraceServiceResponse`.
#[derive(Clone, PartialEq, prost::Message)]
struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_spans: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// gRPC's code for a bad message.
const INVALID_ARGUMENT: i32 = 3;

impl Form {
    fn success(self, rejected: usize, reason: &str) -> Reply {
        let partial = (rejected > 0).then(|| PartialSuccess {
            rejected_spans: i64::try_from(rejected).unwrap_or(i64::MAX),
            error_message: reason.to_owned(),
        });
        match self {
            Form::Protobuf => {
                let response = ExportResponse {
                    partial_success: partial,
                };
                let kind = HeaderValue::from_static(PROTOBUF);
                with_type(StatusCode::OK, kind, response.encode_to_vec())
            }
            Form::Json => match partial {
                None => json(&serde_json::json!({})),
                Some(partial) => json(&serde_json::json!({ "partialSuccess": {
                    "rejectedSpans": partial.rejected_spans.to_string(),
                    "errorMessage": partial.error_message,
                }})),
            },
        }
    }

    fn error(self, message: &str) -> Reply {
        let code = INVALID_ARGUMENT;
        match self {
            Form::Protobuf => {
                let message = message.to_owned();
                let status = RpcStatus { code, message };
                let kind = HeaderValue::from_static(PROTOBUF);
                with_type(StatusCode::BAD_REQUEST, kind, status.encode_to_vec())
            }
            Form::Json => {
                let status = serde_json::json!({ "code": code, "message": message });
                json_with(StatusCode::BAD_REQUEST, &status)
            }
        }
    }
}
