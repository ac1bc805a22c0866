//! Istio's standard metrics.

mod attributes;
mod hash;
mod labels;
mod plan;
