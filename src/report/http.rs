//! Messages as HTTP requests.

mod answer;
mod dialect;
mod options;
mod redirect;
mod target;
#[cfg(feature = "tls")]
mod tls;
mod tower;

#[cfg(feature = "otlp")]
pub(crate) use answer::Answer;
pub(crate) use dialect::{Dialect, Posted};
pub(crate) use options::{Header as HttpHeader, HttpOptions, http_methods};
pub(crate) use redirect::{FIXED, Redirect};
pub use tower::TowerSender;

use super::{Message, Outcome, ReporterError, Sender};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use std::{fmt, time::Duration};
use target::Target;

/// A connection that is unused for longer is closed.
const IDLE: Duration = Duration::from_secs(30);
/// Posts messages to a URL, over a connection that is kept alive: HTTP/1.1; over TLS, with the
/// feature `tls`, HTTP/2 where the other side speaks it.
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
///
/// For a client of your own there is [`TowerSender`].
pub struct HttpSender {
    sender: TowerSender<HttpClient>,
    connector: Connector,
    /// Set while a request is under way.
    busy: bool,
    #[cfg(feature = "tls")]
    tls: tls::Tls,
}

#[cfg(feature = "tls")]
type Connector = hyper_rustls::HttpsConnector<HttpConnector>;
#[cfg(not(feature = "tls"))]
type Connector = HttpConnector;

type HttpClient = Client<Connector, Full<Bytes>>;

impl HttpSender {
    /// A sender to this URL: `http`, or with the feature `tls` `https`. Over TLS those are trusted
    /// whom the system trusts; their certificates are read now, which takes some milliseconds. What
    /// cannot be read of them is a warning.
    ///
    /// # Errors
    ///
    /// The field `url`: a scheme other than these or none, no host, a port that is empty or not a
    /// number from 1 to 65535, a fragment, an IPv6 zone, an IPv4 address that is not four numbers,
    /// a character that must be encoded, or credentials, which belong in [`basic`](Self::basic).
    /// For a Unix socket there is [`TowerSender`].
    pub fn new(url: &str) -> Result<HttpSender, ReporterError> {
        HttpSender::of(url, &Posted("/"))
    }

    /// A sender to this URL, that speaks so.
    pub(crate) fn of(
        url: &str,
        dialect: &'static dyn Dialect,
    ) -> Result<HttpSender, ReporterError> {
        let target = Target::new(url, dialect, cfg!(feature = "tls"))?;
        #[cfg(feature = "tls")]
        let tls = tls::Tls::new(target.url.scheme_str() == Some("https"));
        #[cfg(feature = "tls")]
        let connector = tls
            .connector(connector(), dialect.needs_http2())
            .map_err(|reason| ReporterError::new("url", reason))?;
        #[cfg(not(feature = "tls"))]
        let connector = connector();
        Ok(HttpSender {
            sender: TowerSender::of(client(connector.clone(), dialect), target),
            connector,
            busy: false,
            #[cfg(feature = "tls")]
            tls,
        })
    }

    /// A header on every request, `authorization` say. It replaces one of the same name. Its value
    /// is marked as sensitive, so that nothing shows it.
    ///
    /// # Errors
    ///
    /// The field `header`: a name or a value that HTTP does not allow, or a name that is not for
    /// you to set: `b3`, `content-type`, `content-encoding`, `content-length`, `host`,
    /// `transfer-encoding`, `connection`.
    pub fn header(mut self, name: &str, value: &str) -> Result<HttpSender, ReporterError> {
        self.sender = self.sender.header(name, value)?;
        Ok(self)
    }

    /// The header `authorization` with this token, which is marked as sensitive; instead of one
    /// that was set before.
    ///
    /// # Errors
    ///
    /// The field `bearer`: an empty token, or one that HTTP does not allow.
    pub fn bearer(mut self, token: &str) -> Result<HttpSender, ReporterError> {
        self.sender = self.sender.bearer(token)?;
        Ok(self)
    }

