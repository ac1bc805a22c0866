//! Which documents are recognised, and where in them tracing is configured. Other documents are
//! skipped.
//!
//! [`reader`] chooses by kind, [`resources`] reads Istio's resources and installations, [`pods`]
//! annotations of pods, `metrics` what is about metrics, [`blocks`] tracing blocks, and [`metadata`] names and
//! labels.
//! [`Documents`](super::documents) calls this.

mod blocks;
mod metadata;
#[cfg(feature = "metrics-config")]
mod metrics;
mod pods;
mod reader;
mod resources;

pub(super) use reader::DocumentReader;
