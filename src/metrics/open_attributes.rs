//! The attributes of an open gRPC exchange when its messages are reported: without a response.

use super::{
    attributes::{Attributes, Node, ServiceField},
    captured::Captured,
    destination::Service,
    ended_attributes::{non_empty, service_field},
    peer::PeerMetadata,
    workload::Workload,
};
use crate::{direction::Direction, observe::OpenExchange, tags::protocol};
use http::{HeaderName, Method};
use std::{net::SocketAddr, time::SystemTime};

/// What expressions read of a request.
pub(super) struct OpenRequest {
    captured: Captured,
    method: Method,
    protocol: &'static str,
    route: String,
    started: SystemTime,
    request_id: Option<String>,
    peer_address: Option<SocketAddr>,
}

impl OpenRequest {
    pub(super) fn new(captured: &Captured, exchange: &OpenExchange<'_>) -> OpenRequest {
        OpenRequest {
            captured: captured.clone(),
            method: exchange.method.clone(),
            protocol: protocol(exchange.version),
            route: exchange.route.to_owned(),
            started: exchange.started,
            request_id: exchange.request_id.map(|id| id.as_str().to_owned()),
            peer_address: exchange.peer_address,
        }
    }
}

pub(super) struct OpenAttributes<'a> {
    pub(super) direction: Direction,
    pub(super) request: &'a OpenRequest,
    pub(super) node: &'a Workload,
    pub(super) peer: Option<&'a PeerMetadata>,
    pub(super) service: &'a Service,
}

impl Attributes for OpenAttributes<'_> {
    fn direction(&self) -> Direction {
        self.direction
    }

    fn method(&self) -> Option<&str> {
        Some(self.request.method.as_str())
    }

    fn path(&self) -> Option<&str> {
        non_empty(&self.request.captured.path)
    }

    fn host(&self) -> Option<&str> {
        non_empty(&self.request.captured.host)
    }

    fn scheme(&self) -> Option<&str> {
        non_empty(&self.request.captured.scheme)
    }

    fn request_header(&self, name: &HeaderName) -> Option<&str> {
        self.request.captured.request_header(name)
    }

    fn request_id(&self) -> Option<&str> {
        self.request.request_id.as_deref()
    }

    fn protocol(&self) -> Option<&str> {
        non_empty(self.request.protocol)
    }

    fn start_time(&self) -> Option<SystemTime> {
        Some(self.request.started)
    }

    fn peer_address(&self) -> Option<SocketAddr> {
        self.request.peer_address
    }

    fn node(&self) -> Option<&dyn Node> {
        Some(self.node)
    }

    fn peer(&self) -> Option<&dyn Node> {
        self.peer.map(|peer| peer as &dyn Node)
    }

    fn route_name(&self) -> Option<&str> {
        non_empty(&self.request.route)
    }

    fn service(&self, field: ServiceField) -> Option<&str> {
        service_field(self.service, field)
    }
}
