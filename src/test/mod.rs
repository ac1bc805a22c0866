//! Testing a traced service: collect its spans, assert on their trees, fail on spans that no
//! assertion has taken.
//!
//! Enable the feature `test` only for tests:
//!
//! ```toml
//! [dev-dependencies]
//! tower-b3 = { version = "0.1", features = ["test"] }
//! ```
//!
//! A [`SpanCollector`] makes a tracer and keeps its spans. [`SpanCollector::assert_tree`] compares
//! all of them with a text that omits times and ids, so it is the same in every run:
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Full};
//! use tower::{Layer, Service, ServiceExt, service_fn};
//! use tower_b3::test::SpanCollector;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let spans = SpanCollector::new();
//! let tracer = spans.tracer("webapp");
//!
//! let catalog = tracer.client_layer().layer(service_fn(|_: Request<()>| async {
//!     Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from("[]")))
//! }));
//! let webapp = tracer.server_layer().layer(service_fn(move |_: Request<()>| {
//!     let catalog = catalog.clone();
//!     async move {
//!         tower_b3::scope::route("/api/catalog");
//!         tower_b3::tag("tenant", "acme");
//!         catalog.oneshot(Request::new(())).await
//!     }
//! }));
//!
//! let response = webapp.oneshot(Request::new(())).await.unwrap();
//! response.into_body().collect().await.unwrap();
//!
//! spans.assert_tree(
//!     "
//!     webapp  SERVER  GET /api/catalog  tenant=acme http.status_code=200
//!     webapp  CLIENT  └─ GET            http.status_code=200
//!     ",
//! );
//! # }
//! ```
//!
//! If the text differs, the panic shows a diff, and the actual text to paste. To write a new test,
//! start with `spans.assert_tree("")`.
//!
//! | for | see |
//! |---|---|
//! | one span, or a few, as records | [`SpanCollector::take_one`], [`take`](SpanCollector::take), [`take_where`](SpanCollector::take_where) |
//! | spans that another task or thread finishes | [`SpanCollector::wait`], [`wait_for_tree`](SpanCollector::wait_for_tree), [`wait_blocking`](SpanCollector::wait_blocking) |
//! | which tags and ids the text shows | [`TreeFormat`] |
//! | records from elsewhere, such as an `InMemoryReporter` | [`TreeFormat::assert`] |
//! | a rule for every span of a test | [`SpanCollector::check`] |

mod collector;
mod diff;
mod format;
mod queue;

pub use collector::{SpanCollector, TestReporter};
pub use format::TreeFormat;
