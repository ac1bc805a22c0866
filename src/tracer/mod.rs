//! The tracer: starts traces and spans, decides on sampling, and builds from code's settings.
//!
//! [`handle`] is what users hold, `running` that with the reporter that it ends with, [`builder`] and [`build`] make it, [`change`] is what may change
//! while the service runs, and [`core`] is what the layers share. The layers themselves and the
//! configuration are built on top of this room, which knows neither.

mod build;
mod builder;
mod change;
mod core;
mod error;
mod handle;
#[cfg(feature = "batch")]
mod running;
mod settings;
#[cfg(feature = "batch")]
mod start;
#[cfg(feature = "batch")]
mod start_error;

#[cfg(feature = "config")]
pub(crate) use build::Fallback;
pub use builder::TracerBuilder;
#[cfg(feature = "config")]
use change::SetInCode;
pub(crate) use core::{Core, Live, LiveCache};
pub use error::BuildError;
pub use handle::Tracer;
#[cfg(feature = "batch")]
#[cfg_attr(docsrs, doc(cfg(feature = "batch")))]
pub use running::RunningTracer;
pub(crate) use settings::Settings;
#[cfg(feature = "batch")]
#[cfg_attr(docsrs, doc(cfg(feature = "batch")))]
pub use start_error::StartError;
