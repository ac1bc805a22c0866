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
//! // A local child span around one's own work; calls made inside are its children.
//! let cart = tower_b3::span("load cart").instrument(async { 3 }).await;
//! let total = tower_b3::span("add up").in_scope(|| cart * 2);
//! # }).await;
//! # assert_eq!(spans.take().len(), 3);
//! # Ok(()) }
//! ```
//!
//! A task that is spawned does not see the span of the task that spawns it. Carry it over with
//! [`in_current_context`], which brings the ids, the request id and the forwarded headers, so
//! that calls and spans in there join the trace. The span itself stays with the request: to tag
//! it from elsewhere, take a [`SpanHandle`] along, see [`handle`].

use crate::{
    context::TraceContext,
    id::RequestId,
    record::SpanSink,
    span::{Context, InContext, OpenSpan, Span, SpanHandle},
};
use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

/// How many boxes a thread keeps for reuse. With more requests in flight it allocates.
const MAX_SPARE: usize = 512;

struct Slot {
    current: Cell<Option<Box<OpenSpan>>>,
    // The boxes themselves are what is kept.
    #[allow(clippy::vec_box)]
    spare: RefCell<Vec<Box<OpenSpan>>>,
}

impl Slot {
    fn swap(&self, place: &mut Option<Box<OpenSpan>>) {
        let open = place.take();
        *place = self.current.replace(open);
    }
}

thread_local! {
    static SLOT: Slot = const {
        Slot { current: Cell::new(None), spare: RefCell::new(Vec::new()) }
    };
}

/// Makes the span in `place` current until the guard is dropped, which puts it back.
///
/// Nothing happens where there is none. Guards live on the stack of one call or poll, so they are
/// dropped in the opposite order; a panic in between drops them too.
#[inline]
pub(crate) fn enter(place: &mut Option<Box<OpenSpan>>) -> Entered<'_> {
    let mut entered = false;
    if let Some(open) = place {
        open.log_enter();
        // Where the thread is ending and its slot has gone, the span stays where it is.
        entered = SLOT.try_with(|slot| slot.swap(place)).is_ok();
    }
    Entered {
        place,
        entered,
        panicking: std::thread::panicking(),
    }
}

pub(crate) struct Entered<'a> {
    /// Holds what was current before, while the span is.
    place: &'a mut Option<Box<OpenSpan>>,
    entered: bool,
    panicking: bool,
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.entered {
            let _ = SLOT.try_with(|slot| slot.swap(self.place));
        }
        if let Some(open) = self.place {
            open.log_exit();
            // Noted here, since by the time the span is dropped a layer that catches panics may
            // have caught it.
            open.panicked |= !self.panicking && std::thread::panicking();
        }
    }
}

/// Looks at the current span. While it does, nothing is current.
pub(crate) fn with<R>(look: impl FnOnce(&mut OpenSpan) -> R) -> Option<R> {
    /// Puts the span back, even if a sampler of the user's panics.
    struct Borrowed<'a>(&'a Slot, Option<Box<OpenSpan>>);
    impl Drop for Borrowed<'_> {
        fn drop(&mut self) {
            self.0.current.set(self.1.take());
        }
    }
    SLOT.try_with(|slot| {
        let mut borrowed = Borrowed(slot, slot.current.take());
        borrowed.1.as_deref_mut().map(look)
    })
    .ok()
    .flatten()
}

/// An empty box, used before if there is one.
pub(crate) fn blank() -> Box<OpenSpan> {
    SLOT.try_with(|slot| slot.spare.borrow_mut().pop())
        .ok()
        .flatten()
        .unwrap_or_default()
}

/// Takes back an emptied box.
pub(crate) fn recycle(open: Box<OpenSpan>) {
    // A thread that is ending keeps nothing.
    let _ = SLOT.try_with(|slot| {
        let mut spare = slot.spare.borrow_mut();
        if spare.len() < MAX_SPARE {
            spare.push(open);
        }
    });
}

/// The context of the current span: its ids and its sampling state.
pub fn current() -> Option<TraceContext> {
    with(|open| open.context()).flatten()
}

/// The `x-request-id` of the request being served.
pub fn request_id() -> Option<RequestId> {
    // A copy: it may be kept for longer than the buffer that the request was read into.
    with(|open| {
        open.inherited
            .forwarded
            .request_id()
            .map(RequestId::detached)
    })
    .flatten()
}

