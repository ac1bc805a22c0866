//! Which documents there are, and where in them tracing is.

use super::{
    ConfigError, Documents, TracingConfig,
    bootstrap::Bootstrap,
    documents::{Audience, Layer, Rank},
    mesh::Mesh,
    naming::Naming,
    proxy::{self, Proxy, ProxyTracer},
    reader::{Node, camel_case},
    telemetry::{self, Telemetry},
    tree::{self, Budget, Tree},
};
use crate::{shown::escaped, tracer::Directed};
use std::collections::BTreeMap;

/// Where Istio keeps what is for the whole mesh, unless MeshConfig says otherwise.
const ROOT_NAMESPACE: &str = "istio-system";
/// The annotation of a pod that holds a ProxyConfig.
const ANNOTATION: &str = "proxy.istio.io/config";

/// What leads to the tracing blocks, and to what is read beside them.
const WAY: [&str; 23] = [
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
];

/// Reads what it knows, and skips the rest.
pub(super) struct Reader<'b> {
    budget: &'b mut Budget,
    layers: Vec<Layer>,
    root_namespace: Option<String>,
}

impl<'b> Reader<'b> {
    pub(super) fn new(budget: &'b mut Budget) -> Reader<'b> {
        Reader {
            budget,
            layers: Vec::new(),
            root_namespace: None,
        }
    }

    pub(super) fn end(self) -> Result<Documents, ConfigError> {
        if self.layers.is_empty() {
            return Err(ConfigError::new(
                "",
                format!(
                    "nothing about tracing: looked for tracing or its fields, a MeshConfig, \
                     the ConfigMap istio, an IstioOperator, a ProxyConfig, the annotation \
                     {ANNOTATION} of a pod, a Telemetry with tracing, \
                     and tracing.http of an Envoy bootstrap"
                ),
            ));
        }
        Ok(Documents {
            layers: self.layers,
            root_namespace: self
                .root_namespace
                .unwrap_or_else(|| ROOT_NAMESPACE.to_owned()),
        })
    }

    /// Reads a document of any kind.
    pub(super) fn document(
        &mut self,
        node: &Node<'_>,
        position: Option<String>,
    ) -> Result<(), ConfigError> {
        let label = label(node, position);
        let before = self.layers.len();
        let read = node.once(&WAY).and_then(|()| self.contents(node));
        read.map_err(|error| error.within(&label))?;
        // What is wrong with a provider is said when it is used.
        for layer in &mut self.layers[before..] {
            let providers = std::mem::take(&mut layer.config.mesh.providers);
            let providers = providers.into_iter();
            layer.config.mesh.providers = providers
                .map(|(name, provider)| (name, provider.within(&label)))
                .collect();
        }
        Ok(())
    }

    fn contents(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        let kind = word(node, "kind");
        let group = word(node, "apiVersion").and_then(|version| version.split_once('/'));
        let group = group.map(|(group, _)| group);
        match kind {
            None => self.bare(node),
            Some("Telemetry") if group.is_none_or(|group| group == "telemetry.istio.io") => {
                self.telemetry(node)
            }
            Some("ProxyConfig") if group.is_none_or(|group| group == "networking.istio.io") => {
                match node.at(&["spec", "tracing"]) {
                    Some(tracing) => {
                        let config = of_proxy(Proxy::read(&tracing)?);
                        self.resource(node, config);
                        Ok(())
                    }
                    None => Ok(()),
                }
            }
            Some("IstioOperator" | "Istio" | "IstioRevision") => self.installation(node),
            Some("MeshConfig") => self.mesh(node),
            Some("ConfigMap") => self.config_map(node),
            Some(kind) if kind.ends_with("List") => {
                let Some(Ok(items)) = node.get("items").map(|items| items.items()) else {
                    return Ok(());
                };
                for item in items {
                    let position = item.path().to_owned();
                    self.document(&Node::new(item.tree(), ""), Some(position))?;
                }
                Ok(())
            }
            Some("Pod") => match node.get("metadata") {
                Some(metadata) => self.annotation(node, &metadata),
                None => Ok(()),
            },
            Some(_) => self.pod_template(node),
        }
    }

    /// A document that does not say what it is.
    fn bare(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        let has = |fields: &[&str]| fields.iter().any(|field| node.get(field).is_some());
        if has_key(node, &["tracing"]) {
            let config = match node.get("tracing") {
                Some(tracing) if tracing.get("http").is_some() => {
                    return self.bootstrap(node, None);
                }
                Some(tracing) => block(&tracing)?,
                None => TracingConfig::default(),
            };
            self.block(config);
        } else if node.at(&["meshConfig"]).is_some()
            || node.at(&["global", "proxy", "tracer"]).is_some()
            || node.at(&["pilot", "traceSampling"]).is_some()
        {
            self.values(node)?;
        } else if has(&[
            "defaultConfig",
            "extensionProviders",
            "defaultProviders",
            "rootNamespace",
            "enableTracing",
        ]) {
            self.mesh(node)?;
        } else if matches!(node.tree(), Tree::List(_)) || is_block(node) {
            self.block(block(&Node::new(node.tree(), "tracing"))?);
        } else {
            if let Some(metadata) = node.get("metadata") {
                self.annotation(node, &metadata)?;
            }
            self.pod_template(node)?;
        }
        Ok(())
    }

    fn block(&mut self, config: TracingConfig) {
        self.layers.push(Layer {
            rank: Rank::Block,
            namespace: None,
            audience: Audience::All,
            config,
        });
    }

    /// A resource that is for its namespace, or for those whom its selector finds there.
    fn resource(&mut self, node: &Node<'_>, config: TracingConfig) {
        let selector = node.at(&["spec", "selector", "matchLabels"]);
        let labels = selector.map(|selector| labels(&selector));
        let (rank, audience) = match labels {
            Some(labels) if !labels.is_empty() => (Rank::Selector, Audience::Selected(labels)),
            _ => (Rank::Namespace, Audience::All),
        };
        self.layers.push(Layer {
            rank,
            namespace: namespace(node),
            audience,
            config,
        });
    }

    fn telemetry(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        let Some(tracing) = node.at(&["spec", "tracing"]) else {
            return Ok(());
        };
        let telemetry = Telemetry::read_list(&tracing)?;
        // Those that name targets are for gateways and waypoints.
        let targets = ["targetRef", "targetRefs"];
        if targets
            .iter()
            .any(|target| node.at(&["spec", target]).is_some())
        {
            return Ok(());
        }
        self.resource(node, of_telemetry(telemetry));
        Ok(())
    }

    fn installation(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        if let Some(mesh) = node.at(&["spec", "meshConfig"]) {
            self.mesh(&mesh)?;
        }
        match node.at(&["spec", "values"]) {
            Some(values) => self.values(&values),
            None => Ok(()),
        }
    }

    /// Values of the charts that install Istio.
    fn values(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
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
                    let usual = format!("zipkin.{ROOT_NAMESPACE}:9411");
                    Some(ProxyTracer::Zipkin {
                        address: address
                            .filter(|address| !address.is_empty())
                            .map_or(usual, str::to_owned),
                    })
                }
                other => Some(ProxyTracer::Other(escaped(other).into_owned())),
            };
        }
        if proxy != Proxy::default() {
            self.layers.push(Layer {
                rank: Rank::Installation,
                namespace: None,
                audience: Audience::All,
                config: of_proxy(proxy),
            });
        }
        Ok(())
    }

    fn mesh(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        let proxy = match node.at(&["defaultConfig", "tracing"]) {
            Some(tracing) => Proxy::read(&tracing)?,
            None => Proxy::default(),
        };
        if let Some(root) = word(node, "rootNamespace") {
            self.root_namespace.get_or_insert_with(|| root.to_owned());
        }
        self.layers.push(Layer {
            rank: Rank::Mesh,
            namespace: None,
            audience: Audience::All,
            config: TracingConfig {
                mesh: Mesh::read(node)?,
                naming: node
                    .get("defaultConfig")
                    .map(|proxy| Naming::read(&proxy))
                    .unwrap_or_default(),
                ..of_proxy(proxy)
            },
        });
        Ok(())
    }

    /// `data.mesh` of the ConfigMap `istio`, or an Envoy bootstrap under any key.
    fn config_map(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        let Some(Ok(data)) = node.get("data").map(|data| data.entries()) else {
            return Ok(());
        };
        for (key, value) in data {
            let Tree::Text(text) = value.tree() else {
                continue;
            };
            let bootstrap = text.contains("tracing") && text.contains("envoy.");
            if key != "mesh" && !bootstrap {
                continue;
            }
            let within = |error: ConfigError| error.within(&format!("data.{}", escaped(key)));
            let trees = match self.nested(text) {
                Ok(trees) => trees,
                // Whatever else it is, it is not judged.
                Err(_) if key != "mesh" && !text.contains("ZipkinConfig") => continue,
                Err(error) => return Err(within(error)),
            };
            for tree in &trees {
                let content = Node::new(tree, "");
                let read = match key {
                    "mesh" => self.mesh(&content),
                    _ => self.bootstrap(&content, namespace(node)),
                };
                read.map_err(within)?;
            }
        }
        Ok(())
    }

    fn bootstrap(&mut self, node: &Node<'_>, namespace: Option<String>) -> Result<(), ConfigError> {
        let Some(http) = node.at(&["tracing", "http"]) else {
            return Ok(());
        };
        self.layers.push(Layer {
            rank: Rank::Annotation,
            namespace,
            audience: Audience::All,
            config: TracingConfig {
                bootstrap: Bootstrap::read(&http)?,
                ..TracingConfig::default()
            },
        });
        Ok(())
    }

    /// A resource that makes pods.
    fn pod_template(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        let template = node.at(&["spec", "template", "metadata"]);
        let of_job = ["spec", "jobTemplate", "spec", "template", "metadata"];
        match template.or_else(|| node.at(&of_job)) {
            Some(metadata) => self.annotation(node, &metadata),
            None => Ok(()),
        }
    }

    /// The annotation of these pods.
    fn annotation(&mut self, node: &Node<'_>, pods: &Node<'_>) -> Result<(), ConfigError> {
        let annotations = pods.get("annotations");
        let Some(annotation) = annotations.and_then(|all| all.exactly(ANNOTATION)) else {
            return Ok(());
        };
        let within = |error: ConfigError| error.within(&format!("annotation {ANNOTATION}"));
        let trees = self.nested(annotation.text()?).map_err(within)?;
        for tree in &trees {
            let whole = Node::new(tree, "");
            let (tracing, naming) = (whole.get("tracing"), Naming::read(&whole));
            if tracing.is_none() && naming == Naming::default() {
                continue;
            }
            let proxy = tracing.map(|tracing| Proxy::read(&tracing));
            let proxy = proxy.transpose().map_err(within)?.unwrap_or_default();
            self.layers.push(Layer {
                rank: Rank::Annotation,
                namespace: namespace(node),
                audience: Audience::Pods(
                    pods.get("labels")
                        .map(|node| labels(&node))
                        .unwrap_or_default(),
                ),
                config: TracingConfig {
                    naming,
                    ..of_proxy(proxy)
                },
            });
        }
        Ok(())
    }

    /// A text inside the text.
    fn nested(&mut self, text: &str) -> Result<Vec<Tree>, ConfigError> {
        let trees = tree::parse(text, self.budget)?;
        for tree in &trees {
            Node::new(tree, "").once(&WAY)?;
        }
        Ok(trees)
    }
}

