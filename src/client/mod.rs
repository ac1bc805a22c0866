//! The client layer: finds the parent of each outgoing request, starts a CLIENT span, and writes the
//! context to the request's headers.
//!
//! [`layer`] is what users configure, and [`service`] is what runs. A request passes through [`begin`],
//! which calls [`parent`] (whose child it is, and whether it gets a span), [`start`] (tags and name)
//! and [`write`] (headers). What happens from then on is in [`exchange`](crate::exchange).

mod begin;
mod layer;
mod parent;
mod route_template;
mod service;
mod settings;
mod start;
mod write;

pub use layer::ClientLayer;
pub use route_template::RouteTemplate;
pub use service::TracedClient;
