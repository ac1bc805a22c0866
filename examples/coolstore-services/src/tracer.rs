//! The tracer and the metrics that the options describe, started with the reporter.
//!
//! Flags override the documents of `--config`, and those override the environment.

use crate::{
    metrics,
    options::{Options, ReporterOptions, ShopMode},
};
use std::{fmt::Display, net::SocketAddr, path::Path};
use tower_b3::{
    BuildError, Direction, Mode, RunningTracer, StartError, Tracer, TracerBuilder,
    access_log::{AccessLog, AccessLogFormat},
    config::{Collector, ConfigFile, TracingConfig},
    istio::Identity,
    metrics::Metrics,
    otlp::OtlpReporter,
    report::{BatchReporter, ConsoleReporter},
    zipkin::{Encoding, KafkaReporter, ZipkinReporter},
};

pub(crate) struct Tracing {
    pub(crate) running: RunningTracer,
    /// `None` if spans are printed on standard error, or if the service makes none.
    pub(crate) reporter: Option<BatchReporter>,
    pub(crate) metrics: Option<Metrics>,
}

impl Tracing {
    pub(crate) fn start(
        program: &'static str,
        options: &Options,
        address: SocketAddr,
    ) -> Result<Tracing, String> {
        let identity = identity()?;
        let environment = TracingConfig::from_env().map_err(|error| error.to_string())?;
        let file = documents(options, identity.as_ref(), &environment)?;
        let config = file.as_ref().map_or(&environment, ConfigFile::config);

        let identity = identity.map(|identity| config.identify(identity));
        let name = service_name(program, options, config, identity.as_ref());
        let by_flags = reporter_of_flags(options)?;
        let on_console = by_flags.is_none() && !has_collector(options, config)?;
        let metrics = options.metrics.map(|_| {
            let metrics = metrics::builder(&name, identity.as_ref());
            match by_flags.clone() {
                Some(reporter) => metrics.reporter_stats(move || reporter.stats()).build(),
                // That of the started tracer, if there is one.
                None => metrics.build(),
            }
        });

        let mut builder = with_flags(Tracer::builder(name), options);
        if let Some(identity) = identity {
            builder = builder.identity(identity);
        }
        if let Some(metrics) = &metrics {
            builder = builder.metrics(metrics);
        }
        // Peers cannot call 0.0.0.0, so it is not an address for spans.
        if !address.ip().is_unspecified() {
            builder = builder.address(address);
        }
        if let Some(path) = &options.access_log {
            builder = builder.observer(access_log(path)?);
        }
        if let Some(reporter) = &by_flags {
            builder = builder.reporter(reporter.clone());
        } else if on_console {
            builder = builder.reporter(ConsoleReporter::stderr());
        }
        let started = match file {
            Some(file) => file.start(builder),
            None => environment.start(builder),
        };
        let running = started.map_err(|error| start_error(options, error))?;
        Ok(Tracing {
            reporter: by_flags.or_else(|| running.reporter().cloned()),
            running,
            metrics,
        })
    }
}

/// The identity of the pod, if the process runs in one that knows its namespace.
fn identity() -> Result<Option<Identity>, String> {
    if std::env::var_os("POD_NAMESPACE").is_none_or(|namespace| namespace.is_empty()) {
        return Ok(None);
    }
    let identity = Identity::from_env().map_err(|error| error.to_string())?;
    Ok(Some(identity))
}

/// The documents of `--config`: those that apply to this workload, if its identity is known.
fn documents(
    options: &Options,
    identity: Option<&Identity>,
    environment: &TracingConfig,
) -> Result<Option<ConfigFile>, String> {
    let Some(path) = &options.config else {
        return Ok(None);
    };
    let with_flag = |error| config_error(options, error);
    let mut file = ConfigFile::open(path).map_err(with_flag)?;
    if let Some(workload) = identity.and_then(Identity::workload) {
        file = file.for_workload(workload).map_err(with_flag)?;
    }
    file.over(environment.clone()).map(Some).map_err(with_flag)
}

