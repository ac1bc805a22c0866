//! One service as a process of its own.

use super::{
    options::{Collector, Options, ShopMode},
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
    BuildError, Direction, Mode, Tracer, TracerBuilder,
    config::{Collector::None as Nowhere, ConfigFile, TracingConfig, Watch},
    istio::Identity,
    otlp::OtlpReporter,
    report::{BatchReporter, ConsoleReporter},
    zipkin::{Encoding, KafkaReporter, ZipkinReporter},
};

/// For the last spans, when the service has stopped.
const FLUSH: Duration = Duration::from_secs(5);

/// Serves `app` until SIGTERM or Ctrl-C. Options that cannot be used end it with status 2.
pub fn run(
    program: &'static str,
    options: &Options,
    app: impl FnOnce(Traced) -> Router,
) -> ExitCode {
    log("info");
    let ready = match Ready::new(program, options) {
        Ok(ready) => ready,
        Err(reason) => {
            // Nothing can be said on a console that is gone.
            let _ = writeln!(io::stderr(), "error: {reason}");
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
    /// Follows the documents, if there are any.
    _watch: Option<Watch>,
}

impl Ready {
    fn new(program: &'static str, options: &Options) -> Result<Ready, String> {
        let unusable = |error| wrong("--listen <ADDR>", options.listen, error);
        let listener = TcpListener::bind(options.listen).map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;

        let identity = in_pod()?;
        let environment = TracingConfig::from_env().map_err(|error| error.to_string())?;
        let file = documents(options, identity.as_ref(), &environment)?;
        let config = file.as_ref().map_or(&environment, ConfigFile::config);

        let forward = options.mode == ShopMode::Forward;
        let source = options.config.as_ref().map_or("", |_| "--config <FILE>: ");
        let configured = match forward || options.collector.is_given() {
            true => None,
            false => {
                let reporter = config.reporter();
                reporter.map_err(|error| format!("{source}{error}"))?
            }
        };
        let makes_spans = |direction| config.mode(direction) != Mode::ForwardOnly;
        let asked = options.config.is_some() && !forward && !options.collector.is_given();
        if asked && (makes_spans(Direction::Server) || makes_spans(Direction::Client)) {
            if let Ok(Nowhere(reason)) = config.collector() {
                tracing::warn!("spans are printed on standard error: {reason}");
            }
        }
        let to = &options.collector;
        if configured.is_some() && (to.gzip || to.encoding == Encoding::Proto3) {
            let flag = if to.gzip { "--gzip" } else { "--encoding" };
            return Err(format!(
                "{flag} is for --zipkin, --otlp or --kafka: here documents or the environment say \
                 where spans go"
            ));
        }
        let reporter = match &configured {
            _ if forward => None,
            Some(configured) => Some(configured.clone().into()),
            None => reporter(&options.collector)?,
        };

        let identity = identity.map(|identity| config.identify(identity));
        let name = options.service.clone();
        let name = name.or_else(|| config.service_name().map(str::to_owned));
        let name = name.or_else(|| identity.as_ref().map(Identity::service_name));
        let builder = Tracer::builder(name.unwrap_or_else(|| program.to_owned())).config(config);
        let builder = match identity {
            Some(identity) => builder.identity(identity),
            None => builder,
        };
        let builder = with_options(reached_at(builder, address), options);
        let builder = match &reporter {
            Some(reporter) => builder.reporter(BatchReporter::clone(reporter)),
            None => builder.reporter(ConsoleReporter::stderr()),
        };
        let tracer = builder.build().map_err(|error| said(options, error))?;

        let watch = file.map(|file| {
            let file = match configured {
                Some(reporter) => file.reporter(reporter),
                None => file,
            };
            file.watch(&tracer)
        });
        Ok(Ready {
            tracer,
            listener,
            address,
            reporter,
            _watch: watch.transpose().map_err(|error| error.to_string())?,
        })
    }

    fn serve(self, app: Router) -> io::Result<()> {
        let runtime = Runtime::new()?;
        let served = runtime.block_on(async {
            self.listener.set_nonblocking(true)?;
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            let stop = stop_signal()?;
            say(&format!("listening on http://{}", self.address));
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

/// A console that is gone does not keep the service from serving.
fn say(line: &str) {
    if let Err(error) = writeln!(io::stdout(), "{line}") {
        tracing::warn!(%error, "{line}, which cannot be printed on standard output");
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

/// Who the service is, in a pod that knows it.
fn in_pod() -> Result<Option<Identity>, String> {
    if std::env::var_os("POD_NAMESPACE").is_none_or(|namespace| namespace.is_empty()) {
        return Ok(None);
    }
    let identity = Identity::from_env().map_err(|error| error.to_string())?;
    Ok(Some(identity))
}

/// The documents of `--config`: those for this workload, if it is known which it is.
fn documents(
    options: &Options,
    identity: Option<&Identity>,
    environment: &TracingConfig,
) -> Result<Option<ConfigFile>, String> {
    let Some(path) = &options.config else {
        return Ok(None);
    };
    let wrong = |error| format!("--config <FILE>: {error}");
    let mut file = ConfigFile::open(path).map_err(wrong)?;
    if let Some(workload) = identity.and_then(Identity::workload) {
        file = file.for_workload(workload).map_err(wrong)?;
    }
    file.over(environment.clone()).map(Some).map_err(wrong)
}

/// Flags stand over documents.
fn with_options(mut builder: TracerBuilder, options: &Options) -> TracerBuilder {
    builder = builder.tags(options.tags.iter().cloned());
    if let Some(sampler) = &options.sampling {
        builder = builder.sampler(sampler.clone());
    }
    if let Some(propagation) = options.propagation() {
        builder = builder.propagation(propagation);
    }
    if options.mode == ShopMode::Forward {
        builder = builder.mode(Mode::ForwardOnly);
    }
    builder
}

fn said(options: &Options, error: BuildError) -> String {
    match (error, &options.service) {
        (error @ BuildError::ServiceName, Some(name)) => wrong("--service <NAME>", name, error),
        (BuildError::Tag(error), _) => {
            format!("invalid value for '--tag <NAME=KIND:VALUE>': {error}")
        }
        (error, _) => error.to_string(),
    }
}

/// All addresses of a machine together are none that a peer could call.
fn reached_at(builder: TracerBuilder, address: SocketAddr) -> TracerBuilder {
    match address.ip().is_unspecified() {
        true => builder,
        false => builder.address(address),
    }
}

fn wrong(flag: &str, value: impl Display, reason: impl Display) -> String {
    let value = value.to_string();
    match value.contains('@') {
        // There may be a password before it.
        true => format!("invalid value for '{flag}': {reason}"),
        false => format!(
            "invalid value '{}' for '{flag}': {reason}",
            value.escape_debug()
        ),
    }
}
