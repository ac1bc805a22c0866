//! `Operator`: an operator of a format, and its value for an exchange.

use super::{
    capture::{Captured, Captures, Field, Part, Slot},
    durations::{Interval, Point},
    error::{AccessLogFormatError, Reason},
    grpc_status::{self, GrpcFormat},
    time_format::{self, TimeFormat},
    token::RawOperator,
    unsupported,
};
use crate::{
    decimal::{write_address, write_number},
    file,
    id::random::random_u64,
    observe::EndedExchange,
    tags::protocol,
};
use http::HeaderName;
use std::{env, io::Write as _, net::SocketAddr, path::Path, time::UNIX_EPOCH};

#[derive(Debug, Clone)]
pub(super) enum Operator {
    /// A value that was captured, cut to this length, with or without what begins with `?`.
    Captured {
        slot: Slot,
        max_length: Option<usize>,
        query: bool,
    },
    /// The same for all exchanges; `None` if there is no value.
    Constant(Option<String>),
    StartTime(TimeFormat),
    EmitTime(TimeFormat),
    Protocol,
    ResponseCode,
    ResponseCodeDetails,
    ResponseFlags,
    ResponseFlagsLong,
    FailureReason,
    BytesReceived,
    BytesSent,
    Duration(Interval),
    GrpcStatus(GrpcFormat),
    TraceId,
    SpanId,
    Route,
    PeerAddress,
    PeerAddressWithoutPort,
    PeerPort,
    UniqueId,
}

/// What an operator has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Nothing,
    Text,
    Number,
}

const ORIGINAL_PATH: HeaderName = HeaderName::from_static("x-envoy-original-path");
const GRPC_FORMATS: &str = "CAMEL_STRING, SNAKE_STRING or NUMBER";
const PATHS: &str = "WQ or NQ and, optionally, ORIG, PATH or ORIG_OR_PATH, separated by `:`";
const VARIABLE: &str = "the name of an environment variable";

impl Operator {
    /// Interprets an operator. What it needs of the request and the response is added to `captures`.
    pub(super) fn parse(
        raw: &RawOperator<'_>,
        captures: &mut Captures,
    ) -> Result<Operator, AccessLogFormatError> {
        match raw.name {
            "REQ" => Operator::captured(Part::Request, raw, true, captures),
            "REQ_WITHOUT_QUERY" => Operator::captured(Part::Request, raw, false, captures),
            "RESP" => Operator::captured(Part::Response, raw, true, captures),
            "TRAILER" => Operator::captured(Part::Trailers, raw, true, captures),
            "PATH" => Operator::path(raw, captures),
            "ENVIRONMENT" => Operator::environment(raw),
            "START_TIME" => time(raw).map(Operator::StartTime),
            "EMIT_TIME" => time(raw).map(Operator::EmitTime),
            "GRPC_STATUS" => Operator::grpc_status(raw),
            "COMMON_DURATION" => {
                let interval = Interval::parse(raw)?;
                without_length(raw).map(|()| Operator::Duration(interval))
            }
            "RESPONSE_CODE_DETAILS" if raw.argument == Some("ALLOW_WHITESPACES") => {
                without_length(raw).map(|()| Operator::ResponseCodeDetails)
            }
            name => match Operator::plain(name) {
                Some(_) if raw.argument.is_some() || raw.max_length.is_some() => {
                    Err(AccessLogFormatError(Reason::NoArgument(name.to_owned())))
                }
                Some(operator) => Ok(operator),
                None => Err(AccessLogFormatError(match unsupported::reason(name) {
                    Some(reason) => Reason::Unsupported(name.to_owned(), reason),
                    None => Reason::Unknown(name.to_owned()),
                })),
            },
        }
    }

