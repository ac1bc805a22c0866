//! Exchanges whose metrics have computed values: what expressions read is captured, and the values are
//! computed at the end.

use super::{
    captured::Captured,
    destination::{Destination, Service},
    destination_numbers::DestinationNumber,
    ended_attributes::EndedAttributes,
    handle::Metrics,
    measurement::Measurement,
    message_reports::MessageReports,
    peer::PeerMetadata,
};
use crate::{
    direction::Direction,
    head::RequestHead,
    observe::{EndedExchange, ResponseHead},
};
use http::HeaderMap;

impl Metrics {
    /// The parts of a request that computed values read; `None` if there are no such values.
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

    pub(super) fn capture_trailers(
        &self,
        captured: &mut Captured,
        of: Direction,
        trailers: &HeaderMap,
    ) {
        let current = self.inner.stores.of(of).state();
        captured.add_trailers(trailers, &*current.generation.values);
    }

    pub(super) fn record_with_values(
        &self,
        measured: &Measurement<'_>,
        captured: &Captured,
        exchange: &EndedExchange<'_>,
        messages: Option<&MessageReports>,
    ) {
        // The peer of a stream is kept: the cache may have evicted it by now.
        let kept = messages.and_then(MessageReports::peer_metadata);
        let peer = kept.or_else(|| self.inner.peers.metadata(measured.peer));
        let attributes = EndedAttributes {
            exchange,
            captured,
            measured,
            node: &self.inner.workload,
            service: self.service_of(exchange.direction(), measured.destination, peer.as_deref()),
            peer: peer.as_deref(),
        };
        let mut measured = *measured;
        measured.attributes = Some(&attributes);
        self.record(exchange.direction(), &measured);
    }

    /// The service that a request was for, with the namespace of its peer's metadata.
    pub(super) fn service_of(
        &self,
        direction: Direction,
        destination: DestinationNumber,
        peer: Option<&PeerMetadata>,
    ) -> Service {
        if destination == DestinationNumber::default() && direction == Direction::Server {
            return self.inner.workload.own_service();
        }
        let namespace = peer.map(|peer| peer.namespace.as_str());
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        let destination = self.inner.destinations.destination(destination.0);
        let shows_hosts = || {
            let state = self.inner.stores.of(direction).state();
            state.generation.host_header_fallback
        };
        let destination = destination.filter(|it| it.is_service(namespace) || shows_hosts());
        let destination = destination.as_deref().unwrap_or(&Destination::Unknown);
        let (host, name) = destination.host_and_name(namespace);
        Service {
            host: host.to_owned(),
            name: name.to_owned(),
            namespace: destination.namespace(namespace).to_owned(),
        }
    }
}
