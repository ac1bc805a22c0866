//! A checked destination: URL, headers and dialect, and the requests that are made of them.
//!
//! The senders make one from [`HttpOptions`]. Certificates are not part of it; see `tls`.

use super::{
    body::MessageBody,
    dialect::Dialect,
    options::{HeaderOption, HttpOptions},
};
use crate::{
    id::{SpanId, TraceId},
    printable::{self, quoted},
    report::batch::{Message, ReporterError},
    url::{AddressError, UrlError},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri,
    header::{AUTHORIZATION, USER_AGENT},
};

/// What tells a proxy on the way not to trace the delivery of traces, whichever tracer it has:
/// Zipkin's reads B3, OpenTelemetry's reads [`TRACEPARENT`], of which each request has its own.
const NOT_SAMPLED: [(&str, &str); 2] = [("b3", "0"), ("x-b3-sampled", "0")];
const TRACEPARENT: &str = "traceparent";

/// Headers that the sender or the HTTP client sets.
const RESERVED_HEADERS: [&str; 9] = [
    NOT_SAMPLED[0].0,
    NOT_SAMPLED[1].0,
    TRACEPARENT,
    "content-type",
    "content-encoding",
    "content-length",
    "host",
    "transfer-encoding",
    "connection",
];

#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) url: Uri,
    pub(super) headers: HeaderMap,
    pub(super) dialect: &'static dyn Dialect,
}

impl Target {
    /// Checks URL and headers. `https` URLs are allowed if `tls`.
    pub(super) fn new(
        options: &HttpOptions,
        dialect: &'static dyn Dialect,
        tls: bool,
    ) -> Result<Target, ReporterError> {
        let url = parse(&options.url, dialect.path(), tls);
        let url = url.map_err(|reason| ReporterError::new("url", reason))?;
        let mut headers = HeaderMap::new();
        for (name, value) in NOT_SAMPLED {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let agent = concat!("tower-b3/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        for header in &options.headers {
            let (name, value) = match header {
                HeaderOption::Named { name, value } => named(name, value)?,
                HeaderOption::Bearer(token) => bearer(token)?,
                HeaderOption::Basic { user, password } => basic(user, password)?,
            };
            headers.insert(name, value);
        }
        Ok(Target {
            url,
            headers,
            dialect,
        })
    }

    pub(super) fn request(&self, message: Message) -> Result<Request<MessageBody>, http::Error> {
        let mut headers = self.headers.clone();
        headers.insert(TRACEPARENT, unsampled_traceparent()?);
        let body = self.dialect.body(message, &mut headers)?;
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.url.clone())
            .body(MessageBody::from(body))?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// The context of a trace that is not sampled, in W3C's format, which cannot say that without ids.
fn unsampled_traceparent() -> Result<HeaderValue, http::Error> {
    let (trace, span) = (TraceId::random().get(), SpanId::random().get());
    Ok(HeaderValue::try_from(format!(
        "00-{trace:032x}-{span:016x}-00"
    ))?)
}

fn named(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), ReporterError> {
    let error = |reason: String| ReporterError::new("header", reason);
    let Ok(name) = HeaderName::try_from(name) else {
        return Err(error(format!(
            "{} is not a valid header name",
            quoted(name)
        )));
    };
    if RESERVED_HEADERS.contains(&name.as_str()) {
        return Err(error(format!("{name} is set by the sender")));
    }
    // The error does not show the value, which may be a secret.
    let Some(value) = sensitive(value) else {
        let name = printable::name(name.as_str());
        return Err(error(format!("the value of {name} is not allowed in HTTP")));
    };
    Ok((name, value))
}

fn bearer(token: &str) -> Result<(HeaderName, HeaderValue), ReporterError> {
    if token.is_empty() {
        return Err(ReporterError::new("bearer", "the token is empty"));
    }
    authorization("bearer", &format!("Bearer {token}"))
}

fn basic(user: &str, password: &str) -> Result<(HeaderName, HeaderValue), ReporterError> {
    if user.contains(':') {
        let reason = "the user name must not contain a colon";
        return Err(ReporterError::new("basic", reason));
    }
    let credentials = base64(format!("{user}:{password}").as_bytes());
    authorization("basic", &format!("Basic {credentials}"))
}

fn authorization(
    field: &'static str,
    value: &str,
) -> Result<(HeaderName, HeaderValue), ReporterError> {
    match sensitive(value) {
        Some(value) => Ok((AUTHORIZATION, value)),
        None => Err(ReporterError::new(field, "not allowed in an HTTP header")),
    }
}

fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn parse(url: &str, path: &'static str, tls: bool) -> Result<Uri, String> {
    let uri = crate::url::parse(url).map_err(|error| match error {
        UrlError::Address(AddressError::Credentials) => format!("{error}: use the option basic"),
        error => error.to_string(),
    })?;
    if uri.scheme_str() == Some("https") && !tls {
        return Err("https needs the feature tls".to_owned());
    }
    if uri.path() == "/" && uri.query().is_none() {
        let mut parts = uri.into_parts();
        parts.path_and_query = Some(http::uri::PathAndQuery::from_static(path));
        return Uri::from_parts(parts).map_err(|error| error.to_string());
    }
    Ok(uri)
}

fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_matches_rfc_4648() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
            ("Aladdin:open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            ("\u{fb}\u{3ff}?", "w7vPvz8="),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
