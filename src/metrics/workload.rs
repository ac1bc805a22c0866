//! `Workload`: the identity of this process in metrics and for peers.

use super::{
    destination::{Destinations, Service, UNKNOWN},
    pod_name,
};
use crate::{file, istio::Identity};
use std::{collections::BTreeMap, path::Path};

/// Where Kubernetes mounts the namespace of a pod.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// The label of a canonical service, in Istio and on the wire.
pub(super) const CANONICAL_NAME: &str = "service.istio.io/canonical-name";
pub(super) const CANONICAL_REVISION: &str = "service.istio.io/canonical-revision";
/// The canonical revision of a workload without one.
pub(super) const LATEST: &str = "latest";
/// Kubernetes' own labels of an application and of its version.
pub(super) const APP: &str = "app.kubernetes.io/name";
pub(super) const VERSION: &str = "app.kubernetes.io/version";

/// The workload that this process belongs to: the `source_*` labels of what it sends, the
/// `destination_*` labels of what it answers, and the metadata that it sends to its peers.
///
/// Kiali leaves out series without workload, namespace, cluster or canonical service, so none of the
/// labels is ever empty:
///
/// | label | value | otherwise |
/// |---|---|---|
/// | workload | [`new`](Self::new); `ISTIO_META_WORKLOAD_NAME` | by the pod's name; the canonical service; `unknown` |
/// | namespace | [`namespace`](Self::namespace); `POD_NAMESPACE` | of the service account; `unknown` |
/// | cluster | [`cluster`](Self::cluster); `ISTIO_META_CLUSTER_ID` | `Kubernetes` |
/// | canonical service | [`canonical_service`](Self::canonical_service); the labels `service.istio.io/canonical-name`, `app.kubernetes.io/name`, `app` | the workload |
/// | canonical revision | [`canonical_revision`](Self::canonical_revision); the labels `service.istio.io/canonical-revision`, `app.kubernetes.io/version`, `version` | `latest` |
/// | app | the label `app` | `unknown` |
/// | version | the label `version` | `unknown` |
/// | service | [`service`](Self::service) | `{canonical service}.{namespace}.svc.cluster.local` |
///
/// ```
/// use tower_b3::metrics::Workload;
///
/// let workload = Workload::new("webapp")
///     .namespace("shop")
///     .label("version", "v1");
/// assert_eq!(workload.service_host(), "webapp.shop.svc.cluster.local");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Workload {
    pub(super) pod: Option<String>,
    pub(super) name: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) cluster: Option<String>,
    pub(super) mesh: Option<String>,
    pub(super) istio_version: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) identity: Option<String>,
    pub(super) region: Option<String>,
    pub(super) zone: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) shared_labels: Vec<String>,
    canonical_service: Option<String>,
    canonical_revision: Option<String>,
    pub(super) node_id: Option<String>,
    address: Option<String>,
    dns_domain: Option<String>,
    service: Option<Service>,
}

impl Workload {
    /// A workload of this name. Nothing is read from the environment.
    pub fn new(name: impl Into<String>) -> Workload {
        Workload {
            name: Some(name.into()).filter(|name| !name.is_empty()),
            ..Workload::default()
        }
    }

    /// The workload of an [`Identity`]. If the identity has no namespace, it is read from the service
    /// account's files, if there are any.
    ///
    /// ```
    /// use tower_b3::{istio::Identity, metrics::Workload};
    ///
    /// let identity = Identity::from_vars(|name| match name {
    ///     "POD_NAME" => Some("webapp-5b7c8d9f4c-x2x9k".to_owned()),
    ///     "POD_NAMESPACE" => Some("shop".to_owned()),
    ///     _ => None,
    /// });
    /// let workload = Workload::of(&identity);
    /// assert_eq!(workload.service_host(), "webapp.shop.svc.cluster.local");
    /// ```
    pub fn of(identity: &Identity) -> Workload {
        let known = identity.known();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let namespace = owned(known.namespace).or_else(|| {
            let text = file::read_text(Path::new(NAMESPACE_FILE)).ok()?;
            Some(text.trim().to_owned()).filter(|text| !text.is_empty())
        });
        Workload {
            pod: owned(known.pod),
            name: owned(known.workload),
            namespace,
            cluster: owned(known.cluster),
            mesh: owned(known.mesh),
            labels: known.labels.clone(),
            canonical_service: owned(known.canonical_service),
            canonical_revision: owned(known.canonical_revision),
            address: known.address.map(|address| address.to_string()),
            dns_domain: owned(known.dns_domain),
            ..Workload::default()
        }
    }

