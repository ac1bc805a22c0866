//! Who a service is in an Istio mesh: the name and the tags that its sidecar's spans have.
//!
//! Kiali and the mesh's dashboards know a workload by them. A service that makes its own spans says
//! the same with an [`Identity`]:
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
//! Istio puts what it needs for that into its own container, not into the service's. Give it to the
//! service likewise:
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
//! Whatever of it is missing has Istio's default. Without the volume, `CANONICAL_SERVICE` and
//! `CANONICAL_REVISION` can say what the labels would, from `metadata.labels['app']` and
//! `metadata.labels['version']`.
//!
//! # What is read
//!
//! Of several variables the first that is there and not empty counts.
//!
//! | what | environment variables | else |
//! |---|---|---|
//! | the pod | `POD_NAME` | – |
//! | its namespace | `POD_NAMESPACE` | – |
//! | its address | `INSTANCE_IP`, `POD_IP` | – |
//! | the workload | `ISTIO_META_WORKLOAD_NAME` | – |
//! | the cluster | `ISTIO_META_CLUSTER_ID`, `CLUSTER_ID` | – |
//! | the mesh | `ISTIO_META_MESH_ID`, `MESH_ID`, `TRUST_DOMAIN` (as Istio's injector) | – |
//! | the canonical service | `CANONICAL_SERVICE` | the labels `service.istio.io/canonical-name`, `app.kubernetes.io/name`, `app`; the workload |
//! | its revision | `CANONICAL_REVISION` | the labels `service.istio.io/canonical-revision`, `app.kubernetes.io/version`, `version` |
//!
//! Labels come from the file of the downward API, or [one at a time](Identity::label).
//! `ISTIO_METAJSON_LABELS` is not read.
//!
//! # What it becomes
//!
//! | tag | value | where that is not known |
//! |---|---|---|
//! | `node_id` | `sidecar~{address}~{pod}.{namespace}~{namespace}.svc.cluster.local` | no tag without pod and namespace |
//! | `istio.canonical_service` | the canonical service | `unknown` |
//! | `istio.canonical_revision` | its revision | `latest` |
//! | `istio.namespace` | the namespace | `default` |
//! | `istio.cluster_id` | the cluster | `unknown` |
//! | `istio.mesh_id` | the mesh | `unknown` |
//! | `component` | `proxy` | |
//!
//! They are on SERVER and CLIENT spans: of a sidecar, both of its listeners' spans have them. The
//! names and rules are those of Istio 1.32 (`pkg/bootstrap/config.go`, `pkg/kube/labels`,
//! `pilot/pkg/networking/core/tracing.go`).

mod identity;
mod labels;
mod naming;

pub use identity::Identity;
pub use labels::LabelsError;
pub use naming::{ParseServiceNamingError, ServiceNaming};
