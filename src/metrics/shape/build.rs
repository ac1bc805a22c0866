//! Builds the plan of a direction from the settings of Istio's stats filter.

use super::{
    attribute_generation::{AttributeGenerator, GeneratedAttribute},
    cel::Expression,
    names::{is_standard, metric_name_error, sanitized, share_a_name},
    plugin_config::{Definition, MetricEntry, PluginConfig},
    values::Values,
};
use crate::{
    direction::Direction,
    metrics::{
        labels::StandardLabel,
        plan::{LabelValue, Measured, MetricKind, MetricPlan, Plan, REPORTING_INTERVAL},
    },
    printable::name,
};
use std::{collections::BTreeMap, sync::Arc};

/// The plan, and the settings that have no effect, for log lines.
pub(super) fn plan(
    direction: Direction,
    config: &PluginConfig,
    attributes: &[GeneratedAttribute],
) -> (Plan, Vec<String>) {
    let mut problems = Vec::new();
    let mut generated = Vec::new();
    let mut generators = Vec::new();
    for attribute in attributes {
        match AttributeGenerator::compile(attribute, &generated) {
            Ok(generator) => {
                generators.push(generator);
                generated.push(attribute.name.clone());
            }
            Err((value, error)) => problems.push(format!(
                "the condition for the value {} of the attribute {} {error}; the attribute is not set",
                name(&value),
                name(&attribute.name),
            )),
        }
    }
    let mut builder = Builder {
        metrics: Plan::standard(direction)
            .metrics
            .into_iter()
            .map(Metric::new)
            .collect(),
        values: Values::new(generators),
        generated,
        problems,
    };
    for definition in &config.definitions {
        builder.define(definition);
    }
    let dropped: Vec<String> = config.metrics.iter().filter_map(dropped).collect();
    for entry in config.metrics.iter().filter(|entry| !entry.drop) {
        builder.apply(entry);
    }
    let metrics = builder.metrics.into_iter();
    let metrics = metrics.filter(|metric| !dropped.iter().any(|name| name == metric.short_name()));
    let plan = Plan {
        metrics: metrics.map(Metric::finish).collect(),
        value_count: builder.values.count(),
        values: Arc::new(builder.values),
        reporting_interval: config.reporting_interval.unwrap_or(REPORTING_INTERVAL),
        host_header_fallback: match config.disable_host_header_fallback {
            Some(disabled) => !disabled,
            None => direction == Direction::Client,
        },
    };
    (plan, builder.problems)
}

/// A plan that records nothing.
pub(super) fn no_metrics(direction: Direction) -> Plan {
    Plan {
        metrics: Vec::new(),
        ..Plan::standard(direction)
    }
}

fn dropped(entry: &MetricEntry) -> Option<String> {
    (entry.drop && !entry.name.is_empty()).then(|| sanitized(&entry.name))
}

/// Removes metrics of the client that have another kind at the server, or whose names in an exposition
/// overlap with those of another metric of the server.
pub(super) fn remove_conflicting_metrics(
    server: &Plan,
    client: &mut Plan,
    problems: &mut Vec<String>,
) {
    client.metrics.retain(|metric| {
        let mut others = server.metrics.iter();
        let other = others.find(|other| {
            let is_same = other.name == metric.name && other.kind == metric.kind;
            !is_same && share_a_name(other.exposed(), metric.exposed())
        });
        if let Some(other) = other.filter(|other| other.name != metric.name) {
            problems.push(format!(
                "the names in an exposition of the metric {}, outbound, overlap with those of {}, inbound; it \
                 is not recorded",
                name(&metric.name),
                name(&other.name)
            ));
        } else if let Some(other) = other {
            let (inbound, outbound) = (kind_name(other.kind), kind_name(metric.kind));
            problems.push(format!(
                "the metric {} is a {inbound} inbound and a {outbound} outbound; the outbound one is not \
                 recorded",
                name(&metric.name)
            ));
        }
        other.is_none()
    });
}

fn kind_name(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
    }
}

struct Builder {
    metrics: Vec<Metric>,
    values: Values,
    generated: Vec<String>,
    problems: Vec<String>,
}

struct Metric {
    plan: MetricPlan,
    /// Labels that are not standard for this metric, by name.
    added: BTreeMap<String, LabelValue>,
}

impl Metric {
    fn new(plan: MetricPlan) -> Metric {
        Metric {
            plan,
            added: BTreeMap::new(),
        }
    }

    fn short_name(&self) -> &str {
        self.plan
            .name
            .strip_prefix("istio_")
            .unwrap_or(&self.plan.name)
    }

    fn is_custom(&self) -> bool {
        matches!(self.plan.measured, Measured::Value(_))
    }

