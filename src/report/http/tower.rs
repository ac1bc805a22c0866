use super::{
    answer::{Answer, with_sources},
    dialect::Posted,
    target::Target,
};
use crate::report::{Message, Outcome, ReporterError, Sender};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use std::{error::Error, fmt, future::poll_fn};
use tower_service::Service;

/// Posts messages to a URL by an HTTP client of your own: any tower service of requests, with
/// whatever layers it has.
///
/// Requests and outcomes are those of [`HttpSender`](super::HttpSender). An error of the service
/// is a [`Retry`](Outcome::Retry), whether it comes from `poll_ready` or from `call`; so a service
/// that fails for good is asked again with every message.
///
/// An answer's body is not looked into: what a collector of OTLP says there of spans that it leaves
/// out is not counted. `OtlpReporter` does that.
///
/// The service is called inside the reporter's runtime, not the application's: what it spawns when
/// it is called runs there. What spawns when it is made, like tower's `Buffer`, needs a runtime
/// where it is made, and works as long as that one does.
///
/// ```
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use hyper_util::{client::legacy::Client, rt::TokioExecutor};
/// use std::time::Duration;
/// use tower::ServiceBuilder;
/// use tower_b3::{Tracer, report::{BatchReporter, TowerSender}, zipkin::JsonEncoder};
///
/// let http = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
/// let http = ServiceBuilder::new()
///     .concurrency_limit(4)
///     .timeout(Duration::from_secs(2))
///     .service(http);
/// let sender = TowerSender::new("http://127.0.0.1:9411/api/v2/spans", http)?
///     .header("x-tenant", "shop")?;
/// let reporter = BatchReporter::builder(JsonEncoder, sender).build()?;
/// let tracer = Tracer::builder("orders").reporter(reporter).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A Unix socket, of an agent on the same machine, takes a connection a message:
///
/// ```
/// # #[cfg(unix)] {
/// use bytes::Bytes;
/// use http::{Request, Response, header::HOST};
/// use http_body_util::Full;
/// use hyper::{body::Incoming, client::conn::http1};
/// use hyper_util::rt::TokioIo;
/// use tokio::net::UnixStream;
/// use tower::BoxError;
/// use tower_b3::report::TowerSender;
///
/// async fn send(mut request: Request<Full<Bytes>>) -> Result<Response<Incoming>, BoxError> {
///     *request.uri_mut() = request.uri().path().parse()?;
///     request.headers_mut().insert(HOST, "localhost".parse()?);
///     let stream = UnixStream::connect("/run/zipkin.sock").await?;
///     let (mut http, connection) = http1::handshake(TokioIo::new(stream)).await?;
///     tokio::spawn(connection);
///     Ok(http.send_request(request).await?)
/// }
///
/// let sender = TowerSender::new("http://localhost/api/v2/spans", tower::service_fn(send))?;
/// # drop(sender); }
/// # Ok::<(), tower_b3::report::ReporterError>(())
/// ```
#[derive(Clone)]
pub struct TowerSender<S> {
    service: S,
    target: Target,
}

impl<S> TowerSender<S> {
    /// A sender to this URL, `http` or `https`, by this service.
    ///
    /// # Errors
    ///
    /// The field `url`, as with [`HttpSender::new`](super::HttpSender::new).
    pub fn new(url: &str, service: S) -> Result<TowerSender<S>, ReporterError> {
        Ok(TowerSender::of(
            service,
            Target::new(url, &Posted("/"), true)?,
        ))
    }

    pub(super) fn of(service: S, target: Target) -> TowerSender<S> {
        TowerSender { service, target }
    }

    /// From now on by this service.
    pub(super) fn set_service(&mut self, service: S) {
        self.service = service;
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// A header on every request: see [`HttpSender::header`](super::HttpSender::header).
    ///
    /// # Errors
    ///
    /// The field `header`, as there.
    pub fn header(mut self, name: &str, value: &str) -> Result<TowerSender<S>, ReporterError> {
        self.target.header(name, value)?;
        Ok(self)
    }

    /// The header `authorization` with this token, which is marked as sensitive; instead of one
    /// that was set before.
    ///
    /// # Errors
    ///
    /// The field `bearer`: an empty token, or one that HTTP does not allow.
    pub fn bearer(mut self, token: &str) -> Result<TowerSender<S>, ReporterError> {
        self.target.bearer(token)?;
        Ok(self)
    }

    /// The header `authorization` with this name and password, which are marked as sensitive;
    /// instead of one that was set before.
    ///
    /// # Errors
    ///
    /// The field `basic`: a name with a colon in it.
    pub fn basic(mut self, user: &str, password: &str) -> Result<TowerSender<S>, ReporterError> {
        self.target.basic(user, password)?;
        Ok(self)
    }
}

impl<S, B> Sender for TowerSender<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    async fn send(&mut self, message: Message) -> Outcome {
        let spans = message.spans;
        let request = match self.target.request(message) {
            Ok(request) => request,
            Err(error) => return Outcome::refused(error.to_string()),
        };
        let response = match poll_fn(|cx| self.service.poll_ready(cx)).await {
            Ok(()) => self.service.call(request).await,
            Err(error) => Err(error),
        };
        match response {
            Ok(response) => {
                let dialect = self.target.dialect;
                let answer = Answer::read(response, dialect.patience()).await;
                dialect.outcome(&answer, spans)
            }
            Err(error) => Outcome::retry(with_sources(&*error.into())),
        }
    }

    fn destination(&self) -> String {
        self.target.url.to_string()
    }
}

impl<S> fmt::Debug for TowerSender<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TowerSender")
            .field("url", &self.target.url)
            .field("headers", &self.target.headers)
            .finish_non_exhaustive()
    }
}
