//! The server layer around a service's routes, and what every traced service adds to them.

use axum::{
    Json, Router,
    extract::Request,
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    time::{Instant, UNIX_EPOCH},
};
use tower_b3::{Tracer, Trust, report::BatchReporter};

/// How a service of the shop is traced.
#[derive(Clone)]
pub struct Traced {
    /// Makes the service's spans.
    pub tracer: Tracer,
    /// Sends the spans; `None` if they are printed on the console.
    pub reporter: Option<BatchReporter>,
    /// Whose tracing headers the service accepts.
    pub trust: Trust,
}

impl Traced {
    /// Adds `GET /reporter` and the server layer to the routes.
    ///
    /// The layer is added last: axum then matches the path before the layer names the span.
    /// `/reporter` shows the reporter's counters and is not traced itself.
    pub fn layer(self, routes: Router) -> Router {
        let Traced {
            tracer,
            reporter,
            trust,
        } = self;
        let layer = tracer.server_layer().trust(trust);
        routes
            .route(
                "/reporter",
                get(async move || reporter_stats(reporter.as_ref())),
            )
            .fallback(async || json_error(StatusCode::NOT_FOUND, "there is nothing at this path"))
            .layer(middleware::from_fn(log_request))
            .layer(layer.exclude_paths(["/reporter"]))
    }
}

/// A response whose JSON body has the reason as `error`.
pub fn json_error(status: StatusCode, reason: impl Into<String>) -> Response {
    let reason: String = reason.into();
    (status, Json(json!({ "error": reason }))).into_response()
}

/// Runs inside the server layer, so that the log line has the request's ids.
async fn log_request(request: Request, next: Next) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let started = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    tracing::info!(%method, path = uri.path(), status, took = ?started.elapsed(), "answered");
    response
}

/// The reporter's counters. `last_error` is a text or null; `last_error_since`, in seconds since
/// 1970, is when the present outage began, or when the last one ended.
fn reporter_stats(reporter: Option<&BatchReporter>) -> Response {
    let Some(reporter) = reporter else {
        let reason = "spans are printed on standard error, not counted";
        return json_error(StatusCode::NOT_FOUND, reason);
    };
    let stats = reporter.stats();
    let dropped: BTreeMap<_, _> = stats.dropped.by_cause().into_iter().collect();
    let error = stats.last_error.as_ref();
    let since = error.map(|error| error.since.duration_since(UNIX_EPOCH).unwrap_or_default());
    Json(json!({
        "finished": stats.finished,
        "queued": stats.queued,
        "in_flight": stats.in_flight,
        "sent": stats.sent,
        "dropped": dropped,
        "batches": stats.batches,
        "bytes": stats.bytes,
        "retries": stats.retries,
        "last_error": error.map(|error| &error.message),
        "last_error_since": since.map(|since| since.as_secs_f64()),
        "last_error_ongoing": error.is_some_and(|error| error.ongoing),
    }))
    .into_response()
}
