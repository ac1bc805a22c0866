//! The traces of one shard: which spans are held, passed on or dropped. It calls nobody, so it can be
//! locked.

use super::{
    buffer::Buffer,
    entries::{Entries, List},
    stats::TailStats,
};
use crate::{id::SpanId, record::SpanRecord};
use std::time::{Duration, Instant};

/// The most dropped spans that are remembered of one trace.
const MAX_DROPPED: usize = 256;

#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) spans: usize,
    pub(super) bytes: usize,
    pub(super) traces: usize,
    /// How long spans are held.
    pub(super) hold: Duration,
    /// Whether a trace that was held for that long is kept, or dropped.
    pub(super) keep_if_held_too_long: bool,
    /// How long a decision is remembered.
    pub(super) remember: Duration,
}

/// What is known of a span itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Its trace is kept.
    Wanted,
    /// It does not decide.
    Neutral,
    /// It is a local root that a sampler may pick.
    Undecided,
    /// It is a local root that nobody picks.
    Unwanted,
}

/// What is to be done with a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// It is passed on, after the spans that were released.
    Pass,
    /// It was copied or dropped.
    Nothing,
    /// The sampler is to be asked first; nothing has changed.
    AskSampler,
}

/// Spans to be passed on, by trace.
#[derive(Default)]
pub(super) struct Released {
    pub(super) own: Option<Buffer>,
    /// Of traces that were held for too long.
    pub(super) others: Vec<Buffer>,
}

pub(super) struct Shard {
    limits: Limits,
    entries: Entries,
    spans: usize,
    bytes: usize,
    stats: TailStats,
}

impl Shard {
    pub(super) fn new(limits: Limits) -> Shard {
        Shard {
            limits,
            entries: Entries::default(),
            spans: 0,
            bytes: 0,
            stats: TailStats::default(),
        }
    }

    pub(super) fn stats(&self) -> TailStats {
        TailStats {
            held: self.spans as u64,
            ..self.stats
        }
    }

    /// Counts a span that is passed on without a look at its trace.
    pub(super) fn count_passed(&mut self) {
        self.stats.received += 1;
        self.stats.kept += 1;
    }

    pub(super) fn recycle(&mut self, buffer: Buffer) {
        self.entries.recycle(buffer);
    }

    pub(super) fn add(
        &mut self,
        span: &SpanRecord,
        verdict: Verdict,
        now: Instant,
        released: &mut Released,
    ) -> Action {
        self.expire(now, released);
        let known = self.entries.find(span.trace_id());
        let kept = known.is_some_and(|at| self.entries.get(at).kept);
        if verdict == Verdict::Undecided && !kept {
            return Action::AskSampler;
        }
        self.stats.received += 1;
        if kept || verdict == Verdict::Wanted {
            self.keep(span, kept, now, released);
            self.stats.kept += 1;
            return Action::Pass;
        }
        if verdict == Verdict::Unwanted {
            self.stats.unwanted += 1;
            self.stats.unwanted += self.drop_below(span, now);
        } else if self.is_late(span) {
            self.stats.late += 1;
            self.stats.late += self.drop_below(span, now);
        } else {
            self.hold(span, now);
        }
        self.evict();
        Action::Nothing
    }

    fn keep(&mut self, span: &SpanRecord, kept: bool, now: Instant, released: &mut Released) {
        if kept {
            return;
        }
        let at = self.entries.find_or_add(span.trace_id());
        let entry = self.entries.get(at);
        entry.kept = true;
        entry.dropped.clear();
        let buffer = entry.buffer.take();
        self.entries.move_to(at, List::Decided, now);
        released.own = buffer.inspect(|buffer| self.release(buffer));
        self.evict();
    }

    /// Counts held spans that are passed on.
    fn release(&mut self, buffer: &Buffer) {
        self.stats.kept += buffer.len() as u64;
        self.uncount(buffer);
    }

    fn uncount(&mut self, buffer: &Buffer) {
        self.spans -= buffer.len();
        self.bytes -= buffer.bytes();
    }

