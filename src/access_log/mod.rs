//! The access log: a line for each exchange when it ends, sampled or not, in Envoy's formats.
//!
//! ```
//! use tower_b3::{Tracer, access_log::AccessLog};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let access_log = AccessLog::builder().start()?; // Envoy's default format, on standard output
//! let _guard = access_log.guard(); // writes what is left when `main` ends
//! let tracer = Tracer::builder("webapp").observer(access_log).build()?;
//! # Ok(()) }
//! ```
//!
//! The format, the output, a filter and the limit of the queue are set on the [`AccessLogBuilder`]. With
//! the feature `config`, a configuration sets them too: `accessLogFile`, `accessLogFormat`,
//! `accessLogEncoding` of a MeshConfig and `accessLogging` of a Telemetry.
//!
//! Lines are written by a thread of their own. A request only appends its line to a queue in memory, and
//! never waits for the output: a line that finds the queue full is dropped and counted in the [`AccessLogStats`].
//!
//! # Operators
//!
//! A format is text with Envoy's operators, in a text format or in the texts of a JSON format.
//! `:20` after an operator that allows it cuts its value to 20 bytes. `%%` is a `%`. An absent value is
//! `-` in text and `null` in JSON, and nothing with
//! [`omit_empty_values`](AccessLogFormat::omit_empty_values).
//!
//! | operator | value |
//! |---|---|
//! | `%REQ(X?Y):Z%` | the request header X, or else Y; also `:method`, `:path`, `:authority`, `:scheme` |
//! | `%RESP(X?Y):Z%`, `%TRAILER(X?Y):Z%` | the same for the headers and trailers of the response; also `:status` |
//! | `%REQ_WITHOUT_QUERY(X?Y):Z%`, `%PATH(WQ\|NQ:ORIG\|PATH\|ORIG_OR_PATH):Z%` | the path, with (`WQ`) or without (`NQ`) its query |
//! | `%PROTOCOL%` | `HTTP/1.1` |
//! | `%RESPONSE_CODE%` | the status; 503, 504 or 0 if there was no response ([`response_code`]) |
//! | `%RESPONSE_CODE_DETAILS%`, `%RESPONSE_FLAGS%`, `%RESPONSE_FLAGS_LONG%` | [`response_code_details`], [`response_flags`] |
//! | `%UPSTREAM_TRANSPORT_FAILURE_REASON%` | the error that the service failed with, spaces as `_` |
//! | `%GRPC_STATUS%`, `%GRPC_STATUS(SNAKE_STRING)%`, `%GRPC_STATUS(NUMBER)%`, `%GRPC_STATUS_NUMBER%` | `NotFound`, `NOT_FOUND`, `5`; for gRPC requests only |
//! | `%BYTES_RECEIVED%` | the bytes of the request's body, as far as they are known ([`request_bytes`]), or 0 |
//! | `%BYTES_SENT%` | bytes of the response's body that were passed on |
//! | `%START_TIME%`, `%EMIT_TIME%` | the start and the end of the exchange; `%START_TIME(%s.%3f)%` has a format |
//! | `%DURATION%`, `%RESPONSE_DURATION%`, `%RESPONSE_TX_DURATION%` | milliseconds: in all, to the response's head, from its head to the end |
//! | `%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%` | between two of `DS_RX_BEG`, `US_RX_BEG`, `DS_TX_BEG`, `US_RX_END`, `DS_TX_END`, in `ms`, `us` or `ns` |
//! | `%TRACE_ID%`, `%SPAN_ID%` | of the exchange's span, whether it is sampled or not |
//! | `%ROUTE_NAME%` | the template of the route, `/items/{id}` |
//! | `%DOWNSTREAM_REMOTE_ADDRESS%`, `…_WITHOUT_PORT%`, `%DOWNSTREAM_REMOTE_PORT%`, the same with `DIRECT_REMOTE` | the peer of a server, if it is known |
//! | `%HOSTNAME%`, `%ENVIRONMENT(X):Z%` | read once |
//! | `%UNIQUE_ID%`, `%ACCESS_LOG_TYPE%` | a random UUID; `DownstreamEnd` |
//!
//! The other operators of Istio's default format have no value in a service: `%UPSTREAM_HOST%`,
//! `%UPSTREAM_CLUSTER%`, `%UPSTREAM_CLUSTER_RAW%`, `%UPSTREAM_LOCAL_ADDRESS%`,
//! `%DOWNSTREAM_LOCAL_ADDRESS%`, `%REQUESTED_SERVER_NAME%` and `%CONNECTION_TERMINATION_DETAILS%` are
//! `-`. All others are errors that name the operator and the reason.
//!
//! [`request_bytes`]: crate::observe::EndedExchange::request_bytes
//! [`response_code`]: crate::observe::EndedExchange::response_code
//! [`response_code_details`]: crate::observe::EndedExchange::response_code_details
//! [`response_flags`]: crate::observe::EndedExchange::response_flags

mod builder;
mod capture;
mod durations;
mod error;
mod escape;
mod filter;
mod format;
mod grpc_status;
mod guard;
mod json;
mod line;
mod log;
mod operator;
mod outage_log;
mod output;
mod plan;
mod queue;
mod stats;
mod template;
mod time_format;
mod token;
mod unsupported;
mod writer;

pub use builder::AccessLogBuilder;
pub use error::{AccessLogError, AccessLogFormatError};
#[cfg(feature = "config")]
pub(crate) use filter::Filter;
#[cfg(all(feature = "config", feature = "metrics-config"))]
pub(crate) use filter::{HeadFilter, Heads};
pub use format::AccessLogFormat;
pub use guard::AccessLogGuard;
pub use json::JsonFormat;
pub use log::AccessLog;
#[cfg(feature = "config")]
pub(crate) use log::Replacement;
#[cfg(feature = "config")]
pub(crate) use output::Output;
#[cfg(feature = "config")]
pub(crate) use plan::LogSettings;
pub use stats::AccessLogStats;
