//! What both services take from the command line or the environment.

use clap::{Arg, Args, CommandFactory, FromArgMatches, ValueEnum, builder::FalseyValueParser};
use std::{ffi::OsString, net::SocketAddr, path::PathBuf, process::ExitCode, str::FromStr};
use tower_b3::{
    Trust,
    propagation::{self, Propagation},
    sample::Sampler,
    tag::Tag,
    zipkin::Encoding,
};

#[derive(Args)]
pub struct Options {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", env = "SHOP_LISTEN", value_parser = address)]
    pub listen: SocketAddr,

    /// Documents of Istio's with the tracing configuration: a MeshConfig, Telemetry resources, a pod
    /// with an annotation, or only the block `tracing`. The other flags stand over it, and it over
    /// PROXY_CONFIG and OTEL_* in the environment. While the service runs the file is followed:
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

    #[command(flatten)]
    pub collector: Collector,

    /// How many of 100 requests are traced if nobody has decided on them, in steps of 0.01, by trace
    /// id [default: what the documents say, by request id; else 100]
    #[arg(
        long,
        value_name = "PERCENT",
        env = "SHOP_SAMPLING",
        allow_hyphen_values = true,
        value_parser = sampler
    )]
    pub sampling: Option<Sampler>,

    /// A tag for all spans, can be repeated: NAME=literal:VALUE, NAME=env:VARIABLE[:DEFAULT] or
    /// NAME=header:HEADER[:DEFAULT]; in the variable, one a line
    #[arg(
        long = "tag",
        value_name = "NAME=KIND:VALUE",
        env = "SHOP_TAGS",
        value_delimiter = '\n',
        value_parser = tag
    )]
    pub tags: Vec<Tag>,

    /// The service's name in its spans [default: OTEL_SERVICE_NAME; in a pod, what Istio calls it;
    /// else the program's]
    #[arg(long, value_name = "NAME", env = "SHOP_SERVICE")]
    pub service: Option<String>,

    /// The headers written to outgoing requests, of b3multi, b3 and w3c; all are read [default: what
    /// the documents say; else b3multi]
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
    /// It makes no spans: a sidecar does. Tracing headers go from each request to the calls made for it
    Forward,
    /// It makes spans, unless the documents say otherwise, and believes the tracing headers that come in
    Spans,
    /// It makes spans, and removes the tracing headers that come in: a new trace begins
    Edge,
}

impl ShopMode {
    pub fn trust(self) -> Trust {
        match self {
            ShopMode::Edge => Trust::nobody(),
            ShopMode::Forward | ShopMode::Spans => Trust::everyone(),
        }
    }
}

/// Where spans go; without any of these, to where the documents say, and else they are printed on
/// standard error.
#[derive(Args)]
pub struct Collector {
    /// Zipkin's full path, such as http://localhost:9411/api/v2/spans; without it, the others and
    /// documents that say it, spans are printed on standard error
    #[arg(long, value_name = "URL", env = "SHOP_ZIPKIN", conflicts_with_all = ["otlp", "kafka"])]
    pub zipkin: Option<String>,

    /// An OpenTelemetry Collector or Jaeger, such as http://localhost:4318/v1/traces
    #[arg(long, value_name = "URL", env = "SHOP_OTLP", conflicts_with = "kafka")]
    pub otlp: Option<String>,

    /// Kafka's brokers before Zipkin, host:port with commas
    #[arg(long, value_name = "BROKERS", env = "SHOP_KAFKA")]
    pub kafka: Option<String>,

    /// How spans are written for Zipkin: json or proto3; OTLP has an encoding of its own
    #[arg(
        long,
        value_name = "ENCODING",
        env = "SHOP_ENCODING",
        default_value = "json",
        conflicts_with = "otlp",
        value_parser = encoding
    )]
    pub encoding: Encoding,

    /// Compress what is sent to Zipkin or by OTLP
    #[arg(
        long,
        env = "SHOP_GZIP",
        conflicts_with = "kafka",
        value_parser = FalseyValueParser::new()
    )]
    pub gzip: bool,
}

impl Options {
    pub fn propagation(&self) -> Option<Propagation> {
        let formats = self.propagation.iter().copied();
        (formats.len() > 0).then(|| Propagation::default().formats(formats))
    }
}

impl Collector {
    /// Whether one of the flags says where.
    pub fn is_given(&self) -> bool {
        self.zipkin.is_some() || self.otlp.is_some() || self.kafka.is_some()
    }
}

/// Reads a command line. Help goes to standard output; a wrong value ends the process with
/// status 2 and a sentence that names the flag.
pub fn parse<T>(listen: &'static str) -> Result<T, ExitCode>
where
    T: CommandFactory + FromArgMatches,
{
    parse_from(std::env::args_os(), listen).map_err(|error| {
        // Nothing can be said on a console that is gone.
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
        .mut_args(without_empty_variable)
        .mut_arg("listen", |arg| arg.required(false).default_value(listen));
    T::from_arg_matches(&command.try_get_matches_from(args)?)
}

/// A variable that is set to nothing is not set: so composed environments switch things off.
fn without_empty_variable(arg: Arg) -> Arg {
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

/// `NAME=KIND:VALUE`. Whether the name and the value can be used is left to the tracer.
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
            // The colon that `:authority` begins with is part of the name.
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