    /// Whether a span ended after the request that it belongs to was dropped.
    fn is_late(&mut self, span: &SpanRecord) -> bool {
        let (Some(parent), Some(at)) = (span.parent_id(), self.entries.find(span.trace_id()))
        else {
            return false;
        };
        self.entries.get(at).dropped.contains(&parent)
    }

    /// Drops the held spans below a span that is dropped. Returns their number.
    fn drop_below(&mut self, span: &SpanRecord, now: Instant) -> u64 {
        let at = self.entries.find_or_add(span.trace_id());
        let entry = self.entries.get(at);
        remember(&mut entry.dropped, span.id());
        let (mut spans, mut bytes) = (0, 0);
        let mut emptied = None;
        if let Some(buffer) = &mut entry.buffer {
            (spans, bytes) = (buffer.len(), buffer.bytes());
            buffer.remove_below(span.id(), &mut entry.dropped);
            entry.dropped.truncate(MAX_DROPPED);
            spans -= buffer.len();
            bytes -= buffer.bytes();
            if buffer.len() == 0 {
                emptied = entry.buffer.take();
            }
        }
        self.spans -= spans;
        self.bytes -= bytes;
        if let Some(buffer) = emptied {
            self.entries.recycle(buffer);
        }
        if self.entries.get(at).buffer.is_none() && self.entries.list(at) != Some(List::Decided) {
            self.entries.move_to(at, List::Decided, now);
        }
        spans as u64
    }

    fn hold(&mut self, span: &SpanRecord, now: Instant) {
        let at = self.entries.find_or_add(span.trace_id());
        if self.entries.get(at).buffer.is_none() {
            let buffer = self.entries.blank_buffer();
            self.entries.get(at).buffer = Some(buffer);
            self.entries.move_to(at, List::Held, now);
        }
        if let Some(buffer) = &mut self.entries.get(at).buffer {
            let before = buffer.bytes();
            buffer.push(span);
            self.bytes += buffer.bytes() - before;
            self.spans += 1;
        }
    }

    /// Decides on traces that were held for too long, and forgets old decisions.
    fn expire(&mut self, now: Instant, released: &mut Released) {
        while let Some(at) = self.older(List::Held, self.limits.hold, now) {
            if self.limits.keep_if_held_too_long {
                let entry = self.entries.get(at);
                entry.kept = true;
                entry.dropped.clear();
                let buffer = entry.buffer.take();
                self.entries.move_to(at, List::Decided, now);
                released
                    .others
                    .extend(buffer.inspect(|buffer| self.release(buffer)));
            } else {
                self.stats.expired += self.remove(at);
            }
        }
        while let Some(at) = self.older(List::Decided, self.limits.remember, now) {
            self.remove(at);
        }
    }

    /// The oldest trace of a list, if it is of this age.
    fn older(&mut self, list: List, age: Duration, now: Instant) -> Option<usize> {
        let at = self.entries.oldest(list)?;
        let since = self.entries.get(at).since?;
        (now.saturating_duration_since(since) >= age).then_some(at)
    }

    /// Drops the oldest held traces until the limits are met. Decisions are forgotten first.
    fn evict(&mut self) {
        while self.entries.len() > self.limits.traces {
            let oldest = self.entries.oldest(List::Decided);
            let Some(at) = oldest.or_else(|| self.entries.oldest(List::Held)) else {
                return;
            };
            self.stats.evicted += self.remove(at);
        }
        while self.spans > self.limits.spans || self.bytes > self.limits.bytes {
            let Some(at) = self.entries.oldest(List::Held) else {
                return;
            };
            self.stats.evicted += self.remove(at);
        }
    }

    /// Forgets a trace. Returns the number of its spans that are dropped with it.
    fn remove(&mut self, at: usize) -> u64 {
        let Some(mut buffer) = self.entries.remove(at) else {
            return 0;
        };
        let spans = buffer.len() as u64;
        self.uncount(&buffer);
        buffer.clear();
        self.entries.recycle(buffer);
        spans
    }
}

fn remember(dropped: &mut Vec<SpanId>, id: SpanId) {
    if dropped.len() < MAX_DROPPED {
        dropped.push(id);
    }
}

#[cfg(test)]
mod tests;
