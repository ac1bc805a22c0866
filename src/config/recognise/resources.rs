//! Istio's resources, its installations (IstioOperator, chart values, MeshConfig), and ConfigMaps
//! with a MeshConfig or an Envoy bootstrap in them.

use super::{
    blocks::{of_proxy, of_telemetry},
    metadata::{labels, namespace, text_of},
    reader::{DocumentReader, ROOT_NAMESPACE},
};
#[cfg(feature = "access-log")]
use crate::config::access_logging::AccessLogging;
use crate::{
    config::{
        bootstrap::Bootstrap,
        mesh::Mesh,
        model::TracingConfig,
        naming::Naming,
        node::Node,
        proxy::{Proxy, ProxyTracer},
        ranked_config::{AppliesTo, Rank, RankedConfig},
        telemetry::Telemetry,
        tree::Tree,
    },
    config_error::ConfigError,
    printable,
};

impl DocumentReader<'_> {
    pub(super) fn telemetry(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        let Some(config) = telemetry_config(node)? else {
            return Ok(());
        };
        // A Telemetry with targets is for gateways and waypoints, not for workloads.
        let has_target = ["targetRef", "targetRefs"]
            .iter()
            .any(|target| node.at(&["spec", target]).is_some());
        if has_target {
            return Ok(());
        }
        let ranked = resource(node, config);
        // One that is only about access logs leaves tracing as it is without Istio's documents.
        #[cfg(feature = "access-log")]
        if node.at(&["spec", "tracing"]).is_none() {
            self.add_without_tracing(ranked);
            return Ok(());
        }
        self.add(ranked);
        Ok(())
    }

    pub(super) fn proxy_config(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        if let Some(tracing) = node.at(&["spec", "tracing"]) {
            self.add(resource(node, of_proxy(Proxy::read(&tracing)?)));
        }
        Ok(())
    }

    /// An IstioOperator or an Istio.
    pub(super) fn installation(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        if let Some(mesh) = node.at(&["spec", "meshConfig"]) {
            self.mesh(&mesh)?;
        }
        match node.at(&["spec", "values"]) {
            Some(values) => self.chart_values(&values),
            None => Ok(()),
        }
    }

    /// The values of the charts that install Istio.
    pub(super) fn chart_values(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        if let Some(mesh) = node.get("meshConfig") {
            self.mesh(&mesh)?;
        }
        let mut proxy = Proxy::default();
        if let Some(sampling) = node.at(&["pilot", "traceSampling"]) {
            proxy.sampling = Some(sampling.percentage()?);
        }
        if let Some(tracer) = node.at(&["global", "proxy", "tracer"]) {
            proxy.tracer = match tracer.text()? {
                "" | "none" => None,
                "zipkin" => {
                    let address = node.at(&["global", "tracer", "zipkin", "address"]);
                    let address = address.map(|address| address.text()).transpose()?;
                    let default = format!("zipkin.{ROOT_NAMESPACE}:9411");
                    Some(ProxyTracer::Zipkin {
                        address: address
                            .filter(|address| !address.is_empty())
                            .map_or(default, str::to_owned),
                    })
                }
                other => Some(ProxyTracer::Other(other.to_owned())),
            };
        }
        if proxy != Proxy::default() {
            self.add(RankedConfig::for_all(Rank::Installation, of_proxy(proxy)));
        }
        #[cfg(feature = "metrics-config")]
        self.config_override(node)?;
        Ok(())
    }

    pub(super) fn mesh(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        let proxy = match node.at(&["defaultConfig", "tracing"]) {
            Some(tracing) => Proxy::read(&tracing)?,
            None => Proxy::default(),
        };
        if let Some(root) = text_of(node, "rootNamespace") {
            self.root_namespace.get_or_insert_with(|| root.to_owned());
        }
        let config = TracingConfig {
            mesh: Mesh::read(node)?,
            naming: node
                .get("defaultConfig")
                .map(|proxy| Naming::read(&proxy))
                .unwrap_or_default(),
            #[cfg(feature = "access-log")]
            access_logging: AccessLogging::of_mesh(node)?,
            ..of_proxy(proxy)
        };
        self.add(RankedConfig::for_all(Rank::Mesh, config));
        #[cfg(feature = "metrics-config")]
        self.mesh_metrics(node)?;
        Ok(())
    }

    /// `data.mesh` of the ConfigMap `istio`, or an Envoy bootstrap in any field.
    pub(super) fn config_map(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        let Some(Ok(data)) = node.get("data").map(|data| data.entries()) else {
            return Ok(());
        };
        for (key, value) in data {
            let Tree::Text(text) = value.tree() else {
                continue;
            };
            let is_mesh = key == "mesh";
            let may_be_bootstrap = text.contains("tracing") && text.contains("envoy.");
            if !is_mesh && !may_be_bootstrap {
                continue;
            }
            let in_field =
                |error: ConfigError| error.in_document(&format!("data.{}", printable::name(key)));
            let trees = match self.parse_nested(text) {
                Ok(trees) => trees,
                // It may be anything else, which is not for us to check.
                Err(_) if !is_mesh && !text.contains("ZipkinConfig") => continue,
                Err(error) => return Err(in_field(error)),
            };
            for tree in &trees {
                let content = Node::new(tree, "");
                let read = if is_mesh {
                    self.mesh(&content)
                } else {
                    self.bootstrap(&content, namespace(node))
                };
                read.map_err(in_field)?;
            }
        }
        Ok(())
    }

    pub(super) fn bootstrap(
        &mut self,
        node: &Node<'_>,
        namespace: Option<String>,
    ) -> Result<(), ConfigError> {
        let Some(http) = node.at(&["tracing", "http"]) else {
            return Ok(());
        };
        self.add(RankedConfig {
            rank: Rank::Annotation,
            namespace,
            applies_to: AppliesTo::All,
            config: TracingConfig {
                bootstrap: Bootstrap::read(&http)?,
                ..TracingConfig::default()
            },
        });
        Ok(())
    }
}

/// What the `spec` of a Telemetry says; `None` if it says nothing about tracing or access logs.
fn telemetry_config(node: &Node<'_>) -> Result<Option<TracingConfig>, ConfigError> {
    let tracing = node.at(&["spec", "tracing"]);
    let tracing = tracing.map(|tracing| Telemetry::read_list(&tracing).map(of_telemetry));
    let config = tracing.transpose()?;
    #[cfg(feature = "access-log")]
    if let Some(logging) = node.at(&["spec", "accessLogging"]) {
        return Ok(Some(TracingConfig {
            access_logging: AccessLogging::of_telemetry(&logging)?,
            ..config.unwrap_or_default()
        }));
    }
    Ok(config)
}

/// A resource, which applies to its namespace or to the workloads there that its selector selects.
fn resource(node: &Node<'_>, config: TracingConfig) -> RankedConfig {
    let selector = node.at(&["spec", "selector", "matchLabels"]);
    let labels = selector.map(|selector| labels(&selector));
    let (rank, applies_to) = match labels {
        Some(labels) if !labels.is_empty() => (Rank::Selector, AppliesTo::Selected(labels)),
        _ => (Rank::Namespace, AppliesTo::All),
    };
    RankedConfig {
        rank,
        namespace: namespace(node),
        applies_to,
        config,
    }
}
