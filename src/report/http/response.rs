//! A collector's response: reading it within bounds, and what its status means.
//!
//! `tower_sender` reads it. What the body means, if anything, is known to the `dialect`.

use crate::{digits::parse_digits, printable::one_line, report::batch::Outcome};
use bytes::Bytes;
use http::{
    HeaderMap, Response, StatusCode,
    header::{CONTENT_ENCODING, RETRY_AFTER},
};
use http_body::Body;
use http_body_util::{BodyExt, Collected, Limited};
use std::{
    error::Error,
    time::{Duration, SystemTime},
};

/// How much of a response's body is read, so that its connection can be used again.
const MAX_BODY: usize = 64 * 1024;
/// How long the body may take after the head, which usually says everything.
pub(super) const BODY_TIMEOUT: Duration = Duration::from_millis(250);

/// A response, as far as it was read.
#[derive(Debug)]
pub(crate) struct CollectorResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body, or why it could not be read.
    pub(crate) body: Result<Bytes, String>,
    #[cfg(feature = "otlp")]
    pub(crate) trailers: HeaderMap,
}

impl CollectorResponse {
    /// Reads the body, for at most `timeout` if there is one.
    pub(super) async fn read<B>(
        response: Response<B>,
        timeout: Option<Duration>,
    ) -> CollectorResponse
    where
        B: Body,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_BODY).collect();
        let body = match timeout {
            Some(timeout) => tokio::time::timeout(timeout, body).await.ok(),
            None => Some(body.await),
        };
        let body = match body {
            Some(Ok(body)) => Ok(body),
            Some(Err(error)) => Err(with_sources(&*error)),
            None => Err("the response body does not end".to_owned()),
        };
        CollectorResponse {
            status: head.status,
            headers: head.headers,
            #[cfg(feature = "otlp")]
            trailers: body
                .as_ref()
                .ok()
                .and_then(|body| body.trailers().cloned())
                .unwrap_or_default(),
            body: body.map(Collected::to_bytes),
        }
    }

    /// The outcome by status, with the body's text as part of the reason.
    pub(crate) fn outcome(&self) -> Outcome {
        let body = self.body.as_deref().unwrap_or_default();
        self.outcome_with_text(&String::from_utf8_lossy(body))
    }

    /// The outcome by status, with this text as part of the reason; unless it is compressed, which
    /// was not asked for.
    pub(crate) fn outcome_with_text(&self, text: &str) -> Outcome {
        let status = self.status;
        if status.is_success() {
            return Outcome::Accepted;
        }
        let mut reason = status.to_string();
        let coding = self.headers.get(CONTENT_ENCODING);
        let line = if coding.is_none_or(|coding| coding == "identity") {
            one_line(text)
        } else {
            String::new()
        };
        // Some servers repeat the status in the body.
        if !line.is_empty() && line != reason {
            reason = format!("{reason}: {line}");
        }
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => Outcome::TooLarge { reason },
            StatusCode::BAD_REQUEST => Outcome::BadRequest { reason },
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => self.retry(reason),
            _ if status.is_server_error() => self.retry(reason),
            _ => Outcome::Refused { reason },
        }
    }

    fn retry(&self, reason: String) -> Outcome {
        let after = retry_after(&self.headers);
        Outcome::Retry { reason, after }
    }
}

/// The `retry-after` header: seconds or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Some(seconds) = parse_digits(text) {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    // A date in the past means now.
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// The text of an error with those of its sources: in hyper's errors, they are the useful part.
pub(super) fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn retry_after_accepts_seconds_and_dates() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_str(value).unwrap());
            retry_after(&headers)
        };
        assert_eq!(read(" 120 "), Some(Duration::from_secs(120)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        let soon = SystemTime::now() + Duration::from_secs(100);
        let soon = read(&httpdate::fmt_http_date(soon)).unwrap();
        assert!((90..=100).contains(&soon.as_secs()), "{soon:?}");
        for malformed in ["-1", "+1", "1_0", "1.5", ""] {
            assert_eq!(read(malformed), None, "{malformed:?}");
        }
        assert_eq!(read("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
