//! How a ProxyConfig names the service, outside of its tracing block.

use super::node::Node;
use crate::istio::{Identity, ServiceNaming};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Naming {
    naming: Option<ServiceNaming>,
    service_cluster: Option<String>,
}

impl Naming {
    /// Reads a ProxyConfig. Outside of the tracing block nothing is an error.
    pub(super) fn read(node: &Node<'_>) -> Naming {
        let text = |name| node.get(name).and_then(|field| field.text().ok());
        Naming {
            naming: text("tracingServiceName").and_then(|name| name.parse().ok()),
            service_cluster: text("serviceCluster").map(str::to_owned),
        }
    }

    /// These settings, and the other's where these are unset.
    pub(super) fn over(self, other: Naming) -> Naming {
        Naming {
            naming: self.naming.or(other.naming),
            service_cluster: self.service_cluster.or(other.service_cluster),
        }
    }

    pub(super) fn apply(&self, identity: Identity) -> Identity {
        let identity = match self.naming {
            Some(naming) => identity.naming(naming),
            None => identity,
        };
        match &self.service_cluster {
            Some(name) => identity.service_cluster(name),
            None => identity,
        }
    }
}
