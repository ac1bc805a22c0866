use super::Error;
use ::reqwest::{Body, Client, ResponseBuilderExt};
use pin_project_lite::pin_project;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tower_service::Service;

/// A [`reqwest::Client`](Client) as a service of [`http::Request`]s, for the
/// [client layer](crate::Tracer::client_layer).
#[derive(Debug, Clone, Default)]
pub struct ReqwestService(Client);

impl From<Client> for ReqwestService {
    fn from(client: Client) -> ReqwestService {
        ReqwestService(client)
    }
}

impl Service<http::Request<Body>> for ReqwestService {
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(cx).map_err(Error::from)
    }

    fn call(&mut self, request: http::Request<Body>) -> ResponseFuture {
        let response = ::reqwest::Request::try_from(request).map(|request| self.0.call(request));
        match response {
            Ok(response) => ResponseFuture {
                response: Some(response),
                invalid_request: None,
            },
            Err(error) => ResponseFuture {
                response: None,
                invalid_request: Some(error),
            },
        }
    }
}

pin_project! {
    /// The response future of [`ReqwestService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture {
        #[pin]
        response: Option<<Client as Service<::reqwest::Request>>::Future>,
        // Why nothing was sent.
        invalid_request: Option<::reqwest::Error>,
    }
}

impl Future for ResponseFuture {
    type Output = Result<http::Response<Body>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(error) = this.invalid_request.take() {
            return Poll::Ready(Err(error.into()));
        }
        let Some(response) = this.response.as_pin_mut() else {
            return Poll::Pending;
        };
        let response = ready!(response.poll(cx))?;
        // reqwest loses the URL in this conversion, but restores it from an extension that only
        // `ResponseBuilderExt` can create.
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

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