    fn remove(&mut self, label: &str) {
        self.plan.labels.retain(|(name, _)| name != label);
    }

    /// Replaces a label, in the place where a standard one belongs, or adds it. Without a value, an
    /// expression that cannot be parsed, it is removed or not added. Standard labels that this standard
    /// metric does not have are never added.
    fn set(&mut self, label: &str, value: Option<LabelValue>) {
        let label = sanitized(label);
        let standard = StandardLabel::from_name(&label).filter(|_| !self.is_custom());
        let Some(standard) = standard else {
            self.added.extend(value.map(|value| (label, value)));
            return;
        };
        if !self.plan.measured.has_label(standard) {
            return;
        }
        self.remove(&label);
        let Some(value) = value else {
            return;
        };
        let is_later = |(name, _): &(String, LabelValue)| {
            StandardLabel::from_name(name).is_some_and(|other| other > standard)
        };
        let at = self.plan.labels.iter().position(is_later);
        let at = at.unwrap_or(self.plan.labels.len());
        self.plan.labels.insert(at, (label, value));
    }

    fn finish(self) -> MetricPlan {
        let mut plan = self.plan;
        plan.labels.extend(self.added);
        plan
    }
}

impl Builder {
    /// Adds a user-defined metric. Of two with the same name, the first applies, as in Istio.
    fn define(&mut self, definition: &Definition) {
        let full_name = format!("istio_{}", sanitized(&definition.name));
        let mut metrics = self.metrics.iter();
        if metrics.any(|metric| metric.is_custom() && metric.plan.name == full_name) {
            return;
        }
        let metric_name = name(&definition.name).to_string();
        let own = (full_name.as_str(), definition.kind);
        let others = || self.metrics.iter().filter(|metric| metric.is_custom());
        let mut overlapping = others().filter(|other| share_a_name(own, other.plan.exposed()));
        let reason = metric_name_error(&definition.name, definition.kind).map(str::to_owned);
        let reason = reason.or_else(|| {
            let other = name(overlapping.next()?.short_name()).to_string();
            Some(format!(
                "its names in an exposition overlap with those of {other}"
            ))
        });
        if let Some(reason) = reason {
            let problem = format!("the metric {metric_name} is not defined: {reason}");
            self.problems.push(problem);
            return;
        }
        let value = match Expression::with_generated(&definition.value, &self.generated) {
            Ok(value) => self.values.add(value),
            Err(error) => {
                let problem =
                    format!("the value of the metric {metric_name} {error}; it is not defined");
                self.problems.push(problem);
                return;
            }
        };
        self.metrics.push(Metric::new(MetricPlan {
            help: format!(
                "Defined by the configuration: {}",
                one_line(&definition.value)
            ),
            name: full_name,
            kind: definition.kind,
            measured: Measured::Value(value),
            labels: Vec::new(),
        }));
    }

    fn apply(&mut self, entry: &MetricEntry) {
        let applies_to = |metric: &Metric| {
            entry.name.is_empty() || metric.short_name() == sanitized(&entry.name)
        };
        if !self.metrics.iter().any(applies_to) {
            // The metrics of TCP exist, though not here.
            if !is_standard(&entry.name) {
                let metric_name = name(&entry.name);
                let problem =
                    format!("there is no metric {metric_name}; its settings have no effect");
                self.problems.push(problem);
            }
            return;
        }
        for label in &entry.tags_to_remove {
            if StandardLabel::from_name(label).is_none() {
                let label_name = name(label);
                let problem =
                    format!("there is no label {label_name} to remove; only standard ones can be");
                self.problems.push(problem);
                continue;
            }
            let metrics = self.metrics.iter_mut().filter(|metric| applies_to(metric));
            for metric in metrics.filter(|metric| !metric.is_custom()) {
                metric.remove(label);
            }
        }
        for (label, text) in &entry.dimensions {
            let value = self.label_value(label, text);
            let metrics = self.metrics.iter_mut().filter(|metric| applies_to(metric));
            for metric in metrics {
                metric.set(label, value.clone());
            }
        }
    }

    fn label_value(&mut self, label: &str, text: &str) -> Option<LabelValue> {
        match Expression::with_generated(text, &self.generated) {
            Ok(expression) => Some(match expression.constant() {
                Some(constant) => LabelValue::Constant(constant.to_owned()),
                None => LabelValue::Value(self.values.add(expression)),
            }),
            Err(error) => {
                let label_name = name(label);
                let problem =
                    format!("the value of the label {label_name} {error}; it is left out");
                self.problems.push(problem);
                None
            }
        }
    }
}

/// HELP is one line.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}
