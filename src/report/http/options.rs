//! [`HttpOptions`]: where an HTTP reporter or sender sends to, as the user gives it.
//!
//! Nothing is checked here: `target` and `tls` do that when a sender is made.

use std::fmt;

/// A collector's URL, with headers, credentials and certificates.
///
/// A URL alone is enough, so whatever takes `HttpOptions` takes a string:
///
/// ```
/// use tower_b3::report::{HttpOptions, HttpSender};
///
/// let sender = HttpSender::new("http://127.0.0.1:9411/api/v2/spans")?;
///
/// let collector = HttpOptions::new("http://collector.example.com/api/v2/spans")
///     .bearer("3ae4")
///     .header("x-tenant", "shop");
/// let sender = HttpSender::new(collector)?;
/// # Ok::<(), tower_b3::report::ReporterError>(())
/// ```
///
/// | option | default |
/// |---|---|
/// | [`header`](Self::header) | `b3: 0`, `x-b3-sampled: 0`, `traceparent: 00-…-00` and `user-agent: tower-b3/…` |
/// | [`bearer`](Self::bearer), [`basic`](Self::basic) | no `authorization` header |
/// | `ca_certificate` (feature `tls`) | the system's certificate authorities |
/// | `client_certificate` (feature `tls`) | none |
///
/// Values are checked when a sender or a reporter is made from them. The error names the option:
///
/// | field | not allowed |
/// |---|---|
/// | `url` | a scheme other than `http`, or `https` with the feature `tls`; no host; a port that is empty or not between 1 and 65535; a fragment; an IPv6 zone; an IPv4 address that is not four numbers; a character that must be encoded; credentials, which belong in [`basic`](Self::basic) |
/// | `header` | a name or a value that HTTP does not allow; a header that the sender sets: `b3`, `x-b3-sampled`, `traceparent`, `content-type`, `content-encoding`, `content-length`, `host`, `transfer-encoding`, `connection` |
/// | `bearer` | an empty token, or one that HTTP does not allow |
/// | `basic` | a user name with a colon |
/// | `ca_certificate` | not PEM, no certificate, a certificate that is not an authority's |
/// | `client_certificate` | not PEM, no certificate or no private key, a key that does not match the certificate or is of an unsupported kind |
#[derive(Clone, Default)]
#[must_use = "options do nothing until they are given to a builder"]
pub struct HttpOptions {
    pub(super) url: String,
    pub(super) headers: Vec<HeaderOption>,
    #[cfg(feature = "tls")]
    pub(super) ca_certificates: Vec<Vec<u8>>,
    #[cfg(feature = "tls")]
    pub(super) client_certificate: Option<ClientCertificate>,
}

#[derive(Clone)]
pub(super) enum HeaderOption {
    Named { name: String, value: String },
    Bearer(String),
    Basic { user: String, password: String },
}

#[cfg(feature = "tls")]
#[derive(Clone)]
pub(super) struct ClientCertificate {
    pub(super) chain: Vec<u8>,
    pub(super) key: Vec<u8>,
}

impl HttpOptions {
    /// The collector at this URL.
    pub fn new(url: impl Into<String>) -> HttpOptions {
        HttpOptions {
            url: url.into(),
            ..HttpOptions::default()
        }
    }

    /// Adds a header to every request. A later header replaces an earlier one of the same name.
    /// The value is marked as sensitive, so that it is not shown by `Debug`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        self.headers.push(HeaderOption::Named { name, value });
        self
    }

    /// Sets the header `authorization` to this bearer token.
    pub fn bearer(mut self, token: impl Into<String>) -> Self {
        self.headers.push(HeaderOption::Bearer(token.into()));
        self
    }

    /// Sets the header `authorization` to this user name and password.
    pub fn basic(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        let (user, password) = (user.into(), password.into());
        self.headers.push(HeaderOption::Basic { user, password });
        self
    }

    /// Trusts one or more certificate authorities, in PEM, in addition to the system's. It may be
    /// called several times, and matters to `https` URLs only.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn ca_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_certificates.push(pem.into());
        self
    }

    /// Presents this certificate, followed by its chain, to a collector that asks for one. Both
    /// the certificates and the private key are in PEM. It matters to `https` URLs only.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn client_certificate(mut self, pem: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.client_certificate = Some(ClientCertificate {
            chain: pem.into(),
            key: key.into(),
        });
        self
    }

    /// The URL as it was given.
    #[cfg(feature = "zipkin")]
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl From<&str> for HttpOptions {
    fn from(url: &str) -> HttpOptions {
        HttpOptions::new(url)
    }
}

impl From<&String> for HttpOptions {
    fn from(url: &String) -> HttpOptions {
        HttpOptions::new(url)
    }
}

impl From<String> for HttpOptions {
    fn from(url: String) -> HttpOptions {
        HttpOptions::new(url)
    }
}

/// Without the values of headers, and without a URL that cannot be used: it may have a password.
impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers = self.headers.iter().map(|header| match header {
            HeaderOption::Named { name, .. } => name,
            HeaderOption::Bearer(_) | HeaderOption::Basic { .. } => "authorization",
        });
        let url = match crate::url::parse(&self.url) {
            Ok(_) => self.url.trim(),
            Err(_) => "(invalid)",
        };
        f.debug_struct("HttpOptions")
            .field("url", &url)
            .field("headers", &headers.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secrets() {
        let options = HttpOptions::new("http://zipkin:9411")
            .header("x-key", "secret")
            .bearer("secret")
            .basic("me", "secret");
        assert_eq!(
            format!("{options:?}"),
            "HttpOptions { url: \"http://zipkin:9411\", \
             headers: [\"x-key\", \"authorization\", \"authorization\"], .. }"
        );
        let debug = format!("{:?}", HttpOptions::new("http://me:secret@zipkin/"));
        assert!(!debug.contains("secret"), "{debug}");
    }
}
