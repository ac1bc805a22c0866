//! Shared by the programs `webapp` and `catalog`: the command line, the tracer and the metrics that it
//! configures, and serving until a signal.
//!
//! The two services themselves are in the package `coolstore`.

pub mod logging;
mod metrics;
pub mod options;
pub mod run;
mod tracer;
