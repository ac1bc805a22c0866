//! The arguments of the program.

use lexopt::{
    Arg::{Long, Short, Value},
    Parser, ValueExt,
};
use std::{
    ffi::OsString,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};
use tower_b3_viewer::store::Limits;

pub const HELP: &str = "\
Collects traces in memory and shows them in the browser, for development.

Clients send spans to
  http://127.0.0.1:9411/api/v2/spans   Zipkin: JSON or proto3
  http://127.0.0.1:4318/v1/traces      OpenTelemetry: OTLP/HTTP, protobuf or JSON

Usage: tower-b3-viewer [options]

  --listen ADDRESS     Address of the page, of Zipkin's API and of OTLP
                       (default: 127.0.0.1:9411; port 0 chooses a free port)
  --otlp ADDRESS       A second address, for OpenTelemetry's clients (default:
                       127.0.0.1:4318 if it is free; `off` for none)
  --expose-to-network  Allow addresses that other machines reach. They can then
                       read and delete all traces: there is no password.
  --allow-host NAME    Answer requests to http://NAME too, not only to localhost,
                       for example in a container (repeatable; `*` for all names)
  --allow-origin URL   Let pages of https://shop.test send spans and read traces
                       (repeatable; `*` for all origins)
  --max-spans NUMBER   Spans in memory; the oldest traces make room
                       (default: 500000)
  --max-bytes SIZE     Memory for spans, such as 512MiB (default: 256MiB)
  --load FILE          Load a file at the start: Zipkin JSON, Jaeger JSON, OTLP
                       JSON, or JSON lines (repeatable; .gz too)
  --strict-trace-id    In Zipkin's API, keep 64-bit trace ids apart from 128-bit
                       ids with the same end, as Zipkin does by default
  --open               Open the page in the browser
  --page DIRECTORY     Serve the page's files from here, to work on the page
  -h, --help           Show this text
  -V, --version        Show the version
";

/// What to do.
#[derive(Debug)]
pub enum Command {
    Run(Options),
    Help,
    Version,
}

/// How to run.
#[derive(Debug, Default)]
pub struct Options {
    /// `None`: the default.
    pub listen: Option<SocketAddr>,
    pub otlp: Otlp,
    pub limits: Limits,
    pub hosts: Vec<String>,
    pub origins: Vec<String>,
    pub load: Vec<PathBuf>,
    pub strict_trace_id: bool,
    pub open: bool,
    pub expose_to_network: bool,
    pub page: Option<PathBuf>,
}

/// The second address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Otlp {
    /// The default port, if it is free.
    #[default]
    IfFree,
    Off,
    At(SocketAddr),
}

/// Reads the arguments, of which the first is the program's name.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut parser = Parser::from_iter(arguments);
    let mut options = Options::default();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        let text = |parser: &mut Parser| {
            let value = parser.value().and_then(ValueExt::string);
            value.map_err(|error| error.to_string())
        };
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Long("listen") => options.listen = Some(address("--listen", &text(&mut parser)?)?),
            Long("otlp") => {
                let value = text(&mut parser)?;
                options.otlp = match &*value {
                    "off" => Otlp::Off,
                    address_text => Otlp::At(address("--otlp", address_text)?),
                };
            }
            Long("max-spans") => options.limits.max_spans = number(&text(&mut parser)?)?,
            Long("max-bytes") => options.limits.max_bytes = size(&text(&mut parser)?)?,
            Long("allow-host") => options.hosts.push(host(text(&mut parser)?)?),
            Long("allow-origin") => options.origins.push(origin(text(&mut parser)?)?),
            Long("load") => options.load.push(path(&mut parser)?),
            Long("page") => options.page = Some(path(&mut parser)?),
            Long("strict-trace-id") => options.strict_trace_id = true,
            Long("open") => options.open = true,
            Long("expose-to-network") => options.expose_to_network = true,
            Value(value) => return Err(format!("unexpected argument {value:?}; see --help")),
            other => return Err(format!("{}; see --help", other.unexpected())),
        }
    }
    check_exposure(&options)?;
    Ok(Command::Run(options))
}

fn path(parser: &mut Parser) -> Result<PathBuf, String> {
    let value = parser.value().map_err(|error| error.to_string())?;
    Ok(value.into())
}

/// An address with a port; `:9411` and `localhost:9411` are loopback.
fn address(option: &str, text: &str) -> Result<SocketAddr, String> {
    let loopback = text.strip_prefix("localhost:").or(text.strip_prefix(':'));
    let parsed = match loopback {
        Some(port) => format!("127.0.0.1:{port}").parse(),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("{option} is {text:?}; it must be an address like 127.0.0.1:9411"))
}

fn host(text: String) -> Result<String, String> {
    if text == "*" || is_host(&text) {
        return Ok(text);
    }
    Err(format!(
        "--allow-host is {text:?}; it must be a name without a port like zipkin, or *"
    ))
}

fn origin(text: String) -> Result<String, String> {
    let is_origin = |(scheme, authority): (&str, &str)| {
        let port = authority.rsplit_once(':');
        let host = port.filter(|(_, port)| port.parse::<u16>().is_ok());
        !scheme.is_empty() && is_host(host.map_or(authority, |(host, _)| host))
    };
    if text == "*" || text.split_once("://").is_some_and(is_origin) {
        return Ok(text);
    }
    Err(format!(
        "--allow-origin is {text:?}; it must be an origin without a path like https://shop.test, or *"
    ))
}

/// Whether it is the name or the address of a host, and nothing else.
fn is_host(text: &str) -> bool {
    let authority = text.parse::<http::uri::Authority>();
    authority.is_ok_and(|authority| authority.host() == text)
}

fn number(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|&number| number > 0);
    number.ok_or_else(|| format!("--max-spans is {text:?}; it must be a number of at least 1"))
}

fn size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let unit = match &text[digits.len()..] {
        "" | "B" => 1,
        "KiB" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        _ => 0,
    };
    let number: Option<usize> = digits.parse().ok();
    let bytes = number.and_then(|number| number.checked_mul(unit));
    let bytes = bytes.filter(|&bytes| bytes > 0);
    bytes.ok_or_else(|| format!("--max-bytes is {text:?}; it must be a size like 512MiB"))
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

fn check_exposure(options: &Options) -> Result<(), String> {
    let otlp = match options.otlp {
        Otlp::At(address) => Some(address),
        Otlp::IfFree | Otlp::Off => None,
    };
    let mut addresses = options.listen.into_iter().chain(otlp);
    match addresses.find(|address| !is_loopback(address.ip())) {
        Some(address) if !options.expose_to_network => Err(format!(
            "other machines may reach {address}, and everyone who reaches it can read and delete \
             all traces; if that is intended, add --expose-to-network"
        )),
        _ => Ok(()),
    }
}
