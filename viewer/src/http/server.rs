//! Serves a viewer on a listener.

use super::{viewer::Viewer, write_timeout::WriteTimeout};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::Semaphore, time::sleep};
use tower_service::Service;

/// How long a client may take to send the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(20);
/// More connections wait.
const MOST_CONNECTIONS: usize = 1024;
/// Pause after an error such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves the viewer until the future is dropped, over HTTP/1.1. Clients that send or read nothing for
/// some time are disconnected.
///
/// ```
/// # async fn run() -> std::io::Result<()> {
/// use tokio::net::TcpListener;
/// use tower_b3_viewer::{Viewer, serve};
///
/// let listener = TcpListener::bind("127.0.0.1:9411").await?;
/// serve(Viewer::default(), listener).await;
/// # Ok(())
/// # }
/// ```
pub async fn serve(viewer: Viewer, listener: TcpListener) {
    let connections = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(_) => {
                sleep(PAUSE).await;
                continue;
            }
        };
        // Fails only if the connection is gone already.
        let _ = stream.set_nodelay(true);
        let service = viewer.service();
        tokio::spawn(async move {
            let service = service_fn(move |request| service.clone().call(request));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIME)
                .serve_connection(TokioIo::new(WriteTimeout::new(stream)), service);
            // A client that is gone, or that does not speak HTTP.
            let _ = connection.await;
            drop(permit);
        });
    }
}
