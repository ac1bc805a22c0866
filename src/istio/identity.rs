//! `Identity`: what is known of a workload, from the environment, label files and the user.
//!
//! What becomes of it, the service name and tags, is in `service_name` and `span_tags`.

use super::{
    labels::{self, LabelsError},
    service_naming::ServiceNaming,
};
use std::{collections::BTreeMap, net::IpAddr, path::Path};

/// Where Istio mounts the pod's labels.
const LABELS_FILE: &str = "/etc/istio/pod/labels";

/// The identity of a service in an Istio mesh, for
/// [`TracerBuilder::identity`](crate::TracerBuilder::identity).
///
/// The [module](super) lists what it is read from and which tags it sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub(super) pod: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) ip: Option<IpAddr>,
    pub(super) workload: Option<String>,
    pub(super) cluster: Option<String>,
    pub(super) mesh: Option<String>,
    canonical_service: Option<String>,
    canonical_revision: Option<String>,
    labels: BTreeMap<String, String>,
    pub(super) naming: ServiceNaming,
    pub(super) service_cluster: Option<String>,
    pub(super) dns_domain: Option<String>,
    pub(super) istio_tags: bool,
}

/// A view of an identity. What is not known is `None`.
#[cfg(feature = "metrics")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) pod: Option<&'a str>,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) workload: Option<&'a str>,
    pub(crate) cluster: Option<&'a str>,
    pub(crate) mesh: Option<&'a str>,
    pub(crate) canonical_service: Option<&'a str>,
    pub(crate) canonical_revision: Option<&'a str>,
    pub(crate) dns_domain: Option<&'a str>,
    pub(crate) labels: &'a BTreeMap<String, String>,
}

impl Identity {
    /// Reads the environment variables of the process, and the labels in `/etc/istio/pod/labels` if
    /// that file exists.
    ///
    /// # Errors
    ///
    /// The file exists but cannot be read, or is not a file of labels.
    pub fn from_env() -> Result<Identity, LabelsError> {
        let identity = Identity::from_vars(|name| {
            let value = std::env::var_os(name)?;
            Some(value.to_string_lossy().into_owned())
        });
        match labels::read(Path::new(LABELS_FILE)) {
            Ok(labels) => Ok(identity.with_labels(labels)),
            Err(error) if error.is_not_found() => Ok(identity),
            Err(error) => Err(error),
        }
    }

    /// Like [`from_env`](Self::from_env), but calls `variable` for each environment variable, and
    /// reads no file.
    ///
    /// ```
    /// use tower_b3::istio::Identity;
    ///
    /// let identity = Identity::from_vars(|name| match name {
    ///     "POD_NAMESPACE" => Some("shop".to_owned()),
    ///     "ISTIO_META_WORKLOAD_NAME" => Some("webapp".to_owned()),
    ///     _ => None,
    /// });
    /// assert_eq!(identity.service_name(), "webapp.shop");
    /// ```
    pub fn from_vars(variable: impl Fn(&str) -> Option<String>) -> Identity {
        let first = |names: &[&str]| {
            let mut values = names.iter().filter_map(|name| variable(name));
            values.find(|value| !value.is_empty())
        };
        let addresses = ["INSTANCE_IP", "POD_IP"].into_iter();
        Identity {
            pod: first(&["POD_NAME"]),
            namespace: first(&["POD_NAMESPACE"]),
            ip: addresses
                .filter_map(&variable)
                .find_map(|ip| ip.parse().ok().map(|ip: IpAddr| ip.to_canonical())),
            workload: first(&["ISTIO_META_WORKLOAD_NAME"]),
            cluster: first(&["ISTIO_META_CLUSTER_ID", "CLUSTER_ID"]),
            mesh: first(&["ISTIO_META_MESH_ID", "MESH_ID", "TRUST_DOMAIN"]),
            canonical_service: first(&["CANONICAL_SERVICE"]),
            canonical_revision: first(&["CANONICAL_REVISION"]),
            labels: BTreeMap::new(),
            naming: ServiceNaming::default(),
            service_cluster: None,
            dns_domain: None,
            istio_tags: true,
        }
    }

