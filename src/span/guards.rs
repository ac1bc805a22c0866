//! Spans that are entered with guards, which may exit in any order.
//!
//! A closure or a future is left before what is around it, so its span can wait in the thread's slot.
//! A guard cannot be trusted with that: it may be dropped after a guard that was taken later, or be
//! held by a future between two polls. So spans entered with guards are in a list of their own beside
//! the slot. Each entry names the scope that was innermost when it was added, and counts only while
//! that scope is innermost again. What a future leaves entered at the end of a poll is therefore not
//! current in the next task that the thread polls, but is again when the future is polled there.

use super::{
    OpenSpan, OutgoingRequests, SharedSpan, Span,
    slot::{self, Borrowed, SLOT, Slot},
};
use crate::shard;
use std::{
    cell::{Cell, RefCell},
    mem,
    sync::Arc,
    thread,
};

/// How many shared spans a thread keeps for reuse.
const MAX_SPARE: usize = 512;

/// How many entries a thread has at most. Only guards that are never dropped add up to so many; the
/// oldest are forgotten.
const MAX_ENTRIES: usize = 16 * 1024;

/// The number of entries at which those of ended spans are first removed.
const FIRST_SWEEP: usize = 64;

/// The number of no scope.
const NO_SCOPE: u64 = 0;

/// What a scope of a closure or a future remembers of the guards in it. A box in the slot stands for
/// one.
#[derive(Default)]
pub(super) struct ScopeOfGuards {
    /// Not used twice; 0 until there is a guard.
    number: u64,
    /// A copy of the scope's context, for the spans in it that are not recorded. They share it.
    carried: Option<Arc<SharedSpan>>,
}

impl ScopeOfGuards {
    fn number(&mut self, guards: &Guards) -> u64 {
        if self.number == NO_SCOPE {
            self.number = guards.next_scope_number();
        }
        self.number
    }

    /// Most scopes have no guards, and nothing to clear.
    #[inline]
    pub(super) fn clear(&mut self) {
        if self.number != NO_SCOPE {
            self.clear_used();
        }
    }

    #[cold]
    fn clear_used(&mut self) {
        self.number = NO_SCOPE;
        if let Some(carried) = self.carried.take() {
            carried.release();
        }
    }
}

/// Which guard an entry is of: of which layer, and of which of its spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GuardKey {
    pub(crate) layer: usize,
    pub(crate) span: u64,
}

struct Entry {
    key: GuardKey,
    scope: u64,
    was_panicking: bool,
    span: Arc<SharedSpan>,
}

/// A thread's list of the spans that are entered with guards.
pub(super) struct Guards {
    entries: RefCell<Vec<Entry>>,
    /// The length of `entries`.
    count: Cell<usize>,
    /// The length at which entries of ended spans are removed.
    sweep_at: Cell<usize>,
    /// Somebody looks at the current span. Meanwhile nothing is current.
    looking: Cell<bool>,
    /// No spans are made on this thread.
    muted: Cell<bool>,
    scopes: Cell<u64>,
    spare: RefCell<Vec<Arc<SharedSpan>>>,
}

impl Guards {
    pub(super) const fn new() -> Guards {
        Guards {
            entries: RefCell::new(Vec::new()),
            count: Cell::new(0),
            sweep_at: Cell::new(FIRST_SWEEP),
            looking: Cell::new(false),
            muted: Cell::new(false),
            scopes: Cell::new(0),
            spare: RefCell::new(Vec::new()),
        }
    }

    #[inline]
    pub(super) fn are_entered(&self) -> bool {
        self.count.get() > 0
    }

    /// The thread's number is in it: a scope moves between threads.
    fn next_scope_number(&self) -> u64 {
        let own = self.scopes.get() + 1;
        self.scopes.set(own);
        (shard::thread_number() as u64 + 1) << 40 | own
    }

    /// The span that was entered last in this scope, and neither exited nor ended.
    fn innermost_in(&self, scope: u64) -> Option<Arc<SharedSpan>> {
        if !self.are_entered() || self.looking.get() {
            return None;
        }
        let entries = self.entries.borrow();
        let counts = |entry: &&Entry| entry.scope == scope && !entry.span.has_ended();
        let innermost = entries.iter().rev().find(counts)?;
        Some(Arc::clone(&innermost.span))
    }

    fn push(&self, entry: Entry) {
        let mut removed: Vec<Entry> = Vec::new();
        {
            let mut entries = self.entries.borrow_mut();
            if entries.len() >= self.sweep_at.get() {
                let is_open = |entry: &Entry| !entry.span.has_ended();
                let (open, ended) = mem::take(&mut *entries).into_iter().partition(is_open);
                (*entries, removed) = (open, ended);
                if entries.len() >= MAX_ENTRIES {
                    removed.extend(entries.drain(..MAX_ENTRIES / 2));
                }
                let next = (2 * entries.len()).clamp(FIRST_SWEEP, MAX_ENTRIES);
                self.sweep_at.set(next);
            }
            entries.push(entry);
            self.count.set(entries.len());
        }
        // Outside of the borrow: the last reference finishes a span, and a reporter is user code.
        drop(removed);
    }

