//! B3 distributed tracing for Tower services.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "axum")]
mod axum;
mod client;
mod clock;
mod context;
mod exchange;
pub mod guide;
mod head;
mod home;
pub mod id;
pub mod propagation;
pub mod record;
pub mod report;
pub mod sample;
pub mod scope;
mod server;
mod span;
mod stripe;
pub mod tag;
mod tracer;
#[cfg(feature = "zipkin")]
pub mod zipkin;

pub use client::{Client, ClientLayer, Route};
pub use context::{Sampling, TraceContext};
pub use exchange::{ResponseBody, ResponseFuture};
pub use head::RequestHead;
pub use scope::{annotate, current, in_current_context, request_id, span, tag};
pub use server::{Predicate, Server, ServerLayer, Trust};
pub use span::{Context, InContext, Instrumented, Span, SpanHandle};
pub use tracer::{BuildError, Mode, Tracer, TracerBuilder};
