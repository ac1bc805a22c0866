//! What a document sets and which workloads it applies to, and how several are merged by rank.
//! [`recognise`](super::recognise) adds layers, [`Documents`](super::documents) merges them.

use super::{model::TracingConfig, workload::Workload};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    pub(super) rank: Rank,
    pub(super) namespace: Option<String>,
    pub(super) audience: Audience,
    pub(super) config: TracingConfig,
}

/// Which layer overrides which: later ranks override earlier ones.
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
pub(super) enum Audience {
    All,
    /// Workloads that have all of these labels.
    Selected(BTreeMap<String, String>),
    /// The workload whose pods have these labels.
    Pods(BTreeMap<String, String>),
}

impl Layer {
    /// A layer that applies to every workload, of every namespace.
    pub(super) fn for_all(rank: Rank, config: TracingConfig) -> Layer {
        Layer {
            rank,
            namespace: None,
            audience: Audience::All,
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

    /// Whether it applies to this workload. A layer without a namespace counts as the workload's.
    fn applies_to(&self, workload: &Workload, rank: Rank) -> bool {
        let same_namespace = match &self.namespace {
            Some(namespace) => namespace == workload.namespace(),
            None => true,
        };
        match &self.audience {
            Audience::All => {
                let mesh_wide = rank != Rank::Namespace && rank != Rank::Annotation;
                mesh_wide || same_namespace
            }
            Audience::Selected(labels) => same_namespace && workload.is_selected_by(labels),
            Audience::Pods(labels) => same_namespace && workload.may_own_pods_with(labels),
        }
    }
}

/// The layers of a text, in its order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layers {
    pub(super) layers: Vec<Layer>,
    /// The namespace whose resources apply to the whole mesh.
    pub(super) root_namespace: String,
}

impl Layers {
    /// Merges the layers that apply to a workload, or all of them.
    pub(super) fn merge(&self, workload: Option<&Workload>) -> TracingConfig {
        let mut ranked: Vec<(Rank, &Layer)> = self
            .layers
            .iter()
            .map(|layer| (layer.rank(&self.root_namespace), layer))
            .filter(|(rank, layer)| {
                workload.is_none_or(|workload| layer.applies_to(workload, *rank))
            })
            .collect();
        // Lowest rank first; within a rank, the first in the text overrides the later ones.
        ranked.reverse();
        ranked.sort_by_key(|(rank, _)| *rank);
        let merged = ranked
            .into_iter()
            .fold(TracingConfig::default(), |merged, (_, layer)| {
                layer.config.clone().over(merged)
            });
        TracingConfig {
            istio: true,
            ..merged
        }
    }
}
