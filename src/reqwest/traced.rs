use super::ReqwestService;
use crate::{
    client::{ClientLayer, RouteTemplate},
    span::RequestContext,
};
use ::reqwest::{Body, RequestBuilder, Response};
use std::{borrow::Cow, fmt};
use tower_layer::Layer;
use tower_service::Service;

/// Sends the requests that reqwest builds through a client layer.
///
/// This trait is sealed: it is implemented for [`RequestBuilder`] alone.
pub trait Traced: sealed::Sealed {
    /// Puts a CLIENT span around the request, with the settings of this layer.
    ///
    /// For a [`reqwest::Request`](::reqwest::Request), call it on
    /// `RequestBuilder::from_parts(client, request)`.
    fn traced(self, layer: &ClientLayer) -> TracedRequest;
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for ::reqwest::RequestBuilder {}
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

/// A request to be sent with a CLIENT span around it. Created by [`Traced::traced`].
#[must_use = "call `send` to send the request"]
pub struct TracedRequest {
    request: RequestBuilder,
    layer: ClientLayer,
    route: Option<RouteTemplate>,
    parent: Option<RequestContext>,
}

impl TracedRequest {
    /// Sets the path template for the name of the span: `GET /items/{id}`. Default: none, and the
    /// method alone is the name.
    pub fn route(mut self, template: impl Into<Cow<'static, str>>) -> Self {
        self.route = Some(RouteTemplate::new(template));
        self
    }

    /// Sets the parent of the span. Default: the context that is current when `send` is first polled.
    pub fn parent(mut self, parent: RequestContext) -> Self {
        self.parent = Some(parent);
        self
    }

    /// Sends the request.
    ///
    /// The span ends when the body of the response has been read to its end or is dropped. If the
    /// future is dropped before there is a response, the span is tagged `canceled`.
    ///
    /// # Errors
    ///
    /// The errors of [`RequestBuilder::send`]. If the request cannot be sent at all, for a malformed
    /// URL for example, there is no span.
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
        let mut service = self.layer.layer(ReqwestService::from(client));
        let response = service.call(request).await?;
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