/// A block of either shape: `tracing` of a ProxyConfig, `tracing` of a Telemetry or one entry of it.
fn block(node: &Node<'_>) -> Result<TracingConfig, ConfigError> {
    match node.tree() {
        Tree::List(_) => Telemetry::read_list(node).map(of_telemetry),
        Tree::Map(_) if has_key(node, &of_telemetry_alone()) => {
            Telemetry::read(node).map(of_telemetry)
        }
        Tree::Map(_) => Proxy::read(node).map(of_proxy),
        _ => Err(node.error("neither a mapping nor a list")),
    }
}

fn is_block(node: &Node<'_>) -> bool {
    has_key(node, &proxy::FIELDS) || has_key(node, &telemetry::FIELDS)
}

fn of_telemetry_alone() -> Vec<&'static str> {
    let fields = telemetry::FIELDS.into_iter();
    fields
        .filter(|field| !proxy::FIELDS.contains(field))
        .collect()
}

/// Whether there is one of these fields, be it null.
fn has_key(node: &Node<'_>, fields: &[&str]) -> bool {
    match node.tree() {
        Tree::Map(entries) => entries
            .iter()
            .any(|(key, _)| fields.contains(&camel_case(key).as_ref())),
        _ => false,
    }
}

fn of_telemetry(telemetry: Directed<Telemetry>) -> TracingConfig {
    TracingConfig {
        telemetry,
        ..TracingConfig::default()
    }
}

