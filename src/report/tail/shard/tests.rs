//! A shard against a slow model of it.

use super::*;
use crate::{
    context::{Sampling, TraceContext},
    id::TraceId,
    record::SpanLog,
};
use proptest::{collection::vec, prelude::*};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
struct Step {
    trace: u128,
    id: u64,
    parent: Option<u64>,
    verdict: Verdict,
    /// What the sampler answers, if it is asked.
    picked: bool,
    pause: u32,
}

fn span(step: &Step) -> SpanRecord {
    let trace = TraceId::new(step.trace).unwrap();
    let id = SpanId::new(step.id).unwrap();
    let parent = step.parent.and_then(SpanId::new);
    SpanRecord::builder(TraceContext::new(trace, id, parent, Sampling::Accept))
        .name("step")
        .build()
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let verdict = prop_oneof![
        2 => Just(Verdict::Wanted),
        10 => Just(Verdict::Neutral),
        2 => Just(Verdict::Undecided),
        3 => Just(Verdict::Unwanted),
    ];
    let parent = proptest::option::weighted(0.9, 1..9_u64);
    let step = (
        1..5_u128,
        1..9_u64,
        parent,
        verdict,
        any::<bool>(),
        0..4_u32,
    );
    let step = step.prop_map(|(trace, id, parent, verdict, picked, pause)| Step {
        trace,
        id,
        parent,
        verdict,
        picked,
        pause,
    });
    vec(step, 1..60)
}

fn limits() -> impl Strategy<Value = Limits> {
    let size = SpanLog::size_of(&span(&Step {
        trace: 1,
        id: 1,
        parent: None,
        verdict: Verdict::Neutral,
        picked: false,
        pause: 0,
    }));
    let numbers = (0..9_usize, 0..9_usize, 0..5_usize, 1..9_u32, 1..9_u32);
    (numbers, any::<bool>()).prop_map(
        move |((spans, of_bytes, traces, hold, remember), keep_if_held_too_long)| Limits {
            spans,
            bytes: of_bytes * size,
            traces,
            hold: hold * SECOND,
            keep_if_held_too_long,
            remember: remember * SECOND,
        },
    )
}

/// A trace of the model. The last one that has changed its list is at the end.
#[derive(Debug)]
struct Trace {
    id: u128,
    since: Instant,
    kept: bool,
    held: Vec<(u64, Option<u64>)>,
    dropped: Vec<u64>,
}

struct Model {
    limits: Limits,
    size: usize,
    traces: Vec<Trace>,
    stats: TailStats,
    passed: Vec<(u128, u64)>,
}

impl Model {
    fn add(&mut self, step: &Step, now: Instant) {
        self.expire(now);
        self.stats.received += 1;
        let kept = self
            .traces
            .iter()
            .any(|trace| trace.id == step.trace && trace.kept);
        let verdict = match step.verdict {
            Verdict::Undecided if step.picked => Verdict::Wanted,
            Verdict::Undecided => Verdict::Unwanted,
            verdict => verdict,
        };
        if kept || verdict == Verdict::Wanted {
            if !kept {
                let mut trace = self.take(step.trace, now);
                trace.since = now;
                self.keep(trace);
            }
            self.pass(step.trace, step.id);
        } else {
            let at = self.traces.iter().position(|trace| trace.id == step.trace);
            let dropped = at.map_or(&[][..], |at| &self.traces[at].dropped);
            let is_late = step.parent.is_some_and(|parent| dropped.contains(&parent));
            if verdict == Verdict::Unwanted {
                self.stats.unwanted += 1 + self.drop_below(step, now);
            } else if is_late {
                self.stats.late += 1 + self.drop_below(step, now);
            } else {
                self.hold(step, now);
            }
        }
        self.evict();
        self.stats.held = self.held() as u64;
    }

    fn held(&self) -> usize {
        self.traces.iter().map(|trace| trace.held.len()).sum()
    }

    fn pass(&mut self, trace: u128, id: u64) {
        self.stats.kept += 1;
        self.passed.push((trace, id));
    }

    fn take(&mut self, id: u128, now: Instant) -> Trace {
        match self.traces.iter().position(|trace| trace.id == id) {
            Some(at) => self.traces.remove(at),
            None => Trace {
                id,
                since: now,
                kept: false,
                held: Vec::new(),
                dropped: Vec::new(),
            },
        }
    }

    fn keep(&mut self, mut trace: Trace) {
        for (id, _) in std::mem::take(&mut trace.held) {
            self.pass(trace.id, id);
        }
        trace.kept = true;
        trace.dropped.clear();
        self.traces.push(trace);
    }

    fn drop_below(&mut self, step: &Step, now: Instant) -> u64 {
        let known = self.traces.iter().position(|trace| trace.id == step.trace);
        let at = known.unwrap_or_else(|| {
            let trace = self.take(step.trace, now);
            self.traces.push(trace);
            self.traces.len() - 1
        });
        let trace = &mut self.traces[at];
        let mut below = vec![step.id];
        loop {
            let found = trace.held.iter().find(|(id, parent)| {
                parent.is_some_and(|parent| below.contains(&parent)) && !below[1..].contains(id)
            });
            match found {
                Some((id, _)) => below.push(*id),
                None => break,
            }
        }
        let before = trace.held.len();
        trace.held.retain(|(id, _)| !below[1..].contains(id));
        let dropped = before - trace.held.len();
        trace.dropped.extend(below);
        if dropped > 0 && trace.held.is_empty() {
            let mut trace = self.traces.remove(at);
            trace.since = now;
            self.traces.push(trace);
        }
        dropped as u64
    }

