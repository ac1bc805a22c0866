//! The identity of a service in an Istio mesh: the name and the tags that the spans of its sidecar
//! have.
//!
//! Kiali and the dashboards of the mesh find a workload by them. A service that makes its own spans
//! gets the same name and tags from an [`Identity`]:
//!
//! ```
//! use tower_b3::{Tracer, istio::Identity};
//!
//! let identity = Identity::from_env()?;
//! let tracer = Tracer::builder(identity.service_name()) // `webapp.shop`
//!     .identity(identity)
//!     .build()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Istio passes the identity to its own container, not to yours. Pass it to your container in the
//! same way:
//!
//! ```yaml
//! apiVersion: apps/v1
//! kind: Deployment
//! metadata:
//!   name: webapp
//!   namespace: shop
//! spec:
//!   template:
//!     metadata:
//!       labels: { app: webapp, version: v1 }
//!     spec:
//!       containers:
//!       - name: webapp
//!         env:
//!         - name: POD_NAME
//!           valueFrom: { fieldRef: { fieldPath: metadata.name } }
//!         - name: POD_NAMESPACE
//!           valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
//!         - name: INSTANCE_IP
//!           valueFrom: { fieldRef: { fieldPath: status.podIP } }
//!         - name: ISTIO_META_WORKLOAD_NAME
//!           value: webapp
//!         - name: ISTIO_META_CLUSTER_ID
//!           value: Kubernetes
//!         - name: ISTIO_META_MESH_ID
//!           value: cluster.local
//!         volumeMounts:
//!         - name: podinfo
//!           mountPath: /etc/istio/pod
//!       volumes:
//!       - name: podinfo
//!         downwardAPI:
//!           items:
//!           - path: labels
//!             fieldRef: { fieldPath: metadata.labels }
//! ```
//!
//! For anything that is missing, Istio's default applies. Without the volume, set
//! `CANONICAL_SERVICE` from `metadata.labels['app']` and `CANONICAL_REVISION` from
//! `metadata.labels['version']`.
//!
//! # Inputs
//!
//! Of several variables, the first that is set and not empty counts.
//!
//! | | environment variables | otherwise |
//! |---|---|---|
//! | pod | `POD_NAME` | – |
//! | namespace | `POD_NAMESPACE` | – |
//! | address | `INSTANCE_IP`, `POD_IP` | – |
//! | workload | `ISTIO_META_WORKLOAD_NAME` | – |
//! | cluster | `ISTIO_META_CLUSTER_ID`, `CLUSTER_ID` | – |
//! | mesh | `ISTIO_META_MESH_ID`, `MESH_ID`, `TRUST_DOMAIN` (as in Istio's injector) | – |
//! | canonical service | `CANONICAL_SERVICE` | the labels `service.istio.io/canonical-name`, `app.kubernetes.io/name`, `app`; the workload |
//! | canonical revision | `CANONICAL_REVISION` | the labels `service.istio.io/canonical-revision`, `app.kubernetes.io/version`, `version` |
//!
//! Labels come from the file of the downward API, or from [`Identity::label`].
//! `ISTIO_METAJSON_LABELS` is not read.
//!
//! # Tags
//!
//! | tag | value | if that is not known |
//! |---|---|---|
//! | `node_id` | `sidecar~{address}~{pod}.{namespace}~{namespace}.svc.cluster.local` | no tag without pod and namespace |
//! | `istio.canonical_service` | the canonical service | `unknown` |
//! | `istio.canonical_revision` | the canonical revision | `latest` |
//! | `istio.namespace` | the namespace | `default` |
//! | `istio.cluster_id` | the cluster | `unknown` |
//! | `istio.mesh_id` | the mesh | `unknown` |
//! | `component` | `proxy` | |
//!
//! SERVER and CLIENT spans have these tags, as the spans of both listeners of a sidecar do. Names and
//! rules are those of Istio 1.32 (`pkg/bootstrap/config.go`, `pkg/kube/labels`,
//! `pilot/pkg/networking/core/tracing.go`).

mod identity;
mod labels;
mod service_name;
mod service_naming;
mod span_tags;

pub use identity::Identity;
pub use labels::LabelsError;
pub use service_naming::{ParseServiceNamingError, ServiceNaming};
