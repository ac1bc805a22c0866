//! [`HttpSender`]: messages over one hyper connection that is kept alive.

use super::{
    body::MessageBody,
    dialect::{Dialect, PlainPost},
    options::HttpOptions,
    target::Target,
    tower_sender::TowerSender,
};
use crate::report::batch::{Message, Outcome, ReporterError, Sender};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use std::{fmt, time::Duration};

/// A connection that is unused for longer is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Posts messages to a URL, over a connection that is kept alive.
///
/// It speaks HTTP/1.1; over TLS, with the feature `tls`, HTTP/2 if the server offers it. Each
/// request has the headers `b3: 0`, `x-b3-sampled: 0` and a `traceparent` that is not sampled, so
/// that no proxy on the way traces it, whether its tracer is Zipkin's or OpenTelemetry's.
///
/// | response | outcome |
/// |---|---|
/// | 2xx | [`Accepted`](Outcome::Accepted) |
/// | 413 | [`TooLarge`](Outcome::TooLarge) |
/// | 400 | [`BadRequest`](Outcome::BadRequest) |
/// | 408, 429, 5xx | [`Retry`](Outcome::Retry), after the time in `retry-after` |
/// | any other, redirects included | [`Refused`](Outcome::Refused) |
/// | none | [`Retry`](Outcome::Retry) |
///
/// For an HTTP client of your own, or a Unix socket, use [`TowerSender`].
pub struct HttpSender {
    sender: TowerSender<HttpClient>,
    connector: Connector,
    /// Whether a request has been started and not finished.
    busy: bool,
}

#[cfg(feature = "tls")]
type Connector = hyper_rustls::HttpsConnector<HttpConnector>;
#[cfg(not(feature = "tls"))]
type Connector = HttpConnector;

type HttpClient = Client<Connector, MessageBody>;

impl HttpSender {
    /// A sender to this URL: `http`, or `https` with the feature `tls`.
    ///
    /// For an `https` URL, the certificate authorities that the system trusts are read now, which
    /// takes some milliseconds. One that cannot be read is logged as a warning.
    ///
    /// # Errors
    ///
    /// A value that [`HttpOptions`] does not allow; its page has the list.
    pub fn new(to: impl Into<HttpOptions>) -> Result<HttpSender, ReporterError> {
        HttpSender::with_dialect(&to.into(), &PlainPost("/"))
    }

    pub(crate) fn with_dialect(
        options: &HttpOptions,
        dialect: &'static dyn Dialect,
    ) -> Result<HttpSender, ReporterError> {
        let target = Target::new(options, dialect, cfg!(feature = "tls"))?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        // Whether the scheme is allowed has been checked.
        connector.enforce_http(false);
        #[cfg(feature = "tls")]
        let connector = super::tls::connector(
            connector,
            options,
            target.url.scheme_str() == Some("https"),
            dialect.needs_http2(),
        )?;
        Ok(HttpSender {
            sender: TowerSender::with_target(client(connector.clone(), dialect), target),
            connector,
            busy: false,
        })
    }

    /// Forgets the open connection.
    fn reconnect(&mut self) {
        let dialect = self.sender.target().dialect;
        let client = client(self.connector.clone(), dialect);
        self.sender.set_service(client);
    }

    /// The path that messages are posted to.
    #[cfg(any(feature = "otlp", feature = "zipkin"))]
    pub(crate) fn path(&self) -> &str {
        self.sender.target().url.path()
    }
}

/// A client with one connection that is kept alive.
fn client(connector: Connector, dialect: &dyn Dialect) -> HttpClient {
    let mut client = Client::builder(TokioExecutor::new());
    client
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(1);
    if dialect.needs_http2() {
        #[cfg(any(feature = "otlp", feature = "tls"))]
        client.http2_only(true);
    }
    client.build(connector)
}

impl Sender for HttpSender {
    async fn send(&mut self, message: Message) -> Outcome {
        // The previous request was cancelled. That closes an HTTP/1 connection, but not an HTTP/2
        // connection, even if the connection is dead.
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
    fn a_url_without_a_path_gets_the_default_path() {
        let url = |url: &str| {
            HttpSender::with_dialect(&url.into(), &PlainPost("/api/v2/spans"))
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
