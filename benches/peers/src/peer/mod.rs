//! The code that users of a peer have to write if the peer has no layer.

pub mod fastrace;
pub mod floor;
pub mod nothing;
pub mod otel;
pub mod sdk;
pub mod zipkin;
