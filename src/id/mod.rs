//! Trace ids, span ids and request ids.
//!
//! Ids are random numbers. Each thread has its own fast generator, seeded by the operating system.
//! Ids are unique, but not secret: the generator is not cryptographic. Zero is never a valid id.
//!
//! ```
//! use tower_b3::id::{SpanId, TraceId};
//!
//! let trace: TraceId = "463ac35c9f6413ad48485a3953bb6124".parse()?;
//! assert_eq!(trace.to_string(), "463ac35c9f6413ad48485a3953bb6124");
//!
//! // A trace id whose high half is zero is a 64-bit id, and is written with 16 digits.
//! let short: TraceId = "000000000000000048485a3953bb6124".parse()?;
//! assert_eq!(short.to_string(), "48485a3953bb6124");
//!
//! let error = "a2fb4a1d1a96d31g".parse::<SpanId>().unwrap_err();
//! assert_eq!(error.to_string(), "span id: character 'g' at position 15 is not a hexadecimal digit");
//! # Ok::<(), tower_b3::id::ParseIdError>(())
//! ```

mod error;
pub(crate) mod hex;
pub(crate) mod random;
mod request_id;
mod span_id;
mod trace_id;

pub(crate) use error::HexError;
pub use error::ParseIdError;
pub use random::reseed;
pub use request_id::{ParseRequestIdError, RequestId, TraceReason};
pub use span_id::SpanId;
pub use trace_id::{TraceId, TraceIdKind};
