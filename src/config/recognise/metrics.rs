//! Documents about metrics: Telemetry, IstioOperator, EnvoyFilter, WasmPlugin, and annotations.

use super::{
    metadata::{labels, namespace, text_of},
    reader::DocumentReader,
};
use crate::{
    config::{
        metrics::{
            AttributeFilter, EnvoyFilter, Metrics, Patch, Place, Settings, read_annotations,
            read_attributes, read_plugin_config, read_telemetry, reject_waypoint_settings,
            stats_matcher,
        },
        model::TracingConfig,
        node::Node,
        ranked_config::{AppliesTo, Rank, RankedConfig},
    },
    config_error::ConfigError,
    direction::Direction,
};
use std::collections::BTreeMap;

impl DocumentReader<'_> {
    /// Reads a resource that is only about metrics. `false` if it is of another kind.
    pub(super) fn metrics_resource(&mut self, node: &Node<'_>) -> Result<bool, ConfigError> {
        let group = text_of(node, "apiVersion").and_then(|version| version.split_once('/'));
        match (group.map(|(group, _)| group), text_of(node, "kind")) {
            (None | Some("networking.istio.io"), Some("EnvoyFilter")) => self.envoy_filter(node)?,
            (None | Some("extensions.istio.io"), Some("WasmPlugin")) => self.wasm_plugin(node)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn telemetry_metrics(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        let Some(metrics) = node.at(&["spec", "metrics"]) else {
            return Ok(());
        };
        let telemetry = read_telemetry(&metrics)?;
        let metrics = Metrics {
            telemetry,
            ..Metrics::default()
        };
        let selector = ["spec", "selector", "matchLabels"];
        self.metrics_of(node, &selector, AppliesTo::Selected, metrics);
        Ok(())
    }

    /// `telemetry.v2.prometheus.configOverride` in the values of Istio's charts.
    pub(super) fn config_override(&mut self, values: &Node<'_>) -> Result<(), ConfigError> {
        let path = ["telemetry", "v2", "prometheus", "configOverride"];
        let Some(sections) = values.at(&path) else {
            return Ok(());
        };
        sections.reject_unknown_fields(&["inboundSidecar", "outboundSidecar", "gateway"])?;
        let mut metrics = Metrics::default();
        for (name, direction) in [
            ("inboundSidecar", Some(Direction::Server)),
            ("outboundSidecar", Some(Direction::Client)),
            ("gateway", None),
        ] {
            let Some(section) = sections.get(name) else {
                continue;
            };
            let config = read_plugin_config(&section, &mut metrics.without_effect)?;
            if let Some(direction) = direction {
                reject_waypoint_settings(&section)?;
                *metrics.stats.of_mut(direction) = config;
            }
        }
        self.add_metrics(Rank::Installation, metrics);
        Ok(())
    }

    /// What a MeshConfig says about metrics.
    pub(super) fn mesh_metrics(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        let metrics = Metrics::of_mesh(node)?;
        if metrics != Metrics::default() {
            self.add_metrics(Rank::Mesh, metrics);
        }
        Ok(())
    }

    /// The annotations in the metadata of these pods.
    pub(super) fn metric_annotations(
        &mut self,
        resource: &Node<'_>,
        pods: &Node<'_>,
    ) -> Result<(), ConfigError> {
        let Some(annotations) = pods.get("annotations") else {
            return Ok(());
        };
        let metrics = read_annotations(&annotations, self.budget())?;
        if metrics != Metrics::default() {
            let labels = pods.get("labels").map(|node| labels(&node));
            self.add_without_tracing(RankedConfig {
                rank: Rank::Annotation,
                namespace: namespace(resource),
                applies_to: AppliesTo::Pods(labels.unwrap_or_default()),
                config: of_metrics(metrics),
            });
        }
        Ok(())
    }

    /// Notes `proxyStatsMatcher` in the annotation of a pod.
    pub(super) fn stats_matcher(&mut self, resource: &Node<'_>, proxy_config: &Node<'_>) {
        let Some(name) = stats_matcher(proxy_config) else {
            return;
        };
        let metrics = Metrics {
            without_effect: [name].into(),
            ..Metrics::default()
        };
        self.add_without_tracing(RankedConfig {
            rank: Rank::Annotation,
            namespace: namespace(resource),
            applies_to: AppliesTo::All,
            config: of_metrics(metrics),
        });
    }

    fn envoy_filter(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        let Some(spec) = node.get("spec") else {
            return Ok(());
        };
        let Some(patches) = spec.get("configPatches") else {
            return Ok(());
        };
        let mut metrics = Metrics::default();
        let mut found = false;
        for patch in patches.items()? {
            if let Some(patch) = Patch::of(&patch)? {
                found = true;
                self.patch(&patch, &spec, &mut metrics)?;
            }
        }
        if found {
            let selector = ["spec", "workloadSelector", "labels"];
            self.metrics_of(node, &selector, AppliesTo::SelectedByFilter, metrics);
        }
        Ok(())
    }

    /// A patch of an EnvoyFilter with this `spec`.
    fn patch(
        &mut self,
        patch: &Patch<'_>,
        spec: &Node<'_>,
        metrics: &mut Metrics,
    ) -> Result<(), ConfigError> {
        match &patch.settings {
            Settings::Default => Ok(()),
            Settings::Node(node) => filter_settings(patch, spec, node, metrics),
            Settings::Text(node, text) => {
                let inside = |error: ConfigError| error.in_document(node.path());
                let trees = self.parse_nested(text).map_err(inside)?;
                trees.iter().try_for_each(|tree| {
                    filter_settings(patch, spec, &Node::new(tree, ""), metrics).map_err(inside)
                })
            }
        }
    }

    /// A WasmPlugin with the settings of attribute generation.
    fn wasm_plugin(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        let Some(spec) = node.get("spec") else {
            return Ok(());
        };
        let Some(settings) = spec.get("pluginConfig") else {
            return Ok(());
        };
        let url = spec.get("url");
        let is_known =
            url.is_some_and(|url| url.text().is_ok_and(|url| url.contains("attributegen")));
        if !is_known && settings.get("attributes").is_none() {
            return Ok(());
        }
        let filter = AttributeFilter::new(Place::of_plugin(&spec)?, read_attributes(&settings)?);
        let mut metrics = Metrics::default();
        for direction in plugin_directions(&spec)? {
            *metrics.attribute_filters.of_mut(direction) = vec![filter.clone()];
        }
        let selector = ["spec", "selector", "matchLabels"];
        self.metrics_of(node, &selector, AppliesTo::SelectedByFilter, metrics);
        Ok(())
    }

    /// Adds the metrics of a resource with its selector at this path, unless it has targets: then it is for
    /// gateways and waypoints, not for workloads.
    fn metrics_of(
        &mut self,
        node: &Node<'_>,
        selector: &[&str],
        selected: fn(BTreeMap<String, String>) -> AppliesTo,
        metrics: Metrics,
    ) {
        let targets = ["targetRef", "targetRefs"];
        if targets
            .iter()
            .any(|target| node.at(&["spec", target]).is_some())
        {
            return;
        }
        let labels = node.at(selector).map(|selector| labels(&selector));
        let (rank, applies_to) = match labels {
            Some(labels) if !labels.is_empty() => (Rank::Selector, selected(labels)),
            _ => (Rank::Namespace, AppliesTo::All),
        };
        self.add_without_tracing(RankedConfig {
            rank,
            namespace: namespace(node),
            applies_to,
            config: of_metrics(metrics),
        });
    }

    pub(super) fn add_metrics(&mut self, rank: Rank, metrics: Metrics) {
        self.add_without_tracing(RankedConfig::for_all(rank, of_metrics(metrics)));
    }
}

fn of_metrics(metrics: Metrics) -> TracingConfig {
    TracingConfig {
        metrics,
        ..TracingConfig::default()
    }
}

fn filter_settings(
    patch: &Patch<'_>,
    spec: &Node<'_>,
    node: &Node<'_>,
    metrics: &mut Metrics,
) -> Result<(), ConfigError> {
    match patch.filter {
        EnvoyFilter::Stats => {
            let config = read_plugin_config(node, &mut metrics.without_effect)?;
            if !patch.directions.is_empty() {
                reject_waypoint_settings(node)?;
            }
            for direction in &patch.directions {
                let stats = metrics.stats.of_mut(*direction);
                *stats = config.clone().over(std::mem::take(stats));
            }
        }
        EnvoyFilter::Attributes => {
            let filter =
                AttributeFilter::new(Place::of_envoy_filter(spec)?, read_attributes(node)?);
            for direction in &patch.directions {
                let filters = metrics.attribute_filters.of_mut(*direction);
                filters.push(filter.clone());
            }
        }
    }
    Ok(())
}

/// The directions of `match` in the `spec` of a WasmPlugin.
fn plugin_directions(spec: &Node<'_>) -> Result<Vec<Direction>, ConfigError> {
    let Some(matches) = spec.get("match") else {
        return Ok(Direction::BOTH.into());
    };
    let mut directions = Vec::new();
    let mut matches = matches.items()?.peekable();
    if matches.peek().is_none() {
        return Ok(Direction::BOTH.into());
    }
    for one in matches {
        let mode = one.get("mode").map(|mode| {
            mode.word(&[
                ("UNDEFINED", 0, &Direction::BOTH[..]),
                ("CLIENT", 1, &[Direction::Client]),
                ("SERVER", 2, &[Direction::Server]),
                ("CLIENT_AND_SERVER", 3, &Direction::BOTH),
            ])
        });
        directions.extend(mode.transpose()?.unwrap_or(&Direction::BOTH));
    }
    Ok(directions)
}
