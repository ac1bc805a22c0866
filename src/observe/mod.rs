//! Observers of every exchange, for an access log, for metrics, and for anything else that is computed from
//! requests and their responses.
//!
//! An [`ExchangeObserver`] is called once for each request of a layer, when its exchange ends, whether the
//! request is sampled or not. It gets the facts about it: an [`EndedExchange`].
//! A closure is an observer too:
//!
//! ```
//! use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
//! use tower_b3::{Direction, Tracer, observe::EndedExchange};
//!
//! let failed = Arc::new(AtomicU64::new(0));
//! let counter = Arc::clone(&failed);
//! let tracer = Tracer::builder("shop")
//!     .observer(move |exchange: &EndedExchange<'_>| {
//!         if exchange.direction() == Direction::Server && exchange.response_code() >= 500 {
//!             counter.fetch_add(1, Ordering::Relaxed);
//!         }
//!     })
//!     .build()?;
//! # Ok::<(), tower_b3::BuildError>(())
//! ```
//!
//! Spans, the access log and metrics read the same facts about an exchange at the same place. They differ
//! as in Envoy: of the response flags a span has only `DC`, and without a response its code is 0.
//!
//! | request | observed |
//! |---|---|
//! | sampled, not sampled, or without any span because a sidecar makes them | yes |
//! | [excluded](crate::ServerLayer::exclude_paths) from tracing | no |
//! | passing a second server layer inside of the first | once, by the outer one |
//! | retried inside of the client layer | once; outside of it, each attempt |

#[cfg(feature = "metrics")]
mod body_framing;
mod counted_body;
mod ended;
mod ending;
mod exchange_facts;
mod failure;
mod grpc_messages;
#[cfg(feature = "metrics")]
mod header_scan;
mod message_sinks;
mod observation;
mod observer;
mod observers;
mod request_headers;
mod response_flags;
mod response_head;

#[cfg(feature = "metrics")]
pub(crate) use body_framing::{BodyFraming, chunk_lines};
pub use counted_body::CountedBody;
pub(crate) use counted_body::{BodyCounters, CountWith, RequestBodySize};
pub(crate) use ended::End;
pub use ended::EndedExchange;
pub use ending::Ending;
pub(crate) use exchange_facts::{ExchangeFacts, Grpc};
pub(crate) use failure::{CLASSIFIED_LENGTH, TransportFailure};
use grpc_messages::MessageCounter;
#[cfg(feature = "metrics")]
pub(crate) use header_scan::{HeaderScan, PEER_METADATA, PEER_METADATA_ID, line_bytes};
use message_sinks::MessageSinks;
#[cfg(feature = "metrics")]
pub(crate) use message_sinks::{MessageSink, Messages, OpenExchange};
pub(crate) use observation::Observation;
pub use observer::ExchangeObserver;
#[cfg(feature = "metrics")]
pub(crate) use observers::AnyState;
pub(crate) use observers::{AnyObserver, Observers, ObserversOfThreads};
#[cfg(feature = "metrics")]
pub(crate) use request_headers::OBSERVED_HEADERS;
pub(crate) use request_headers::RequestHeaders;
#[cfg(feature = "metrics")]
pub(crate) use response_flags::FLAG_NAMES;
pub use response_flags::ResponseFlags;
pub use response_head::ResponseHead;
