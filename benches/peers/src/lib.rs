//! tower-b3 and other tracing middleware for Tower, in one harness.
//!
//! A *peer* is one tracing stack. A [`Scenario`] is the request's headers and the sampler's answer.
//! [`with_peer`] builds the peer's service and passes it to a [`Visitor`] with its concrete type,
//! so that the timed code is monomorphic.

mod allocator;
mod apart;
pub mod chart;
mod counting;
mod list;
mod local;
mod peer;
mod record;
mod run;
mod stacks;
mod stats;

pub use allocator::{CountingAllocator, allocations};
pub use apart::build_apart;
pub use counting::{COUNTING, CountedService, Counting, counted_service};
pub use list::{PEERS, Peer};
pub use load::{REPORTED, Scenario};
pub use local::{LAYERS, Subscriber, subscriber};
pub use peer::{fastrace::extract as fastrace_extract, floor::insert_multi};
pub use record::{RECORDERS, Recorder, SERIES, recorder};
pub use run::{ASLEEP, AWAKE, Runner, SERVING, SLICE, build};
pub use stacks::{Flush, Visitor, with_peer, with_peer_around};
pub use stats::{median, shuffle};