    fn hold(&mut self, step: &Step, now: Instant) {
        let link = (step.id, step.parent);
        let known = self.traces.iter_mut().find(|trace| trace.id == step.trace);
        match known.filter(|trace| !trace.held.is_empty()) {
            Some(trace) => trace.held.push(link),
            None => {
                let mut trace = self.take(step.trace, now);
                trace.since = now;
                trace.held.push(link);
                self.traces.push(trace);
            }
        }
    }

    fn expire(&mut self, now: Instant) {
        let is_old = |trace: &Trace, age| now - trace.since >= age;
        while let Some(at) = self
            .traces
            .iter()
            .position(|trace| !trace.held.is_empty() && is_old(trace, self.limits.hold))
        {
            let mut trace = self.traces.remove(at);
            if self.limits.keep_if_held_too_long {
                trace.since = now;
                self.keep(trace);
            } else {
                self.stats.expired += trace.held.len() as u64;
            }
        }
        let remember = self.limits.remember;
        self.traces
            .retain(|trace| !trace.held.is_empty() || !is_old(trace, remember));
    }

    fn evict(&mut self) {
        while self.traces.len() > self.limits.traces {
            let decided = self.traces.iter().position(|trace| trace.held.is_empty());
            let oldest = self.traces.remove(decided.unwrap_or(0));
            self.stats.evicted += oldest.held.len() as u64;
        }
        while self.held() > self.limits.spans || self.held() * self.size > self.limits.bytes {
            let oldest = self.traces.iter().position(|trace| !trace.held.is_empty());
            let oldest = self.traces.remove(oldest.expect("a trace with spans"));
            self.stats.evicted += oldest.held.len() as u64;
        }
    }
}

/// Adds a span as the tail sampler does, and returns what is passed on.
fn add(shard: &mut Shard, step: &Step, now: Instant) -> Vec<(u128, u64)> {
    let (span, mut released) = (span(step), Released::default());
    let mut action = shard.add(&span, step.verdict, now, &mut released);
    if action == Action::AskSampler {
        let answer = if step.picked {
            Verdict::Wanted
        } else {
            Verdict::Unwanted
        };
        action = shard.add(&span, answer, now, &mut released);
    }
    let mut passed = Vec::new();
    let mut see = |span: &SpanRecord| passed.push((span.trace_id().get(), span.id().get()));
    for mut buffer in released.others.into_iter().chain(released.own) {
        buffer.drain(&mut see);
        shard.recycle(buffer);
    }
    if action == Action::Pass {
        see(&span);
    }
    passed
}

proptest! {
    #[test]
    fn a_shard_does_what_the_model_does(steps in steps(), limits in limits()) {
        let mut model = Model {
            limits: limits.clone(),
            size: SpanLog::size_of(&span(&steps[0])),
            traces: Vec::new(),
            stats: TailStats::default(),
            passed: Vec::new(),
        };
        let mut shard = Shard::new(limits.clone());
        let mut now = Instant::now();
        for step in &steps {
            now += step.pause * SECOND;
            model.add(step, now);
            let passed = add(&mut shard, step, now);
            prop_assert_eq!(passed, std::mem::take(&mut model.passed));
            let stats = shard.stats();
            prop_assert_eq!(stats, model.stats);
            prop_assert_eq!(shard.entries.len(), model.traces.len());
            prop_assert!(stats.held <= limits.spans as u64 && shard.bytes <= limits.bytes);
            let dropped = stats.unwanted + stats.late + stats.evicted + stats.expired;
            prop_assert_eq!(stats.received, stats.held + stats.kept + dropped);
        }
    }
}

fn step(id: u64, parent: Option<u64>, verdict: Verdict) -> Step {
    Step {
        trace: 1,
        id,
        parent,
        verdict,
        picked: false,
        pause: 0,
    }
}

fn unlimited() -> Limits {
    Limits {
        spans: usize::MAX,
        bytes: usize::MAX,
        traces: usize::MAX,
        hold: 60 * SECOND,
        keep_if_held_too_long: false,
        remember: 10 * SECOND,
    }
}

/// Two requests of one trace are served at once, and the first to end is not wanted.
#[test]
fn the_end_of_one_request_drops_only_its_own_spans() {
    let mut shard = Shard::new(unlimited());
    let now = Instant::now();
    for child in [
        step(11, Some(10), Verdict::Neutral),
        step(21, Some(20), Verdict::Neutral),
    ] {
        assert_eq!(add(&mut shard, &child, now), []);
    }
    assert_eq!(
        add(&mut shard, &step(10, Some(1), Verdict::Unwanted), now),
        []
    );
    // Late, and below a span that was dropped.
    assert_eq!(
        add(&mut shard, &step(12, Some(11), Verdict::Neutral), now),
        []
    );
    let kept = add(&mut shard, &step(20, Some(1), Verdict::Wanted), now);
    assert_eq!(kept, [(1, 21), (1, 20)]);
    let stats = shard.stats();
    assert_eq!(
        (stats.unwanted, stats.late, stats.kept),
        (2, 1, 2),
        "{stats}"
    );
}

/// A chain whose spans end in the worst order takes no time that grows with its square.
#[test]
fn a_long_chain_is_dropped_as_a_whole() {
    const LENGTH: u64 = 20_000;
    let mut shard = Shard::new(unlimited());
    let now = Instant::now();
    for id in 2..=LENGTH {
        add(&mut shard, &step(id, Some(id - 1), Verdict::Neutral), now);
    }
    add(&mut shard, &step(1, None, Verdict::Unwanted), now);
    assert_eq!((shard.stats().unwanted, shard.stats().held), (LENGTH, 0));
}
