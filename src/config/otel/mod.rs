//! The environment variables of an OpenTelemetry SDK.
//!
//! [`variables`] reads single values, [`exporter`] where spans go, [`settings`] everything. An empty
//! variable counts as unset, as OpenTelemetry specifies. [`env`](super::env) calls this.

mod exporter;
mod settings;
#[cfg(test)]
mod tests;
mod variables;

pub(super) use exporter::{Exporter, Otlp};
pub(super) use settings::{Otel, Propagators};
