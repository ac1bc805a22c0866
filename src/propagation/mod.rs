//! Headers in, headers out: `x-b3-*`, `b3`, `traceparent`, `x-request-id` and the opaque ones.
//!
//! The layers do all of this for you. On its own the module serves those who write their own
//! middleware over [`http::HeaderMap`]:
//!
//! ```
//! use http::HeaderMap;
//! use tower_b3::{Sampling, TraceContext, id::RequestId, propagation::Propagation};
//!
//! let propagation = Propagation::default();
//!
//! let mut inbound = HeaderMap::new();
//! inbound.insert("b3", "463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1".parse()?);
//! inbound.insert("x-request-id", "6f0b3f1e-6a0b-4d1c-8f3e-0d6b5a4c3e21".parse()?);
//!
//! let (incoming, mut forwarded) = propagation.extract(&inbound);
//! let mut context = match incoming.context() {
//!     Some(caller) => caller.child(),
//!     None => TraceContext::root(incoming.sampling()),
//! };
//! // What the layers do besides: decide, and make a request id.
//! if context.sampling() == Sampling::Defer {
//!     context = context.with_sampling(Sampling::Accept);
//! }
//! if forwarded.request_id().is_none() {
//!     forwarded.set_request_id(RequestId::random());
//! }
//! assert_eq!(context.sampling(), Sampling::Accept);
//!
//! let mut outbound = HeaderMap::new();
//! propagation.inject(&context.child(), &forwarded, &mut outbound);
//! assert_eq!(outbound["x-b3-traceid"], "463ac35c9f6413ad48485a3953bb6124");
//! assert_eq!(outbound["x-b3-parentspanid"], context.span_id().to_string());
//! assert_eq!(outbound["x-request-id"], "6f0b3f1e-6a0b-4d1c-8f3e-0d6b5a4c3e21");
//! # Ok::<(), http::header::InvalidHeaderValue>(())
//! ```
//!
//! Nothing a peer sends makes extraction fail. What cannot be read is kept as a fact, see
//! [`Incoming::malformed`]. The whole table of what is read and written is in the guide,
//! [`headers`](crate::guide::headers).

mod b3;
mod format;
mod forward_error;
mod forwarded;
mod incoming;
mod names;
mod policy;
mod table;
mod w3c;

pub use format::{Format, ParseFormatError};
pub use forward_error::ForwardError;
pub use forwarded::Forwarded;
pub use incoming::{Field, Incoming, Malformed, Reason};
pub use policy::Propagation;

pub(crate) use policy::put;

pub(crate) use names::{REQUEST_ID, Role, carries_context};
pub(crate) use table::{HeaderTable, Roles, Seen, Slot};

/// The longest value of a `b3`, `x-b3-*` or `traceparent` header that is read, in bytes.
const MOST_BYTES: usize = 256;
