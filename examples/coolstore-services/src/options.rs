//! The command line of both services. Every flag can be set by an environment variable instead.

use crate::logging::LogFormat;
use clap::{Arg, Args, CommandFactory, FromArgMatches, ValueEnum, builder::FalseyValueParser};
use std::{ffi::OsString, net::SocketAddr, path::PathBuf, process::ExitCode, str::FromStr};
use tower_b3::{
    Trust,
    propagation::{self, Propagation},
    sample::Sampler,
    tags::Tag,
    zipkin::Encoding,
};

/// The flags of both services.
#[derive(Args)]
pub struct Options {
    /// The address to listen on; port 0 takes a free port
    #[arg(long, value_name = "ADDR", env = "SHOP_LISTEN", value_parser = address)]
    pub listen: SocketAddr,

    /// A file of Istio documents with the tracing configuration: a MeshConfig, Telemetry resources, a
    /// pod with an annotation, or only the block `tracing`. Other flags override it, and it overrides
    /// PROXY_CONFIG and OTEL_* in the environment. The file is watched while the service runs:
    /// sampling, tags and the collector's address change with it
    #[arg(long, value_name = "FILE", env = "SHOP_CONFIG")]
    pub config: Option<PathBuf>,

    /// What the service does about tracing
    #[arg(
        long,
        value_name = "MODE",
        env = "SHOP_MODE",
        default_value = "spans",
        value_enum
    )]
    pub mode: ShopMode,

    /// Where spans are sent, and how.
    #[command(flatten)]
    pub reporter: ReporterOptions,

    /// The percentage of requests to trace, of those that come without a sampling decision, in steps
    /// of 0.01, by trace id [default: the documents' percentage, by request id; else 100]
    #[arg(
        long,
        value_name = "PERCENT",
        env = "SHOP_SAMPLING",
        allow_hyphen_values = true,
        value_parser = sampler
    )]
    pub sampling: Option<Sampler>,

    /// A tag for all spans, can be repeated: NAME=literal:VALUE, NAME=env:VARIABLE[:DEFAULT] or
    /// NAME=header:HEADER[:DEFAULT]; in the variable, one per line
    #[arg(
        long = "tag",
        value_name = "NAME=KIND:VALUE",
        env = "SHOP_TAGS",
        value_delimiter = '\n',
        value_parser = tag
    )]
    pub tags: Vec<Tag>,

    /// The address at which Prometheus finds the service's metrics, under /stats/prometheus and
    /// /metrics; port 0 takes a free port. Without it, nothing is counted, nor in the mode `forward`,
    /// because a sidecar counts. The documents of --config shape the metrics
    #[arg(long, value_name = "ADDR", env = "SHOP_METRICS", value_parser = address)]
    pub metrics: Option<SocketAddr>,

    /// The service's name in its spans [default: OTEL_SERVICE_NAME; in a pod, the name that Istio
    /// gives it; else the program's name]
    #[arg(long, value_name = "NAME", env = "SHOP_SERVICE")]
    pub service: Option<String>,

    /// The format of the log on standard error. Lines of a request have its ids
    #[arg(
        long,
        value_name = "FORMAT",
        env = "SHOP_LOG_FORMAT",
        default_value = "text",
        value_enum
    )]
    pub log_format: LogFormat,

    /// A file for a line for each request that is served or sent, in Istio's default format; - is
    /// standard output. Documents can configure access logs too [default: the documents' access logs]
    #[arg(long, value_name = "FILE", env = "SHOP_ACCESS_LOG")]
    pub access_log: Option<PathBuf>,

    /// The formats of the trace headers on outgoing requests: b3multi, b3, w3c. All are accepted on
    /// incoming requests [default: the documents' formats; else b3multi]
    #[arg(
        long,
        value_name = "FORMATS",
        env = "SHOP_PROPAGATION",
        value_delimiter = ','
    )]
    propagation: Vec<propagation::Format>,
}

/// What the service does about tracing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShopMode {
    /// Make no spans, because a sidecar does. Copy the tracing headers of each request to its outgoing requests
    Forward,
    /// Make spans, unless the documents say otherwise, and continue the traces of incoming requests
    Spans,
    /// Make spans, and remove the tracing headers of incoming requests: each begins a new trace
    Edge,
}

impl ShopMode {
    /// Whose tracing headers the service accepts.
    pub fn trust(self) -> Trust {
        match self {
            ShopMode::Edge => Trust::nobody(),
            ShopMode::Forward | ShopMode::Spans => Trust::everyone(),
        }
    }
}

/// Where spans are sent, and how.
///
/// Without a destination here, the documents' is used. Without that, spans are printed on standard
/// error.
#[derive(Args)]
pub struct ReporterOptions {
    /// Zipkin's full URL, such as http://localhost:9411/api/v2/spans. Without this flag, --otlp,
    /// --kafka and a destination in the documents, spans are printed on standard error
    #[arg(long, value_name = "URL", env = "SHOP_ZIPKIN", conflicts_with_all = ["otlp", "kafka"])]
    pub zipkin: Option<String>,