    /// An operator that takes no argument.
    fn plain(name: &str) -> Option<Operator> {
        Some(match name {
            "PROTOCOL" => Operator::Protocol,
            "RESPONSE_CODE" => Operator::ResponseCode,
            "RESPONSE_CODE_DETAILS" => Operator::ResponseCodeDetails,
            "RESPONSE_FLAGS" => Operator::ResponseFlags,
            "RESPONSE_FLAGS_LONG" => Operator::ResponseFlagsLong,
            "UPSTREAM_TRANSPORT_FAILURE_REASON" => Operator::FailureReason,
            "BYTES_RECEIVED" => Operator::BytesReceived,
            "BYTES_SENT" => Operator::BytesSent,
            "DURATION" => Operator::Duration(Interval::millis(Point::Start, Point::End)),
            "RESPONSE_DURATION" => Operator::Duration(Interval::millis(Point::Start, Point::Head)),
            "RESPONSE_TX_DURATION" => Operator::Duration(Interval::millis(Point::Head, Point::End)),
            "GRPC_STATUS_NUMBER" => Operator::GrpcStatus(GrpcFormat::Number),
            "TRACE_ID" => Operator::TraceId,
            "SPAN_ID" => Operator::SpanId,
            "ROUTE_NAME" => Operator::Route,
            "DOWNSTREAM_REMOTE_ADDRESS" | "DOWNSTREAM_DIRECT_REMOTE_ADDRESS" => {
                Operator::PeerAddress
            }
            "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT"
            | "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT" => Operator::PeerAddressWithoutPort,
            "DOWNSTREAM_REMOTE_PORT" | "DOWNSTREAM_DIRECT_REMOTE_PORT" => Operator::PeerPort,
            "UNIQUE_ID" => Operator::UniqueId,
            "HOSTNAME" => Operator::Constant(host_name()),
            "ACCESS_LOG_TYPE" => Operator::Constant(Some("DownstreamEnd".to_owned())),
            "UPSTREAM_HOST"
            | "UPSTREAM_CLUSTER"
            | "UPSTREAM_CLUSTER_RAW"
            | "UPSTREAM_LOCAL_ADDRESS"
            | "DOWNSTREAM_LOCAL_ADDRESS"
            | "REQUESTED_SERVER_NAME"
            | "CONNECTION_TERMINATION_DETAILS" => Operator::Constant(None),
            _ => return None,
        })
    }

    fn captured(
        part: Part,
        raw: &RawOperator<'_>,
        query: bool,
        captures: &mut Captures,
    ) -> Result<Operator, AccessLogFormatError> {
        let fields = Field::parse_all(part, raw)?;
        Ok(Operator::Captured {
            slot: captures.slot(part, fields),
            max_length: raw.max_length,
            query,
        })
    }

    fn path(
        raw: &RawOperator<'_>,
        captures: &mut Captures,
    ) -> Result<Operator, AccessLogFormatError> {
        let argument = raw.argument.unwrap_or("WQ");
        let (query, source) = argument
            .split_once(':')
            .unwrap_or((argument, "ORIG_OR_PATH"));
        let original = || Field::Header(ORIGINAL_PATH);
        let fields = match source {
            "ORIG" => Some(vec![original()]),
            "PATH" => Some(vec![Field::Path]),
            "ORIG_OR_PATH" => Some(vec![original(), Field::Path]),
            _ => None,
        };
        match (query, fields) {
            ("WQ" | "NQ", Some(fields)) => Ok(Operator::Captured {
                slot: captures.slot(Part::Request, fields),
                max_length: raw.max_length,
                query: query == "WQ",
            }),
            _ => Err(argument_error(raw, PATHS)),
        }
    }

    fn environment(raw: &RawOperator<'_>) -> Result<Operator, AccessLogFormatError> {
        let Some(variable) = raw.argument.filter(|argument| !argument.is_empty()) else {
            let missing = Reason::ArgumentMissing(raw.name.to_owned(), VARIABLE);
            return Err(AccessLogFormatError(missing));
        };
        if variable.contains(['=', '\0']) {
            return Err(argument_error(raw, VARIABLE));
        }
        let value = env::var_os(variable).map(|value| value.to_string_lossy().into_owned());
        let cut = |value: String| match raw.max_length {
            Some(max_length) => crate::text::cut(&value, max_length).to_owned(),
            None => value,
        };
        // Envoy's value of an absent variable is the text `-`, even in JSON.
        let value = value.map_or("-".to_owned(), cut);
        Ok(Operator::Constant(Some(value)))
    }

