use super::{Message, Outcome, ReporterError, Sender};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use std::{
    error::Error,
    fmt,
    time::{Duration, SystemTime},
};

/// The part of an answer that is read, so that its connection can be used again.
const MOST_READ: usize = 64 * 1024;
/// The part of an answer that is shown when it is a refusal.
const MOST_SHOWN: usize = 200;
/// How long the rest of an answer may take after its head, which says all there is to know.
const PATIENCE: Duration = Duration::from_millis(250);
/// A connection that is unused for longer is closed.
const IDLE: Duration = Duration::from_secs(30);

/// Posts messages to a URL, over HTTP/1.1 connections that are kept alive.
///
/// Each request has the header `b3: 0`, so that no proxy traces it.
///
/// | answer | outcome |
/// |---|---|
/// | 2xx | [`Accepted`](Outcome::Accepted) |
/// | 413 | [`TooLarge`](Outcome::TooLarge) |
/// | 400 | [`BadRequest`](Outcome::BadRequest) |
/// | 408, 429, 5xx | [`Retry`](Outcome::Retry), after what `retry-after` says |
/// | any other | [`Refused`](Outcome::Refused) |
/// | none | [`Retry`](Outcome::Retry) |
pub struct HttpSender {
    client: Client<HttpConnector, Full<Bytes>>,
    url: Uri,
    headers: HeaderMap,
}

impl HttpSender {
    /// A sender to this URL, `http` only.
    ///
    /// # Errors
    ///
    /// The field `url`: not a URL, no scheme, a scheme other than `http`, no host, or credentials
    /// in it, which belong in a [header](Self::header).
    pub fn new(url: &str) -> Result<HttpSender, ReporterError> {
        HttpSender::at(url, "/")
    }

    /// A sender to this URL, or to this path of it where it has none.
    pub(crate) fn at(url: &str, path: &'static str) -> Result<HttpSender, ReporterError> {
        let url = parse(url, path).map_err(|reason| ReporterError::new("url", reason))?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(1)
            .build(connector);
        let mut headers = HeaderMap::new();
        headers.insert("b3", HeaderValue::from_static("0"));
        let agent = concat!("tower-b3/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        Ok(HttpSender {
            client,
            url,
            headers,
        })
    }

    /// A header on every request, `authorization` say. It replaces one of the same name.
    ///
    /// # Errors
    ///
    /// The field `header`: a name or a value that HTTP does not allow, or a name that is not for
    /// you to set: `b3`, `content-type`, `content-encoding`, `content-length`, `host`,
    /// `transfer-encoding`, `connection`.
    pub fn header(mut self, name: &str, value: &str) -> Result<HttpSender, ReporterError> {
        let wrong = |reason: String| ReporterError::new("header", reason);
        let Ok(name) = HeaderName::try_from(name) else {
            return Err(wrong(format!("{name:?} is not the name of a header")));
        };
        let taken = [
            "b3",
            "content-type",
            "content-encoding",
            "content-length",
            "host",
            "transfer-encoding",
            "connection",
        ];
        if taken.contains(&name.as_str()) {
            return Err(wrong(format!("{name} is set by the sender")));
        }
        // The value may be a secret.
        let Ok(mut value) = HeaderValue::try_from(value) else {
            return Err(wrong(format!("the value of {name} is not allowed in HTTP")));
        };
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// The path that messages are posted to.
    pub(crate) fn path(&self) -> &str {
        self.url.path()
    }

    fn request(&self, message: Message) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::try_from(message.content_type)?);
        if let Some(encoding) = message.content_encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::try_from(encoding)?);
        }
        if let Some(authority) = self.url.authority() {
            headers.insert(HOST, HeaderValue::try_from(authority.as_str())?);
        }
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.url.clone())
            .body(Full::new(message.body))?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

impl Sender for HttpSender {
    async fn send(&mut self, message: Message) -> Outcome {
        let request = match self.request(message) {
            Ok(request) => request,
            Err(error) => return Outcome::refused(error.to_string()),
        };
        match self.client.request(request).await {
            Ok(response) => outcome(response).await,
            Err(error) => Outcome::retry(with_sources(&error)),
        }
    }

    fn destination(&self) -> String {
        self.url.to_string()
    }
}

impl fmt::Debug for HttpSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSender")
            .field("url", &self.url)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

fn parse(url: &str, path: &'static str) -> Result<Uri, String> {
    // What is wrong may be a password: the URL is not repeated.
    let uri = url.trim().parse();
    let uri: Uri = uri.map_err(|error: http::uri::InvalidUri| format!("not a URL: {error}"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => return Err("https needs TLS, which this sender does not have".to_owned()),
        Some(other) => return Err(format!("the scheme is {other}, not http")),
        None => return Err("no scheme: it begins with http://".to_owned()),
    }
    let Some(authority) = uri.authority() else {
        return Err("no host".to_owned());
    };
    if authority.as_str().contains('@') {
        return Err("credentials in the URL: use the header authorization".to_owned());
    }
    if authority.host().is_empty() {
        return Err("no host".to_owned());
    }
    if uri.path().is_empty() || uri.path() == "/" && uri.query().is_none() {
        let mut parts = uri.into_parts();
        parts.path_and_query = Some(http::uri::PathAndQuery::from_static(path));
        return Uri::from_parts(parts).map_err(|error| error.to_string());
    }
    Ok(uri)
}

async fn outcome(response: Response<Incoming>) -> Outcome {
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

/// hyper's errors keep the interesting part to their sources.
fn with_sources(error: &dyn Error) -> String {
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

    #[test]
    fn a_url_without_a_path_means_the_usual_one() {
        let url = |url: &str| HttpSender::at(url, "/api/v2/spans").unwrap().destination();
        assert_eq!(url("http://zipkin:9411"), "http://zipkin:9411/api/v2/spans");
        assert_eq!(
            url("http://zipkin:9411/"),
            "http://zipkin:9411/api/v2/spans"
        );
        assert_eq!(url(" http://[::1]/other "), "http://[::1]/other");
        assert_eq!(url("http://zipkin/?key=1"), "http://zipkin/?key=1");
    }
}
