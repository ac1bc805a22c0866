//! What an answer means.

use crate::report::Outcome;
use http::{HeaderMap, Response, StatusCode, header::RETRY_AFTER};
use http_body::Body;
use http_body_util::{BodyExt, Limited};
use std::{
    error::Error,
    time::{Duration, SystemTime},
};

/// The part of an answer that is read, so that its connection can be used again.
const MOST_READ: usize = 64 * 1024;
/// The part of an answer that is shown when it is a refusal.
const MOST_SHOWN: usize = 200;
/// How long the rest of an answer may take after its head, which says all there is to know.
const PATIENCE: Duration = Duration::from_millis(250);

/// What came of a request that was answered so.
pub(super) async fn outcome<B>(response: Response<B>) -> Outcome
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let status = response.status();
    let after = retry_after(response.headers());
    let body = Limited::new(response.into_body(), MOST_READ).collect();
    let body = tokio::time::timeout(PATIENCE, body).await;
    if status.is_success() {
        return Outcome::Accepted;
    }
    let mut reason = status.to_string();
    if let Ok(Ok(body)) = body {
        let text = body.to_bytes();
        let text = String::from_utf8_lossy(&text[..text.len().min(MOST_SHOWN)]);
        let line: String = text
            .chars()
            .map(|character| {
                if character.is_control() {
                    ' '
                } else {
                    character
                }
            })
            .collect();
        if !line.trim().is_empty() {
            reason = format!("{reason}: {}", line.trim());
        }
    }
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Outcome::TooLarge { reason },
        StatusCode::BAD_REQUEST => Outcome::BadRequest { reason },
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Outcome::Retry { reason, after }
        }
        _ if status.is_server_error() => Outcome::Retry { reason, after },
        _ => Outcome::Refused { reason },
    }
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    // A date that has passed means now.
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// The text of an error and its sources: hyper's errors keep the interesting part to theirs.
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
    fn retry_after_is_seconds_or_a_date() {
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
        assert_eq!(read("-1"), None);
        assert_eq!(read("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
