//! `Sampler`: the built-in samplers and the user's own behind one type.
//!
//! The tracer asks it for a decision. What else counts in a decision (forced traces, limits, the
//! caller's state) is up to the tracer. [`Rules`](super::Rules) is on top of this file.

use super::{PercentageError, RateLimit, SamplingParameters, ShouldSample, Threshold};
use crate::user_code::guarded;
use std::{fmt, sync::Arc};

/// Decides which traces are sampled. Clones are cheap and share their state.
#[derive(Clone)]
pub struct Sampler {
    kind: Kind,
    by_request_id: bool,
}

#[derive(Clone)]
enum Kind {
    Always,
    Never,
    TraceId(Threshold),
    RequestId(Threshold),
    BuiltIn(Arc<dyn BuiltIn>),
    Custom(Arc<dyn ShouldSample>),
}

/// A sampler of this crate: it does not panic, and can be shown.
trait BuiltIn: ShouldSample + fmt::Debug {}

impl<S: ShouldSample + fmt::Debug> BuiltIn for S {}

impl Sampler {
    /// Samples every trace.
    pub fn always() -> Sampler {
        Sampler::of(Kind::Always)
    }

    /// Samples no trace. Forced traces, and those that the caller sampled, are still recorded.
    pub fn never() -> Sampler {
        Sampler::of(Kind::Never)
    }

    /// Samples this percentage of traces, in steps of 0.01 %, by trace id: the low 64 bits modulo
    /// 10,000 decide, so all services with the same percentage sample the same traces.
    ///
    /// # Errors
    ///
    /// `percent` is not a number from 0 to 100; `-0.0` is negative.
    pub fn percentage(percent: f64) -> Result<Sampler, PercentageError> {
        Ok(Sampler::of(Kind::TraceId(Threshold::new(percent)?)))
    }

    /// Samples this percentage of requests by their `x-request-id`, as Envoy and Istio do: the
    /// first eight characters as a hexadecimal number, modulo 10,000. All services with the same
    /// percentage, sidecars included, sample the same requests.
    ///
    /// While such a sampler is in use, alone or in [`Rules`](super::Rules), the reason for tracing is
    /// read from and written to request ids of 36 characters, see
    /// [`RequestId::trace_reason`](crate::id::RequestId::trace_reason). Where the caller has decided,
    /// the decision that would have been made here is still written, unless it depends on a rate
    /// limit or on a sampler of your own that is not [stateless](ShouldSample::is_stateless). A
    /// request whose id does not start with eight hexadecimal digits is sampled by trace id; Envoy
    /// never traces it.
    ///
    /// # Errors
    ///
    /// `percent` is not a number from 0 to 100; `-0.0` is negative.
    pub fn percentage_by_request_id(percent: f64) -> Result<Sampler, PercentageError> {
        Ok(Sampler {
            kind: Kind::RequestId(Threshold::new(percent)?),
            by_request_id: true,
        })
    }

    /// Samples at most this many traces in each second.
    ///
    /// A limit below ten can be used up at any time within the second. From ten on, a tenth of the
    /// limit is added every tenth of a second (as in Brave), so that one burst does not use up the
    /// whole second.
    pub fn rate_limited(per_second: u32) -> Sampler {
        Sampler::built_in(RateLimit::new(per_second))
    }

    /// Samples as your own sampler decides: a closure, or any [`ShouldSample`].
    ///
    /// A closure that asks another sampler hides whether that one samples by request id. Implement
    /// [`ShouldSample`] instead, and return its [`is_by_request_id`](ShouldSample::is_by_request_id).
    pub fn custom(sampler: impl ShouldSample) -> Sampler {
        Sampler {
            by_request_id: guarded(|| sampler.is_by_request_id()).unwrap_or(false),
            kind: Kind::Custom(Arc::new(sampler)),
        }
    }

    pub(super) fn built_in(sampler: impl ShouldSample + fmt::Debug) -> Sampler {
        Sampler {
            by_request_id: sampler.is_by_request_id(),
            kind: Kind::BuiltIn(Arc::new(sampler)),
        }
    }

    fn of(kind: Kind) -> Sampler {
        Sampler {
            kind,
            by_request_id: false,
        }
    }

