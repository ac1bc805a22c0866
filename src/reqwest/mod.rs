//! CLIENT spans for requests sent with [reqwest].
//!
//! Build a request as usual. [`Traced::traced`] takes the client layer that it is sent through, and
//! the response is reqwest's own:
//!
//! ```no_run
//! use tower_b3::{Tracer, reqwest::Traced};
//!
//! # async fn call(tracer: Tracer) -> Result<(), reqwest::Error> {
//! let http = reqwest::Client::new();
//! let catalog = tracer.client_layer().remote_service("catalog");
//!
//! let item = http
//!     .get("http://catalog:8080/items/7")
//!     .traced(&catalog)
//!     .route("/items/{id}") // names the span: `GET /items/{id}`
//!     .send()
//!     .await?
//!     .text() // the span ends here
//!     .await?;
//! # Ok(()) }
//! ```
//!
//! For a stack of Tower layers (retries, limits, a timeout), use a [`ReqwestService`] as the innermost
//! service:
//!
//! ```
//! use std::time::Duration;
//! use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
//! use tower_b3::{RouteTemplate, Tracer, reqwest::ReqwestService};
//!
//! # async fn call(tracer: Tracer) -> Result<(), BoxError> {
//! let mut client = ServiceBuilder::new()
//!     .concurrency_limit(64)
//!     .layer(tracer.client_layer())
//!     .timeout(Duration::from_secs(2))
//!     .service(ReqwestService::from(reqwest::Client::new()));
//!
//! let request = http::Request::get("http://catalog:8080/items/7")
//!     .extension(RouteTemplate::new("/items/{id}"))
//!     .body(reqwest::Body::default())?;
//! let response = client.ready().await?.call(request).await?;
//! # Ok(()) }
//! ```
//!
//! One span covers everything that reqwest does for a request, such as following redirects and
//! retrying. Its tags are those of the first request and the last response.
//!
//! A redirect carries the headers of the request to other hosts too. If you restrict propagation with
//! [`propagate_only_to`](crate::ClientLayer::propagate_only_to), have reqwest follow no redirects
//! (`reqwest::redirect::Policy::none()`).
//!
//! This module is for reqwest 0.13. Support for another major version of reqwest comes with a new
//! major version of this crate (below 1.0, a new minor one).

mod error;
mod service;
mod traced;

pub use error::Error;
pub use service::{ReqwestService, ResponseFuture};
pub use traced::{Traced, TracedRequest};