fn of_proxy(proxy: Proxy) -> TracingConfig {
    TracingConfig {
        proxy,
        ..TracingConfig::default()
    }
}

/// A field's text, if it is one.
fn word<'a>(node: &Node<'a>, name: &str) -> Option<&'a str> {
    node.get(name).and_then(|field| field.text().ok())
}

fn namespace(node: &Node<'_>) -> Option<String> {
    let metadata = node.get("metadata")?;
    word(&metadata, "namespace").map(str::to_owned)
}

/// Labels, as text whatever they are: one that was left out would widen a selector.
fn labels(node: &Node<'_>) -> BTreeMap<String, String> {
    let entries = node.entries().unwrap_or_default().into_iter();
    let text = |value: Node<'_>| match value.tree() {
        Tree::Text(text) => text.clone(),
        Tree::Number(number) => number.to_string(),
        Tree::Bool(flag) => flag.to_string(),
        _ => String::new(),
    };
    entries
        .map(|(name, value)| (name.to_owned(), text(value)))
        .collect()
}

/// How errors call a document: `document 2, Telemetry istio-system/mesh-default`.
fn label(node: &Node<'_>, position: Option<String>) -> String {
    let metadata = node.get("metadata");
    let of = |field| metadata.as_ref().and_then(|metadata| word(metadata, field));
    let mut label = String::new();
    if let Some(kind) = word(node, "kind") {
        label.push_str(&escaped(kind));
        if let Some(name) = of("name") {
            label.push(' ');
            if let Some(namespace) = of("namespace") {
                label.push_str(&escaped(namespace));
                label.push('/');
            }
            label.push_str(&escaped(name));
        }
    }
    match position {
        Some(position) if label.is_empty() => position,
        Some(position) => format!("{position}, {label}"),
        None => label,
    }
}
