//! What the head of a response says about its body.

use http::{Method, StatusCode};

/// Whether a response has a body that hyper would poll to its end.
pub(super) fn has_body(method: &Method, status: StatusCode) -> bool {
    let bodiless = method == Method::HEAD
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    !bodiless && !is_upgrade(method, status)
}

/// Whether the connection stops being HTTP after this response.
pub(super) fn is_upgrade(method: &Method, status: StatusCode) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS || method == Method::CONNECT && status.is_success()
}
