//! The tracer: starts traces and spans, decides on sampling, and builds from code's settings.
//!
//! [`handle`] is what users hold, [`builder`] and [`build`] make it, [`change`] is what may change
//! while the service runs, and [`core`] is what the layers share. The layers themselves and the
//! configuration are built on top of this room, which knows neither.

mod build;
mod builder;
mod change;
mod core;
mod error;
mod handle;
mod settings;

#[cfg(feature = "config")]
pub(crate) use build::Fallback;
pub use builder::TracerBuilder;
#[cfg(feature = "config")]
use change::SetInCode;
pub(crate) use core::{Core, Live, LiveCache};
pub use error::BuildError;
pub use handle::Tracer;
pub(crate) use settings::Settings;
