//! [`Tracer`]: the handle that users hold. It starts local spans and reads the counters.
//! `server_layer` and `client_layer` are defined next to the layers.

use super::TracerInner;
#[cfg(feature = "access-log")]
use crate::access_log::{AccessLog, AccessLogStats};
use crate::{
    context::TraceContext,
    direction::{Direction, Mode},
    id::RequestId,
    propagation::{Field, Forwarded, Incoming, Propagation},
    span::{Span, slot},
};
use std::{
    fmt,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

/// Makes the layers and the spans of one service.
///
/// It is built once, cheap to clone, and never global. Both layers come from it:
///
/// ```
/// use tower_b3::{Tracer, report::InMemoryReporter, sample::Sampler, tags::Tag};
///
/// let tracer = Tracer::builder("webapp")
///     .sampler(Sampler::percentage(10.0)?)
///     .tag(Tag::literal("custom_tag", "Test Tag"))
///     .tag(Tag::environment("zone", "ZONE").default_value("unknown"))
///     .tag(Tag::request_header("tenant", "x-tenant"))
///     .reporter(InMemoryReporter::default())
///     .build()?;
/// let server_layer = tracer.server_layer();
/// let client_layer = tracer.client_layer();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Tracer {
    pub(crate) inner: Arc<TracerInner>,
}

impl Tracer {
    /// Starts a local span as the root of a new trace, for work that no request asked for. Where a
    /// span is current, even one of another tracer, the new span is its child.
    ///
    /// The sampler of [`Direction::Client`] decides, as for a request without trace headers. Where
    /// that direction is [`Mode::ForwardOnly`] the span does nothing. All calls made inside carry
    /// the same new `x-request-id`.
    pub fn span(&self, name: impl AsRef<str>) -> Span {
        let name = name.as_ref();
        if let Some(span) = Span::below_current(name, Some(self.inner.sink())) {
            return span;
        }
        self.root_span(name)
    }

    /// Starts a local span as the root of a new trace, whatever is current.
    pub(crate) fn root_span(&self, name: &str) -> Span {
        let dynamic = self.inner.dynamic_settings(Direction::Client);
        let mut forwarded = Forwarded::default();
        forwarded.set_request_id(RequestId::random());
        let incoming = Incoming::default();
        let context = self.inner.root(&dynamic, &incoming, &mut forwarded, None);
        self.start_span(name, context, forwarded)
    }

    /// Starts a local span below a context that came from elsewhere. For one that came with a message,
    /// [`consumer_span`](Self::consumer_span) reads it and what else the message says.
    /// Where the context is undecided, the sampler decides. Calls made inside carry a new
    /// `x-request-id`.
    pub fn span_below(&self, parent: TraceContext, name: impl AsRef<str>) -> Span {
        let context = self.inner.decided(parent).child();
        let mut forwarded = Forwarded::default();
        forwarded.sampled_by_caller = parent.sampling().is_sampled();
        forwarded.set_request_id(RequestId::random());
        self.start_span(name.as_ref(), context, forwarded)
    }

    fn start_span(&self, name: &str, context: TraceContext, forwarded: Forwarded) -> Span {
        match self.inner.mode.client {
            Mode::ForwardOnly => Span::none(),
            _ => self.started(name, context, forwarded),
        }
    }

    pub(super) fn started(&self, name: &str, context: TraceContext, forwarded: Forwarded) -> Span {
        let mut open = slot::blank();
        open.inherited.context = Some(context);
        open.inherited.forwarded = forwarded;
        self.inner.start(&mut open, true);
        open.rename(name);
        #[cfg(feature = "log-ids")]
        open.start_log_span();
        Span::of(open)
    }

    /// Waits until the reporter has processed the spans finished so far and then, in the time that is left,
    /// until the [observers](crate::TracerBuilder::observer) have written what they have, access logs among
    /// them; at most for `timeout`. Returns whether nothing is left. Blocks: inside an async runtime, use `spawn_blocking`.
    pub fn flush(&self, timeout: Duration) -> bool {
        let started = Instant::now();
        let reported = self.inner.sinks.settings().reporter.flush(timeout);
        let left = timeout.saturating_sub(started.elapsed());
        self.inner.observers.flush(left) && reported
    }

    /// What has become of the lines of the access logs so far: those that a configuration has started, and
    /// those among the [observers](crate::TracerBuilder::observer).
    ///
    /// ```
    /// use tower_b3::{Tracer, access_log::AccessLog};
    ///
    /// let access_log = AccessLog::builder().stderr().start()?;
    /// let tracer = Tracer::builder("shop").observer(access_log).build()?;
    /// assert_eq!(tracer.access_log_stats().dropped, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "access-log")]
    #[cfg_attr(docsrs, doc(cfg(feature = "access-log")))]
    pub fn access_log_stats(&self) -> AccessLogStats {
        let logs = self.inner.access_logs.iter();
        AccessLogStats::sum(logs.map(AccessLog::stats))
    }

    /// How many times this header was malformed. The reason is logged at `debug`, once per header.
    pub fn malformed(&self, field: Field) -> u64 {
        self.inner.malformed[field as usize].load(Relaxed)
    }

    /// How many spans of debug traces were not recorded because of
    /// [`debug_rate_limit`](crate::TracerBuilder::debug_rate_limit).
    pub fn debug_limited(&self) -> u64 {
        self.inner.debug_limited.load(Relaxed)
    }

    /// Which headers are read and written.
    pub fn propagation(&self) -> &Propagation {
        &self.inner.propagation
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer")
            .field("endpoint", &self.inner.sinks.settings().endpoint)
            .field(
                "sampler",
                &self.inner.dynamic_settings(Direction::Server).sampler,
            )
            .field("mode", &self.inner.mode)
            .finish_non_exhaustive()
    }
}
