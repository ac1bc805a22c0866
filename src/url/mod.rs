//! Strict parsing of collectors' URLs and addresses. One that a client could read as another
//! destination than the one that is written is an error, since credentials are sent there.
//!
//! The HTTP sender, the Kafka sender and the configuration call it.

mod address;
#[cfg(any(feature = "config", feature = "http"))]
mod parse;

#[cfg(any(feature = "config", feature = "http"))]
pub(crate) use address::AddressError;
#[cfg(any(feature = "config", feature = "kafka"))]
pub(crate) use address::check_address;
#[cfg(feature = "config")]
pub(crate) use address::check_authority;
#[cfg(feature = "config")]
pub(crate) use parse::is_https;
#[cfg(any(feature = "config", feature = "http"))]
pub(crate) use parse::{UrlError, parse};