    fn remove(&self, key: GuardKey, scope: u64) -> Option<Entry> {
        let mut entries = self.entries.borrow_mut();
        let in_scope = |entry: &Entry| entry.key == key && entry.scope == scope;
        let at = entries.iter().rposition(in_scope);
        let at = at.or_else(|| entries.iter().rposition(|entry| entry.key == key))?;
        let entry = entries.remove(at);
        self.count.set(entries.len());
        Some(entry)
    }
}

/// Nothing is current until this is dropped.
struct Looking<'a> {
    guards: &'a Guards,
    before: bool,
}

impl<'a> Looking<'a> {
    fn with(guards: &'a Guards) -> Looking<'a> {
        Looking {
            guards,
            before: guards.looking.replace(true),
        }
    }
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.guards.looking.set(self.before);
    }
}

impl Slot {
    /// The number of the innermost scope.
    fn scope_number(&self) -> u64 {
        let mut scope = Borrowed::of(self);
        let open = scope.open();
        open.map_or(NO_SCOPE, |open| open.scope.number(&self.guards))
    }

    /// As [`with_current`](slot::with_current), where spans are entered with guards.
    #[cold]
    pub(super) fn with_innermost<R>(&self, look: impl FnOnce(&mut OpenSpan) -> R) -> Option<R> {
        let mut scope = Borrowed::of(self);
        let open = scope.open();
        let number = open.as_ref().map_or(NO_SCOPE, |open| open.scope.number);
        // A scope without a number has no guards.
        let innermost = match open.is_some() && number == NO_SCOPE {
            true => None,
            false => self.guards.innermost_in(number),
        };
        let _looking = Looking::with(&self.guards);
        match innermost {
            Some(span) => span.with(look),
            None => open.map(look),
        }
    }
}

/// Where a new span belongs.
pub(crate) enum Placed {
    /// In no trace.
    Nowhere,
    /// In no trace, and what is outside of it is not current inside.
    Detached,
    /// It is not recorded, and has the context of the span above it.
    Carried(Arc<SharedSpan>),
    /// It is recorded, and to be [shared](share).
    Recorded(Box<OpenSpan>),
}

/// Makes a span of this name below the current one; if it is not to be recorded, only its place.
pub(crate) fn below_current(name: &str, recorded: bool) -> Placed {
    let placed = SLOT.try_with(|slot| {
        if slot.guards.looking.get() {
            return Placed::Nowhere;
        }
        let mut scope = Borrowed::of(slot);
        let Some(open) = scope.open() else {
            return match slot.guards.innermost_in(NO_SCOPE) {
                Some(parent) => below(&parent, name, recorded),
                None => Placed::Nowhere,
            };
        };
        let number = open.scope.number(&slot.guards);
        if let Some(parent) = slot.guards.innermost_in(number) {
            return below(&parent, name, recorded);
        }
        match recorded && open.records_children() {
            true => record_below(open, name),
            false => Placed::Carried(open.carried(number)),
        }
    });
    placed.unwrap_or(Placed::Nowhere)
}

/// The same below another span that guards enter.
pub(crate) fn below(parent: &Arc<SharedSpan>, name: &str, recorded: bool) -> Placed {
    if parent.is_detached() {
        return Placed::Detached;
    }
    let placed = parent.with(|open| match recorded && open.records_children() {
        true => record_below(open, name),
        false => Placed::Carried(Arc::clone(parent)),
    });
    // It has ended, and nothing else may take its place.
    placed.unwrap_or(Placed::Detached)
}

fn record_below(parent: &OpenSpan, name: &str) -> Placed {
    let child = Span::below(parent, name, None).into_open();
    child.map_or(Placed::Nowhere, Placed::Recorded)
}

/// Makes a span one that guards enter.
pub(crate) fn share(open: Box<OpenSpan>) -> Arc<SharedSpan> {
    SharedSpan::new(open, current_scope())
}

fn current_scope() -> u64 {
    SLOT.try_with(Slot::scope_number).unwrap_or(NO_SCOPE)
}

/// Makes the span current, until [`exit`] is called with this key or the scope is left.
pub(crate) fn enter(key: GuardKey, span: Arc<SharedSpan>) {
    let _ = SLOT.try_with(|slot| {
        let scope = slot.scope_number();
        span.note_entered_in(scope);
        slot.guards.push(Entry {
            key,
            scope,
            was_panicking: thread::panicking(),
            span,
        });
    });
}

