use super::identity::Identity;
use crate::tags::Tag;

impl Identity {
    /// Istio's id of the proxy: `sidecar~10.1.2.3~webapp-5d4-x2x.shop~shop.svc.cluster.local`. `None`
    /// if the pod or the namespace is not known. An unknown address is left empty.
    pub fn node_id(&self) -> Option<String> {
        let (pod, namespace) = (self.pod.as_ref()?, self.namespace.as_ref()?);
        let ip = self.ip.map(|ip| ip.to_string()).unwrap_or_default();
        let domain = match &self.dns_domain {
            Some(domain) => domain.clone(),
            None => format!("{namespace}.svc.cluster.local"),
        };
        Some(format!("sidecar~{ip}~{pod}.{namespace}~{domain}"))
    }

    /// The tags of SERVER and CLIENT spans.
    pub(crate) fn tags(&self) -> Vec<Tag> {
        let node = self.node_id().map(|id| Tag::literal("node_id", id));
        let mut tags: Vec<Tag> = node.into_iter().collect();
        if self.istio_tags {
            let service = self.canonical_service().unwrap_or("unknown");
            let revision = self.canonical_revision().unwrap_or("latest");
            tags.extend([
                Tag::literal("istio.canonical_service", service),
                Tag::literal("istio.canonical_revision", revision),
                Tag::literal("istio.namespace", or(&self.namespace, "default")),
                Tag::literal("istio.cluster_id", or(&self.cluster, "unknown")),
                Tag::literal("istio.mesh_id", or(&self.mesh, "unknown")),
            ]);
        }
        tags
    }
}

fn or<'a>(value: &'a Option<String>, default: &'a str) -> &'a str {
    value.as_deref().unwrap_or(default)
}
