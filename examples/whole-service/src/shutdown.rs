//! When a service is told to stop.

use futures_util::future::{BoxFuture, FutureExt, Shared};
use std::io;
use tokio::signal::unix::{SignalKind, signal};

/// Ready when the service is to stop. Every server of the process has a clone.
pub type Stop = Shared<BoxFuture<'static, ()>>;

/// A future that is ready on SIGTERM or SIGINT.
///
/// # Errors
///
/// If the signal handlers cannot be installed.
pub fn stop() -> io::Result<Stop> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    Ok(stop.boxed().shared())
}
