//! [`TailSampler`]: the reporter. It asks the rules about each span, and passes on what the shard of
//! its trace lets through; nothing of the user's is called under a lock.

use super::{
    buffer::Buffer,
    shard::{Action, Limits, Released, Shard, Verdict},
    stats::TailStats,
};
use crate::{
    id::TraceId,
    record::{Reporter, SpanRecord},
    sample::{Sampler, SamplingParameters},
    user_code::guarded,
};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

const MAX_SHARDS: usize = 16;
/// With fewer spans or traces in a shard, the limits would depend on how traces are distributed.
const MIN_SHARE: usize = 64;

/// Holds the spans of a request until it has ended, and passes them on to another reporter only if the
/// request failed, was slow, or is wanted for another reason.
///
/// ```
/// use std::time::Duration;
/// use tower_b3::{
///     Tracer,
///     report::{InMemoryReporter, TailSampler},
///     sample::Sampler,
/// };
///
/// let spans = InMemoryReporter::default(); // in production, a `ZipkinReporter`
/// let tail = TailSampler::builder(spans.clone())
///     .slow(Duration::from_millis(500))
///     .sampler(Sampler::percentage(0.0)?) // in production, 1 % of the others
///     .build();
/// let tracer = Tracer::builder("orders").reporter(tail.clone()).build()?;
/// for fails in [false, true] {
///     tracer.span("reconcile").in_scope(|| {
///         tower_b3::span("load").in_scope(|| {
///             if fails {
///                 tower_b3::scope::error("no rows");
///             }
///         })
///     });
/// }
/// assert_eq!(spans.take().len(), 2);
/// assert_eq!(tail.stats().unwanted, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A request is the [local root](SpanRecord::is_local_root), usually a SERVER span, and the spans below
/// it. What keeps it, and with it everything that follows of its trace in this process:
///
/// - a span that failed (has the tag `error`), also if the request succeeded in the end;
/// - a local root that took as long as the threshold for [`slow`](super::TailSamplerBuilder::slow)
///   requests;
/// - a span that a rule of yours [wants](super::TailSamplerBuilder::keep_if);
/// - a debug trace, or a request that was [forced](SpanRecord::is_forced);
/// - a request whose caller has [sampled](super::TailSamplerBuilder::keep_sampled_by_caller) the trace;
/// - the [sampler](super::TailSamplerBuilder::sampler), asked when the local root has ended.
///
/// All else is dropped when the local root has ended. Spans that end later, such as those of spawned
/// tasks, follow the decision for as long as it is remembered. Every span is accounted for in the
/// [`stats`](Self::stats).
///
/// Spans that are held are copies in buffers that are used again, so in the steady state nothing is
/// allocated. The work is done on the threads that finish spans; traces are spread over up to 16 locks.
///
/// The tracer's own sampler comes first: what it does not sample is not recorded, and cannot be kept.
/// With one that samples everything, every request that is sent says so. What that means for other
/// services: see [Tail sampling](crate::guide::sampling#tail-sampling).
///
/// Clones are handles on the same tail sampler.
#[derive(Clone)]
pub struct TailSampler(Arc<Inner>);

struct Inner {
    reporter: Box<dyn Reporter>,
    rules: Rules,
    shards: Vec<Mutex<Shard>>,
}

type Rule = Box<dyn Fn(&SpanRecord) -> bool + Send + Sync>;

#[derive(Default)]
pub(super) struct Rules {
    pub(super) keep_sampled_by_caller: bool,
    pub(super) slow: Option<Duration>,
    pub(super) keep_if: Vec<Rule>,
    pub(super) sampler: Option<Sampler>,
}

impl Rules {
    fn verdict(&self, span: &SpanRecord) -> Verdict {
        let is_root = span.is_local_root();
        let is_slow = |threshold| is_root && span.duration() >= threshold;
        let is_wanted = span.is_forced()
            || span.is_error()
            || self.keep_sampled_by_caller && span.is_sampled_by_caller()
            || self.slow.is_some_and(is_slow)
            || self
                .keep_if
                .iter()
                .any(|rule| guarded(|| rule(span)) == Some(true));
        match (is_wanted, is_root, &self.sampler) {
            (true, _, _) => Verdict::Wanted,
            (false, false, _) => Verdict::Neutral,
            (false, true, Some(_)) => Verdict::Undecided,
            (false, true, None) => Verdict::Unwanted,
        }
    }

