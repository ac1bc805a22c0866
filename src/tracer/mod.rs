//! The tracer: starts traces and spans, decides on sampling, and builds from code's settings.
//!
//! [`handle`] is what users hold, and [`builder`] and [`build`] make it. [`inner`] is what the layers
//! share: [`decide`] decides about sampling, and [`dynamic`] holds what [`change`] may change while the
//! service runs. The layers and the configuration build on this module, which knows neither.

mod build;
mod builder;
mod change;
mod decide;
mod dynamic;
mod error;
mod handle;
mod inner;
mod settings;

#[cfg(feature = "config")]
pub(crate) use build::Fallback;
pub use builder::TracerBuilder;
#[cfg(feature = "config")]
use change::SetInCode;
pub(crate) use dynamic::{DynamicSettings, DynamicSettingsCache};
pub use error::BuildError;
pub use handle::Tracer;
pub(crate) use inner::TracerInner;
pub(crate) use settings::Settings;
