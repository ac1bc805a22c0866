//! [`DocumentReader`]: reads documents one after the other, chooses by kind, and collects what they
//! say about tracing. The kinds themselves are read in the modules next to this one.

use super::{
    blocks::{has_any, is_block, read_block},
    metadata::{text_of, title},
};
use crate::{
    config::{
        model::TracingConfig,
        node::Node,
        ranked_config::{Rank, RankedConfig, RankedConfigs},
        tree::{Budget, Tree},
        yaml,
    },
    config_error::ConfigError,
};

/// Istio's root namespace, unless a MeshConfig sets another one.
pub(super) const ROOT_NAMESPACE: &str = "istio-system";
/// The annotation of a pod that contains a ProxyConfig.
pub(super) const ANNOTATION: &str = "proxy.istio.io/config";

/// The fields on the paths to the tracing blocks, and to what is read next to them. They must not be
/// set twice, because only one of the two would count.
const FIELDS_ON_THE_WAY: &[&str] = &[
    "spec",
    "tracing",
    "http",
    "typedConfig",
    "config",
    "meshConfig",
    "defaultConfig",
    "defaultProviders",
    "extensionProviders",
    "zipkin",
    "opentelemetry",
    "values",
    "global",
    "pilot",
    "data",
    "mesh",
    "metadata",
    "annotations",
    ANNOTATION,
    "jobTemplate",
    "template",
    "selector",
    "matchLabels",
    #[cfg(feature = "access-log")]
    "accessLogging",
];

/// The fields on the paths to what is read about metrics.
#[cfg(feature = "metrics-config")]
const METRICS_FIELDS: &[&str] = &[
    "telemetry",
    "v2",
    "prometheus",
    "configOverride",
    "metrics",
    "configPatches",
    "patch",
    "value",
    "configuration",
    "pluginConfig",
    "workloadSelector",
    "labels",
    crate::config::metrics::BUCKETS,
    crate::config::metrics::EVICTION,
];
#[cfg(not(feature = "metrics-config"))]
const METRICS_FIELDS: &[&str] = &[];

/// What else is recognised, for an error.
#[cfg(feature = "metrics-config")]
const ABOUT_METRICS: &str = "; or about metrics: a Telemetry with `metrics`, `configOverride` of an IstioOperator, an \
                             EnvoyFilter or WasmPlugin with Istio's filters, or a pod with their annotations";
#[cfg(not(feature = "metrics-config"))]
const ABOUT_METRICS: &str = "";

/// The fields by which a MeshConfig without a kind is recognised.
const MESH_FIELDS: &[&str] = &[
    "defaultConfig",
    "extensionProviders",
    "defaultProviders",
    "rootNamespace",
    "enableTracing",
    #[cfg(feature = "access-log")]
    "accessLogFile",
];

pub(in crate::config) struct DocumentReader<'b> {
    budget: &'b mut Budget,
    configs: Vec<RankedConfig>,
    /// Whether any document is about tracing.
    has_tracing: bool,
    pub(super) root_namespace: Option<String>,
}