    fn ask_sampler(&self, trace: TraceId) -> Verdict {
        let parameters = SamplingParameters::new(trace, None);
        let picks = |sampler: &Sampler| sampler.should_sample(&parameters);
        match self.sampler.as_ref().is_some_and(picks) {
            true => Verdict::Wanted,
            false => Verdict::Unwanted,
        }
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("keep_sampled_by_caller", &self.keep_sampled_by_caller)
            .field("slow", &self.slow)
            .field("keep_if", &self.keep_if.len())
            .field("sampler", &self.sampler)
            .finish()
    }
}

impl TailSampler {
    pub(super) fn new(reporter: Box<dyn Reporter>, rules: Rules, limits: Limits) -> TailSampler {
        let smallest = limits.spans.min(limits.traces);
        let shards = (smallest / MIN_SHARE).clamp(1, MAX_SHARDS);
        let share = Limits {
            spans: limits.spans / shards,
            bytes: limits.bytes / shards,
            traces: limits.traces / shards,
            ..limits
        };
        let shard = |_| Mutex::new(Shard::new(share.clone()));
        TailSampler(Arc::new(Inner {
            reporter,
            rules,
            shards: (0..shards).map(shard).collect(),
        }))
    }

    /// What has happened to the spans so far.
    pub fn stats(&self) -> TailStats {
        self.0.stats()
    }
}

impl Inner {
    fn stats(&self) -> TailStats {
        let mut stats = TailStats::default();
        for shard in &self.shards {
            stats += lock(shard).stats();
        }
        stats
    }

    fn shard(&self, trace: TraceId) -> MutexGuard<'_, Shard> {
        let number = (trace.low() >> 32) as usize % self.shards.len();
        lock(&self.shards[number])
    }

    /// Returns whether the span itself is to be passed on. What was released before is passed on here.
    fn add(&self, span: &SpanRecord) -> bool {
        let trace = span.trace_id();
        if span.is_debug() {
            self.shard(trace).count_passed();
            return true;
        }
        let now = Instant::now();
        let mut verdict = self.rules.verdict(span);
        let mut released = Released::default();
        let action = loop {
            let action = self.shard(trace).add(span, verdict, now, &mut released);
            match action {
                Action::AskSampler => verdict = self.rules.ask_sampler(trace),
                action => break action,
            }
        };
        for buffer in released.others.into_iter().chain(released.own) {
            self.pass_all(trace, buffer);
        }
        action == Action::Pass
    }

    /// Passes on spans that were held.
    fn pass_all(&self, trace: TraceId, mut buffer: Buffer) {
        buffer.drain(|span| {
            if !self.reporter.report_ref(span) {
                self.reporter.report(span.clone());
            }
        });
        self.shard(trace).recycle(buffer);
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // No code of others runs under this lock.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reporter for TailSampler {
    fn report(&self, span: SpanRecord) {
        if self.0.add(&span) {
            self.0.reporter.report(span);
        }
    }

    fn report_ref(&self, span: &SpanRecord) -> bool {
        if self.0.add(span) && !self.0.reporter.report_ref(span) {
            self.0.reporter.report(span.clone());
        }
        true
    }

    /// Flushes the reporter behind. Spans of requests that have not ended stay held: if there are any,
    /// the result is `false`.
    fn flush(&self, timeout: Duration) -> bool {
        self.0.reporter.flush(timeout) && self.0.stats().held == 0
    }
}

/// Spans that are still held are lost with their buffers.
impl Drop for Inner {
    fn drop(&mut self) {
        let stats = self.stats();
        if stats.held > 0 {
            guarded(|| {
                tracing::info!(
                    "a tail sampler has ended with {} spans of requests that had not ended: {stats}",
                    stats.held
                );
            });
        }
    }
}

impl fmt::Debug for TailSampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TailSampler")
            .field("rules", &self.0.rules)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
