//! [`Attributes`]: what expressions can read of an exchange that has ended.
//!
//! The names are those of Envoy's attributes. Everything is optional: an expression that reads an
//! attribute without a value is `unknown`.

use super::workload::{CANONICAL_NAME, CANONICAL_REVISION};
use crate::{direction::Direction, observe::EndedExchange, tags::protocol};
use http::HeaderName;
use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

/// The attributes of an exchange, as expressions read them.
pub(crate) trait Attributes {
    /// Server: the request came in. Client: it was sent.
    fn direction(&self) -> Direction;
    /// The source of all attributes that are not overridden.
    fn exchange(&self) -> Option<&EndedExchange<'_>> {
        None
    }
    fn method(&self) -> Option<&str> {
        Some(self.exchange()?.method().as_str())
    }
    /// With the query.
    fn path(&self) -> Option<&str> {
        None
    }
    /// The authority as it was sent, with its port.
    fn host(&self) -> Option<&str> {
        None
    }
    fn scheme(&self) -> Option<&str> {
        None
    }
    /// The values of a header that was captured, with commas: see [`super::plan::ComputedValues`].
    fn request_header(&self, _: &HeaderName) -> Option<&str> {
        None
    }
    fn response_header(&self, _: &HeaderName) -> Option<&str> {
        None
    }
    /// A trailer of the response, among the headers that were captured.
    fn response_trailer(&self, _: &HeaderName) -> Option<&str> {
        None
    }
    fn request_id(&self) -> Option<&str> {
        Some(self.exchange()?.request_id()?.as_str())
    }
    /// `HTTP/1.1`, `HTTP/2`.
    fn protocol(&self) -> Option<&str> {
        let protocol = protocol(self.exchange()?.version());
        Some(protocol).filter(|protocol| !protocol.is_empty())
    }
    fn start_time(&self) -> Option<SystemTime> {
        Some(self.exchange()?.started())
    }
    fn duration(&self) -> Option<Duration> {
        Some(self.exchange()?.duration())
    }
    fn request_body_bytes(&self) -> Option<u64> {
        Some(self.exchange()?.request_bytes().unwrap_or(0))
    }
    /// With headers.
    fn request_total_bytes(&self) -> Option<u64> {
        None
    }
    fn response_body_bytes(&self) -> Option<u64> {
        Some(self.exchange()?.response_bytes())
    }
    fn response_total_bytes(&self) -> Option<u64> {
        None
    }
    /// `None` if no response was ever sent.
    fn response_code(&self) -> Option<u16> {
        None
    }
    /// `via_upstream`, `route_not_found`.
    fn response_code_details(&self) -> Option<&str> {
        Some(self.exchange()?.response_code_details())
    }
    /// Envoy's bits: 4 UT, 32 UF, 64 UC, 16384 DC.
    fn response_flags(&self) -> Option<u64> {
        None
    }
    /// That of the response, or the one that Envoy derives from its HTTP code; -1 for an unknown one.
    fn grpc_status(&self) -> Option<i32> {
        None
    }
    fn peer_address(&self) -> Option<SocketAddr> {
        self.exchange()?.peer_address()
    }
    fn own_address(&self) -> Option<SocketAddr> {
        None
    }
    fn mtls(&self) -> bool {
        false
    }
    /// How often the request was sent. A layer does not retry.
    fn attempt_count(&self) -> u64 {
        1
    }
    fn node(&self) -> Option<&dyn Node> {
        None
    }
    /// The caller of a server, the callee of a client, if it has sent its metadata.
    fn peer(&self) -> Option<&dyn Node> {
        None
    }
    fn route_name(&self) -> Option<&str> {
        self.exchange()?.route()
    }
    fn cluster_name(&self) -> Option<&str> {
        None
    }
    /// What Istio puts in the metadata of a cluster: `host`, `name` or `namespace` of the service.
    fn service(&self, _: ServiceField) -> Option<&str> {
        None
    }
}

/// A field of the service that a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ServiceField {
    Host,
    Name,
    Namespace,
}

/// Istio's metadata of a workload.
pub(crate) trait Node {
    /// By Istio's key: `NAME`, `NAMESPACE`, `WORKLOAD_NAME`, `CLUSTER_ID`, `MESH_ID`, `ISTIO_VERSION`,
    /// `OWNER`, `IDENTITY`, `REGION`, `AVAILABILITY_ZONE`, `INSTANCE_IPS`, `APP_CONTAINERS`.
    fn metadata(&self, key: &str) -> Option<&str>;
    fn label(&self, name: &str) -> Option<&str>;
    /// The node id: `sidecar~ip~pod.ns~ns.svc.domain`.
    fn id(&self) -> Option<&str> {
        None
    }

    /// Empty if the label is missing: only the side that writes the metadata falls back to other labels.
    fn canonical_service(&self) -> Option<&str> {
        Some(self.label(CANONICAL_NAME).unwrap_or_default())
    }

    /// Empty if the label is missing.
    fn canonical_revision(&self) -> Option<&str> {
        Some(self.label(CANONICAL_REVISION).unwrap_or_default())
    }

    fn app(&self) -> Option<&str> {
        self.label("app")
    }

    fn version(&self) -> Option<&str> {
        self.label("version")
    }
}
