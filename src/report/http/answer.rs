//! What an answer means.

use crate::{digits::parse_digits, printable::one_line, report::Outcome};
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

/// The part of an answer that is read, so that its connection can be used again.
const MOST_READ: usize = 64 * 1024;
/// How long the rest of an answer may take after its head, which says all there is to know.
pub(super) const PATIENCE: Duration = Duration::from_millis(250);

/// An answer, as much of it as is read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Or why there is none.
    pub(crate) body: Result<Bytes, String>,
    #[cfg(feature = "otlp")]
    pub(crate) trailers: HeaderMap,
}

impl Answer {
    /// Reads it to its end, for so long, or without a limit.
    pub(super) async fn read<B>(response: Response<B>, patience: Option<Duration>) -> Answer
    where
        B: Body,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MOST_READ).collect();
        let body = match patience {
            Some(patience) => tokio::time::timeout(patience, body).await.ok(),
            None => Some(body.await),
        };
        let body = match body {
            Some(Ok(body)) => Ok(body),
            Some(Err(error)) => Err(with_sources(&*error)),
            None => Err("the answer does not end".to_owned()),
        };
        Answer {
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

    /// What the status says; the body's text tells more.
    pub(crate) fn outcome(&self) -> Outcome {
        let body = self.body.as_deref().unwrap_or_default();
        self.outcome_saying(&String::from_utf8_lossy(body))
    }

    /// What the status says; this text tells more, unless it is compressed, which nobody asked for.
    pub(crate) fn outcome_saying(&self, text: &str) -> Outcome {
        let status = self.status;
        if status.is_success() {
            return Outcome::Accepted;
        }
        let mut reason = status.to_string();
        let coding = self.headers.get(CONTENT_ENCODING);
        let line = match coding.is_none_or(|coding| coding == "identity") {
            true => one_line(text),
            false => String::new(),
        };
        // Some servers write the status once more.
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

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Some(seconds) = parse_digits(text) {
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
        for malformed in ["-1", "+1", "1_0", "1.5", ""] {
            assert_eq!(read(malformed), None, "{malformed:?}");
        }
        assert_eq!(read("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
