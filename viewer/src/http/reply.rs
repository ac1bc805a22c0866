//! Responses.

use super::{Body, quota::Quota};
use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION},
};
use serde::Serialize;
use std::sync::Arc;

pub(super) type Reply = Response<Body>;

/// The response to a request that is refused. In a box, since it is an error and rare.
pub(super) type Refusal = Box<Reply>;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A response without a body.
pub(super) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Body::default());
    *reply.status_mut() = status;
    reply
}

pub(super) fn with_type(status: StatusCode, kind: HeaderValue, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Body::from(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, kind);
    reply
}

/// A sentence, as the clients of Zipkin's API expect errors.
pub(super) fn text(status: StatusCode, sentence: impl Into<String>) -> Reply {
    with_type(status, TEXT, sentence.into())
}

pub(super) fn refusal(status: StatusCode, sentence: impl Into<String>) -> Refusal {
    Box::new(text(status, sentence))
}

/// The value as JSON, which is small.
pub(super) fn json(value: &impl Serialize) -> Reply {
    json_with(StatusCode::OK, value)
}

pub(super) fn json_with(status: StatusCode, value: &impl Serialize) -> Reply {
    match serde_json::to_vec(value) {
        Ok(body) => with_json(status, body),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// The value as JSON of any size, which counts until it is sent.
pub(super) fn large_json(responses: &Arc<Quota>, value: &impl Serialize) -> Reply {
    match responses.json(value) {
        Ok(Some(body)) => with_json(StatusCode::OK, body),
        Ok(None) => {
            let sentence = "The responses that are being sent take too much memory. Ask for less, \
                            or try again later.";
            text(StatusCode::SERVICE_UNAVAILABLE, sentence)
        }
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

fn with_json(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut reply = with_type(status, JSON, body);
    let headers = reply.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// An error as the page expects it.
pub(super) fn json_error(status: StatusCode, error: impl Into<String>) -> Reply {
    json_with(status, &serde_json::json!({ "error": error.into() }))
}

pub(super) fn not_found(path: &str) -> Reply {
    text(
        StatusCode::NOT_FOUND,
        format!("There is nothing at {path}."),
    )
}

pub(super) fn redirect(to: &str) -> Reply {
    let mut reply = empty(StatusCode::FOUND);
    if let Ok(to) = HeaderValue::from_str(to) {
        reply.headers_mut().insert(LOCATION, to);
    }
    reply
}

pub(super) fn method_not_allowed(allowed: &'static str) -> Reply {
    let sentence = format!("This path allows {allowed}.");
    let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, sentence);
    let headers = reply.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_that_takes_too_much_is_refused() {
        let value = "x".repeat(10_000);
        for (quota, status) in [(9_000, 503), (30_000, 200)] {
            let reply = large_json(&Quota::new(quota), &value);
            assert_eq!(reply.status(), status, "{quota}");
        }
    }
}
