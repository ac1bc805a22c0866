//! Messages as HTTP requests.

mod answer;
mod options;
mod target;
#[cfg(feature = "tls")]
mod tls;
mod tower;

pub(crate) use options::{Header as HttpHeader, HttpOptions, http_methods};
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
/// How often a connection of HTTP/2 is asked whether it is alive.
#[cfg(feature = "tls")]
const PING: Duration = Duration::from_secs(10);
/// How long it may take to say so.
#[cfg(feature = "tls")]
const PONG: Duration = Duration::from_secs(5);

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
    /// whom the system trusts; their certificates are read now, which takes some milliseconds.
    ///
    /// # Errors
    ///
    /// The field `url`: not a URL, no scheme, a scheme other than these, no host, or credentials
    /// in it, which belong in [`basic`](Self::basic).
    pub fn new(url: &str) -> Result<HttpSender, ReporterError> {
        HttpSender::at(url, "/")
    }

    /// A sender to this URL, or to this path of it where it has none.
    pub(crate) fn at(url: &str, path: &'static str) -> Result<HttpSender, ReporterError> {
        let target = Target::new(url, path, cfg!(feature = "tls"))?;
        #[cfg(feature = "tls")]
        {
            let tls = tls::Tls::new(target.url.scheme_str() == Some("https"));
            let connector = tls.connector(connector());
            let connector = connector.map_err(|reason| ReporterError::new("url", reason))?;
            Ok(HttpSender {
                sender: TowerSender::of(client(connector), target),
                tls,
            })
        }
        #[cfg(not(feature = "tls"))]
        Ok(HttpSender {
            sender: TowerSender::of(client(connector()), target),
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
        let wrong = |reason| ReporterError::new("ca_certificate", reason);
        self.tls.trust(pem.as_ref()).map_err(wrong)?;
        let client = client(self.tls.connector(connector()).map_err(wrong)?);
        self.sender = self.sender.with_service(client);
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
        let wrong = |reason| ReporterError::new("client_certificate", reason);
        self.tls
            .identify(pem.as_ref(), key.as_ref())
            .map_err(wrong)?;
        let client = client(self.tls.connector(connector()).map_err(wrong)?);
        self.sender = self.sender.with_service(client);
        Ok(self)
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
fn client(connector: Connector) -> HttpClient {
    let mut client = Client::builder(TokioExecutor::new());
    client
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(1);
    // A request that is given up does not close a connection of HTTP/2, be it dead.
    #[cfg(feature = "tls")]
    client
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(PING)
        .http2_keep_alive_timeout(PONG)
        .http2_keep_alive_while_idle(true);
    client.build(connector)
}

impl Sender for HttpSender {
    async fn send(&mut self, message: Message) -> Outcome {
        self.sender.send(message).await
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
