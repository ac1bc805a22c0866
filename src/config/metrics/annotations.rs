//! Annotations of pods that concern metrics.

use super::{Metrics, go_duration::parse_go_duration};
use crate::{
    config::{
        node::Node,
        tree::{Budget, Tree},
        yaml,
    },
    config_error::ConfigError,
    metrics::Buckets,
    printable::quoted,
};
use std::time::Duration;

pub(in crate::config) const BUCKETS: &str = "sidecar.istio.io/statsHistogramBuckets";
pub(in crate::config) const EVICTION: &str = "sidecar.istio.io/statsEvictionInterval";
const FLUSH: &str = "sidecar.istio.io/statsFlushInterval";

/// Annotations about Envoy's own statistics.
const WITHOUT_EFFECT: [&str; 7] = [
    "sidecar.istio.io/extraStatTags",
    "sidecar.istio.io/statsInclusionPrefixes",
    "sidecar.istio.io/statsInclusionSuffixes",
    "sidecar.istio.io/statsInclusionRegexps",
    "sidecar.istio.io/statsHistogramBins",
    "sidecar.istio.io/statsCompression",
    FLUSH,
];

/// How often Envoy writes its statistics, unless an annotation sets it.
const DEFAULT_FLUSH: Duration = Duration::from_secs(5);

/// Reads the annotations of a pod.
pub(in crate::config) fn read_annotations(
    annotations: &Node<'_>,
    budget: &mut Budget,
) -> Result<Metrics, ConfigError> {
    let mut metrics = Metrics::default();
    for name in WITHOUT_EFFECT {
        if annotations.exactly(name).is_some() {
            metrics.without_effect.insert(format!("annotation {name}"));
        }
    }
    if let Some(annotation) = annotations.exactly(BUCKETS) {
        metrics.buckets = read_buckets(&annotation, budget)?;
    }
    if let Some(annotation) = annotations.exactly(EVICTION) {
        let interval = interval(&annotation)?;
        let flush = annotations
            .exactly(FLUSH)
            .map(|flush| self::interval(&flush));
        let flush = flush.transpose()?.unwrap_or(DEFAULT_FLUSH);
        // Istio ignores any other.
        if interval.as_nanos() % flush.as_nanos() == 0 {
            metrics.eviction_interval = Some(interval);
        } else {
            let interval = annotation.text()?;
            metrics.without_effect.insert(format!(
                "annotation {EVICTION}, because {} is no multiple of the flush interval",
                quoted(interval)
            ));
        }
    }
    Ok(metrics)
}

/// `proxyStatsMatcher` of a ProxyConfig, which is about Envoy's own statistics.
pub(in crate::config) fn stats_matcher(proxy_config: &Node<'_>) -> Option<String> {
    let matcher = proxy_config.get("proxyStatsMatcher");
    matcher.map(|_| "proxyStatsMatcher".to_owned())
}

/// A JSON object from prefixes of names to bounds.
fn read_buckets(annotation: &Node<'_>, budget: &mut Budget) -> Result<Buckets, ConfigError> {
    let in_annotation = |error: ConfigError| error.in_document(&format!("annotation {BUCKETS}"));
    let trees = yaml::parse(annotation.text()?, budget).map_err(in_annotation)?;
    let [tree] = &trees[..] else {
        return Err(annotation.error("expected one JSON object"));
    };
    let node = Node::new(tree, "");
    let entries = node.entries().map_err(in_annotation)?;
    let mut buckets = Buckets::default();
    for (prefix, node) in entries {
        let bounds = read_bounds(&node).map_err(in_annotation)?;
        let with_bounds = buckets.prefix(prefix, bounds);
        buckets = with_bounds.map_err(|error| in_annotation(node.error(error.to_string())))?;
    }
    Ok(buckets)
}

fn read_bounds(node: &Node<'_>) -> Result<Vec<f64>, ConfigError> {
    let mut bounds: Vec<f64> = Vec::new();
    for item in node.items()? {
        let bound = match item.tree() {
            Tree::Number(bound) if bound.is_finite() && *bound > 0.0 => *bound,
            _ => return Err(item.expected("a number above 0")),
        };
        if bounds.last().is_some_and(|last| *last >= bound) {
            return Err(item.error(format!("{bound} is not above the bound before it")));
        }
        bounds.push(bound);
    }
    if bounds.is_empty() {
        return Err(node.error("must not be empty"));
    }
    Ok(bounds)
}

/// A duration in Go's format, above zero.
fn interval(node: &Node<'_>) -> Result<Duration, ConfigError> {
    let text = node.text()?;
    let interval = parse_go_duration(text).filter(|interval| !interval.is_zero());
    interval.ok_or_else(|| {
        let text = quoted(text);
        node.error(format!("{text} is not a duration such as 5m or 1h30m"))
    })
}
