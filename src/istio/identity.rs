use super::{
    labels::{self, LabelsError},
    naming::ServiceNaming,
};
use crate::tag::Tag;
use std::{collections::BTreeMap, net::IpAddr, path::Path};

/// Where Istio mounts the downward API's labels.
const LABELS: &str = "/etc/istio/pod/labels";

/// Istio's name for a proxy that has none.
const NAMELESS: &str = "istio-proxy";

/// Who a service is in an Istio mesh. What it is read from, and what it becomes: see the
/// [module](super).
///
/// For [`TracerBuilder::identity`](crate::TracerBuilder::identity).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pod: Option<String>,
    namespace: Option<String>,
    ip: Option<IpAddr>,
    workload: Option<String>,
    cluster: Option<String>,
    mesh: Option<String>,
    canonical_service: Option<String>,
    canonical_revision: Option<String>,
    labels: BTreeMap<String, String>,
    naming: ServiceNaming,
    service_cluster: Option<String>,
    dns_domain: Option<String>,
    istio_tags: bool,
}

impl Identity {
    /// Reads the process's environment, and the labels in `/etc/istio/pod/labels` if there are any.
    ///
    /// # Errors
    ///
    /// The file is there but cannot be read, or is no file of labels.
    pub fn from_env() -> Result<Identity, LabelsError> {
        let identity = Identity::from_vars(|name| {
            let value = std::env::var_os(name)?;
            Some(value.to_string_lossy().into_owned())
        });
        match labels::read(Path::new(LABELS)) {
            Ok(labels) => Ok(identity.labelled(labels)),
            Err(error) if error.is_absence() => Ok(identity),
            Err(error) => Err(error),
        }
    }

    /// As [`from_env`](Self::from_env), but asks `variable` for each variable, and reads no file.
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

    /// Adds the labels in a file of the downward API: for one that is mounted elsewhere than in
    /// `/etc/istio/pod`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is no file of labels: the error names it, and the line.
    pub fn labels_file(self, path: impl AsRef<Path>) -> Result<Identity, LabelsError> {
        let labels = labels::read(path.as_ref())?;
        Ok(self.labelled(labels))
    }

    /// Adds a label of the pod. Of two of one name the last counts.
    #[must_use]
    pub fn label(self, name: impl Into<String>, value: impl Into<String>) -> Identity {
        self.labelled([(name.into(), value.into())])
    }

    fn labelled(mut self, labels: impl IntoIterator<Item = (String, String)>) -> Identity {
        self.labels.extend(labels);
        self
    }

    /// What the service is called: Istio's `tracingServiceName`. Default:
    /// [`ServiceNaming::AppLabelAndNamespace`].
    #[must_use]
    pub fn naming(mut self, naming: ServiceNaming) -> Identity {
        self.naming = naming;
        self
    }

    /// The service's name, whatever else is known of it: Istio's `serviceCluster`. An empty one, or
    /// `istio-proxy`, says nothing, as in Istio.
    #[must_use]
    pub fn service_cluster(mut self, name: impl Into<String>) -> Identity {
        self.service_cluster = Some(name.into());
        self
    }

    /// The last part of `node_id`. Default: `{namespace}.svc.cluster.local`, as in Istio.
    #[must_use]
    pub fn dns_domain(mut self, domain: impl Into<String>) -> Identity {
        self.dns_domain = Some(domain.into());
        self
    }

    /// Whether spans have the tags `istio.*`: Istio's `enableIstioTags`. Default: they have.
    /// `node_id` and `component` are not among them.
    #[must_use]
    pub fn istio_tags(mut self, on: bool) -> Identity {
        self.istio_tags = on;
        self
    }

    /// The name of the service, for [`Tracer::builder`](crate::Tracer::builder).
    ///
    /// | [`ServiceNaming`] | the first of these that can be said |
    /// |---|---|
    /// | `AppLabelAndNamespace` | `{label app}.{namespace}`, `{workload}.{namespace}`, `{canonical service}.{namespace}`, `istio-proxy.{namespace}` |
    /// | `CanonicalNameOnly` | `{canonical service}`, `istio-proxy.{namespace}` |
    /// | `CanonicalNameAndNamespace` | `{canonical service}.{namespace}`, `istio-proxy.{namespace}` |
    ///
    /// Where the namespace is not known, `.{namespace}` is left out.
    pub fn service_name(&self) -> String {
        let given = self.service_cluster.as_deref();
        if let Some(name) = given.filter(|name| said(name)) {
            return name.to_owned();
        }
        match (self.naming, self.canonical_service()) {
            (ServiceNaming::CanonicalNameOnly, Some(name)) if said(name) => name.to_owned(),
            (ServiceNaming::CanonicalNameAndNamespace, Some(name)) => self.in_namespace(name),
            (ServiceNaming::CanonicalNameAndNamespace, None) => self.in_namespace(NAMELESS),
            _ => {
                let app = self.first_label(&["app"]);
                let name = app.or(self.workload.as_deref());
                // Istio's injector knows the workload always; here it may have to be told.
                let name = name.or_else(|| self.canonical_service());
                self.in_namespace(name.unwrap_or(NAMELESS))
            }
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

    /// Istio's id of the proxy: `sidecar~10.1.2.3~webapp-5d4-x2x.shop~shop.svc.cluster.local`. `None`
    /// where pod or namespace are not known; an address that is not is empty.
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
        let known = |value: &Option<String>, default: &str| {
            let value = value.as_deref().unwrap_or(default);
            value.to_owned()
        };
        let node = self.node_id().map(|id| Tag::literal("node_id", id));
        let mut tags: Vec<Tag> = node.into_iter().collect();
        if self.istio_tags {
            let service = self.canonical_service().unwrap_or("unknown");
            let revision = self.canonical_revision().unwrap_or("latest");
            tags.extend([
                Tag::literal("istio.canonical_service", service),
                Tag::literal("istio.canonical_revision", revision),
                Tag::literal("istio.namespace", known(&self.namespace, "default")),
                Tag::literal("istio.cluster_id", known(&self.cluster, "unknown")),
                Tag::literal("istio.mesh_id", known(&self.mesh, "unknown")),
            ]);
        }
        tags
    }

    fn canonical_service(&self) -> Option<&str> {
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

    fn canonical_revision(&self) -> Option<&str> {
        let labels = [
            "service.istio.io/canonical-revision",
            "app.kubernetes.io/version",
            "version",
        ];
        let given = self.canonical_revision.as_deref();
        given.or_else(|| self.first_label(&labels))
    }

    fn first_label(&self, names: &[&str]) -> Option<&str> {
        let mut values = names.iter().filter_map(|name| self.labels.get(*name));
        let value = values.find(|value| !value.is_empty());
        value.map(String::as_str)
    }

    fn in_namespace(&self, name: &str) -> String {
        match &self.namespace {
            Some(namespace) => format!("{name}.{namespace}"),
            None => name.to_owned(),
        }
    }
}

/// Whether it is a name, and not Istio's for "none".
fn said(name: &str) -> bool {
    !name.is_empty() && name != NAMELESS
}