    /// Sets the name of the pod. It is sent to peers, and the workload's name is derived from it if that
    /// is not known.
    #[must_use]
    pub fn pod(mut self, name: impl Into<String>) -> Workload {
        self.pod = Some(name.into());
        self
    }

    /// Sets the namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Workload {
        self.namespace = Some(namespace.into());
        self
    }

    /// Sets the cluster: Istio's `CLUSTER_ID`.
    #[must_use]
    pub fn cluster(mut self, cluster: impl Into<String>) -> Workload {
        self.cluster = Some(cluster.into());
        self
    }

    /// Sets the mesh: Istio's `MESH_ID`. It is sent to peers.
    #[must_use]
    pub fn mesh(mut self, mesh: impl Into<String>) -> Workload {
        self.mesh = Some(mesh.into());
        self
    }

    /// Sets the version of Istio that is sent to peers, and that is the label `tag` of `istio_build`.
    #[must_use]
    pub fn istio_version(mut self, version: impl Into<String>) -> Workload {
        self.istio_version = Some(version.into());
        self
    }

    /// Sets the owner of the pod, such as
    /// `kubernetes://apis/apps/v1/namespaces/shop/deployments/webapp`. Peers read the kind of the workload
    /// from it, so it is sent to them in this form with the own namespace and workload, and only if it is a
    /// deployment, a job, a cron job or a pod of the workload's name.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Workload {
        self.owner = Some(owner.into());
        self
    }

    /// Sets the SPIFFE id. It is sent to peers.
    #[must_use]
    pub fn spiffe_id(mut self, id: impl Into<String>) -> Workload {
        self.identity = Some(id.into());
        self
    }

    /// Sets region and availability zone. They are sent to peers.
    #[must_use]
    pub fn locality(mut self, region: impl Into<String>, zone: impl Into<String>) -> Workload {
        self.region = Some(region.into());
        self.zone = Some(zone.into());
        self
    }

    /// Sets the canonical service, which overrides the labels.
    #[must_use]
    pub fn canonical_service(mut self, name: impl Into<String>) -> Workload {
        self.canonical_service = Some(name.into());
        self
    }

    /// Sets the canonical revision, which overrides the labels.
    #[must_use]
    pub fn canonical_revision(mut self, revision: impl Into<String>) -> Workload {
        self.canonical_revision = Some(revision.into());
        self
    }

    /// Adds a label of the pod.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Workload {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// Adds names of labels that are sent to peers, beside those that Istio needs: Istio's
    /// `PILOT_MX_ADDITIONAL_LABELS`.
    #[must_use]
    pub fn share_labels<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Workload {
        self.shared_labels.extend(names.into_iter().map(Into::into));
        self
    }

    /// Sets the node id, by which proxies cache the metadata of a peer. Default:
    /// `sidecar~{address}~{pod}.{namespace}~{dns domain}`.
    #[must_use]
    pub fn node_id(mut self, id: impl Into<String>) -> Workload {
        self.node_id = Some(id.into());
        self
    }

    /// Sets the domain in which short names of hosts are looked up. Default:
    /// `{namespace}.svc.cluster.local`.
    #[must_use]
    pub fn dns_domain(mut self, domain: impl Into<String>) -> Workload {
        self.dns_domain = Some(domain.into());
        self
    }

    /// Sets the service that clients call, if it is not named after the canonical service.
    ///
    /// Kiali counts a request twice unless both of its reports name the same service, and the client reports
    /// the one that it has called. The service is not learned from the header `host` of requests, which
    /// callers choose, unless [`learn_own_services`](super::MetricsBuilder::learn_own_services) allows it. A
    /// server without a namespace uses the header if a configuration has
    /// `disable_host_header_fallback: false`. [`own_services`](super::MetricsBuilder::own_services) adds more
    /// services.
    #[must_use]
    pub fn service(mut self, service: impl Into<Service>) -> Workload {
        self.service = Some(service.into());
        self
    }

    /// The full name of the service that clients call.
    pub fn service_host(&self) -> String {
        self.own_service().host
    }

    /// Whether the own service is known without the host of a request.
    pub(super) fn has_service_name(&self) -> bool {
        self.service.is_some() || self.known_namespace().is_some()
    }

    pub(super) fn own_service(&self) -> Service {
        let name = self.canonical_name();
        match (&self.service, self.known_namespace()) {
            (Some(service), _) => service.clone(),
            (None, Some(namespace)) => self.destinations().service(name, namespace),
            (None, None) => Service {
                host: name.to_owned(),
                name: name.to_owned(),
                namespace: UNKNOWN.to_owned(),
            },
        }
    }

    pub(super) fn destinations(&self) -> Destinations {
        let suffix = self.dns_domain.as_deref().and_then(|domain| {
            let (_, suffix) = domain.split_once(".svc.")?;
            Some(suffix.trim_end_matches('.'))
        });
        Destinations::new(self.known_namespace(), suffix.unwrap_or("cluster.local"))
    }

    fn known_namespace(&self) -> Option<&str> {
        non_empty(&self.namespace)
    }

    fn known_name(&self) -> Option<&str> {
        let by_pod = || non_empty(&self.pod).map(pod_name::workload);
        non_empty(&self.name).or_else(by_pod)
    }

    pub(super) fn workload_name(&self) -> &str {
        let name = self.known_name();
        name.or_else(|| self.known_canonical_name())
            .unwrap_or(UNKNOWN)
    }

    pub(super) fn namespace_name(&self) -> &str {
        self.known_namespace().unwrap_or(UNKNOWN)
    }

    pub(super) fn cluster_name(&self) -> &str {
        non_empty(&self.cluster).unwrap_or("Kubernetes")
    }

    pub(super) fn canonical_name(&self) -> &str {
        let name = self.known_canonical_name().or_else(|| self.known_name());
        name.unwrap_or(UNKNOWN)
    }

    fn known_canonical_name(&self) -> Option<&str> {
        let labels = [CANONICAL_NAME, APP, "app"];
        non_empty(&self.canonical_service).or_else(|| self.first_label(&labels))
    }

    pub(super) fn revision(&self) -> &str {
        let labels = [CANONICAL_REVISION, VERSION, "version"];
        let revision = non_empty(&self.canonical_revision).or_else(|| self.first_label(&labels));
        revision.unwrap_or(LATEST)
    }

    pub(super) fn app(&self) -> &str {
        self.first_label(&["app"]).unwrap_or(UNKNOWN)
    }

    pub(super) fn version(&self) -> &str {
        self.first_label(&["version"]).unwrap_or(UNKNOWN)
    }

    /// The first of these labels that is set and not empty.
    pub(super) fn first_label(&self, names: &[&str]) -> Option<&str> {
        let mut values = names.iter().filter_map(|name| self.labels.get(*name));
        let value = values.find(|value| !value.is_empty());
        value.map(String::as_str)
    }

    /// Sets the default node id if there is none, so that expressions can borrow it.
    pub(super) fn set_default_node_id(&mut self) {
        self.node_id = Some(self.node_id_or_default());
    }

    /// The node id.
    pub(super) fn node_id_or_default(&self) -> String {
        if let Some(id) = non_empty(&self.node_id) {
            return id.to_owned();
        }
        let address = non_empty(&self.address).unwrap_or_default();
        let pod = non_empty(&self.pod).unwrap_or_else(|| self.workload_name());
        let namespace = self.namespace_name();
        match non_empty(&self.dns_domain) {
            Some(domain) => format!("sidecar~{address}~{pod}.{namespace}~{domain}"),
            None => format!("sidecar~{address}~{pod}.{namespace}~{namespace}.svc.cluster.local"),
        }
    }
}

fn non_empty(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}
