//! [`AttributeFilter`]: a filter that generates attributes, and its place among the others.

use crate::{config::node::Node, config_error::ConfigError, metrics::shape::GeneratedAttribute};

/// The attributes of a WasmPlugin or of a patch of an EnvoyFilter.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::config) struct AttributeFilter {
    place: Place,
    attributes: Vec<GeneratedAttribute>,
}

/// Where in the chain of filters a filter is: by phase, and in a phase by priority. WasmPlugins with the
/// highest priority come first, EnvoyFilters with the lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::config) struct Place {
    phase: Phase,
    /// The priority, negated for WasmPlugins.
    order: i64,
}

/// In their order in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Authn,
    Authz,
    Stats,
    Unspecified,
    /// EnvoyFilters patch the chain when the WasmPlugins are in it, usually right before the stats filter.
    EnvoyFilter,
}

impl Place {
    /// That of the patches of an EnvoyFilter with this `spec`.
    pub(in crate::config) fn of_envoy_filter(spec: &Node<'_>) -> Result<Place, ConfigError> {
        let priority = spec.get("priority").map(|priority| priority.int32());
        Ok(Place {
            phase: Phase::EnvoyFilter,
            order: priority.transpose()?.unwrap_or(0).into(),
        })
    }

    /// That of a WasmPlugin with this `spec`.
    pub(in crate::config) fn of_plugin(spec: &Node<'_>) -> Result<Place, ConfigError> {
        let phase = spec.get("phase").map(|phase| {
            phase.word(&[
                ("UNSPECIFIED_PHASE", 0, Phase::Unspecified),
                ("AUTHN", 1, Phase::Authn),
                ("AUTHZ", 2, Phase::Authz),
                ("STATS", 3, Phase::Stats),
            ])
        });
        let priority = spec.get("priority").map(|priority| priority.int32());
        Ok(Place {
            phase: phase.transpose()?.unwrap_or(Phase::Unspecified),
            // As istiod's code has it; its API says 0.
            order: -i64::from(priority.transpose()?.unwrap_or(i32::MIN)),
        })
    }
}

impl AttributeFilter {
    pub(in crate::config) fn new(
        place: Place,
        attributes: Vec<GeneratedAttribute>,
    ) -> AttributeFilter {
        AttributeFilter { place, attributes }
    }
}

/// The attributes in the order in which the filters generate them. Filters with the same place stay in the
/// order that they have.
pub(super) fn in_order(filters: &[AttributeFilter]) -> Vec<GeneratedAttribute> {
    let mut filters: Vec<&AttributeFilter> = filters.iter().collect();
    filters.sort_by_key(|filter| filter.place);
    let attributes = filters.into_iter().flat_map(|filter| &filter.attributes);
    attributes.cloned().collect()
}
