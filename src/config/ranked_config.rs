//! What a document sets and which workloads it applies to, and how several are merged by rank.
//! [`recognise`](super::recognise) adds them, [`Documents`](super::documents) merges them.

use super::{model::TracingConfig, workload::Workload};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct RankedConfig {
    pub(super) rank: Rank,
    pub(super) namespace: Option<String>,
    pub(super) applies_to: AppliesTo,
    pub(super) config: TracingConfig,
}

/// Which configuration overrides which: later ranks override earlier ones.
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

/// Which workloads a document applies to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum AppliesTo {
    All,
    /// Workloads of the namespace that have all of these labels.
    Selected(BTreeMap<String, String>),
    /// The same and, by a filter of the root namespace, workloads of all namespaces.
    #[cfg(feature = "metrics-config")]
    SelectedByFilter(BTreeMap<String, String>),
    /// The workload whose pods have these labels.
    Pods(BTreeMap<String, String>),
}

impl RankedConfig {
    /// A configuration that applies to every workload, of every namespace.
    pub(super) fn for_all(rank: Rank, config: TracingConfig) -> RankedConfig {
        RankedConfig {
            rank,
            namespace: None,
            applies_to: AppliesTo::All,
            config,
        }
    }

    /// Its rank, given the namespace whose resources apply to the whole mesh.
    fn rank(&self, root_namespace: &str) -> Rank {
        match self.rank {
            Rank::Namespace if self.namespace.as_deref() == Some(root_namespace) => {
                Rank::RootNamespace
            }
            rank => rank,
        }
    }

    /// Whether it applies to this workload. Without a namespace, it counts as being in the workload's.
    fn is_for(&self, workload: &Workload, rank: Rank, root_namespace: &str) -> bool {
        #[cfg(not(feature = "metrics-config"))]
        let _ = root_namespace;
        let same_namespace = match &self.namespace {
            Some(namespace) => namespace == workload.namespace(),
            None => true,
        };
        match &self.applies_to {
            AppliesTo::All => {
                let mesh_wide = rank != Rank::Namespace && rank != Rank::Annotation;
                mesh_wide || same_namespace
            }
            AppliesTo::Selected(labels) => same_namespace && workload.is_selected_by(labels),
            #[cfg(feature = "metrics-config")]
            AppliesTo::SelectedByFilter(labels) => {
                let in_root = self.namespace.as_deref() == Some(root_namespace);
                (same_namespace || in_root) && workload.is_selected_by(labels)
            }
            AppliesTo::Pods(labels) => same_namespace && workload.may_own_pods_with(labels),
        }
    }
}

/// The configurations of a text, in its order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RankedConfigs {
    pub(super) configs: Vec<RankedConfig>,
    /// Whether any of them is about tracing, so that Istio's defaults apply.
    pub(super) has_tracing: bool,
    /// The namespace whose resources apply to the whole mesh.
    pub(super) root_namespace: String,
}

impl RankedConfigs {
    /// Merges the configurations that apply to a workload, or all of them.
    pub(super) fn merge(&self, workload: Option<&Workload>) -> TracingConfig {
        let mut ranked: Vec<(Rank, &RankedConfig)> = self
            .configs
            .iter()
            .map(|one| (one.rank(&self.root_namespace), one))
            .filter(|(rank, one)| {
                workload.is_none_or(|workload| one.is_for(workload, *rank, &self.root_namespace))
            })
            .collect();
        // Lowest rank first; within a rank, the first in the text overrides the later ones.
        ranked.reverse();
        ranked.sort_by_key(|(rank, _)| *rank);
        let mut merged = ranked
            .iter()
            .fold(TracingConfig::default(), |merged, (_, one)| {
                one.config.clone().over(merged)
            });
        merged.istio = self.has_tracing;
        #[cfg(feature = "metrics-config")]
        {
            // Filters do not override one another: within a rank, they are in the order of the text.
            let ranks = ranked.chunk_by(|(one, _), (other, _)| one == other);
            let in_order = ranks.flat_map(|rank| rank.iter().rev());
            let metrics = in_order.map(|(_, one)| &one.config.metrics);
            merged.metrics.set_filters_of(metrics);
        }
        merged
    }
}
