use super::{
    ConfigError,
    custom_tag::{CustomTag, CustomTags},
    reader::Node,
};
use crate::tracer::{Directed, Direction};

/// What Telemetry resources say for one direction.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Telemetry {
    /// Whether there are any.
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
    /// The list `tracing`, whose later entries stand over the earlier ones.
    pub(super) fn read_list(node: &Node<'_>) -> Result<Directed<Telemetry>, ConfigError> {
        let mut all = Directed::<Telemetry>::default();
        for entry in node.items()? {
            all = both(Telemetry::read(&entry)?, all);
        }
        Ok(all)
    }

    /// One entry of it.
    pub(super) fn read(node: &Node<'_>) -> Result<Directed<Telemetry>, ConfigError> {
        node.only(&FIELDS)?;
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
        Ok(match only_for(node)? {
            None => Directed::both(entry),
            Some(direction) => {
                let mut one = Directed::default();
                *one.of_mut(direction) = entry;
                one
            }
        })
    }

    /// This where it says something, else the other.
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
            // As a whole, never merged.
            custom_tags: match self.custom_tags.is_empty() {
                true => other.custom_tags,
                false => self.custom_tags,
            },
        }
    }
}

/// One over the other, for each direction.
pub(super) fn both(one: Directed<Telemetry>, other: Directed<Telemetry>) -> Directed<Telemetry> {
    Directed {
        server: one.server.over(other.server),
        client: one.client.over(other.client),
    }
}

/// The first of `providers`: Istio looks at no other.
fn provider(node: &Node<'_>) -> Result<Option<String>, ConfigError> {
    let Some(providers) = node.get("providers") else {
        return Ok(None);
    };
    let mut first = None;
    for provider in providers.items()? {
        provider.only(&["name"])?;
        let name = super::custom_tag::required(&provider, "name")?.some_text()?;
        first.get_or_insert_with(|| name.to_owned());
    }
    Ok(first)
}

/// The direction that an entry is for, unless it is for both.
fn only_for(node: &Node<'_>) -> Result<Option<Direction>, ConfigError> {
    let Some(matches) = node.get("match") else {
        return Ok(None);
    };
    matches.only(&["mode"])?;
    let Some(mode) = matches.get("mode") else {
        return Ok(None);
    };
    mode.word(&[
        ("CLIENT_AND_SERVER", 0, None),
        ("CLIENT", 1, Some(Direction::Client)),
        ("SERVER", 2, Some(Direction::Server)),
    ])
}
