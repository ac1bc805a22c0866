//! [`TailSamplerBuilder`]: the rules and the limits of a tail sampler.

use super::{
    sampler::{Rules, TailSampler},
    shard::Limits,
};
use crate::{
    record::{Reporter, SpanRecord},
    sample::Sampler,
};
use std::{fmt, time::Duration};

/// How long spans are held if no threshold says when a request is slow.
const DEFAULT_HOLD: Duration = Duration::from_secs(60);

/// Builds a [`TailSampler`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct TailSamplerBuilder {
    reporter: Box<dyn Reporter>,
    rules: Rules,
    max_spans: usize,
    max_bytes: usize,
    max_traces: usize,
    remember: Duration,
}

impl TailSampler {
    /// A tail sampler in front of this reporter.
    ///
    /// | setting | default |
    /// |---|---|
    /// | [`slow`](TailSamplerBuilder::slow) | none: no request is kept for its duration |
    /// | [`keep_if`](TailSamplerBuilder::keep_if) | none |
    /// | [`sampler`](TailSamplerBuilder::sampler) | none: no other request is kept |
    /// | [`keep_sampled_by_caller`](TailSamplerBuilder::keep_sampled_by_caller) | `true` |
    /// | [`max_spans`](TailSamplerBuilder::max_spans) | 10,000 |
    /// | [`max_bytes`](TailSamplerBuilder::max_bytes) | 32 MiB |
    /// | [`max_traces`](TailSamplerBuilder::max_traces) | 5,000 |
    /// | [`remember`](TailSamplerBuilder::remember) | 10 s |
    pub fn builder(reporter: impl Reporter) -> TailSamplerBuilder {
        TailSamplerBuilder {
            reporter: Box::new(reporter),
            rules: Rules {
                keep_sampled_by_caller: true,
                ..Rules::default()
            },
            max_spans: 10_000,
            max_bytes: 32 * 1024 * 1024,
            max_traces: 5_000,
            remember: Duration::from_secs(10),
        }
    }
}

impl TailSamplerBuilder {
    /// Keeps requests that take at least this long: those whose local root does.
    ///
    /// The spans of a request that is still running are held no longer than this: by then, it is
    /// known to be slow. Without a threshold, they are dropped after 60 seconds.
    pub fn slow(mut self, threshold: Duration) -> Self {
        self.rules.slow = Some(threshold);
        self
    }

    /// Keeps requests of which this returns `true` for at least one span. Of several rules, one is
    /// enough.
    ///
    /// It is called with every span, on the thread that finishes the span, so it must not block. If it
    /// panics, the answer is `false`.
    pub fn keep_if(mut self, rule: impl Fn(&SpanRecord) -> bool + Send + Sync + 'static) -> Self {
        self.rules.keep_if.push(Box::new(rule));
        self
    }

    /// Keeps the requests that this sampler picks, of those that nothing else keeps: the head decision,
    /// which the tracer's sampler would have made otherwise.
    ///
    /// It is asked when a request has ended, by trace id alone. So [`Sampler::percentage`] picks what
    /// it picks in other services, and a sampler by request id or by the request's head is of no use.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.rules.sampler = Some(sampler);
        self
    }

    /// Whether requests are kept whose callers had [sampled](SpanRecord::is_sampled_by_caller) the
    /// trace. If callers record everything because they have tail samplers of their own, set it to
    /// `false`: what they send is then no decision.
    pub fn keep_sampled_by_caller(mut self, keep: bool) -> Self {
        self.rules.keep_sampled_by_caller = keep;
        self
    }

    /// The maximum number of spans that are held. Beyond it, the spans of the oldest trace are dropped.
    pub fn max_spans(mut self, spans: usize) -> Self {
        self.max_spans = spans;
        self
    }

    /// The maximum memory, in bytes, of the spans that are held. Beyond it, the spans of the oldest
    /// trace are dropped. Buffers grow by doubling, so up to twice as much is reserved.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The maximum number of traces that are known: those with held spans, and those whose decision is
    /// remembered. Beyond it, the oldest decision is forgotten, or else the oldest trace is dropped.
    pub fn max_traces(mut self, traces: usize) -> Self {
        self.max_traces = traces;
        self
    }

    /// How long a decision is remembered, for spans that end after their request.
    pub fn remember(mut self, time: Duration) -> Self {
        self.remember = time;
        self
    }

    /// Builds the tail sampler.
    pub fn build(self) -> TailSampler {
        let limits = Limits {
            spans: self.max_spans,
            bytes: self.max_bytes,
            traces: self.max_traces,
            hold: self.rules.slow.unwrap_or(DEFAULT_HOLD),
            keep_if_held_too_long: self.rules.slow.is_some(),
            remember: self.remember,
        };
        TailSampler::new(self.reporter, self.rules, limits)
    }
}

impl fmt::Debug for TailSamplerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TailSamplerBuilder")
            .field("rules", &self.rules)
            .field("max_spans", &self.max_spans)
            .field("max_bytes", &self.max_bytes)
            .field("max_traces", &self.max_traces)
            .field("remember", &self.remember)
            .finish_non_exhaustive()
    }
}
