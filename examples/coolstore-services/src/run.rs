//! Runs one service as a process, from its options to its shutdown.

use crate::{
    metrics::MetricsServer,
    options::Options,
    tracer::{Tracing, invalid_value},
};
use axum::Router;
use coolstore::{
    server::{serve, stop_signal},
    traced::Traced,
};
use std::{
    io::{self, Write},
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    time::Duration,
};
use tokio::runtime::Runtime;

/// The time for sending the last spans after the service has stopped.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves `app` until SIGTERM or SIGINT.
///
/// Prints a line on standard output when it listens, and another one if it serves metrics. Ends with status 2 if an option cannot be
/// used, and with status 1 if it cannot serve.
pub fn run(
    program: &'static str,
    options: &Options,
    app: impl FnOnce(Traced) -> Router,
) -> ExitCode {
    options.log_format.start();
    let service = match Service::new(program, options) {
        Ok(service) => service,
        Err(reason) => {
            // If standard error is closed, the error cannot be reported.
            let _ = writeln!(io::stderr(), "error: {reason}");
            return ExitCode::from(2);
        }
    };
    let app = app(Traced {
        tracer: service.tracing.running.tracer().clone(),
        reporter: service.tracing.reporter.clone(),
        trust: options.mode.trust(),
    });
    match service.serve(app) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "cannot serve");
            ExitCode::FAILURE
        }
    }
}

/// A service whose options are valid: only serving can still fail.
struct Service {
    listener: TcpListener,
    address: SocketAddr,
    tracing: Tracing,
    metrics: Option<MetricsServer>,
}

impl Service {
    fn new(program: &'static str, options: &Options) -> Result<Service, String> {
        let unusable = |error| invalid_value("--listen <ADDR>", options.listen, error);
        let listener = TcpListener::bind(options.listen).map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let tracing = Tracing::start(program, options, address)?;
        let metrics = match (options.metrics, tracing.metrics.clone()) {
            (Some(address), Some(metrics)) => {
                let bound = MetricsServer::bind(address, metrics);
                Some(bound.map_err(|error| invalid_value("--metrics <ADDR>", address, error))?)
            }
            _ => None,
        };
        Ok(Service {
            tracing,
            metrics,
            listener,
            address,
        })
    }

    fn serve(self, app: Router) -> io::Result<()> {
        let runtime = Runtime::new()?;
        let served = runtime.block_on(async {
            self.listener.set_nonblocking(true)?;
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            let stop = stop_signal()?;
            print_or_log(&format!("listening on http://{}", self.address));
            if let Some(metrics) = self.metrics {
                let url = metrics.url();
                metrics.spawn()?;
                print_or_log(&format!("metrics on {url}"));
            }
            serve(listener, app, stop).await
        });
        // This cancels the requests that are still in progress, which ends their spans.
        runtime.shutdown_timeout(FLUSH_TIMEOUT);
        match self.tracing.reporter {
            Some(reporter) => tracing::info!("stopped: {}", reporter.shutdown(FLUSH_TIMEOUT)),
            None => drop(self.tracing.running.flush(FLUSH_TIMEOUT)),
        }
        served
    }
}

/// Prints a line. A closed standard output does not stop the service.
fn print_or_log(line: &str) {
    if let Err(error) = writeln!(io::stdout(), "{line}") {
        tracing::warn!(%error, "{line}, which cannot be printed on standard output");
    }
}
