//! The metadata that two proxies exchange about their workloads, in the headers `x-envoy-peer-metadata` and
//! `x-envoy-peer-metadata-id`, and the metadata of callers in `baggage`.

mod baggage;
mod cache;
mod codec;
mod exchange;
mod metadata;
mod wire;

pub(super) use cache::{PeerLabels, Peers};
pub use exchange::PeerNumber;
pub(super) use exchange::{OwnHeaders, RequestedHeaders, remove_metadata};
pub use metadata::{PeerMetadata, PeerMetadataError};
