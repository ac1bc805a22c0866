//! [`MetricsService`]: what Prometheus scrapes.

use super::{
    negotiate::Format,
    scrape_body::{Pieces, ScrapeBody},
    writer::Writer,
};
use crate::metrics::handle::Metrics;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, VARY},
};
use std::{
    convert::Infallible,
    future::{Ready, ready},
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
        let writer = Writer::new(format, self.metrics.families());
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static(format.content_type()),
        );
        headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
        let pieces = pieces(writer, request, &mut headers);
        let body = if is_head {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(pieces.len()));
            ScrapeBody::default()
        } else {
            ScrapeBody::new(pieces)
        };
        let mut response = Response::new(body);
        *response.headers_mut() = headers;
        response
    }
}

#[cfg(feature = "gzip")]
fn pieces(writer: Writer, request: &HeaderMap, headers: &mut HeaderMap) -> Pieces {
    if !super::negotiate::accepts_gzip(request) {
        return Pieces::new(writer);
    }
    let encoding = HeaderValue::from_static("gzip");
    headers.insert(http::header::CONTENT_ENCODING, encoding);
    Pieces::compressed(writer)
}

#[cfg(not(feature = "gzip"))]
fn pieces(writer: Writer, _: &HeaderMap, _: &mut HeaderMap) -> Pieces {
    Pieces::new(writer)
}

fn refused() -> Response<ScrapeBody> {
    let mut response = Response::new(ScrapeBody::default());
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    let allowed = HeaderValue::from_static("GET, HEAD");
    response.headers_mut().insert(ALLOW, allowed);
    response
}
