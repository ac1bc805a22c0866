use super::reader::Node;
use crate::istio::{Identity, ServiceNaming};

/// What a ProxyConfig says of the service's name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Naming {
    naming: Option<ServiceNaming>,
    service_cluster: Option<String>,
}

impl Naming {
    /// Reads a ProxyConfig. It is outside of the tracing block, where nothing is judged.
    pub(super) fn read(node: &Node<'_>) -> Naming {
        let word = |name| node.get(name).and_then(|field| field.text().ok());
        Naming {
            naming: word("tracingServiceName").and_then(|name| name.parse().ok()),
            service_cluster: word("serviceCluster").map(str::to_owned),
        }
    }

    /// This where it says something, else the other.
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
