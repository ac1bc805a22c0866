//! The thread's slot: the span that is current on this thread, and empty spans for reuse.
//!
//! The layers, futures and bodies of this crate put their span into the slot for as long as they run
//! user code, and take it back afterwards. The functions for users are in [`scope`](crate::scope).

use super::OpenSpan;
#[cfg(feature = "tracing-layer")]
use super::guards::Guards;
use std::{
    cell::{Cell, RefCell},
    thread,
};

/// How many empty spans a thread keeps for reuse. With more requests in flight it allocates.
const MAX_SPARE: usize = 512;

pub(super) struct Slot {
    pub(super) current: Cell<Option<Box<OpenSpan>>>,
    // The boxes are what is reused: a span moves between threads and owners as a pointer.
    #[allow(clippy::vec_box)]
    spare: RefCell<Vec<Box<OpenSpan>>>,
    /// The spans that are entered with guards. They do not go through `current`.
    #[cfg(feature = "tracing-layer")]
    pub(super) guards: Guards,
}

impl Slot {
    fn swap(&self, place: &mut Option<Box<OpenSpan>>) {
        let open = place.take();
        *place = self.current.replace(open);
    }
}

thread_local! {
    pub(super) static SLOT: Slot = const {
        Slot {
            current: Cell::new(None),
            spare: RefCell::new(Vec::new()),
            #[cfg(feature = "tracing-layer")]
            guards: Guards::new(),
        }
    };
}

/// Makes the span in `place` current until the guard is dropped, which puts it back into `place`.
///
/// If `place` is empty, the current span stays current. Guards live on the stack of one call or
/// poll, so they are dropped in reverse order, even if the code in between panics.
#[inline]
pub(crate) fn enter(place: &mut Option<Box<OpenSpan>>) -> Entered<'_> {
    let mut entered = false;
    if let Some(open) = place.as_ref().filter(|open| !open.keeps_outer_span) {
        open.enter_log_span();
        // On a thread that is ending, the slot is already gone, and the span stays in `place`.
        entered = SLOT.try_with(|slot| slot.swap(place)).is_ok();
    }
    Entered {
        place,
        entered,
        was_panicking: thread::panicking(),
    }
}

/// Keeps a span current. From [`enter`].
pub(crate) struct Entered<'a> {
    /// While the span is current, this holds the one that was current before.
    place: &'a mut Option<Box<OpenSpan>>,
    entered: bool,
    was_panicking: bool,
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.entered {
            let _ = SLOT.try_with(|slot| slot.swap(self.place));
        }
        if let Some(open) = self.place {
            open.exit_log_span();
            // Noted here, not when the span ends: by then, an outer layer may have caught the panic.
            open.panicked |= !self.was_panicking && thread::panicking();
        }
    }
}

/// Calls `look` with the current span, if there is one. During the call nothing is current, so user
/// code that runs in it cannot get at the same span again.
pub(crate) fn with_current<R>(look: impl FnOnce(&mut OpenSpan) -> R) -> Option<R> {
    SLOT.try_with(|slot| {
        #[cfg(feature = "tracing-layer")]
        if slot.guards.are_entered() {
            return slot.with_innermost(look);
        }
        Borrowed::of(slot).open().map(look)
    })
    .ok()
    .flatten()
}

/// The span of the innermost scope, taken out of the slot. The drop puts it back, even if user code (a
/// sampler) panics.
pub(super) struct Borrowed<'a> {
    slot: &'a Slot,
    open: Option<Box<OpenSpan>>,
}

impl<'a> Borrowed<'a> {
    pub(super) fn of(slot: &'a Slot) -> Borrowed<'a> {
        Borrowed {
            slot,
            open: slot.current.take(),
        }
    }

    pub(super) fn open(&mut self) -> Option<&mut OpenSpan> {
        self.open.as_deref_mut()
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.slot.current.set(self.open.take());
    }
}

/// An empty span, reused if the thread has one.
pub(crate) fn blank() -> Box<OpenSpan> {
    SLOT.try_with(|slot| slot.spare.borrow_mut().pop())
        .ok()
        .flatten()
        .unwrap_or_default()
}

/// Keeps an empty span for reuse.
pub(super) fn recycle(open: Box<OpenSpan>) {
    // A thread that is ending keeps nothing.
    let _ = SLOT.try_with(|slot| {
        let mut spare = slot.spare.borrow_mut();
        if spare.len() < MAX_SPARE {
            spare.push(open);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Sampling, TraceContext};

    fn open() -> Option<Box<OpenSpan>> {
        let mut open = blank();
        open.inherited.context = Some(TraceContext::root(Sampling::Deny));
        Some(open)
    }

    fn current() -> Option<TraceContext> {
        with_current(|open| open.context()).flatten()
    }

    #[test]
    fn nested_scopes_restore_the_outer_span() {
        let (mut outer, mut inner) = (open(), open());
        let context = |open: &Option<Box<OpenSpan>>| open.as_ref().and_then(|open| open.context());
        let (outer_context, inner_context) = (context(&outer), context(&inner));
        assert_eq!(current(), None);
        {
            let _outer = enter(&mut outer);
            assert_eq!(current(), outer_context);
            {
                let _inner = enter(&mut inner);
                assert_eq!(current(), inner_context);
                let mut nothing = None;
                let _none = enter(&mut nothing);
                assert_eq!(current(), inner_context);
            }
            assert_eq!(current(), outer_context);
        }
        assert_eq!(current(), None);
        assert_eq!(context(&outer), outer_context);
        assert_eq!(context(&inner), inner_context);
    }

    #[test]
    fn a_panic_restores_the_outer_span_and_is_noted() {
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
    fn the_number_of_spare_spans_is_bounded() {
        for _ in 0..3 * MAX_SPARE {
            recycle(Box::default());
        }
        SLOT.with(|slot| assert_eq!(slot.spare.borrow().len(), MAX_SPARE));
    }
}
