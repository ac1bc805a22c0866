//! The traces that are known, by id and by age: those with held spans, and those that only have a
//! decision. A trace is in one of the two lists, which are linked through the entries.

use super::buffer::Buffer;
use crate::id::{SpanId, TraceId};
use std::{collections::HashMap, time::Instant};

/// Buffers that wait to be used again.
const MAX_SPARE: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// Spans are held.
    Held,
    /// There is only a decision.
    Decided,
}

#[derive(Default)]
pub(super) struct Entry {
    pub(super) trace: Option<TraceId>,
    /// When its first span was held, or when it was decided.
    pub(super) since: Option<Instant>,
    /// Whether all further spans are passed on.
    pub(super) kept: bool,
    pub(super) buffer: Option<Buffer>,
    /// The spans that were dropped, so that those below them are too.
    pub(super) dropped: Vec<SpanId>,
    list: Option<List>,
    previous: Option<usize>,
    next: Option<usize>,
}

#[derive(Default)]
pub(super) struct Entries {
    by_trace: HashMap<TraceId, usize>,
    entries: Vec<Entry>,
    free: Vec<usize>,
    spare: Vec<Buffer>,
    /// The oldest and the newest of each list.
    ends: [(Option<usize>, Option<usize>); 2],
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.by_trace.len()
    }

    pub(super) fn find(&self, trace: TraceId) -> Option<usize> {
        self.by_trace.get(&trace).copied()
    }

    pub(super) fn get(&mut self, at: usize) -> &mut Entry {
        &mut self.entries[at]
    }

    pub(super) fn find_or_add(&mut self, trace: TraceId) -> usize {
        if let Some(at) = self.find(trace) {
            return at;
        }
        let at = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry::default());
            self.entries.len() - 1
        });
        self.entries[at].trace = Some(trace);
        self.by_trace.insert(trace, at);
        at
    }

    /// Forgets a trace, and keeps the memory. Returns its buffer.
    pub(super) fn remove(&mut self, at: usize) -> Option<Buffer> {
        self.unlink(at);
        let entry = &mut self.entries[at];
        entry.kept = false;
        entry.since = None;
        entry.dropped.clear();
        let buffer = entry.buffer.take();
        if let Some(trace) = entry.trace.take() {
            self.by_trace.remove(&trace);
        }
        self.free.push(at);
        buffer
    }

    /// The oldest trace of a list.
    pub(super) fn oldest(&self, list: List) -> Option<usize> {
        self.ends[list as usize].0
    }

    pub(super) fn list(&self, at: usize) -> Option<List> {
        self.entries[at].list
    }

    /// Makes a trace the newest of a list.
    pub(super) fn move_to(&mut self, at: usize, list: List, now: Instant) {
        self.unlink(at);
        let newest = self.ends[list as usize].1.replace(at);
        match newest {
            Some(newest) => self.entries[newest].next = Some(at),
            None => self.ends[list as usize].0 = Some(at),
        }
        let entry = &mut self.entries[at];
        entry.list = Some(list);
        entry.previous = newest;
        entry.since = Some(now);
    }

    fn unlink(&mut self, at: usize) {
        let entry = &mut self.entries[at];
        let (previous, next) = (entry.previous.take(), entry.next.take());
        let Some(list) = entry.list.take() else {
            return;
        };
        match previous {
            Some(previous) => self.entries[previous].next = next,
            None => self.ends[list as usize].0 = next,
        }
        match next {
            Some(next) => self.entries[next].previous = previous,
            None => self.ends[list as usize].1 = previous,
        }
    }

    pub(super) fn blank_buffer(&mut self) -> Buffer {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes back a buffer that is empty.
    pub(super) fn recycle(&mut self, buffer: Buffer) {
        if self.spare.len() < MAX_SPARE {
            self.spare.push(buffer);
        }
    }
}
