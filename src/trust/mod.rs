//! Whose tracing headers are believed.

mod forwarded_for;
mod network;
mod networks;
mod who;

pub use network::NetworkError;
pub use networks::Networks;
pub use who::{Predicate, Trust};