    /// Adds the labels from a file of Kubernetes' downward API, if it is not mounted at
    /// `/etc/istio/pod`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not a file of labels; the error names the file and the line.
    pub fn labels_file(self, path: impl AsRef<Path>) -> Result<Identity, LabelsError> {
        let labels = labels::read(path.as_ref())?;
        Ok(self.with_labels(labels))
    }

    /// Adds a label of the pod. It replaces one with the same name.
    #[must_use]
    pub fn label(self, name: impl Into<String>, value: impl Into<String>) -> Identity {
        self.with_labels([(name.into(), value.into())])
    }

    fn with_labels(mut self, labels: impl IntoIterator<Item = (String, String)>) -> Identity {
        self.labels.extend(labels);
        self
    }

    /// Sets how [`service_name`](Self::service_name) is made: Istio's `tracingServiceName`. Default:
    /// [`ServiceNaming::AppLabelAndNamespace`].
    #[must_use]
    pub fn naming(mut self, naming: ServiceNaming) -> Identity {
        self.naming = naming;
        self
    }

    /// Sets the service name regardless of everything else: Istio's `serviceCluster`. An empty name
    /// and `istio-proxy` are ignored, as in Istio.
    #[must_use]
    pub fn service_cluster(mut self, name: impl Into<String>) -> Identity {
        self.service_cluster = Some(name.into());
        self
    }

    /// Sets the last part of [`node_id`](Self::node_id). Default: `{namespace}.svc.cluster.local`, as
    /// in Istio.
    #[must_use]
    pub fn dns_domain(mut self, domain: impl Into<String>) -> Identity {
        self.dns_domain = Some(domain.into());
        self
    }

    /// Sets whether spans have the `istio.*` tags: Istio's `enableIstioTags`. Default: `true`. The
    /// tags `node_id` and `component` do not depend on it.
    #[must_use]
    pub fn istio_tags(mut self, on: bool) -> Identity {
        self.istio_tags = on;
        self
    }

    /// What is known, for the labels of metrics.
    #[cfg(feature = "metrics")]
    pub(crate) fn known(&self) -> Known<'_> {
        Known {
            pod: self.pod.as_deref(),
            namespace: self.namespace.as_deref(),
            address: self.ip,
            workload: self.workload.as_deref(),
            cluster: self.cluster.as_deref(),
            mesh: self.mesh.as_deref(),
            canonical_service: self.canonical_service(),
            canonical_revision: self.canonical_revision(),
            dns_domain: self.dns_domain.as_deref(),
            labels: &self.labels,
        }
    }

    #[cfg(feature = "config")]
    pub(crate) fn known_namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    #[cfg(feature = "config")]
    pub(crate) fn known_labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    pub(super) fn canonical_service(&self) -> Option<&str> {
        let labels = [
            "service.istio.io/canonical-name",
            "app.kubernetes.io/name",
            "app",
        ];
        let given = self.canonical_service.as_deref();
        given
            .or_else(|| self.first_label(&labels))
            .or(self.workload.as_deref())
    }

    pub(super) fn canonical_revision(&self) -> Option<&str> {
        let labels = [
            "service.istio.io/canonical-revision",
            "app.kubernetes.io/version",
            "version",
        ];
        let given = self.canonical_revision.as_deref();
        given.or_else(|| self.first_label(&labels))
    }

    /// The first of these labels that is set and not empty.
    pub(super) fn first_label(&self, names: &[&str]) -> Option<&str> {
        let mut values = names.iter().filter_map(|name| self.labels.get(*name));
        let value = values.find(|value| !value.is_empty());
        value.map(String::as_str)
    }
}
