//! An HTTP server that stops when it is told to, and the signals that tell it.

use axum::Router;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::Notify, time::sleep};

/// How long a stopping server waits for the requests in progress.
const GRACE_PERIOD: Duration = Duration::from_secs(5);

/// Serves `app` until `stop` is ready, then waits for the requests in progress. Idle keep-alive
/// connections are closed at once.
///
/// # Errors
///
/// If the listener fails.
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
        sleep(GRACE_PERIOD).await;
    };
    tokio::select! {
        served = server => served,
        () = overdue => {
            tracing::warn!("requests were still in progress {GRACE_PERIOD:?} after the stop");
            Ok(())
        }
    }
}

/// A future that is ready on SIGTERM or SIGINT.
///
/// Signals are caught from this call on, so call it before announcing that the server is ready.
///
/// # Errors
///
/// If the signal handlers cannot be installed.
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

/// A future that is ready on Ctrl-C.
///
/// # Errors
///
/// None.
#[cfg(not(unix))]
pub fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        // Without a handler, Ctrl-C ends the process by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
