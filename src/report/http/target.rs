//! Where requests go, and what is on all of them.

use super::dialect::Dialect;
use crate::{
    printable::{self, quoted},
    report::{Message, ReporterError},
    url::UrlError,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri,
    header::{AUTHORIZATION, USER_AGENT},
};
use http_body_util::Full;

/// A URL and headers, and what is spoken there.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) url: Uri,
    pub(super) headers: HeaderMap,
    pub(super) dialect: &'static dyn Dialect,
}

impl Target {
    /// This URL, or the dialect's path of it where it has none.
    pub(super) fn new(
        url: &str,
        dialect: &'static dyn Dialect,
        tls: bool,
    ) -> Result<Target, ReporterError> {
        let url = parse(url, dialect.path(), tls);
        let url = url.map_err(|reason| ReporterError::new("url", reason))?;
        let mut headers = HeaderMap::new();
        headers.insert("b3", HeaderValue::from_static("0"));
        let agent = concat!("tower-b3/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        Ok(Target {
            url,
            headers,
            dialect,
        })
    }

    pub(super) fn header(&mut self, name: &str, value: &str) -> Result<(), ReporterError> {
        let wrong = |reason: String| ReporterError::new("header", reason);
        let Ok(name) = HeaderName::try_from(name) else {
            return Err(wrong(format!(
                "{} is not the name of a header",
                quoted(name)
            )));
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
            return Err(wrong(format!(
                "the value of {} is not allowed in HTTP",
                printable::name(name.as_str())
            )));
        };
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(())
    }

    pub(super) fn bearer(&mut self, token: &str) -> Result<(), ReporterError> {
        if token.is_empty() {
            return Err(ReporterError::new("bearer", "the token is empty"));
        }
        self.authorize("bearer", &format!("Bearer {token}"))
    }

    pub(super) fn basic(&mut self, user: &str, password: &str) -> Result<(), ReporterError> {
        if user.contains(':') {
            let reason = "a colon in the user's name, which would end there";
            return Err(ReporterError::new("basic", reason));
        }
        let credentials = base64(format!("{user}:{password}").as_bytes());
        self.authorize("basic", &format!("Basic {credentials}"))
    }

    fn authorize(&mut self, field: &'static str, value: &str) -> Result<(), ReporterError> {
        let Ok(mut value) = HeaderValue::try_from(value) else {
            return Err(ReporterError::new(field, "not allowed in HTTP"));
        };
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(())
    }

    pub(super) fn request(&self, message: Message) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut headers = self.headers.clone();
        let body = self.dialect.body(message, &mut headers)?;
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.url.clone())
            .body(Full::new(body))?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

fn parse(url: &str, path: &'static str, tls: bool) -> Result<Uri, String> {
    let uri = crate::url::parse(url).map_err(|error| match error {
        UrlError::Credentials => format!("{error}: set them with basic"),
        error => error.to_string(),
    })?;
    if uri.scheme_str() == Some("https") && !tls {
        return Err("https needs TLS, which this sender does not have".to_owned());
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
    fn base64_as_rfc_4648_has_it() {
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
