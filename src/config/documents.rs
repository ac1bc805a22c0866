use super::{
    ConfigError, TracingConfig, Workload, model,
    reader::Node,
    recognise::Reader,
    tree::{self, Budget, Tree},
};
use std::{collections::BTreeMap, path::Path};

/// The documents of a text that say something about tracing, each with whom it is for.
///
/// ```
/// use tower_b3::{Direction, config::{Documents, Workload}};
///
/// let documents = Documents::parse(
///     "
/// apiVersion: telemetry.istio.io/v1
/// kind: Telemetry
/// metadata: { name: mesh-default, namespace: istio-system }
/// spec:
///   tracing:
///   - randomSamplingPercentage: 10
/// ---
/// apiVersion: telemetry.istio.io/v1
/// kind: Telemetry
/// metadata: { name: checkout, namespace: shop }
/// spec:
///   selector: { matchLabels: { app: checkout } }
///   tracing:
///   - randomSamplingPercentage: 100
/// ",
/// )?;
/// let checkout = documents.for_workload(&Workload::new("shop").label("app", "checkout"))?;
/// assert_eq!(checkout.sampling(Direction::Server), 100.0);
/// let catalog = documents.for_workload(&Workload::new("shop").label("app", "catalog"))?;
/// assert_eq!(catalog.sampling(Direction::Server), 10.0);
/// # Ok::<(), tower_b3::config::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Documents {
    pub(super) layers: Vec<Layer>,
    pub(super) root_namespace: String,
}

/// What one document says, and to whom.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    pub(super) rank: Rank,
    pub(super) namespace: Option<String>,
    pub(super) audience: Audience,
    pub(super) config: TracingConfig,
}

/// What stands over what; the later the higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Installation,
    Mesh,
    RootNamespace,
    Namespace,
    Annotation,
    Selector,
    /// A block without a resource around it.
    Block,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Audience {
    All,
    /// Those who have all of these labels.
    Selected(BTreeMap<String, String>),
    /// The pods of these labels.
    Pods(BTreeMap<String, String>),
}

impl Documents {
    /// Reads a text of YAML or JSON: one document or several, at most 1 MiB. What is known is listed
    /// in the [module](super); other documents are skipped.
    ///
    /// # Errors
    ///
    /// No YAML, or too much of it; no document that is known; inside a tracing block a field that
    /// does not exist, a wrong type, a percentage outside 0 to 100, two kinds in one tag.
    pub fn parse(text: &str) -> Result<Documents, ConfigError> {
        let mut budget = Budget::new();
        let trees = tree::parse(text, &mut budget)?;
        let mut reader = Reader::new(&mut budget);
        let many = trees.len() > 1;
        for (at, tree) in trees.iter().enumerate() {
            let number = many.then(|| format!("document {}", at + 1));
            reader.document(&Node::new(tree, ""), number)?;
        }
        reader.end()
    }

    /// Reads a file as [`parse`](Self::parse) reads a text.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or is not UTF-8, or what `parse` does not take: the error names
    /// the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Documents, ConfigError> {
        let path = path.as_ref();
        let documents = model::read(path).and_then(|text| Documents::parse(&text));
        documents.map_err(|error| error.of_file(path))
    }

    /// What is read from another format, by serde.
    pub(super) fn of_tree(tree: &Tree, budget: &mut Budget) -> Result<Documents, ConfigError> {
        let mut reader = Reader::new(budget);
        reader.document(&Node::new(tree, ""), None)?;
        reader.end()
    }

    /// All of them, merged in their order of precedence.
    ///
    /// # Errors
    ///
    /// A provider that is used and is not set up right.
    pub fn all(&self) -> Result<TracingConfig, ConfigError> {
        self.merged(|_, _| true)
    }

    /// Those that are for this workload, merged in their order of precedence: what is for the whole
    /// mesh; what is in the workload's namespace and has no selector, or one whose labels are all
    /// the workload's; the annotations of pods that may be its own, by their labels. A document
    /// that names no namespace counts as the workload's.
    ///
    /// # Errors
    ///
    /// A provider that is used and is not set up right.
    pub fn for_workload(&self, workload: &Workload) -> Result<TracingConfig, ConfigError> {
        self.merged(|layer, rank| {
            let near = layer.namespace.is_none()
                || layer.namespace.as_deref() == Some(workload.namespace());
            match &layer.audience {
                Audience::All => rank != Rank::Namespace && rank != Rank::Annotation || near,
                Audience::Selected(labels) => near && workload.has_all(labels),
                Audience::Pods(labels) => near && workload.may_have(labels),
            }
        })
    }

    /// As [`all`](Self::all), whether it can be followed or not.
    pub(super) fn unchecked(&self) -> TracingConfig {
        self.merge(|_, _| true)
    }

    fn merged(&self, counts: impl Fn(&Layer, Rank) -> bool) -> Result<TracingConfig, ConfigError> {
        let all = self.merge(counts);
        all.check()?;
        Ok(all)
    }

    fn merge(&self, counts: impl Fn(&Layer, Rank) -> bool) -> TracingConfig {
        let ranked = self.layers.iter().map(|layer| (layer, self.rank(layer)));
        let mut layers: Vec<_> = ranked
            .filter(|(layer, rank)| counts(layer, *rank))
            .collect();
        // Of one rank, the first stands over the later ones.
        layers.reverse();
        layers.sort_by_key(|(_, rank)| *rank);
        let all = layers
            .into_iter()
            .fold(TracingConfig::default(), |merged, (layer, _)| {
                layer.config.clone().over(merged)
            });
        TracingConfig { istio: true, ..all }
    }

    fn rank(&self, layer: &Layer) -> Rank {
        match layer.rank {
            Rank::Namespace if layer.namespace.as_ref() == Some(&self.root_namespace) => {
                Rank::RootNamespace
            }
            rank => rank,
        }
    }
}
