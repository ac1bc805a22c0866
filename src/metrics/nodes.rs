//! The metadata of both sides of an exchange, for expressions.

use super::{attributes::Node, peer::PeerMetadata, workload::Workload};

impl Node for PeerMetadata {
    fn metadata(&self, key: &str) -> Option<&str> {
        let text = match key {
            "NAME" => &self.name,
            "NAMESPACE" => &self.namespace,
            "WORKLOAD_NAME" => &self.workload,
            "CLUSTER_ID" => &self.cluster,
            "MESH_ID" => &self.mesh,
            "ISTIO_VERSION" => &self.istio_version,
            "OWNER" => &self.owner,
            "IDENTITY" => &self.identity,
            "REGION" => &self.region,
            "AVAILABILITY_ZONE" => &self.availability_zone,
            other => self.others.get(other)?,
        };
        Some(text.as_str()).filter(|text| !text.is_empty())
    }

    fn label(&self, name: &str) -> Option<&str> {
        let text = match name {
            super::workload::CANONICAL_NAME => &self.canonical_service,
            super::workload::CANONICAL_REVISION => &self.canonical_revision,
            "app" => &self.app,
            "version" => &self.version,
            other => self.labels.get(other)?,
        };
        Some(text.as_str()).filter(|text| !text.is_empty())
    }
}

impl Node for Workload {
    fn metadata(&self, key: &str) -> Option<&str> {
        let text = match key {
            "NAME" => self.pod.as_deref(),
            "NAMESPACE" => Some(self.namespace_name()),
            "WORKLOAD_NAME" => Some(self.workload_name()),
            "CLUSTER_ID" => Some(self.cluster_name()),
            "MESH_ID" => self.mesh.as_deref(),
            "ISTIO_VERSION" => self.istio_version.as_deref(),
            "OWNER" => self.owner.as_deref(),
            "IDENTITY" => self.identity.as_deref(),
            "REGION" => self.region.as_deref(),
            "AVAILABILITY_ZONE" => self.zone.as_deref(),
            _ => None,
        };
        text.filter(|text| !text.is_empty() && *text != super::destination::UNKNOWN)
    }

    fn label(&self, name: &str) -> Option<&str> {
        self.first_label(&[name])
    }

    fn id(&self) -> Option<&str> {
        self.node_id.as_deref()
    }

    fn canonical_service(&self) -> Option<&str> {
        Some(self.canonical_name())
    }

    fn canonical_revision(&self) -> Option<&str> {
        Some(self.revision())
    }
}
