use super::SamplingParameters;

/// A sampler of your own, for [`Sampler::custom`](super::Sampler::custom). Closures implement it.
///
/// The methods are called on the thread that serves the request and must not block. If
/// [`should_sample`](Self::should_sample) panics, the trace is not sampled.
///
/// ```
/// use tower_b3::sample::{Sampler, SamplingParameters, ShouldSample};
///
/// /// Samples every request of a known customer, and leaves the others to another sampler.
/// struct Customers {
///     others: Sampler,
/// }
///
/// impl ShouldSample for Customers {
///     fn should_sample(&self, parameters: &SamplingParameters<'_>) -> bool {
///         let head = parameters.head();
///         head.is_some_and(|head| head.headers().contains_key("x-customer"))
///             || self.others.should_sample(parameters)
///     }
///
///     // Without this, `others` would not sample as it does on its own.
///     fn is_by_request_id(&self) -> bool {
///         self.others.is_by_request_id()
///     }
/// }
///
/// let others = Sampler::percentage_by_request_id(1.0)?;
/// let sampler = Sampler::custom(Customers { others });
/// # Ok::<(), tower_b3::sample::PercentageError>(())
/// ```
pub trait ShouldSample: Send + Sync + 'static {
    /// Returns whether to sample the trace.
    fn should_sample(&self, parameters: &SamplingParameters<'_>) -> bool;

    /// Returns whether request ids carry the decision, as with
    /// [`Sampler::percentage_by_request_id`](super::Sampler::percentage_by_request_id): the reason
    /// for tracing is then read from and written to `x-request-id`. Default: `false`.
    ///
    /// A sampler that delegates to another one must return that one's answer. It is asked once, by
    /// [`Sampler::custom`](super::Sampler::custom).
    fn is_by_request_id(&self) -> bool {
        false
    }

    /// Returns whether the decision depends on `parameters` alone, so that asking for it changes
    /// nothing. Default: `false`.
    ///
    /// Where the caller has decided, samplers by request id are still asked which decision to write
    /// to the request id, but only if they are stateless: a rate limit must not be used up for a
    /// decision that does not count.
    fn is_stateless(&self, parameters: &SamplingParameters<'_>) -> bool {
        let _ = parameters;
        false
    }
}

impl<F> ShouldSample for F
where
    F: Fn(&SamplingParameters<'_>) -> bool + Send + Sync + 'static,
{
    fn should_sample(&self, parameters: &SamplingParameters<'_>) -> bool {
        self(parameters)
    }
}
