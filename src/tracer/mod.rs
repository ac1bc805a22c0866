//! The tracer: starts traces and spans, decides on sampling, and builds from code's settings.
//!
//! [`handle`] is what users hold, and `running` a handle together with the reporter that is shut down
//! with it; `messages` has its spans of messages; [`builder`], [`build`] and `start` make them, and `metrics`
//! says what is counted. [`inner`] is what the layers share: [`decide`] decides about sampling, and [`dynamic`] holds what [`change`] may change while the service runs. The
//! layers and the configuration build on this module, which knows neither.

mod build;
mod builder;
mod change;
mod decide;
mod dynamic;
mod error;
mod handle;
mod inner;
mod messages;
#[cfg(feature = "metrics")]
mod metrics;
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
pub(crate) use dynamic::{DynamicSettings, DynamicSettingsCache};
pub use error::BuildError;
pub use handle::Tracer;
pub(crate) use inner::TracerInner;
#[cfg(feature = "batch")]
#[cfg_attr(docsrs, doc(cfg(feature = "batch")))]
pub use running::RunningTracer;
pub(crate) use settings::Settings;
#[cfg(feature = "batch")]
#[cfg_attr(docsrs, doc(cfg(feature = "batch")))]
pub use start_error::StartError;