    /// The header `authorization` with this name and password, which are marked as sensitive;
    /// instead of one that was set before.
    ///
    /// # Errors
    ///
    /// The field `basic`: a name with a colon in it.
    pub fn basic(mut self, user: &str, password: &str) -> Result<HttpSender, ReporterError> {
        self.sender = self.sender.basic(user, password)?;
        Ok(self)
    }

    /// Trusts whoever has a certificate from this authority, besides those that the system trusts:
    /// one or more certificates in PEM. It matters to a URL of `https` only.
    ///
    /// # Errors
    ///
    /// The field `ca_certificate`: no PEM, no certificate in it, one that cannot be an authority's.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn ca_certificate(mut self, pem: impl AsRef<[u8]>) -> Result<HttpSender, ReporterError> {
        let trusted = self.tls.trust(pem.as_ref());
        let trusted = trusted.and_then(|()| self.apply_tls());
        trusted.map_err(|reason| ReporterError::new("ca_certificate", reason))?;
        Ok(self)
    }

    /// Shows this certificate to a collector that asks for one: in PEM, followed by those that lead
    /// to its authority, and its private key, in PEM too. It matters to a URL of `https` only.
    ///
    /// # Errors
    ///
    /// The field `client_certificate`: no PEM, no certificate or no key in it, a key that does not
    /// belong to the certificate or is of a kind that is not supported.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn client_certificate(
        mut self,
        pem: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<HttpSender, ReporterError> {
        let identified = self.tls.identify(pem.as_ref(), key.as_ref());
        let identified = identified.and_then(|()| self.apply_tls());
        identified.map_err(|reason| ReporterError::new("client_certificate", reason))?;
        Ok(self)
    }

    #[cfg(feature = "tls")]
    fn apply_tls(&mut self) -> Result<(), String> {
        let http2 = self.sender.target().dialect.needs_http2();
        self.connector = self.tls.connector(connector(), http2)?;
        self.reconnect();
        Ok(())
    }

    /// Forgets the connection that there was.
    fn reconnect(&mut self) {
        let dialect = self.sender.target().dialect;
        let client = client(self.connector.clone(), dialect);
        self.sender.set_service(client);
    }

    /// The path that messages are posted to.
    pub(crate) fn path(&self) -> &str {
        self.sender.target().url.path()
    }
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    // What a URL may be has been checked.
    connector.enforce_http(false);
    connector
}

/// One connection that is kept alive.
fn client(connector: Connector, dialect: &dyn Dialect) -> HttpClient {
    let mut client = Client::builder(TokioExecutor::new());
    client
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(1);
    if dialect.needs_http2() {
        #[cfg(any(feature = "otlp", feature = "tls"))]
        client.http2_only(true);
    }
    client.build(connector)
}

impl Sender for HttpSender {
    async fn send(&mut self, message: Message) -> Outcome {
        // A request that is given up closes a connection of HTTP/1, but not one of HTTP/2, be it
        // dead.
        if std::mem::replace(&mut self.busy, true) {
            self.reconnect();
        }
        let outcome = self.sender.send(message).await;
        self.busy = false;
        outcome
    }

    fn destination(&self) -> String {
        self.sender.destination()
    }
}

impl fmt::Debug for HttpSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSender")
            .field("url", &self.sender.target().url)
            .field("headers", &self.sender.target().headers)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_path_means_the_usual_one() {
        let url = |url: &str| {
            HttpSender::of(url, &Posted("/api/v2/spans"))
                .unwrap()
                .destination()
        };
        assert_eq!(url("http://zipkin:9411"), "http://zipkin:9411/api/v2/spans");
        assert_eq!(
            url("http://zipkin:9411/"),
            "http://zipkin:9411/api/v2/spans"
        );
        assert_eq!(url(" http://[::1]/other "), "http://[::1]/other");
        assert_eq!(url("http://zipkin/?key=1"), "http://zipkin/?key=1");
    }
}
