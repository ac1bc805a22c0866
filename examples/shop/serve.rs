//! What all servers of the shop do: log, answer in JSON, stop when they are told to.

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
    io::{self, IsTerminal},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, UNIX_EPOCH},
};
use tokio::{net::TcpListener, sync::Notify, time::sleep};
use tower_b3::{Tracer, Trust, report::BatchReporter};
use tracing_subscriber::EnvFilter;

/// For the requests that are under way when the server is told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Logs to standard error what `RUST_LOG` says, or from this level on.
pub fn log(level: &'static str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // A standard error that is gone: reporting that on it would panic.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal())
        .init();
}

/// How a service of the shop is traced.
#[derive(Clone)]
pub struct Traced {
    pub tracer: Tracer,
    /// None where spans go to the console.
    pub reporter: Option<BatchReporter>,
    pub trust: Trust,
}

impl Traced {
    /// Puts the server layer around the routes: last, so that axum has matched the path when the
    /// layer sees the request. `/reporter` tells how the reporter is doing, and is not traced
    /// itself.
    pub fn layer(self, routes: Router) -> Router {
        let Traced {
            tracer,
            reporter,
            trust,
        } = self;
        let layer = tracer.server_layer().trust(trust);
        routes
            .route("/reporter", get(async move || stats(reporter.as_ref())))
            .fallback(async || refusal(StatusCode::NOT_FOUND, "there is nothing at this path"))
            .layer(middleware::from_fn(log_request))
            .layer(layer.exclude_paths(["/reporter"]))
    }
}

/// An answer that says what is wrong.
pub fn refusal(status: StatusCode, reason: impl Into<String>) -> Response {
    let reason: String = reason.into();
    (status, Json(json!({ "error": reason }))).into_response()
}

/// Inside the server layer, so that the line carries the ids.
async fn log_request(request: Request, next: Next) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let started = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    tracing::info!(%method, path = uri.path(), status, took = ?started.elapsed(), "answered");
    response
}

/// Serves until `stop`, then waits for what is under way, but not for connections that are only
/// kept open.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let stopping = Arc::new(Notify::new());
    let told = Arc::clone(&stopping);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        stop.await;
        told.notify_one();
    });
    let overdue = async {
        stopping.notified().await;
        sleep(GRACE).await;
    };
    tokio::select! {
        served = server => served,
        () = overdue => {
            tracing::warn!("requests were still under way {GRACE:?} after the stop");
            Ok(())
        }
    }
}

/// Ready when the process is told to end. Called where the signals can be listened to from then
/// on, before anybody is told that the server is ready.
#[cfg(unix)]
pub fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Ready when the process is told to end.
#[cfg(not(unix))]
pub fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        // Without a handler the process ends by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// How the reporter is doing. `last_error` is a text or null; it is since `last_error_since`, in
/// seconds since 1970, that spans do or did not get through.
fn stats(reporter: Option<&BatchReporter>) -> Response {
    let Some(reporter) = reporter else {
        let reason = "spans are printed on standard error, not counted";
        return refusal(StatusCode::NOT_FOUND, reason);
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
