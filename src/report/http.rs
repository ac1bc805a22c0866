//! Messages as HTTP requests.

mod answer;
mod options;
mod target;
mod tower;

pub(crate) use options::{HttpOptions, http_methods};
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
///
/// For a client of your own there is [`TowerSender`].
pub struct HttpSender {
    sender: TowerSender<HttpClient>,
}

type HttpClient = Client<HttpConnector, Full<Bytes>>;

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
        let target = Target::new(url, path, false)?;
        Ok(HttpSender {
            sender: TowerSender::of(client(), target),
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

    /// The path that messages are posted to.
    pub(crate) fn path(&self) -> &str {
        self.sender.target().url.path()
    }
}

/// One connection that is kept alive.
fn client() -> HttpClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(1)
        .build(connector)
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
