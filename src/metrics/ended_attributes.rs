//! The attributes of an exchange that has ended.

use super::{
    attributes::{Attributes, Node, ServiceField},
    captured::Captured,
    destination::Service,
    measurement::Measurement,
    peer::PeerMetadata,
    store::INVALID_STATUS,
    workload::Workload,
};
use crate::{direction::Direction, observe::EndedExchange};
use http::HeaderName;

pub(super) struct EndedAttributes<'a> {
    pub(super) exchange: &'a EndedExchange<'a>,
    pub(super) captured: &'a Captured,
    /// Without its attributes.
    pub(super) measured: &'a Measurement<'a>,
    pub(super) node: &'a Workload,
    pub(super) peer: Option<&'a PeerMetadata>,
    pub(super) service: Service,
}

pub(super) fn non_empty(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

pub(super) fn service_field(service: &Service, field: ServiceField) -> Option<&str> {
    let text = match field {
        ServiceField::Host => &service.host,
        ServiceField::Name => &service.name,
        ServiceField::Namespace => &service.namespace,
    };
    Some(text.as_str()).filter(|text| *text != super::destination::UNKNOWN)
}

impl Attributes for EndedAttributes<'_> {
    fn direction(&self) -> Direction {
        self.exchange.direction()
    }

    fn exchange(&self) -> Option<&EndedExchange<'_>> {
        Some(self.exchange)
    }

    fn path(&self) -> Option<&str> {
        non_empty(&self.captured.path)
    }

    fn host(&self) -> Option<&str> {
        non_empty(&self.captured.host)
    }

    fn scheme(&self) -> Option<&str> {
        non_empty(&self.captured.scheme)
    }

    fn request_header(&self, name: &HeaderName) -> Option<&str> {
        self.captured.request_header(name)
    }

    fn response_header(&self, name: &HeaderName) -> Option<&str> {
        self.captured.response_header(name)
    }

    fn request_total_bytes(&self) -> Option<u64> {
        Some(self.measured.request_bytes)
    }

    fn response_total_bytes(&self) -> Option<u64> {
        Some(self.measured.response_bytes)
    }

    fn response_code(&self) -> Option<u16> {
        Some(self.measured.reported_code()).filter(|code| *code != 0)
    }

    fn response_flags(&self) -> Option<u64> {
        Some(self.measured.flags)
    }

    fn response_trailer(&self, name: &HeaderName) -> Option<&str> {
        self.captured.response_trailer(name)
    }

    fn grpc_status(&self) -> Option<i32> {
        match self.measured.derived_grpc_status()? {
            INVALID_STATUS => Some(-1),
            status => Some(status.into()),
        }
    }

    fn node(&self) -> Option<&dyn Node> {
        Some(self.node)
    }

    fn peer(&self) -> Option<&dyn Node> {
        self.peer.map(|peer| peer as &dyn Node)
    }

    fn service(&self, field: ServiceField) -> Option<&str> {
        service_field(&self.service, field)
    }
}
