//! An exchange for tests.

use crate::{
    direction::Direction,
    metrics::attributes::{Attributes, Node, ServiceField},
};
use http::HeaderName;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) direction: Direction,
    pub(crate) method: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) request_headers: BTreeMap<String, String>,
    pub(crate) response_headers: BTreeMap<String, String>,
    pub(crate) request_bytes: (u64, u64),
    pub(crate) response_bytes: (u64, u64),
    pub(crate) response_code: Option<u16>,
    pub(crate) response_code_details: Option<String>,
    pub(crate) response_flags: u64,
    pub(crate) grpc_status: Option<i32>,
    pub(crate) attempt_count: u64,
    pub(crate) duration: Duration,
    pub(crate) node: Workload,
    pub(crate) peer: Option<Workload>,
    pub(crate) route_name: Option<String>,
    pub(crate) cluster_name: Option<String>,
    pub(crate) service: Option<[String; 3]>,
}

/// Istio's metadata of a workload, as in the cases.
#[derive(Debug, Clone, Default)]
pub(crate) struct Workload {
    pub(crate) id: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) labels: BTreeMap<String, String>,
}

impl Workload {
    pub(crate) fn of(metadata: &[(&str, &str)], labels: &[(&str, &str)]) -> Workload {
        let owned = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        Workload {
            id: None,
            metadata: owned(metadata),
            labels: owned(labels),
        }
    }
}

impl Node for Workload {
    fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Exchange {
    pub(crate) fn get(path: &str) -> Exchange {
        Exchange {
            direction: Direction::Client,
            method: Some("GET".to_owned()),
            path: Some(path.to_owned()),
            host: Some("catalog.istioinaction:80".to_owned()),
            request_headers: BTreeMap::from([("x-a".to_owned(), "b".to_owned())]),
            response_headers: BTreeMap::new(),
            request_bytes: (0, 206),
            response_bytes: (13, 135),
            response_code: Some(200),
            response_code_details: Some("via_upstream".to_owned()),
            response_flags: 0,
            grpc_status: Some(2),
            attempt_count: 1,
            duration: Duration::from_micros(2500),
            node: Workload::default(),
            peer: None,
            route_name: None,
            cluster_name: None,
            service: None,
        }
    }
}

impl Attributes for Exchange {
    fn direction(&self) -> Direction {
        self.direction
    }

    fn method(&self) -> Option<&str> {
        self.method.as_deref()
    }

    fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    fn scheme(&self) -> Option<&str> {
        self.path.as_ref().map(|_| "http")
    }

    fn request_header(&self, name: &HeaderName) -> Option<&str> {
        self.request_headers.get(name.as_str()).map(String::as_str)
    }

    fn response_header(&self, name: &HeaderName) -> Option<&str> {
        self.response_headers.get(name.as_str()).map(String::as_str)
    }

    fn request_id(&self) -> Option<&str> {
        self.request_headers.get("x-request-id").map(String::as_str)
    }

    fn protocol(&self) -> Option<&str> {
        Some("HTTP/1.1")
    }

    fn start_time(&self) -> Option<SystemTime> {
        Some(UNIX_EPOCH + Duration::from_millis(1_577_836_800_500))
    }

    fn duration(&self) -> Option<Duration> {
        Some(self.duration)
    }

    fn request_body_bytes(&self) -> Option<u64> {
        Some(self.request_bytes.0)
    }

    fn request_total_bytes(&self) -> Option<u64> {
        Some(self.request_bytes.1)
    }

    fn response_body_bytes(&self) -> Option<u64> {
        Some(self.response_bytes.0)
    }

    fn response_total_bytes(&self) -> Option<u64> {
        Some(self.response_bytes.1)
    }

    fn response_code(&self) -> Option<u16> {
        self.response_code
    }

    fn response_code_details(&self) -> Option<&str> {
        self.response_code_details.as_deref()
    }

    fn response_flags(&self) -> Option<u64> {
        Some(self.response_flags)
    }

    fn grpc_status(&self) -> Option<i32> {
        self.grpc_status
    }

    fn attempt_count(&self) -> u64 {
        self.attempt_count
    }

    fn peer_address(&self) -> Option<SocketAddr> {
        Some(SocketAddr::from(([10, 0, 0, 9], 8080)))
    }

    fn own_address(&self) -> Option<SocketAddr> {
        Some(SocketAddr::from(([10, 0, 0, 5], 40000)))
    }

    fn node(&self) -> Option<&dyn Node> {
        Some(&self.node)
    }

    fn peer(&self) -> Option<&dyn Node> {
        self.peer.as_ref().map(|peer| -> &dyn Node { peer })
    }

    fn route_name(&self) -> Option<&str> {
        self.route_name.as_deref()
    }

    fn cluster_name(&self) -> Option<&str> {
        self.cluster_name.as_deref()
    }

    fn service(&self, field: ServiceField) -> Option<&str> {
        let [host, name, namespace] = self.service.as_ref()?;
        Some(match field {
            ServiceField::Host => host,
            ServiceField::Name => name,
            ServiceField::Namespace => namespace,
        })
    }
}
