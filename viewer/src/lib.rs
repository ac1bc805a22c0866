//! A trace collector for development, with a page: spans come in as Zipkin's or OpenTelemetry's
//! clients send them, stay in memory, and appear in the browser at once.
//!
//! Production belongs to Zipkin, Jaeger or another backend that keeps traces.
//!
//! The program `tower-b3-viewer` listens on Zipkin's port. As a library, the [`Viewer`] is a
//! [`tower_service::Service`] to mount in a server, and a [`tower_b3::report::Reporter`] that puts
//! spans into the same store without HTTP: a service shows its own traces.
//!
//! ```
//! use tower_b3::Tracer;
//! use tower_b3_viewer::Viewer;
//!
//! let viewer = Viewer::builder().mounted_at("/_traces").build();
//! let tracer = Tracer::builder("orders").reporter(viewer.reporter()).build()?;
//! let app: axum::Router = axum::Router::new()
//!     .route("/orders", axum::routing::get(async || "none"))
//!     .nest_service("/_traces", viewer.service());
//! # let _ = (tracer, app);
//! # Ok::<(), tower_b3::BuildError>(())
//! ```

pub mod decode;
pub mod model;
pub mod store;
pub mod trace;

mod http;
mod record;
mod reporter;

pub use http::{Body, Viewer, ViewerBuilder, ViewerService, serve};
pub use reporter::ViewerReporter;
