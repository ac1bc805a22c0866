//! HTTP: the collector, Zipkin's API, the API of the page, and the page.

mod api;
mod body;
mod collector;
mod events;
mod guard;
mod page;
mod params;
mod quota;
mod read;
mod receive;
mod reply;
mod router;
mod server;
mod viewer;
mod write_timeout;
mod zipkin;

pub use body::Body;
pub use server::serve;
pub use viewer::{Viewer, ViewerBuilder, ViewerService};
