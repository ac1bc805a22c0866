//! Which of the traces that nobody has decided on are sampled.
//!
//! A sampler is asked only where the caller left the decision open, see the
//! [guide](crate::guide::headers). It can be changed while the service runs:
//!
//! ```
//! use tower_b3::{Tracer, sample::Sampler};
//!
//! let tracer = Tracer::builder("webapp").sampler(Sampler::always()).build()?;
//! // An operator turns it down.
//! tracer.set_sampler(Sampler::percentage(10.0)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod percentage;
mod rate;
mod rules;

pub use percentage::PercentageError;
pub(crate) use percentage::Threshold;
pub(crate) use rate::RateLimit;
pub use rules::Rules;

use crate::{
    head::RequestHead,
    id::{RequestId, TraceId},
    user_code::guarded,
};
use std::{fmt, sync::Arc};

/// Decides whether a trace is sampled: for samplers of your own.
///
/// It is called on the request's thread and must not block. One that panics has not sampled.
///
/// ```
/// use tower_b3::sample::{Sample, Sampler, SampleRequest};
///
/// /// Samples what paying customers do.
/// struct Paying;
///
/// impl Sample for Paying {
///     fn sample(&self, request: &SampleRequest<'_>) -> bool {
///         request.head().is_some_and(|head| head.headers().contains_key("x-customer"))
///     }
/// }
///
/// let sampler = Sampler::custom(Paying);
/// ```
pub trait Sample: Send + Sync + 'static {
    /// Whether to sample.
    fn sample(&self, request: &SampleRequest<'_>) -> bool;
}

impl<F> Sample for F
where
    F: Fn(&SampleRequest<'_>) -> bool + Send + Sync + 'static,
{
    fn sample(&self, request: &SampleRequest<'_>) -> bool {
        self(request)
    }
}

/// What a sampler may look at.
#[derive(Debug, Clone, Copy)]
pub struct SampleRequest<'a> {
    trace_id: TraceId,
    request_id: Option<&'a RequestId>,
    head: Option<RequestHead<'a>>,
}

impl<'a> SampleRequest<'a> {
    /// A trace, and the request that starts it here.
    pub fn new(trace_id: TraceId, head: Option<RequestHead<'a>>) -> SampleRequest<'a> {
        SampleRequest {
            trace_id,
            request_id: None,
            head,
        }
    }

    /// The same with the request's id.
    #[must_use]
    pub fn with_request_id(self, request_id: Option<&'a RequestId>) -> SampleRequest<'a> {
        SampleRequest { request_id, ..self }
    }

    /// The request's id, which may have been made here.
    pub fn request_id(&self) -> Option<&'a RequestId> {
        self.request_id
    }

    /// What sampling by request id goes by.
    pub(crate) fn number(&self) -> u64 {
        let number = self.request_id.and_then(RequestId::sampling_number);
        number.map_or(self.trace_id.low(), u64::from)
    }

    /// The trace.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The request's head; `None` for a span that was started by
    /// [`Tracer::span`](crate::Tracer::span).
    pub fn head(&self) -> Option<&RequestHead<'a>> {
        self.head.as_ref()
    }
}

/// A policy of sampling. Cloning is cheap, and clones share their state.
#[derive(Clone)]
pub struct Sampler(Choice);

#[derive(Clone)]
enum Choice {
    Always,
    Never,
    Percentage(Threshold),
    RequestId(Threshold),
    Rules(Arc<Rules>),
    Other(Arc<dyn Sample>),
}

impl Sampler {
    /// Samples every trace.
    pub fn always() -> Sampler {
        Sampler(Choice::Always)
    }

    /// Samples no trace. Forced traces and those that the caller decided on are sampled still.
    pub fn never() -> Sampler {
        Sampler(Choice::Never)
    }

    /// Samples this percentage of traces, in steps of 0.01 %, consistently: the low 64 bits of
    /// the trace id modulo 10,000 decide, so that all services of one percentage sample the same
    /// traces.
    ///
    /// # Errors
    ///
    /// Not a number from 0 to 100; `-0.0` is negative.
    pub fn percentage(percent: f64) -> Result<Sampler, PercentageError> {
        Threshold::new(percent).map(|threshold| Sampler(Choice::Percentage(threshold)))
    }

    /// Samples this percentage of requests by their `x-request-id`, as Envoy and Istio do: the
    /// first eight characters as a hexadecimal number, modulo 10,000. All services of one
    /// percentage, sidecars included, sample the same requests.
    ///
    /// While it is in use, alone or in [`Rules`], the reason for tracing is read from and written to request ids of 36
    /// characters, see [`RequestId::trace_reason`](crate::id::RequestId::trace_reason). Where the caller
    /// has decided, the decision that would have been made here is written all the same, unless it is
    /// up to a rate limit or a sampler of your own, which are not asked then. A request
    /// whose id does not start with eight hexadecimal digits is sampled by trace id, where Envoy
    /// would never trace it.
    ///
    /// # Errors
    ///
    /// Not a number from 0 to 100; `-0.0` is negative.
    pub fn percentage_by_request_id(percent: f64) -> Result<Sampler, PercentageError> {
        Threshold::new(percent).map(|threshold| Sampler(Choice::RequestId(threshold)))
    }

    /// Samples at most this many traces in each second.
    ///
    /// Below ten, they may come at any time in the second; from ten on the budget is handed out
    /// in tenths of it (as Brave does), so that one burst does not take it all.
    pub fn rate_limited(per_second: u32) -> Sampler {
        Sampler::custom(RateLimit::new(per_second))
    }

    /// Samples by method and path prefix.
    pub fn rules(rules: Rules) -> Sampler {
        Sampler(Choice::Rules(Arc::new(rules)))
    }

    /// Samples as this one says.
    pub fn custom(sample: impl Sample) -> Sampler {
        Sampler(Choice::Other(Arc::new(sample)))
    }

    /// Whether decisions travel in request ids.
    pub(crate) fn is_by_request_id(&self) -> bool {
        match &self.0 {
            Choice::RequestId(_) => true,
            Choice::Rules(rules) => rules.samplers().any(Sampler::is_by_request_id),
            _ => false,
        }
    }

    /// Whether to sample.
    pub fn sample(&self, request: &SampleRequest<'_>) -> bool {
        match &self.0 {
            Choice::Always => true,
            Choice::Never => false,
            Choice::Percentage(threshold) => threshold.hits(request.trace_id.low()),
            Choice::RequestId(threshold) => threshold.hits(request.number()),
            Choice::Rules(rules) => rules.sampler(request).sample(request),
            Choice::Other(other) => guarded(|| other.sample(request)).unwrap_or(false),
        }
    }

    /// Whether an answer depends on the request alone. That of a rate limit takes of its budget, and
    /// a user's sampler may count too.
    pub(crate) fn is_stateless(&self, request: &SampleRequest<'_>) -> bool {
        match &self.0 {
            Choice::Rules(rules) => rules.sampler(request).is_stateless(request),
            Choice::Other(_) => false,
            _ => true,
        }
    }
}

impl fmt::Debug for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Choice::Always => f.write_str("Always"),
            Choice::Never => f.write_str("Never"),
            Choice::Percentage(threshold) => fmt::Debug::fmt(threshold, f),
            Choice::RequestId(threshold) => write!(f, "{threshold:?} by request id"),
            Choice::Rules(rules) => fmt::Debug::fmt(rules, f),
            Choice::Other(_) => f.write_str("Custom"),
        }
    }
}