/// Tags the current span. Over one name this wins over custom and standard tags, and the last
/// call over earlier ones. A number is tagged as text: `n.to_string()`. A tag whose name is empty
/// or white space alone, or whose value is empty, is not written; a value over 1,024 bytes (see
/// [`TracerBuilder::max_tag_length`](crate::TracerBuilder::max_tag_length)) is cut.
pub fn tag(name: impl AsRef<str>, value: impl AsRef<str>) {
    let (name, value) = (name.as_ref(), value.as_ref());
    with(|open| open.tag(name, value));
}

/// Adds an event to the current span, at the present time. A text that is empty or white space
/// alone is not written.
pub fn annotate(text: impl AsRef<str>) {
    let text = text.as_ref();
    with(|open| open.annotate(text));
}

/// Names the current span, in place of what the layer would call it.
pub fn rename(name: impl AsRef<str>) {
    let name = name.as_ref();
    with(|open| open.rename(name));
}

/// Says which route the current request took: `/items/{id}`. The SERVER span is then named
/// `{METHOD} {route}`. With the feature `axum` this is done for you.
pub fn route(template: impl AsRef<str>) {
    let template = template.as_ref();
    with(|open| open.set_route(template));
}

/// Marks the current span as failed: the tag `error` is `true`, `error.reason` the text.
pub fn error(reason: impl AsRef<str>) {
    let reason = reason.as_ref();
    with(|open| open.error(reason));
}

/// A handle on the current span, to tag it from another task or thread. `None` where nothing is
/// current or the current span is not recorded.
pub fn handle() -> Option<SpanHandle> {
    with(OpenSpan::handle).flatten()
}

/// Starts a local span below the current one.
///
/// Holding it does not make it current: use [`Span::in_scope`] or [`Span::instrument`].
///
/// Where nothing is current the span does nothing: a trace is never started by accident. To
/// start one on purpose, use [`Tracer::span`](crate::Tracer::span).
pub fn span(name: impl AsRef<str>) -> Span {
    below(name.as_ref(), None).unwrap_or_else(Span::none)
}

/// A local span below the current one, which goes to `sink` or else where that goes; `None` where
/// nothing is current.
pub(crate) fn below(name: &str, sink: Option<&Arc<SpanSink>>) -> Option<Span> {
    #[cfg(feature = "log-ids")]
    {
        let (mut span, logged) = with(|open| (Span::below(open, name, sink), open.is_logged()))?;
        // A subscriber is the user's code: it runs where something is current.
        if logged {
            span.log();
        }
        Some(span)
    }
    #[cfg(not(feature = "log-ids"))]
    with(|open| Span::below(open, name, sink))
}

/// Carries the current context into a task that is to be spawned:
/// `tokio::spawn(in_current_context(task))`.
pub fn in_current_context<F>(future: F) -> InContext<F> {
    Context::current().unwrap_or_default().instrument(future)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Sampling;

    fn open() -> Option<Box<OpenSpan>> {
        let mut open = blank();
        open.inherited.context = Some(TraceContext::root(Sampling::Deny));
        Some(open)
    }

    #[test]
    fn scopes_nest_and_give_back() {
        let (mut outer, mut inner) = (open(), open());
        let context = |open: &Option<Box<OpenSpan>>| open.as_ref().and_then(|open| open.context());
        let (of_outer, of_inner) = (context(&outer), context(&inner));
        assert_eq!(current(), None);
        {
            let _outer = enter(&mut outer);
            assert_eq!(current(), of_outer);
            {
                let _inner = enter(&mut inner);
                assert_eq!(current(), of_inner);
                let mut nothing = None;
                let _none = enter(&mut nothing);
                assert_eq!(current(), of_inner);
            }
            assert_eq!(current(), of_outer);
        }
        assert_eq!(current(), None);
        assert_eq!(context(&outer), of_outer);
        assert_eq!(context(&inner), of_inner);
    }

    #[test]
    fn a_panic_gives_back_too_and_is_noted() {
        let mut place = open();
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _entered = enter(&mut place);
            panic!("expected");
        }));
        assert!(caught.is_err());
        assert_eq!(current(), None);
        assert!(place.unwrap().panicked);
    }

    #[test]
    fn spare_boxes_are_bounded() {
        for _ in 0..3 * MAX_SPARE {
            recycle(Box::default());
        }
        SLOT.with(|slot| assert_eq!(slot.spare.borrow().len(), MAX_SPARE));
    }
}
