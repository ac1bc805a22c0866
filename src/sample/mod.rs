//! Sampling: which traces are recorded where no caller has decided.
//!
//! A sampler is asked only if the request carries no sampling decision, see the
//! [guide](crate::guide::headers). It can be replaced while the service runs:
//!
//! ```
//! use tower_b3::{Tracer, sample::Sampler};
//!
//! let tracer = Tracer::builder("webapp").sampler(Sampler::always()).build()?;
//! // Later, to record fewer traces:
//! tracer.set_sampler(Sampler::percentage(10.0)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Write your own sampler with [`ShouldSample`] or a closure, and pass it to [`Sampler::custom`].

mod parameters;
mod percentage;
mod rate_limit;
mod rules;
mod sampler;
mod should_sample;

pub use parameters::SamplingParameters;
pub use percentage::PercentageError;
pub(crate) use percentage::Threshold;
pub(crate) use rate_limit::RateLimit;
pub use rules::Rules;
pub use sampler::Sampler;
pub use should_sample::ShouldSample;
