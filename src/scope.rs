//! The current span of a task, and what a handler does with it.
//!
//! While the server layer calls a handler, polls its future or its body, the SERVER span is
//! current on that thread. No handle is passed around:
//!
//! ```
//! use tower_b3::{Tracer, report::InMemoryReporter};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tower_b3::BuildError> {
//! # let spans = InMemoryReporter::default();
//! # let tracer = Tracer::builder("shop").reporter(spans.clone()).build()?;
//! # tracer.span("handler").instrument(async {
//! tower_b3::tag("cart.items", "3");
//! tower_b3::annotate("cache miss");
//!
//! // A local child span around the handler's own work. Calls made inside are its children.
//! let cart = tower_b3::span("load cart").instrument(async { 3 }).await;
//! let total = tower_b3::span("add up").in_scope(|| cart * 2);
//! # }).await;
//! # assert_eq!(spans.take().len(), 3);
//! # Ok(()) }
//! ```
//!
//! A spawned task does not see the span of the task that spawns it. Use [`in_current_context`] to
//! carry the ids, the request id and the forwarded headers over, so that calls and spans in the task
//! join the trace. The span itself stays with the request: to tag it from elsewhere, take a
//! [`SpanHandle`] along, see [`handle`].

use crate::{
    context::TraceContext,
    id::RequestId,
    span::{InContext, OpenSpan, RequestContext, Span, SpanHandle, slot::with_current},
};
use std::net::SocketAddr;

/// Returns the context of the current span: its ids and its sampling state.
pub fn current() -> Option<TraceContext> {
    with_current(|open| open.context()).flatten()
}

/// Returns the `x-request-id` of the request being served.
pub fn request_id() -> Option<RequestId> {
    // A copy: the caller may keep it for longer than the buffer that the request was read into.
    with_current(|open| {
        open.inherited
            .forwarded
            .request_id()
            .map(RequestId::detached)
    })
    .flatten()
}

/// Tags the current span. The tag replaces custom tags, standard tags and earlier calls with the same
/// name. Pass a number as text: `n.to_string()`.
///
/// A tag is not written if its value is empty, or its name is empty or blank. A value over 1,024 bytes
/// (see [`TracerBuilder::max_tag_length`](crate::TracerBuilder::max_tag_length)) is cut.
pub fn tag(name: impl AsRef<str>, value: impl AsRef<str>) {
    let (name, value) = (name.as_ref(), value.as_ref());
    with_current(|open| open.tag(name, value));
}

/// Adds an event to the current span, at the present time. A text that is empty or blank is not
/// written.
pub fn annotate(text: impl AsRef<str>) {
    let text = text.as_ref();
    with_current(|open| open.annotate(text));
}

/// Renames the current span. The layer then does not name it.
pub fn rename(name: impl AsRef<str>) {
    let name = name.as_ref();
    with_current(|open| open.rename(name));
}

/// Sets the route that the current request took: `/items/{id}`. The SERVER span is then named
/// `{METHOD} {route}`. With the feature `axum` this is done for you.
///
/// It may be called inside of local spans and spans of the `tracing` crate, and in tasks with
/// [`in_current_context`], until the response is complete. The last call counts.
pub fn route(template: impl AsRef<str>) {
    let template = template.as_ref();
    with_current(|open| open.set_route(template));
}

/// Names the service on the other side of the current span: the replica that answers, if it is known
/// only after the span was started. See [`Span::remote_service`].
pub fn remote_service(name: impl AsRef<str>) {
    let name = name.as_ref();
    with_current(|open| open.set_remote_service(name));
}

/// Sets the address of the service on the other side of the current span.
pub fn remote_address(address: SocketAddr) {
    with_current(|open| open.set_remote_address(address));
}

/// Marks the current span as failed: the tag `error` is `true`, and `error.reason` is the text.
pub fn error(reason: impl AsRef<str>) {
    let reason = reason.as_ref();
    with_current(|open| open.error(reason));
}

/// Returns a handle on the current span, to tag it from another task or thread. `None` if no span is
/// current, or the current span is not recorded.
pub fn handle() -> Option<SpanHandle> {
    with_current(OpenSpan::handle).flatten()
}

/// Starts a local span as a child of the current span.
///
/// Holding it does not make it current: use [`Span::in_scope`] or [`Span::instrument`].
///
/// If no span is current, the new span does nothing: a trace is never started by accident. To
/// start one on purpose, use [`Tracer::span`](crate::Tracer::span).
pub fn span(name: impl AsRef<str>) -> Span {
    Span::below_current(name.as_ref(), None).unwrap_or_else(Span::none)
}

/// Carries the current context into a task that is about to be spawned:
/// `tokio::spawn(in_current_context(task))`.
pub fn in_current_context<F>(future: F) -> InContext<F> {
    RequestContext::current()
        .unwrap_or_default()
        .instrument(future)
}