    /// Returns whether to sample the trace.
    pub fn should_sample(&self, parameters: &SamplingParameters<'_>) -> bool {
        match &self.kind {
            Kind::Always => true,
            Kind::Never => false,
            Kind::TraceId(threshold) => threshold.admits(parameters.trace_id().low()),
            Kind::RequestId(threshold) => threshold.admits(parameters.request_number()),
            Kind::BuiltIn(sampler) => sampler.should_sample(parameters),
            Kind::Custom(sampler) => guarded(|| sampler.should_sample(parameters)).unwrap_or(false),
        }
    }

    /// Returns whether request ids carry the decision, see [`ShouldSample::is_by_request_id`].
    pub fn is_by_request_id(&self) -> bool {
        self.by_request_id
    }

    /// Returns whether asking for a decision changes nothing, see [`ShouldSample::is_stateless`].
    pub fn is_stateless(&self, parameters: &SamplingParameters<'_>) -> bool {
        match &self.kind {
            Kind::Always | Kind::Never | Kind::TraceId(_) | Kind::RequestId(_) => true,
            Kind::BuiltIn(sampler) => sampler.is_stateless(parameters),
            Kind::Custom(sampler) => guarded(|| sampler.is_stateless(parameters)).unwrap_or(false),
        }
    }
}

impl ShouldSample for Sampler {
    fn should_sample(&self, parameters: &SamplingParameters<'_>) -> bool {
        Sampler::should_sample(self, parameters)
    }

    fn is_by_request_id(&self) -> bool {
        Sampler::is_by_request_id(self)
    }

    fn is_stateless(&self, parameters: &SamplingParameters<'_>) -> bool {
        Sampler::is_stateless(self, parameters)
    }
}

impl fmt::Debug for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Always => f.write_str("Always"),
            Kind::Never => f.write_str("Never"),
            Kind::TraceId(threshold) => write!(f, "Percentage({threshold})"),
            Kind::RequestId(threshold) => write!(f, "Percentage({threshold}) by request id"),
            Kind::BuiltIn(sampler) => sampler.fmt(f),
            Kind::Custom(_) => f.write_str("Custom(..)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::TraceId, sample::Rules};

    #[test]
    fn debug_shows_kind_and_limits() {
        let one = Sampler::percentage(1.0).unwrap();
        let by_request_id = Sampler::percentage_by_request_id(37.25).unwrap();
        let rules = Rules::otherwise(Sampler::rate_limited(9)).path("/health", Sampler::never());
        for (sampler, shown) in [
            (Sampler::always(), "Always"),
            (one, "Percentage(1.00)"),
            (by_request_id, "Percentage(37.25) by request id"),
            (
                Sampler::custom(|_: &SamplingParameters<'_>| true),
                "Custom(..)",
            ),
            (
                Sampler::rules(rules),
                "Rules { rules: [Rule { method: None, path_prefix: \"/health\", sampler: Never }], \
                 otherwise: RateLimited(9) }",
            ),
        ] {
            assert_eq!(format!("{sampler:?}"), shown);
        }
    }

    #[test]
    fn a_wrapped_sampler_answers_like_the_sampler_itself() {
        let parameters = SamplingParameters::new(TraceId::random(), None);
        let by_request_id = Sampler::percentage_by_request_id(100.0).unwrap();
        for sampler in [
            Sampler::always(),
            Sampler::rate_limited(1000),
            Sampler::rules(Rules::otherwise(by_request_id.clone())),
            Sampler::rules(Rules::otherwise(Sampler::rate_limited(1000))),
            by_request_id,
        ] {
            let answers = |sampler: &Sampler| {
                [
                    sampler.should_sample(&parameters),
                    sampler.is_by_request_id(),
                    sampler.is_stateless(&parameters),
                ]
            };
            let wrapped = Sampler::custom(sampler.clone());
            assert_eq!(answers(&wrapped), answers(&sampler), "{sampler:?}");
        }
    }

    #[test]
    fn a_sampler_that_panics_when_it_is_described_counts_as_stateful_and_by_trace_id() {
        struct Panics;
        impl ShouldSample for Panics {
            fn should_sample(&self, _: &SamplingParameters<'_>) -> bool {
                true
            }
            fn is_by_request_id(&self) -> bool {
                panic!("expected")
            }
            fn is_stateless(&self, _: &SamplingParameters<'_>) -> bool {
                panic!("expected")
            }
        }
        let sampler = Sampler::custom(Panics);
        let parameters = SamplingParameters::new(TraceId::random(), None);
        assert!(sampler.should_sample(&parameters));
        assert!(!sampler.is_by_request_id() && !sampler.is_stateless(&parameters));
    }
}
