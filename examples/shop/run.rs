//! One service as a process of its own.

use super::{
    options::{Collector, Options},
    serve::{Traced, log, serve, stop_signal},
};
use axum::Router;
use std::{
    fmt::Display,
    io::{self, Write},
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    time::Duration,
};
use tokio::runtime::Runtime;
use tower_b3::{
    BuildError, Tracer, TracerBuilder,
    otlp::OtlpReporter,
    report::{BatchReporter, ConsoleReporter},
    zipkin::{KafkaReporter, ZipkinReporter},
};

/// For the last spans, when the service has stopped.
const FLUSH: Duration = Duration::from_secs(5);

/// Serves `app` until SIGTERM or Ctrl-C. Options that cannot be used end it with status 2.
pub fn run(options: &Options, app: impl FnOnce(Traced) -> Router) -> ExitCode {
    log("info");
    let ready = match Ready::new(options) {
        Ok(ready) => ready,
        Err(reason) => {
            eprintln!("error: {reason}");
            return ExitCode::from(2);
        }
    };
    let app = app(Traced {
        tracer: ready.tracer.clone(),
        reporter: ready.reporter.clone(),
        trust: options.mode.trust(),
    });
    match ready.serve(app) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "cannot serve");
            ExitCode::FAILURE
        }
    }
}

/// Everything that wrong options can spoil.
struct Ready {
    listener: TcpListener,
    address: SocketAddr,
    tracer: Tracer,
    reporter: Option<BatchReporter>,
}

impl Ready {
    fn new(options: &Options) -> Result<Ready, String> {
        let unusable = |error| wrong("--listen <ADDR>", options.listen, error);
        let listener = TcpListener::bind(options.listen).map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let reporter = reporter(&options.collector)?;
        Ok(Ready {
            tracer: tracer(options, address, reporter.clone())?,
            listener,
            address,
            reporter,
        })
    }

    fn serve(self, app: Router) -> io::Result<()> {
        let runtime = Runtime::new()?;
        let served = runtime.block_on(async {
            self.listener.set_nonblocking(true)?;
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            let stop = stop_signal()?;
            writeln!(io::stdout(), "listening on http://{}", self.address)?;
            serve(listener, app, stop).await
        });
        // Requests that are still under way end here, and their spans with them.
        runtime.shutdown_timeout(FLUSH);
        match self.reporter {
            Some(reporter) => tracing::info!("stopped: {}", reporter.shutdown(FLUSH)),
            None => drop(self.tracer.flush(FLUSH)),
        }
        served
    }
}

/// None for the console.
fn reporter(to: &Collector) -> Result<Option<BatchReporter>, String> {
    let (flag, value, built) = if let Some(url) = &to.zipkin {
        let zipkin = ZipkinReporter::builder(url)
            .encoding(to.encoding)
            .gzip(to.gzip)
            .build();
        ("--zipkin <URL>", url, zipkin.map(BatchReporter::from))
    } else if let Some(url) = &to.otlp {
        let otlp = OtlpReporter::builder(url).gzip(to.gzip).build();
        ("--otlp <URL>", url, otlp.map(BatchReporter::from))
    } else if let Some(brokers) = &to.kafka {
        let kafka = KafkaReporter::builder(brokers)
            .encoding(to.encoding)
            .build();
        ("--kafka <BROKERS>", brokers, kafka.map(BatchReporter::from))
    } else {
        return Ok(None);
    };
    built.map(Some).map_err(|error| wrong(flag, value, error))
}

fn tracer(
    options: &Options,
    address: SocketAddr,
    reporter: Option<BatchReporter>,
) -> Result<Tracer, String> {
    let builder = Tracer::builder(options.service.clone())
        .sampler(options.sampling.clone())
        .mode(options.mode.mode())
        .propagation(options.propagation())
        .tags(options.tags.iter().cloned());
    let builder = reached_at(builder, address);
    let builder = match reporter {
        Some(reporter) => builder.reporter(reporter),
        None => builder.reporter(ConsoleReporter::stderr()),
    };
    builder.build().map_err(|error| match error {
        BuildError::ServiceName => wrong("--service <NAME>", &options.service, error),
        BuildError::Tag(error) => format!("invalid value for '--tag <NAME=KIND:VALUE>': {error}"),
        error => error.to_string(),
    })
}

/// All addresses of a machine together are none that a peer could call.
fn reached_at(builder: TracerBuilder, address: SocketAddr) -> TracerBuilder {
    match address.ip().is_unspecified() {
        true => builder,
        false => builder.address(address),
    }
}

fn wrong(flag: &str, value: impl Display, reason: impl Display) -> String {
    format!("invalid value '{value}' for '{flag}': {reason}")
}
