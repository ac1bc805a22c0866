//! Tail sampling: whether a request's spans are sent is decided when the request has ended.
//!
//! | module | holds |
//! |---|---|
//! | `stats` | [`TailStats`] |
//! | `buffer` | the spans that are held of one trace |
//! | `entries` | all traces by id and by age |
//! | `shard` | the decisions, and the limits |
//! | `sampler`, `builder` | [`TailSampler`], which asks the rules and passes spans on |

mod buffer;
mod builder;
mod entries;
mod sampler;
mod shard;
mod stats;

pub use builder::TailSamplerBuilder;
pub use sampler::TailSampler;
pub use stats::TailStats;
