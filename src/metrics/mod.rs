//! Istio's standard metrics.

mod attributes;
mod destination;
mod hash;
mod intern;
mod labels;
mod peer;
mod plan;
mod pod_name;
mod workload;

pub use destination::Service;
pub use peer::{Asked, PeerMetadata, PeerMetadataError, PeerNumber};
pub use workload::Workload;
