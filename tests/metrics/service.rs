//! The service that Prometheus scrapes.

use crate::{answered, parser::parse, webapp};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use tower::ServiceExt;
use tower_b3::{
    Direction,
    metrics::{Metrics, ScrapeBody},
};

async fn scraped(
    metrics: &Metrics,
    method: Method,
    headers: &[(&str, &str)],
) -> Response<ScrapeBody> {
    let request = Request::builder().method(method).uri("/stats/prometheus");
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    let service = metrics.service();
    service.oneshot(request.body(()).unwrap()).await.unwrap()
}

async fn body(response: Response<ScrapeBody>) -> Vec<u8> {
    response
        .into_body()
        .collect()
        .await
        .unwrap()
        .to_bytes()
        .to_vec()
}

fn metrics() -> Metrics {
    let metrics = Metrics::builder(webapp()).build();
    metrics.record(Direction::Server, &answered(200));
    metrics
}

#[tokio::test]
async fn the_format_is_what_the_scraper_prefers() {
    let metrics = metrics();
    let open = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    for (accept, content_type, end) in [
        (
            open,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "# EOF\n",
        ),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8", "\n"),
    ] {
        let response = scraped(&metrics, Method::GET, &[("accept", accept)]).await;
        assert_eq!(response.headers()["content-type"], content_type);
        assert_eq!(response.headers()["vary"], "accept, accept-encoding");
        let text = String::from_utf8(body(response).await).unwrap();
        assert!(text.ends_with(end));
        parse(&text);
    }
}

#[tokio::test]
async fn head_has_the_headers_and_no_body() {
    let metrics = metrics();
    let accept = [("accept-encoding", "gzip")];
    let get = scraped(&metrics, Method::GET, &accept).await;
    let head = scraped(&metrics, Method::HEAD, &accept).await;
    assert_eq!(head.headers(), get.headers());
    assert!(body(head).await.is_empty());
}

#[cfg(feature = "batch")]
#[tokio::test]
async fn head_writes_nothing() {
    let stats = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let asked = std::sync::Arc::clone(&stats);
    let metrics = Metrics::builder(webapp()).reporter_stats(move || {
        asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Default::default()
    });
    let metrics = metrics.build();
    scraped(&metrics, Method::HEAD, &[]).await;
    assert_eq!(stats.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[tokio::test]
async fn the_number_of_open_scrapes_is_limited() {
    let metrics = full();
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(scraped(&metrics, Method::GET, &[]).await);
    }
    let refused = scraped(&metrics, Method::GET, &[]).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert!(body(refused).await.is_empty());
    // One is read, another is dropped.
    assert!(!body(open.remove(0)).await.is_empty());
    drop(open.remove(0));
    for status in [200, 200, 503] {
        let response = scraped(&metrics, Method::GET, &[]).await;
        assert_eq!(response.status(), status);
        open.push(response);
    }
}

#[tokio::test]
async fn short_responses_are_not_limited() {
    let metrics = metrics();
    let mut open = Vec::new();
    for _ in 0..10 {
        let response = scraped(&metrics, Method::GET, &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        open.push(response);
    }
}

#[tokio::test]
async fn other_methods_are_refused() {
    let response = scraped(&metrics(), Method::POST, &[]).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET, HEAD");
}

/// Metrics with the maximum of series.
fn full() -> Metrics {
    let metrics = Metrics::builder(webapp()).build();
    for code in 0..2_000 {
        metrics.record(Direction::Server, &answered(code));
    }
    metrics
}

#[tokio::test]
async fn a_long_response_is_sent_in_pieces() {
    let metrics = full();
    let mut body = scraped(&metrics, Method::GET, &[]).await.into_body();
    assert_eq!(body.size_hint().exact(), None);
    let text = metrics.text();
    assert!(text.len() > 50_000_000, "{}", text.len());
    let mut rest = text.as_bytes();
    let mut pieces = 0;
    while let Some(frame) = body.frame().await {
        let piece = frame.unwrap().into_data().unwrap();
        // 64 KiB and at most a histogram more.
        assert!(
            !piece.is_empty() && piece.len() < 128 * 1024,
            "{}",
            piece.len()
        );
        rest = rest.strip_prefix(&piece[..]).unwrap();
        pieces += 1;
    }
    assert!(rest.is_empty() && body.is_end_stream());
    assert!(pieces > 100, "{pieces}");
}

#[tokio::test]
async fn a_slow_scrape_is_a_snapshot_and_does_not_block() {
    let metrics = full();
    let before = metrics.text();
    let slow = scraped(&metrics, Method::GET, &[]).await;
    let mut aborted = scraped(&metrics, Method::GET, &[]).await.into_body();
    aborted.frame().await.unwrap().unwrap();
    // On the same thread: a lock that a scrape held would be waited for forever.
    metrics.record(Direction::Client, &answered(200));
    metrics.record(Direction::Server, &answered(2_001));
    drop(aborted);
    assert!(metrics.text().contains("reporter=\"source\""));
    assert!(body(slow).await == before.into_bytes());
}

#[cfg(feature = "gzip")]
#[tokio::test]
async fn the_response_is_compressed_if_the_scraper_accepts_it() {
    use std::io::Read;
    let metrics = metrics();
    let response = scraped(&metrics, Method::GET, &[("accept-encoding", "gzip")]).await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let compressed = body(response).await;
    let mut text = String::new();
    flate2::read::GzDecoder::new(&compressed[..])
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, metrics.text());
    assert!(
        compressed.len() * 5 < text.len(),
        "{} of {}",
        compressed.len(),
        text.len()
    );
    let response = scraped(&metrics, Method::GET, &[("accept-encoding", "identity")]).await;
    assert!(!response.headers().contains_key("content-encoding"));
}

/// Through axum, as in a service.
#[tokio::test]
async fn axum_serves_it_at_both_paths() {
    let metrics = metrics();
    let app: axum::Router = axum::Router::new()
        .route_service("/stats/prometheus", metrics.service())
        .route_service("/metrics", metrics.service());
    for path in ["/stats/prometheus", "/metrics"] {
        let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let text = response.into_body().collect().await.unwrap().to_bytes();
        parse(std::str::from_utf8(&text).unwrap());
    }
}
