//! Exchanges whose metrics have computed values: what they read is kept, and computed at the end.

use super::{
    captured::Captured,
    destination::{Destination, Service},
    destination_numbers::DestinationNumber,
    ended_attributes::EndedAttributes,
    handle::Metrics,
    measurement::Measurement,
    peer::PeerMetadata,
};
use crate::{
    direction::Direction,
    head::RequestHead,
    observe::{EndedExchange, ResponseHead},
};

impl Metrics {
    /// What computed values need of a request; `None` if there are no such values.
    pub(super) fn captured(
        &self,
        of: Direction,
        request: &RequestHead<'_>,
    ) -> Option<Box<Captured>> {
        let current = self.inner.stores.of(of).state();
        let generation = &current.generation;
        (generation.value_count > 0)
            .then(|| Box::new(Captured::of_request(request, &*generation.values)))
    }

    pub(super) fn capture_response(
        &self,
        captured: &mut Captured,
        of: Direction,
        response: &ResponseHead<'_>,
    ) {
        let current = self.inner.stores.of(of).state();
        captured.add_response(response, &*current.generation.values);
    }

    pub(super) fn record_with_values(
        &self,
        measured: &Measurement<'_>,
        captured: &Captured,
        exchange: &EndedExchange<'_>,
    ) {
        let peer = self.inner.peers.metadata(measured.peer);
        let attributes = EndedAttributes {
            exchange,
            captured,
            measured,
            node: &self.inner.workload,
            service: self.service_of(exchange.direction(), measured, peer.as_deref()),
            peer: peer.as_deref(),
        };
        let mut measured = *measured;
        measured.attributes = Some(&attributes);
        self.record(exchange.direction(), &measured);
    }

    /// The service that a request was for, with what its peer says.
    fn service_of(
        &self,
        direction: Direction,
        measured: &Measurement<'_>,
        peer: Option<&PeerMetadata>,
    ) -> Service {
        if measured.destination == DestinationNumber::default() && direction == Direction::Server {
            return self.inner.workload.own_service();
        }
        let namespace = peer.map(|peer| peer.namespace.as_str());
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        let destination = self.inner.destinations.destination(measured.destination.0);
        let shows_hosts = || {
            let state = self.inner.stores.of(direction).state();
            state.generation.host_header_fallback
        };
        let destination = destination.filter(|it| it.is_resolved(namespace) || shows_hosts());
        let destination = destination.as_deref().unwrap_or(&Destination::Unknown);
        let (host, name) = destination.host_and_name(namespace);
        Service {
            host: host.to_owned(),
            name: name.to_owned(),
            namespace: destination.namespace(namespace).to_owned(),
        }
    }
}
