//! [`MetricsService`]: the service that Prometheus scrapes.

use super::{
    negotiate::{Format, accepts_gzip},
    scrape_body::{Pieces, ScrapeBody},
    scrapes::OpenScrape,
    writer::Writer,
};
use crate::metrics::handle::Metrics;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, VARY},
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
/// The scraper chooses the format: OpenMetrics with exemplars, or the text format 0.0.4. With the
/// feature `gzip`, the response is compressed if the scraper accepts it. `HEAD` has the headers of `GET`,
/// without a length: nothing is written for it.
///
/// While four responses of the same metrics are being written, others are 503 with `Retry-After: 1`, because
/// each holds a snapshot of the counts. A response of at most 64 KiB is written at once and does not count.
///
/// ```
/// use axum::Router;
/// use tower_b3::metrics::{Metrics, Workload};
///
/// let metrics = Metrics::builder(Workload::new("webapp").namespace("shop")).build();
/// // On port 15020, which Prometheus scrapes at sidecars.
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
    /// The service that Prometheus scrapes.
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
            Method::GET => match self.metrics.inner.scrapes.open() {
                Some(open) => self.answer(request.headers(), open),
                None => busy(),
            },
            Method::HEAD => head(request.headers()),
            _ => refused(),
        }))
    }
}

impl MetricsService {
    fn answer(&self, request: &HeaderMap, open: OpenScrape) -> Response<ScrapeBody> {
        let format = Format::of(request);
        let pieces = Pieces::new(Writer::new(format, self.metrics.families_for(format)));
        let mut response = head(request);
        let is_compressed = response.headers().contains_key(CONTENT_ENCODING);
        let pieces = match is_compressed {
            true => pieces.compressed(),
            false => pieces,
        };
        *response.body_mut() = ScrapeBody::new(pieces, open);
        response
    }
}

/// The response without its body.
fn head(request: &HeaderMap) -> Response<ScrapeBody> {
    let mut response = Response::new(ScrapeBody::default());
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static(Format::of(request).content_type());
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    if accepts_gzip(request) {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn busy() -> Response<ScrapeBody> {
    let mut response = Response::new(ScrapeBody::default());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn refused() -> Response<ScrapeBody> {
    let mut response = Response::new(ScrapeBody::default());
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    let allowed = HeaderValue::from_static("GET, HEAD");
    response.headers_mut().insert(ALLOW, allowed);
    response
}
