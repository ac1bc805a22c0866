//! What Istio's documents say about metrics.
//!
//! [`telemetry`] reads Telemetry resources, [`plugin_config`] the settings of the stats filter, which
//! [`envoy_filter`] finds in EnvoyFilters, [`attributes`] attribute generation, [`annotations`]
//! annotations of pods. [`attribute_filter`] says in which order attributes are generated. [`model`] merges
//! all of them.

mod annotations;
mod attribute_filter;
mod attributes;
mod envoy_filter;
mod go_duration;
mod model;
mod plugin_config;
mod telemetry;
#[cfg(test)]
mod tests;

pub(super) use annotations::{BUCKETS, EVICTION, read_annotations, stats_matcher};
pub(super) use attribute_filter::{AttributeFilter, Place};
pub(super) use attributes::read_attributes;
pub(super) use envoy_filter::{EnvoyFilter, Patch, Settings};
pub(super) use model::{Metrics, MetricsListener};
pub(super) use plugin_config::{read_plugin_config, reject_waypoint_settings};
pub(super) use telemetry::read_telemetry;
