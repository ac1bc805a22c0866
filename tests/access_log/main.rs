//! The access log: a line for each exchange, in Envoy's formats.
#![cfg(feature = "access-log")]

#[path = "../common/mod.rs"]
mod common;

#[cfg(feature = "config")]
mod changes;
#[cfg(feature = "config")]
mod configured;
mod endings;
#[cfg(all(feature = "config", feature = "metrics-config"))]
mod filters;
mod formats;
mod log;
mod queue;
mod values;
