//! [`Documents`]: the recognised documents of a text, merged for all workloads or for one.

use super::{
    model::TracingConfig,
    node::Node,
    ranked_config::RankedConfigs,
    recognise::DocumentReader,
    tree::{Budget, Tree},
    workload::Workload,
    yaml,
};
use crate::{config_error::ConfigError, file};
use std::path::Path;

/// The documents of a text that configure tracing, each with the workloads that it applies to.
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
    configs: RankedConfigs,
}

impl Documents {
    /// Reads a text of YAML or JSON: one document or several, at most 1 MiB. The [module](super) lists
    /// the documents that are recognised; others are skipped.
    ///
    /// # Errors
    ///
    /// Text that is not YAML or too long, no document that is recognised, or in a tracing block an
    /// unknown field, a value of the wrong type, a percentage outside 0 to 100, or a tag of two kinds.
    pub fn parse(text: &str) -> Result<Documents, ConfigError> {
        let mut budget = Budget::new();
        let trees = yaml::parse(text, &mut budget)?;
        let mut reader = DocumentReader::new(&mut budget);
        let several = trees.len() > 1;
        for (index, tree) in trees.iter().enumerate() {
            let position = several.then(|| format!("document {}", index + 1));
            reader.document(&Node::new(tree, ""), position)?;
        }
        let configs = reader.finish()?;
        Ok(Documents { configs })
    }

    /// Reads a file as [`parse`](Self::parse) reads a text.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, is not a regular file or is not UTF-8, and the errors of `parse`.
    /// The error names the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Documents, ConfigError> {
        let path = path.as_ref();
        let documents = read_file(path).and_then(|text| Documents::parse(&text));
        documents.map_err(|error| error.in_file(path))
    }

    /// Reads a document that serde has read from another format.
    pub(super) fn of_tree(tree: &Tree, budget: &mut Budget) -> Result<Documents, ConfigError> {
        let mut reader = DocumentReader::new(budget);
        reader.document(&Node::new(tree, ""), None)?;
        let configs = reader.finish()?;
        Ok(Documents { configs })
    }

    /// Merges all documents in their order of precedence.
    ///
    /// # Errors
    ///
    /// A provider that is used and misconfigured.
    pub fn all(&self) -> Result<TracingConfig, ConfigError> {
        let config = self.all_unchecked();
        config.check()?;
        Ok(config)
    }

    /// Merges the documents that apply to this workload in their order of precedence:
    ///
    /// - those for the whole mesh;
    /// - those in the workload's namespace without a selector, or whose selector's labels are all
    ///   among the workload's;
    /// - annotations of pods that, by their labels, may belong to the workload.
    ///
    /// A document without a namespace counts as the workload's.
    ///
    /// # Errors
    ///
    /// A provider that is used and misconfigured.
    pub fn for_workload(&self, workload: &Workload) -> Result<TracingConfig, ConfigError> {
        let config = self.configs.merge(Some(workload));
        config.check()?;
        Ok(config)
    }

    /// As [`all`](Self::all), for a caller that checks later.
    pub(super) fn all_unchecked(&self) -> TracingConfig {
        self.configs.merge(None)
    }
}

/// Reads a file as text. The error does not name the file.
pub(super) fn read_file(path: &Path) -> Result<String, ConfigError> {
    file::read_text(path).map_err(|error| ConfigError::general(error.to_string()))
}