    fn grpc_status(raw: &RawOperator<'_>) -> Result<Operator, AccessLogFormatError> {
        let format = match raw.argument.unwrap_or_default() {
            "" | "CAMEL_STRING" => GrpcFormat::Camel,
            "SNAKE_STRING" => GrpcFormat::Snake,
            "NUMBER" => GrpcFormat::Number,
            _ => return Err(argument_error(raw, GRPC_FORMATS)),
        };
        without_length(raw).map(|()| Operator::GrpcStatus(format))
    }

    /// Appends the value.
    pub(super) fn write(
        &self,
        exchange: &EndedExchange<'_>,
        captured: &Captured,
        to: &mut Vec<u8>,
    ) -> Written {
        match self {
            Operator::Captured {
                slot,
                max_length,
                query,
            } => {
                let value = captured.get(*slot);
                bytes(value.map(|value| part(value, *max_length, *query)), to)
            }
            Operator::StartTime(format) => {
                format.write(started(exchange), to);
                Written::Text
            }
            Operator::EmitTime(format) => {
                let micros = exchange.duration().as_micros() as u64;
                format.write(started(exchange) + micros, to);
                Written::Text
            }
            Operator::ResponseCode => number(Some(exchange.response_code().into()), to),
            Operator::BytesReceived => number(Some(exchange.request_bytes().unwrap_or(0)), to),
            Operator::BytesSent => number(Some(exchange.response_bytes()), to),
            Operator::Duration(interval) => number(interval.of(exchange), to),
            Operator::GrpcStatus(format) => write_grpc_status(exchange, *format, to),
            Operator::FailureReason => failure_reason(exchange.error(), to),
            Operator::UniqueId => unique_id(to),
            Operator::TraceId | Operator::SpanId => self.write_id(exchange, to),
            Operator::PeerAddress | Operator::PeerAddressWithoutPort | Operator::PeerPort => {
                self.write_peer(exchange, to)
            }
            _ => bytes(self.text(exchange).map(str::as_bytes), to),
        }
    }

    /// The value of an operator whose value exists as text.
    fn text<'a>(&'a self, exchange: &EndedExchange<'a>) -> Option<&'a str> {
        match self {
            Operator::Constant(value) => value.as_deref(),
            Operator::Protocol => Some(protocol(exchange.version())),
            Operator::ResponseCodeDetails => Some(exchange.response_code_details()),
            Operator::ResponseFlags => Some(exchange.response_flags().as_str()),
            Operator::ResponseFlagsLong => Some(exchange.response_flags().long_name()),
            Operator::Route => exchange.route(),
            _ => None,
        }
    }

    fn write_id(&self, exchange: &EndedExchange<'_>, to: &mut Vec<u8>) -> Written {
        match (self, exchange.context()) {
            (Operator::TraceId, Some(context)) => display(context.trace_id(), to),
            (_, Some(context)) => display(context.span_id(), to),
            (_, None) => Written::Nothing,
        }
    }

    fn write_peer(&self, exchange: &EndedExchange<'_>, to: &mut Vec<u8>) -> Written {
        match (self, exchange.peer_address()) {
            (Operator::PeerPort, peer) => number(peer.map(|peer| peer.port().into()), to),
            (Operator::PeerAddress, Some(peer)) => peer_address(peer, to),
            (_, Some(peer)) => {
                write_address(peer.ip(), to);
                Written::Text
            }
            (_, None) => Written::Nothing,
        }
    }
}

fn number(value: Option<u64>, to: &mut Vec<u8>) -> Written {
    match value {
        Some(value) => {
            write_number(value, to);
            Written::Number
        }
        None => Written::Nothing,
    }
}

