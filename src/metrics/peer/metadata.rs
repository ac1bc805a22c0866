//! `PeerMetadata`: the metadata that a workload sends to its peers.

use std::{collections::BTreeMap, fmt};

/// The metadata of a peer's workload. Fields that it did not send are empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct PeerMetadata {
    /// `NAME`: the pod.
    pub name: String,
    /// `NAMESPACE`.
    pub namespace: String,
    /// `WORKLOAD_NAME`.
    pub workload: String,
    /// `CLUSTER_ID`.
    pub cluster: String,
    /// The label `service.istio.io/canonical-name`.
    pub canonical_service: String,
    /// The label `service.istio.io/canonical-revision`.
    pub canonical_revision: String,
    /// The label `app.kubernetes.io/name`, or else `app`.
    pub app: String,
    /// The label `app.kubernetes.io/version`, or else `version`.
    pub version: String,
    /// `OWNER`, such as `kubernetes://apis/apps/v1/namespaces/shop/deployments/webapp`.
    pub owner: String,
    /// `IDENTITY`: the SPIFFE id. From Istio 1.29.
    pub identity: String,
    /// `REGION`. From Istio 1.29.
    pub region: String,
    /// `AVAILABILITY_ZONE`. From Istio 1.29.
    pub availability_zone: String,
    /// `MESH_ID`. Until Istio 1.23, and from this crate.
    pub mesh: String,
    /// `ISTIO_VERSION`. Until Istio 1.23, and from this crate.
    pub istio_version: String,
    /// Other texts, such as `INSTANCE_IPS`. Until Istio 1.23.
    pub others: BTreeMap<String, String>,
    /// Other labels.
    pub labels: BTreeMap<String, String>,
}

impl PeerMetadata {
    /// Sets the owner of a workload of this kind.
    pub(super) fn set_owner(&mut self, kind: &str) {
        let (namespace, workload) = (&self.namespace, &self.workload);
        self.owner = format!("kubernetes://apis/apps/v1/namespaces/{namespace}/{kind}s/{workload}");
    }

    /// The kind of the workload, by its owner: `deployment`, `job`, `cronjob` or `pod`. `None` for other
    /// kinds, as in Istio.
    pub fn workload_type(&self) -> Option<&'static str> {
        let (kind, name) = self.owner.rsplit_once("s/")?;
        if name != self.workload {
            return None;
        }
        let (_, kind) = kind.rsplit_once('/')?;
        let kinds = ["deployment", "job", "cronjob", "pod"];
        kinds.into_iter().find(|known| *known == kind)
    }
}

/// A header is not valid peer metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerMetadataError {
    /// It has more than 8 KiB.
    TooLong,
    /// It is not the base64 of a `google.protobuf.Struct`, or one that is nested deeper than four levels.
    Malformed,
    /// It is baggage of more than 8 KiB.
    BaggageTooLong,
}

impl fmt::Display for PeerMetadataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PeerMetadataError::TooLong => "x-envoy-peer-metadata: longer than 8 KiB",
            PeerMetadataError::Malformed => {
                "x-envoy-peer-metadata: not the base64 of a google.protobuf.Struct of at most 4 levels"
            }
            PeerMetadataError::BaggageTooLong => "baggage: longer than 8 KiB",
        })
    }
}

impl std::error::Error for PeerMetadataError {}
