//! What the programs `webapp` and `catalog` share: their command line, the tracer that it
//! describes, and serving until a signal.
//!
//! What the two services do is in the package `coolstore`.

pub mod logging;
pub mod options;
pub mod run;
mod tracer;