/// Takes back the last [`enter`] of this key in this scope or, if there was none, on this thread.
pub(crate) fn exit(key: GuardKey) {
    let _ = SLOT.try_with(|slot| {
        if !slot.guards.are_entered() {
            return;
        }
        let Some(entry) = slot.guards.remove(key, slot.scope_number()) else {
            return;
        };
        if !entry.was_panicking && thread::panicking() {
            entry.span.with(|open| open.error("panic"));
        }
        entry.span.release();
    });
}

/// Whether this thread looks at a span, so that it may hold the lock of one.
pub(super) fn is_looking() -> bool {
    SLOT.try_with(|slot| slot.guards.looking.get())
        .unwrap_or(true)
}

/// From now on, spans of the `tracing` crate on this thread are in no trace.
#[cfg(feature = "batch")]
pub(crate) fn mute_thread() {
    let _ = SLOT.try_with(|slot| slot.guards.muted.set(true));
}

pub(crate) fn is_muted() -> bool {
    SLOT.try_with(|slot| slot.guards.muted.get())
        .unwrap_or(true)
}

/// An empty shared span, used before if there is one.
pub(super) fn blank_shared() -> Arc<SharedSpan> {
    let spare = SLOT.try_with(|slot| slot.guards.spare.borrow_mut().pop());
    spare.ok().flatten().unwrap_or_default()
}

/// Keeps an empty shared span for reuse.
pub(super) fn recycle_shared(span: Arc<SharedSpan>) {
    let _ = SLOT.try_with(|slot| {
        let mut spare = slot.guards.spare.borrow_mut();
        if spare.len() < MAX_SPARE {
            spare.push(span);
        }
    });
}

impl OpenSpan {
    /// Whether local spans below this one are recorded.
    fn records_children(&self) -> bool {
        let inherited = &self.inherited;
        let sampled = inherited
            .context
            .is_some_and(|context| context.sampling().is_sampled());
        sampled
            && !inherited.suppressed
            && inherited.sink.is_some()
            && inherited.outgoing_requests != OutgoingRequests::KeepContext
    }

    /// A copy of the context of this scope, which its spans share that are not recorded.
    fn carried(&mut self, scope: u64) -> Arc<SharedSpan> {
        if let Some(carried) = &self.scope.carried {
            return Arc::clone(carried);
        }
        let mut copy = slot::blank();
        copy.inherited.context = self.inherited.context;
        copy.inherited.outgoing_requests = self.inherited.outgoing_requests;
        copy.inherited.inherit(&self.inherited);
        copy.inherited.route.clone_from(&self.inherited.route);
        copy.inherited.sink.clone_from(&self.inherited.sink);
        copy.served_request = self.served_request;
        let carried = SharedSpan::new(copy, scope);
        self.scope.carried = Some(Arc::clone(&carried));
        carried
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Sampling, TraceContext};

    fn span() -> Arc<SharedSpan> {
        let mut open = slot::blank();
        open.inherited.context = Some(TraceContext::root(Sampling::Deny));
        share(open)
    }

    fn key(span: usize) -> GuardKey {
        GuardKey {
            layer: 1,
            span: span as u64,
        }
    }

    fn entries() -> usize {
        SLOT.with(|slot| slot.guards.count.get())
    }

    #[test]
    fn entries_are_bounded() {
        let first = span();
        for guard in 0..3 * MAX_ENTRIES {
            enter(key(guard), Arc::clone(&first));
            assert!(entries() <= MAX_ENTRIES);
        }
        let last = span();
        enter(key(0), Arc::clone(&last));
        let context = |span: &SharedSpan| span.with(|open| open.context()).flatten();
        assert_eq!(
            slot::with_current(|open| open.context()),
            Some(context(&last))
        );
    }

    #[test]
    fn entries_of_ended_spans_are_removed() {
        for guard in 0..10 * FIRST_SWEEP {
            let span = span();
            enter(key(guard), Arc::clone(&span));
            span.end();
            assert!(entries() <= FIRST_SWEEP);
        }
        assert_eq!(slot::with_current(|_| ()), None);
    }

    #[test]
    fn user_code_that_runs_while_a_span_is_looked_at_does_not_wait_for_it() {
        let outer = span();
        enter(key(1), Arc::clone(&outer));
        let looked = slot::with_current(|_| {
            assert!(slot::with_current(|_| ()).is_none());
            assert!(outer.with(|_| ()).is_none());
            assert!(matches!(below(&outer, "below", true), Placed::Detached));
            outer.end();
        });
        assert_eq!(looked, Some(()));
        // It ended when nobody looked any more.
        assert!(outer.has_ended());
        assert_eq!(slot::with_current(|_| ()), None);
        exit(key(1));
        assert_eq!(entries(), 0);
    }
}
