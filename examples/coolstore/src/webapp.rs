//! The webapp service: what customers call. It has no data; it asks the catalog.

use crate::traced::{Traced, json_error};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, Request, StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use http_body_util::{BodyExt, Limited};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::{error::Error, fmt::Write, num::NonZeroU16, str::FromStr, time::Duration};
use tokio::time::timeout;
use tower::{Layer, ServiceExt};
use tower_b3::{RouteTemplate, TracedClient, Tracer};
use tracing::instrument;

/// How long the catalog may take to respond.
const CATALOG_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest response body that is passed on.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The routes of the service.
///
/// | request | request to the catalog |
/// |---|---|
/// | `GET /api/catalog` | `GET /items` |
/// | `GET /api/catalog/items/{id}` | `GET /items/{id}` |
/// | `GET /headers` | `GET /headers`, which returns the headers that webapp sent |
/// | `GET /reporter` | none: it returns the reporter's counters |
///
/// The catalog's status and body are passed on. The status is 502 if the catalog cannot be reached,
/// and 504 if it takes too long.
pub fn router(traced: Traced, catalog: CatalogUrl) -> Router {
    let routes = Router::new()
        .route("/api/catalog", get(list_items))
        .route("/api/catalog/items/{id}", get(get_item))
        .route("/headers", get(headers))
        .with_state(Catalog::new(&traced.tracer, catalog));
    traced.layer(routes)
}

#[instrument(skip_all)]
async fn list_items(State(catalog): State<Catalog>) -> Response {
    catalog.get("/items", "/items").await
}

#[instrument(skip(catalog))]
async fn get_item(State(catalog): State<Catalog>, uri: Uri) -> Response {
    // Passed on as received, still percent-encoded: the catalog decides whether it is an item's id.
    let path = uri.path();
    let path = path.strip_prefix("/api/catalog").unwrap_or(path);
    catalog.get(path, "/items/{id}").await
}

async fn headers(State(catalog): State<Catalog>) -> Response {
    catalog.get("/headers", "/headers").await
}

/// The URL of the catalog: scheme, authority and a path prefix.
#[derive(Debug, Clone)]
pub struct CatalogUrl(String);

impl FromStr for CatalogUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if uri.scheme_str() != Some("http") || authority.is_empty() {
            return Err("not a URL that begins with http:// and a host".to_owned());
        }
        if uri.query().is_some() || authority.contains('@') || text.contains('#') {
            return Err("a URL with a query, a fragment or credentials".to_owned());
        }
        let after_host = &authority[uri.host().unwrap_or_default().len()..];
        // `Uri` accepts any number as a port, and the client falls back to port 80 if it is not
        // valid.
        if !after_host.is_empty() && !after_host.strip_prefix(':').is_some_and(is_port) {
            return Err("the port is not a number from 1 to 65535".to_owned());
        }
        Ok(CatalogUrl(text.trim_end_matches('/').to_owned()))
    }
}

fn is_port(text: &str) -> bool {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits && text.parse::<NonZeroU16>().is_ok()
}

/// A client of the catalog that makes a CLIENT span for each request.
#[derive(Clone)]
struct Catalog {
    url: CatalogUrl,
    client: TracedClient<legacy::Client<HttpConnector, Body>>,
}

impl Catalog {
    fn new(tracer: &Tracer, url: CatalogUrl) -> Catalog {
        let client = legacy::Client::builder(TokioExecutor::new()).build_http();
        let layer = tracer.client_layer().remote_service("catalog");
        Catalog {
            url,
            client: layer.layer(client),
        }
    }

    async fn get(&self, path: &str, template: &'static str) -> Response {
        match timeout(CATALOG_TIMEOUT, self.fetch(path, template)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                let reason = with_sources(&*error);
                tracing::warn!(reason, "the catalog does not answer");
                json_error(
                    StatusCode::BAD_GATEWAY,
                    format!("the catalog does not answer: {reason}"),
                )
            }
            Err(_) => {
                tracing::warn!("the catalog has not answered within {CATALOG_TIMEOUT:?}");
                json_error(
                    StatusCode::GATEWAY_TIMEOUT,
                    format!("the catalog has not answered within {CATALOG_TIMEOUT:?}"),
                )
            }
        }
    }

    async fn fetch(
        &self,
        path: &str,
        template: &'static str,
    ) -> Result<Response, Box<dyn Error + Send + Sync>> {
        let request = Request::get(format!("{}{path}", self.url.0))
            .extension(RouteTemplate::new(template))
            .body(Body::empty())?;
        let response = self.client.clone().oneshot(request).await?;
        let status = response.status();
        let kind = response.headers().get(CONTENT_TYPE).cloned();
        let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
        let body = Limited::new(response.into_body(), MAX_BODY_BYTES);
        let body: Bytes = body.collect().await?.to_bytes();
        Ok((status, [(CONTENT_TYPE, kind)], body).into_response())
    }
}

/// The messages of an error and of its sources.
fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}
