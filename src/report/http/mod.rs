//! Messages as HTTP requests: the senders, and what the reporters over HTTP have in common.
//!
//! The modules, in the order in which they build on each other: `options` (a URL with headers and
//! certificates, as the user gives it), `body`, `response` and `dialect` (what a request looks like
//! and what a response means), `target` (a checked URL with its headers), `tower_sender`, `tls`,
//! `http_sender`, `redirect` (a sender that can be exchanged while its reporter runs).
//!
//! `zipkin` and `otlp` build their reporters from these parts.

mod body;
mod dialect;
mod http_sender;
mod options;
#[cfg(any(feature = "otlp", feature = "zipkin"))]
mod redirect;
mod response;
mod target;
#[cfg(feature = "tls")]
mod tls;
mod tower_sender;

pub use body::MessageBody;
#[cfg(feature = "otlp")]
pub(crate) use dialect::Dialect;
#[cfg(feature = "zipkin")]
pub(crate) use dialect::PlainPost;
pub use http_sender::HttpSender;
pub use options::HttpOptions;
#[cfg(feature = "zipkin")]
pub(crate) use redirect::CANNOT_CHANGE;
#[cfg(any(feature = "otlp", feature = "zipkin"))]
pub(crate) use redirect::{Redirect, start_redirectable};
#[cfg(feature = "otlp")]
pub(crate) use response::CollectorResponse;
pub use tower_sender::TowerSender;
