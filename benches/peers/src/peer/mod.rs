//! What a user of a peer has to write, where the peer has no layer of its own.

pub mod fastrace;
pub mod floor;
pub mod nothing;
pub mod otel;
pub mod sdk;
pub mod zipkin;
