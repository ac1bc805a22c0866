//! For [reqwest]: its requests with a CLIENT span around each.
//!
//! A request is built as ever. [`Traced::traced`] names the client layer that it goes through, and
//! what comes back is reqwest's own response:
//!
//! ```no_run
//! use tower_b3::{Tracer, reqwest::Traced};
//!
//! # async fn call(tracer: Tracer) -> Result<(), reqwest::Error> {
//! let http = reqwest::Client::new();
//! let catalog = tracer.client_layer().remote_service("catalog");
//!
//! let item = http
//!     .get("http://catalog:8080/items/7")
//!     .traced(&catalog)
//!     .route("/items/{id}") // names the span: `GET /items/{id}`
//!     .send()
//!     .await?
//!     .text() // the span ends here
//!     .await?;
//! # Ok(()) }
//! ```
//!
//! For a stack of tower layers (retries, limits, a timeout) [`Reqwest`] is a service that they go
//! around:
//!
//! ```
//! use std::time::Duration;
//! use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
//! use tower_b3::{Route, Tracer, reqwest::Reqwest};
//!
//! # async fn call(tracer: Tracer) -> Result<(), BoxError> {
//! let mut client = ServiceBuilder::new()
//!     .concurrency_limit(64)
//!     .layer(tracer.client_layer())
//!     .timeout(Duration::from_secs(2))
//!     .service(Reqwest::from(reqwest::Client::new()));
//!
//! let request = http::Request::get("http://catalog:8080/items/7")
//!     .extension(Route::new("/items/{id}"))
//!     .body(reqwest::Body::default())?;
//! let response = client.ready().await?.call(request).await?;
//! # Ok(()) }
//! ```
//!
//! What reqwest does by itself is within the one span: redirects it follows, tries of its own. Its
//! tags are those of the first request and of the last response. A redirect carries the headers of
//! the request on, to other hosts too: beside
//! [`propagate_only_to`](crate::ClientLayer::propagate_only_to), have the client follow none
//! (`reqwest::redirect::Policy::none()`).

use crate::{ClientLayer, Context, Route};
use ::reqwest::{Body, Client, RequestBuilder, Response, ResponseBuilderExt};
use pin_project_lite::pin_project;
use std::{
    borrow::Cow,
    fmt, iter,
    pin::Pin,
    task::{self, Poll, ready},
};
use tower_layer::Layer;
use tower_service::Service;

/// Sends requests that reqwest built through a client layer.
pub trait Traced {
    /// The same request, to be sent with a CLIENT span around it, by this layer's settings.
    ///
    /// A [`reqwest::Request`] is sent so by
    /// `RequestBuilder::from_parts(client, request).traced(&layer)`.
    fn traced(self, layer: &ClientLayer) -> TracedRequest;
}

impl Traced for RequestBuilder {
    fn traced(self, layer: &ClientLayer) -> TracedRequest {
        TracedRequest {
            request: self,
            layer: layer.clone(),
            route: None,
            parent: None,
        }
    }
}

/// A request of reqwest's that is about to be sent with a CLIENT span around it. From
/// [`Traced::traced`].
#[must_use = "it is sent by `send`"]
pub struct TracedRequest {
    request: RequestBuilder,
    layer: ClientLayer,
    route: Option<Route>,
    parent: Option<Context>,
}

impl TracedRequest {
    /// The template of the path, for the name of the span: `GET /items/{id}`. Default: none, and
    /// the span is called by its method alone.
    pub fn route(mut self, template: impl Into<Cow<'static, str>>) -> Self {
        self.route = Some(Route::new(template));
        self
    }

    /// The parent of the span. Default: what is current where the request is sent.
    pub fn parent(mut self, parent: Context) -> Self {
        self.parent = Some(parent);
        self
    }

    /// Sends the request. The span ends with the body of the response, when that is read to its
    /// end or dropped; `canceled` where the future is dropped before there is a response.
    ///
    /// # Errors
    ///
    /// Those of [`RequestBuilder::send`]. One for which nothing could be sent at all, like a
    /// malformed URL, makes no span.
    pub async fn send(self) -> Result<Response, ::reqwest::Error> {
        let (client, request) = self.request.build_split();
        let mut request = http::Request::try_from(request?)?;
        let extensions = request.extensions_mut();
        if let Some(route) = self.route {
            extensions.insert(route);
        }
        if let Some(parent) = self.parent {
            extensions.insert(parent);
        }
        let response = self.layer.layer(Reqwest(client)).call(request).await?;
        Ok(response.map(Body::wrap).into())
    }
}

impl fmt::Debug for TracedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedRequest")
            .field("request", &self.request)
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}

/// A [`reqwest::Client`] as a service of [`http::Request`]s, which the
/// [client layer](crate::Tracer::client_layer) goes around.
#[derive(Debug, Clone, Default)]
pub struct Reqwest(Client);

impl From<Client> for Reqwest {
    fn from(client: Client) -> Reqwest {
        Reqwest(client)
    }
}

impl Service<http::Request<Body>> for Reqwest {
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = Sending;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(cx).map_err(Error)
    }

    fn call(&mut self, request: http::Request<Body>) -> Sending {
        let sending = ::reqwest::Request::try_from(request).map(|request| self.0.call(request));
        match sending {
            Ok(sending) => Sending {
                sending: Some(sending),
                refused: None,
            },
            Err(error) => Sending {
                sending: None,
                refused: Some(error),
            },
        }
    }
}

pin_project! {
    /// The response future of [`Reqwest`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Sending {
        #[pin]
        sending: Option<<Client as Service<::reqwest::Request>>::Future>,
        // Why there is nothing to be sent.
        refused: Option<::reqwest::Error>,
    }
}

impl Future for Sending {
    type Output = Result<http::Response<Body>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(error) = this.refused.take() {
            return Poll::Ready(Err(Error(error)));
        }
        let Some(sending) = this.sending.as_pin_mut() else {
            return Poll::Pending;
        };
        let response = ready!(sending.poll(cx)).map_err(Error)?;
        // Reqwest keeps the URL beside the parts of a response, and finds it again in them.
        let url = http::Response::builder().url(response.url().clone());
        let mut response = http::Response::from(response);
        if let Ok(url) = url.body(()) {
            response
                .extensions_mut()
                .extend(url.into_parts().0.extensions);
        }
        Poll::Ready(Ok(response))
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}

/// An error of reqwest's, which it shows as it is. Its `Debug` text is the causes alone, for the
/// tag `error.reason`: the URL that reqwest would show has a query, which is not for everybody.
pub struct Error(::reqwest::Error);

impl From<Error> for ::reqwest::Error {
    fn from(error: Error) -> ::reqwest::Error {
        error.0
    }
}

impl AsRef<::reqwest::Error> for Error {
    fn as_ref(&self) -> &::reqwest::Error {
        &self.0
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut causes =
            iter::successors(std::error::Error::source(&self.0), |cause| cause.source());
        match causes.next() {
            Some(cause) => write!(f, "{cause}")?,
            None => f.write_str("the request failed")?,
        }
        causes.try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