fn write_grpc_status(
    exchange: &EndedExchange<'_>,
    format: GrpcFormat,
    to: &mut Vec<u8>,
) -> Written {
    let Some(status) = grpc_status::of(exchange) else {
        return Written::Nothing;
    };
    match format.name(status) {
        Some(name) => bytes(Some(name.as_bytes()), to),
        None => {
            write_number(status.into(), to);
            match format {
                GrpcFormat::Number => Written::Number,
                GrpcFormat::Camel | GrpcFormat::Snake => Written::Text,
            }
        }
    }
}

fn bytes(value: Option<&[u8]>, to: &mut Vec<u8>) -> Written {
    match value {
        Some(value) => {
            to.extend_from_slice(value);
            Written::Text
        }
        None => Written::Nothing,
    }
}

fn display(value: impl std::fmt::Display, to: &mut Vec<u8>) -> Written {
    // Writing to a vector never fails.
    let _ = write!(to, "{value}");
    Written::Text
}

/// The part of a value that is shown. It is cut between bytes, as in Envoy.
fn part(mut value: &[u8], max_length: Option<usize>, query: bool) -> &[u8] {
    if !query {
        let end = value.iter().position(|byte| *byte == b'?');
        value = &value[..end.unwrap_or(value.len())];
    }
    match max_length {
        Some(max_length) => &value[..value.len().min(max_length)],
        None => value,
    }
}

fn started(exchange: &EndedExchange<'_>) -> u64 {
    let since = exchange.started().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as u64)
}

/// The error is text of the user's: white space and control characters become `_`, as Envoy does it
/// with white space, so that it can neither add fields nor lines.
fn failure_reason(error: Option<&str>, to: &mut Vec<u8>) -> Written {
    let Some(error) = error else {
        return Written::Nothing;
    };
    let mut buffer = [0; 4];
    for letter in error.chars() {
        let letter = match letter.is_whitespace() || letter.is_control() {
            true => '_',
            false => letter,
        };
        to.extend_from_slice(letter.encode_utf8(&mut buffer).as_bytes());
    }
    Written::Text
}

fn peer_address(peer: SocketAddr, to: &mut Vec<u8>) -> Written {
    let brackets = peer.is_ipv6();
    if brackets {
        to.push(b'[');
    }
    write_address(peer.ip(), to);
    if brackets {
        to.push(b']');
    }
    to.push(b':');
    write_number(peer.port().into(), to);
    Written::Text
}

/// A random UUID of version 4.
fn unique_id(to: &mut Vec<u8>) -> Written {
    let (high, low) = (random_u64(), random_u64());
    let high = high & !0xf000 | 0x4000;
    let low = low & !(3 << 62) | 2 << 62;
    // Writing to a vector never fails.
    let _ = write!(
        to,
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    );
    Written::Text
}

fn time(raw: &RawOperator<'_>) -> Result<TimeFormat, AccessLogFormatError> {
    let format = TimeFormat::parse(raw.argument.unwrap_or_default());
    let format = format.ok_or_else(|| argument_error(raw, time_format::ALLOWED))?;
    without_length(raw).map(|()| format)
}

fn without_length(raw: &RawOperator<'_>) -> Result<(), AccessLogFormatError> {
    match raw.max_length {
        Some(_) => Err(AccessLogFormatError(Reason::NoLength(raw.name.to_owned()))),
        None => Ok(()),
    }
}

fn argument_error(raw: &RawOperator<'_>, allowed: &'static str) -> AccessLogFormatError {
    AccessLogFormatError(Reason::Argument {
        operator: raw.name.to_owned(),
        argument: raw.argument.unwrap_or_default().to_owned(),
        allowed,
    })
}

/// The name of the host, as the kernel has it; otherwise as the environment has it.
fn host_name() -> Option<String> {
    let kernel = file::read_text(Path::new("/proc/sys/kernel/hostname")).ok();
    let name = kernel.or_else(|| env::var("HOSTNAME").ok())?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