/// Whether the documents or the environment say where spans go.
fn has_collector(options: &Options, config: &TracingConfig) -> Result<bool, String> {
    if options.mode == ShopMode::Forward {
        return Ok(false);
    }
    let collector = config.collector();
    match collector.map_err(|error| config_error(options, error))? {
        Collector::None(reason) => {
            let makes_spans = |direction| config.mode(direction) != Mode::ForwardOnly;
            if options.config.is_some()
                && (makes_spans(Direction::Server) || makes_spans(Direction::Client))
            {
                tracing::warn!("spans are printed on standard error: {reason}");
            }
            Ok(false)
        }
        _ => {
            reject_reporter_flags(&options.reporter)?;
            Ok(true)
        }
    }
}

/// Names the flag of the file, if there is one.
fn config_error(options: &Options, error: impl Display) -> String {
    match options.config {
        Some(_) => format!("--config <FILE>: {error}"),
        None => error.to_string(),
    }
}

/// Flags that change a reporter have no effect on one that documents or the environment describe.
fn reject_reporter_flags(flags: &ReporterOptions) -> Result<(), String> {
    let flag = match (flags.gzip, flags.encoding) {
        (true, _) => "--gzip",
        (false, Encoding::Proto3) => "--encoding",
        _ => return Ok(()),
    };
    Err(format!(
        "{flag} needs --zipkin, --otlp or --kafka: here --config or the environment says where \
         spans go"
    ))
}

/// The reporter that the flags describe, unless a sidecar makes the spans.
fn reporter_of_flags(options: &Options) -> Result<Option<BatchReporter>, String> {
    match options.mode {
        ShopMode::Forward => Ok(None),
        ShopMode::Spans | ShopMode::Edge => reporter(&options.reporter),
    }
}

/// The reporter that the flags describe; `None` for the console.
fn reporter(flags: &ReporterOptions) -> Result<Option<BatchReporter>, String> {
    let (flag, value, built) = if let Some(url) = &flags.zipkin {
        let zipkin = ZipkinReporter::builder(url)
            .encoding(flags.encoding)
            .gzip(flags.gzip)
            .build();
        ("--zipkin <URL>", url, zipkin.map(BatchReporter::from))
    } else if let Some(url) = &flags.otlp {
        let otlp = OtlpReporter::builder(url).gzip(flags.gzip).build();
        ("--otlp <URL>", url, otlp.map(BatchReporter::from))
    } else if let Some(brokers) = &flags.kafka {
        let kafka = KafkaReporter::builder(brokers)
            .encoding(flags.encoding)
            .build();
        ("--kafka <BROKERS>", brokers, kafka.map(BatchReporter::from))
    } else {
        return Ok(None);
    };
    let reporter = built.map_err(|error| invalid_value(flag, value, error))?;
    Ok(Some(reporter))
}

/// The access log of `--access-log`.
fn access_log(path: &Path) -> Result<AccessLog, String> {
    let log = AccessLog::builder().format(AccessLogFormat::istio());
    let log = match path.to_str() {
        Some("-") => log.stdout(),
        _ => log.file(path),
    };
    let invalid = |error| invalid_value("--access-log <FILE>", path.display(), error);
    log.start().map_err(invalid)
}

/// The name in the spans: the flag's, the configuration's, the workload's or the program's.
fn service_name(
    program: &str,
    options: &Options,
    config: &TracingConfig,
    identity: Option<&Identity>,
) -> String {
    let name = options.service.clone();
    let name = name.or_else(|| config.service_name().map(str::to_owned));
    let name = name.or_else(|| identity.map(Identity::service_name));
    name.unwrap_or_else(|| program.to_owned())
}

fn with_flags(mut builder: TracerBuilder, options: &Options) -> TracerBuilder {
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

/// Names the flag that an error comes from.
fn start_error(options: &Options, error: StartError) -> String {
    match (error, &options.service) {
        (StartError::Build(error @ BuildError::ServiceName), Some(name)) => {
            invalid_value("--service <NAME>", name, error)
        }
        (StartError::Build(BuildError::Tag(error)), _) => {
            format!("invalid value for '--tag <NAME=KIND:VALUE>': {error}")
        }
        (StartError::Build(BuildError::Config(error)), _) => config_error(options, error),
        (error, _) => error.to_string(),
    }
}

/// An error in clap's format. A value that may contain a password is left out.
pub(crate) fn invalid_value(flag: &str, value: impl Display, reason: impl Display) -> String {
    let value = value.to_string();
    match value.contains('@') {
        true => format!("invalid value for '{flag}': {reason}"),
        false => format!(
            "invalid value '{}' for '{flag}': {reason}",
            value.escape_debug()
        ),
    }
}
