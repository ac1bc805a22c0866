//! [`TowerSender`]: messages through an HTTP client that is a Tower service.
//!
//! `http_sender` is one over hyper's client.

use super::{
    body::MessageBody,
    dialect::PlainPost,
    options::HttpOptions,
    response::{CollectorResponse, with_sources},
    target::Target,
};
use crate::report::batch::{Message, Outcome, ReporterError, Sender};
use http::{Request, Response};
use http_body::Body;
use std::{error::Error, fmt, future::poll_fn};
use tower_service::Service;

/// Posts messages through an HTTP client of your own: any Tower service for requests, with any
/// layers.
///
/// Requests and outcomes are those of [`HttpSender`](super::HttpSender). An error of the service,
/// from `poll_ready` or from `call`, is a [`Retry`](Outcome::Retry). So a service that has failed
/// for good is called again for every message.
///
/// The response's body is not interpreted: spans that an OTLP collector reports as rejected there
/// are not counted. `OtlpReporter` does that.
///
/// The service is called inside the reporter's runtime, so what it spawns then runs there. A
/// service that spawns when it is made, such as tower's `Buffer`, must be made inside a runtime of
/// the application, and works as long as that runtime does.
///
/// ```
/// use hyper_util::{client::legacy::Client, rt::TokioExecutor};
/// use std::time::Duration;
/// use tower::ServiceBuilder;
/// use tower_b3::{
///     Tracer,
///     report::{BatchReporter, MessageBody, TowerSender},
///     zipkin::JsonEncoder,
/// };
///
/// let http = Client::builder(TokioExecutor::new()).build_http::<MessageBody>();
/// let http = ServiceBuilder::new()
///     .concurrency_limit(4)
///     .timeout(Duration::from_secs(2))
///     .service(http);
/// let sender = TowerSender::new("http://127.0.0.1:9411/api/v2/spans", http)?;
/// let reporter = BatchReporter::builder(JsonEncoder, sender).build()?;
/// let tracer = Tracer::builder("orders").reporter(reporter).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A Unix socket, with one connection for each message:
///
/// ```
/// # #[cfg(unix)] {
/// use http::{Request, Response, header::HOST};
/// use hyper::{body::Incoming, client::conn::http1};
/// use hyper_util::rt::TokioIo;
/// use tokio::net::UnixStream;
/// use tower::BoxError;
/// use tower_b3::report::{MessageBody, TowerSender};
///
/// async fn send(mut request: Request<MessageBody>) -> Result<Response<Incoming>, BoxError> {
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
    /// A sender to this URL, `http` or `https`, through this service.
    ///
    /// # Errors
    ///
    /// A value that [`HttpOptions`] does not allow. Certificates are an error as well: the service
    /// makes the connections.
    pub fn new(to: impl Into<HttpOptions>, service: S) -> Result<TowerSender<S>, ReporterError> {
        let options = to.into();
        let target = Target::new(&options, &PlainPost("/"), true)?;
        #[cfg(feature = "tls")]
        {
            let reason = "must be set in the service, which makes the connections";
            if !options.ca_certificates.is_empty() {
                return Err(ReporterError::new("ca_certificate", reason));
            }
            if options.client_certificate.is_some() {
                return Err(ReporterError::new("client_certificate", reason));
            }
        }
        Ok(TowerSender::with_target(service, target))
    }

    pub(super) fn with_target(service: S, target: Target) -> TowerSender<S> {
        TowerSender { service, target }
    }

    pub(super) fn set_service(&mut self, service: S) {
        self.service = service;
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }
}

impl<S, B> Sender for TowerSender<S>
where
    S: Service<Request<MessageBody>, Response = Response<B>> + Send + 'static,
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
                let response = CollectorResponse::read(response, dialect.body_timeout()).await;
                dialect.outcome(&response, spans)
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
