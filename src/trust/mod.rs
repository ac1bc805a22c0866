//! Trust: whose tracing headers are believed. Used by the server layer.

mod forwarded_for;
mod network;
mod policy;
mod trusted_networks;

pub use network::ParseNetworkError;
pub(crate) use policy::Predicate;
pub use policy::Trust;
pub use trusted_networks::TrustedNetworks;
