//! Istio's standard metrics.

mod attributes;
mod hash;
mod labels;
mod plan;
#[cfg(feature = "metrics-config")]
pub(crate) mod shape;

#[cfg(feature = "metrics-config")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics-config")))]
pub use shape::{Expression, ExpressionError, MetricsShape};