    /// The URL of an OpenTelemetry Collector or Jaeger, such as http://localhost:4318/v1/traces
    #[arg(long, value_name = "URL", env = "SHOP_OTLP", conflicts_with = "kafka")]
    pub otlp: Option<String>,

    /// The Kafka brokers that Zipkin reads spans from: host:port, separated by commas
    #[arg(long, value_name = "BROKERS", env = "SHOP_KAFKA")]
    pub kafka: Option<String>,

    /// The encoding of spans for Zipkin: json or proto3. OTLP has its own encoding
    #[arg(
        long,
        value_name = "ENCODING",
        env = "SHOP_ENCODING",
        default_value = "json",
        conflicts_with = "otlp",
        value_parser = encoding
    )]
    pub encoding: Encoding,

    /// Compress messages to Zipkin or by OTLP with gzip
    #[arg(
        long,
        env = "SHOP_GZIP",
        conflicts_with = "kafka",
        value_parser = FalseyValueParser::new()
    )]
    pub gzip: bool,
}

impl Options {
    /// The formats of `--propagation`, if the flag is given.
    pub fn propagation(&self) -> Option<Propagation> {
        let formats = self.propagation.iter().copied();
        (formats.len() > 0).then(|| Propagation::default().formats(formats))
    }
}

impl ReporterOptions {
    /// Whether one of the flags says where spans are sent.
    pub fn has_destination(&self) -> bool {
        self.zipkin.is_some() || self.otlp.is_some() || self.kafka.is_some()
    }
}

/// Parses the command line of this process. `listen` is the default of `--listen`.
///
/// # Errors
///
/// The exit code of a process that is to end now: 0 after `--help`, which is printed on standard
/// output, and 2 for an invalid value, after an error message that names the flag.
pub fn parse<T>(listen: &'static str) -> Result<T, ExitCode>
where
    T: CommandFactory + FromArgMatches,
{
    parse_from(std::env::args_os(), listen).map_err(|error| {
        // If the console is closed, the message cannot be printed.
        let _ = error.print();
        u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
    })
}

fn parse_from<T>(
    args: impl Iterator<Item = OsString>,
    listen: &'static str,
) -> Result<T, clap::Error>
where
    T: CommandFactory + FromArgMatches,
{
    let command = T::command()
        .mut_args(ignore_empty_variable)
        .mut_arg("listen", |arg| arg.required(false).default_value(listen));
    T::from_arg_matches(&command.try_get_matches_from(args)?)
}

/// An empty variable counts as unset, so that an environment can unset what another one has set.
fn ignore_empty_variable(arg: Arg) -> Arg {
    let value = arg.get_env().and_then(std::env::var_os);
    match value.is_some_and(|value| value.is_empty()) {
        true => arg.env(None::<&str>),
        false => arg,
    }
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let error = "not an IP address and a port, such as 127.0.0.1:8080";
    text.parse().map_err(|_| error)
}

fn encoding(name: &str) -> Result<Encoding, &'static str> {
    match name {
        "json" => Ok(Encoding::Json),
        "proto3" => Ok(Encoding::Proto3),
        _ => Err("not json or proto3"),
    }
}

fn sampler(percent: &str) -> Result<Sampler, String> {
    let percent = f64::from_str(percent).map_err(|_| "not a number".to_owned())?;
    Sampler::percentage(percent).map_err(|error| error.to_string())
}

/// Parses `NAME=KIND:VALUE`. The tracer's builder validates the name and the value.
fn tag(text: &str) -> Result<Tag, &'static str> {
    const SHAPE: &str =
        "not NAME=literal:VALUE, NAME=env:VARIABLE[:DEFAULT] or NAME=header:HEADER[:DEFAULT]";
    let (name, source) = text.split_once('=').ok_or(SHAPE)?;
    let (kind, value) = source.split_once(':').ok_or(SHAPE)?;
    let (tag, default) = match kind {
        "literal" => (Tag::literal(name, value), None),
        "env" => {
            let (variable, default) = split_default(value, 0);
            (Tag::environment(name, variable), default)
        }
        "header" => {
            // The first colon of `:authority` is part of the name.
            let pseudo = usize::from(value.starts_with(':'));
            let (header, default) = split_default(value, pseudo);
            (Tag::request_header(name, header), default)
        }
        _ => return Err(SHAPE),
    };
    Ok(match default {
        Some(default) => tag.default_value(default),
        None => tag,
    })
}

/// Splits at the first colon after `start`.
fn split_default(value: &str, start: usize) -> (&str, Option<&str>) {
    match value[start..].find(':') {
        Some(at) => (&value[..start + at], Some(&value[start + at + 1..])),
        None => (value, None),
    }
}
