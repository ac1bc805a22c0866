//! `tracing` of a Telemetry, for each direction.

use super::{
    custom_tag::{CustomTag, CustomTags},
    node::Node,
};
use crate::{
    config_error::ConfigError,
    direction::{Direction, PerDirection},
};

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Telemetry {
    /// Whether there is a Telemetry block at all, even an empty one.
    pub(super) present: bool,
    pub(super) provider: Option<String>,
    pub(super) sampling: Option<f64>,
    pub(super) disable_span_reporting: Option<bool>,
    pub(super) disable_context_propagation: Option<bool>,
    pub(super) by_request_id: Option<bool>,
    pub(super) istio_tags: Option<bool>,
    pub(super) custom_tags: CustomTags,
}

/// The fields of an entry of `tracing`.
pub(super) const FIELDS: [&str; 8] = [
    "match",
    "providers",
    "randomSamplingPercentage",
    "disableSpanReporting",
    "disableContextPropagation",
    "useRequestIdForTraceSampling",
    "enableIstioTags",
    "customTags",
];

impl Telemetry {
    /// Reads the list `tracing`. Later entries override earlier ones.
    pub(super) fn read_list(node: &Node<'_>) -> Result<PerDirection<Telemetry>, ConfigError> {
        let mut merged = PerDirection::<Telemetry>::default();
        for entry in node.items()? {
            merged = Telemetry::both_over(Telemetry::read(&entry)?, merged);
        }
        Ok(merged)
    }

    /// Reads an entry of the list.
    pub(super) fn read(node: &Node<'_>) -> Result<PerDirection<Telemetry>, ConfigError> {
        node.reject_unknown_fields(&FIELDS)?;
        let flag = |name| node.get(name).map(|flag| flag.flag()).transpose();
        let percentage = node.get("randomSamplingPercentage");
        let tags = node.get("customTags");
        let entry = Telemetry {
            present: true,
            provider: provider(node)?,
            sampling: percentage.map(|node| node.percentage()).transpose()?,
            disable_span_reporting: flag("disableSpanReporting")?,
            disable_context_propagation: flag("disableContextPropagation")?,
            by_request_id: flag("useRequestIdForTraceSampling")?,
            istio_tags: flag("enableIstioTags")?,
            custom_tags: tags
                .map(|tags| CustomTag::read_all(&tags))
                .transpose()?
                .unwrap_or_default(),
        };
        Ok(match only_direction(node)? {
            None => PerDirection::both(entry),
            Some(direction) => {
                let mut one = PerDirection::default();
                *one.of_mut(direction) = entry;
                one
            }
        })
    }

    /// These settings, and the other's where these are unset. Custom tags are never merged: the
    /// first block that has any supplies all of them.
    pub(super) fn over(self, other: Telemetry) -> Telemetry {
        Telemetry {
            present: self.present || other.present,
            provider: self.provider.or(other.provider),
            sampling: self.sampling.or(other.sampling),
            disable_span_reporting: self.disable_span_reporting.or(other.disable_span_reporting),
            disable_context_propagation: self
                .disable_context_propagation
                .or(other.disable_context_propagation),
            by_request_id: self.by_request_id.or(other.by_request_id),
            istio_tags: self.istio_tags.or(other.istio_tags),
            custom_tags: if self.custom_tags.is_empty() {
                other.custom_tags
            } else {
                self.custom_tags
            },
        }
    }

    /// As [`over`](Self::over), for each direction.
    pub(super) fn both_over(
        high: PerDirection<Telemetry>,
        low: PerDirection<Telemetry>,
    ) -> PerDirection<Telemetry> {
        PerDirection {
            server: high.server.over(low.server),
            client: high.client.over(low.client),
        }
    }
}

/// The first of `providers`, as in Istio. The others are only checked.
fn provider(node: &Node<'_>) -> Result<Option<String>, ConfigError> {
    let Some(providers) = node.get("providers") else {
        return Ok(None);
    };
    let mut first = None;
    for provider in providers.items()? {
        provider.reject_unknown_fields(&["name"])?;
        let name = provider.required("name")?.non_empty_text()?;
        first.get_or_insert_with(|| name.to_owned());
    }
    Ok(first)
}

/// The direction that an entry is for. `None` is both.
pub(super) fn only_direction(node: &Node<'_>) -> Result<Option<Direction>, ConfigError> {
    let Some(matches) = node.get("match") else {
        return Ok(None);
    };
    matches.reject_unknown_fields(&["mode"])?;
    let Some(mode) = matches.get("mode") else {
        return Ok(None);
    };
    mode.word(&[
        ("CLIENT_AND_SERVER", 0, None),
        ("CLIENT", 1, Some(Direction::Client)),
        ("SERVER", 2, Some(Direction::Server)),
    ])
}
