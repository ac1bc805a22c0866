//! Reading and writing the headers that carry a trace: `x-b3-*`, `b3`, `traceparent`, `x-request-id`
//! and the opaque headers of other tracing systems.
//!
//! The layers do all of this for you. Use the module directly if you write your own middleware over
//! [`http::HeaderMap`]:
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
//! // The layers also ask a sampler, and generate a request id.
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
//! Messages and other carriers than HTTP headers are read and written with
//! [`extract_from`](Propagation::extract_from) and [`inject_into`](Propagation::inject_into), by the trait
//! [`Carrier`]. For a queue, see the guide: [`databases_and_queues`](crate::guide::databases_and_queues).
//!
//! Extraction never fails. A header that cannot be read is listed by [`Incoming::malformed`]. The guide
//! has a table of all headers that are read and written: [`headers`](crate::guide::headers).

mod b3;
mod carrier;
mod extract;
mod format;
mod forward_error;
mod forwarded;
mod forwarded_name;
mod forwarding;
mod incoming;
mod inject;
mod messages;
mod names;
mod settings;
mod table;
mod tracing_header;
mod w3c;

pub use carrier::{Carrier, CarrierMut};
pub use format::{Format, ParseFormatError};
pub use forward_error::ForwardError;
pub use forwarded::Forwarded;
pub use incoming::{Field, Incoming, Malformed, Reason};
pub use settings::Propagation;

pub(crate) use inject::insert_if_room;
pub(crate) use messages::add_missing;
pub(crate) use names::REQUEST_ID;
pub(crate) use table::{HeaderSlot, HeaderTable, HeaderValues};
pub(crate) use tracing_header::{TracingHeader, TracingHeaderSet, carries_context};

#[cfg(test)]
mod tests;