impl<'b> DocumentReader<'b> {
    pub(in crate::config) fn new(budget: &'b mut Budget) -> DocumentReader<'b> {
        DocumentReader {
            budget,
            configs: Vec::new(),
            has_tracing: false,
            root_namespace: None,
        }
    }

    pub(in crate::config) fn finish(self) -> Result<RankedConfigs, ConfigError> {
        if self.configs.is_empty() {
            return Err(ConfigError::general(format!(
                "no tracing configuration found; expected `tracing` or its fields, a MeshConfig, \
                 the ConfigMap istio, an IstioOperator, a ProxyConfig, a pod with the annotation \
                 {ANNOTATION}, a Telemetry with `tracing`, or an Envoy bootstrap with \
                 `tracing.http`{ABOUT_METRICS}"
            )));
        }
        Ok(RankedConfigs {
            configs: self.configs,
            has_tracing: self.has_tracing,
            root_namespace: self
                .root_namespace
                .unwrap_or_else(|| ROOT_NAMESPACE.to_owned()),
        })
    }

    /// Reads a document of any kind. Its position tells it from others in errors.
    pub(in crate::config) fn document(
        &mut self,
        node: &Node<'_>,
        position: Option<String>,
    ) -> Result<(), ConfigError> {
        let title = title(node, position);
        let before = self.configs.len();
        let read = fields_once(node).and_then(|()| self.contents(node));
        read.map_err(|error| error.in_document(&title))?;
        // Errors of providers come up only when they are used: add the document to them now.
        for ranked in &mut self.configs[before..] {
            let providers = std::mem::take(&mut ranked.config.mesh.providers);
            let providers = providers.into_iter();
            ranked.config.mesh.providers = providers
                .map(|(name, provider)| (name, provider.in_document(&title)))
                .collect();
            #[cfg(feature = "access-log")]
            ranked.config.access_logging.in_document(&title);
        }
        Ok(())
    }

    fn contents(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        #[cfg(feature = "metrics-config")]
        if self.metrics_resource(node)? {
            return Ok(());
        }
        let group = text_of(node, "apiVersion").and_then(|version| version.split_once('/'));
        let group = group.map(|(group, _)| group);
        match text_of(node, "kind") {
            None => self.document_without_kind(node),
            Some("Telemetry") if group.is_none_or(|group| group == "telemetry.istio.io") => {
                #[cfg(feature = "metrics-config")]
                self.telemetry_metrics(node)?;
                self.telemetry(node)
            }
            Some("ProxyConfig") if group.is_none_or(|group| group == "networking.istio.io") => {
                self.proxy_config(node)
            }
            Some("IstioOperator" | "Istio" | "IstioRevision") => self.installation(node),
            Some("MeshConfig") => self.mesh(node),
            Some("ConfigMap") => self.config_map(node),
            Some(kind) if kind.ends_with("List") => self.list(node),
            Some("Pod") => match node.get("metadata") {
                Some(metadata) => self.annotation(node, &metadata),
                None => Ok(()),
            },
            Some(_) => self.pod_template(node),
        }
    }

    fn list(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        let Some(Ok(mut items)) = node.get("items").map(|items| items.items()) else {
            return Ok(());
        };
        items.try_for_each(|item| {
            let position = item.path().to_owned();
            self.document(&Node::new(item.tree(), ""), Some(position))
        })
    }

    fn document_without_kind(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        if has_any(node, &["tracing"]) {
            return match node.get("tracing") {
                Some(tracing) if tracing.get("http").is_some() => self.bootstrap(node, None),
                Some(tracing) => self.block(&tracing),
                None => {
                    self.add(RankedConfig::for_all(Rank::Block, TracingConfig::default()));
                    Ok(())
                }
            };
        }
        let is_values = node.at(&["meshConfig"]).is_some()
            || node.at(&["global", "proxy", "tracer"]).is_some()
            || node.at(&["pilot", "traceSampling"]).is_some()
            || cfg!(feature = "metrics-config")
                && node.at(&["telemetry", "v2", "prometheus"]).is_some();
        if is_values {
            self.chart_values(node)
        } else if MESH_FIELDS.iter().any(|field| node.get(field).is_some()) {
            self.mesh(node)
        } else if matches!(node.tree(), Tree::List(_)) || is_block(node) {
            self.block(&Node::new(node.tree(), "tracing"))
        } else {
            if let Some(metadata) = node.get("metadata") {
                self.annotation(node, &metadata)?;
            }
            self.pod_template(node)
        }
    }

    fn block(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        let config = read_block(node)?;
        self.add(RankedConfig::for_all(Rank::Block, config));
        Ok(())
    }

    pub(super) fn add(&mut self, config: RankedConfig) {
        self.has_tracing = true;
        self.configs.push(config);
    }

    /// Adds what is not about tracing, so that Istio's defaults for tracing do not apply.
    #[cfg(any(feature = "access-log", feature = "metrics-config"))]
    pub(super) fn add_without_tracing(&mut self, config: RankedConfig) {
        self.configs.push(config);
    }

    #[cfg(feature = "metrics-config")]
    pub(super) fn budget(&mut self) -> &mut Budget {
        self.budget
    }

    /// Parses a text inside of the text.
    pub(super) fn parse_nested(&mut self, text: &str) -> Result<Vec<Tree>, ConfigError> {
        let trees = yaml::parse(text, self.budget)?;
        for tree in &trees {
            fields_once(&Node::new(tree, ""))?;
        }
        Ok(trees)
    }
}

/// Checks that no field on the way to what is read is set twice.
fn fields_once(node: &Node<'_>) -> Result<(), ConfigError> {
    let fields = [FIELDS_ON_THE_WAY, METRICS_FIELDS].concat();
    node.once(&fields)
}
