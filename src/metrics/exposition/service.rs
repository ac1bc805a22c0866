//! [`MetricsService`]: what Prometheus scrapes.

use super::negotiate::Format;
use crate::metrics::handle::Metrics;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, VARY},
};
use http_body::{Body, Frame, SizeHint};
use std::{
    convert::Infallible,
    future::{Ready, ready},
    pin::Pin,
    task::{Context, Poll},
};
use tower_service::Service;

/// Answers Prometheus, at any path: a [`tower::Service`](Service), for axum's `route_service` and for
/// hyper.
///
/// The format is what the scraper prefers: OpenMetrics with exemplars, or the text format 0.0.4. With the
/// feature `gzip`, the answer is compressed if the scraper accepts it.
///
/// ```
/// use axum::Router;
/// use tower_b3::metrics::{Metrics, Workload};
///
/// let metrics = Metrics::builder(Workload::new("webapp").namespace("shop")).build();
/// // On port 15020, where Prometheus finds a sidecar's.
/// let app: Router = Router::new()
///     .route_service("/stats/prometheus", metrics.service())
///     .route_service("/metrics", metrics.service());
/// # let _ = app;
/// ```
#[derive(Debug, Clone)]
pub struct MetricsService {
    metrics: Metrics,
}

impl Metrics {
    /// What Prometheus scrapes.
    pub fn service(&self) -> MetricsService {
        MetricsService {
            metrics: self.clone(),
        }
    }
}

impl<B> Service<Request<B>> for MetricsService {
    type Response = Response<ScrapeBody>;
    type Error = Infallible;
    type Future = Ready<Result<Response<ScrapeBody>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(match *request.method() {
            Method::GET | Method::HEAD => {
                self.answer(request.headers(), request.method() == Method::HEAD)
            }
            _ => refused(),
        }))
    }
}

impl MetricsService {
    fn answer(&self, request: &HeaderMap, is_head: bool) -> Response<ScrapeBody> {
        let format = Format::of(request);
        let text = match format {
            Format::Text => self.metrics.text(),
            Format::OpenMetrics(_) => self.metrics.openmetrics(),
        };
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static(format.content_type()),
        );
        headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
        let body = compressed(text, request, &mut headers);
        let body = if is_head {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
            ScrapeBody(None)
        } else {
            ScrapeBody(Some(Bytes::from(body)))
        };
        let mut response = Response::new(body);
        *response.headers_mut() = headers;
        response
    }
}

#[cfg(feature = "gzip")]
fn compressed(text: String, request: &HeaderMap, headers: &mut HeaderMap) -> Vec<u8> {
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    if !super::negotiate::accepts_gzip(request) {
        return text.into_bytes();
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to a vector does not fail.
    match gzip.write_all(text.as_bytes()).and_then(|()| gzip.finish()) {
        Ok(bytes) => {
            let encoding = HeaderValue::from_static("gzip");
            headers.insert(http::header::CONTENT_ENCODING, encoding);
            bytes
        }
        Err(_) => text.into_bytes(),
    }
}

#[cfg(not(feature = "gzip"))]
fn compressed(text: String, _: &HeaderMap, _: &mut HeaderMap) -> Vec<u8> {
    text.into_bytes()
}

fn refused() -> Response<ScrapeBody> {
    let mut response = Response::new(ScrapeBody(None));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    let allowed = HeaderValue::from_static("GET, HEAD");
    response.headers_mut().insert(ALLOW, allowed);
    response
}

/// The body of an answer.
#[derive(Debug, Clone, Default)]
pub struct ScrapeBody(Option<Bytes>);

impl Body for ScrapeBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
