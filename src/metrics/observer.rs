//! [`Metrics`] as an observer of the layers.

use super::{
    captured::Captured,
    destination::{Destination, Service},
    destination_numbers::DestinationNumber,
    ended_attributes::EndedAttributes,
    handle::Metrics,
    measurement::{Measurement, RequestLabels, ResponseLabels},
    peer::{Asked, PeerMetadata, PeerNumber, remove_metadata},
    wire_size::HeadSize,
};
use crate::{
    direction::Direction,
    head::RequestHead,
    observe::{AnyObserver, AnyState, EndedExchange, ResponseHead},
};
use http::{HeaderMap, Method, header::HOST};
use std::time::Instant;

/// What metrics keep of an exchange until its end.
#[derive(Debug, Clone, Default)]
struct ObservedExchange {
    peer: PeerNumber,
    /// What a server's response tells its client.
    asked: Asked,
    /// Whether what a client's response says is believed.
    reads_peer: bool,
    destination: DestinationNumber,
    request_labels: RequestLabels,
    response_labels: ResponseLabels,
    request: HeadSize,
    response: HeadSize,
    /// For computed values, if there are any.
    captured: Option<Box<Captured>>,
    direction: Option<Direction>,
}

/// Not an [`ExchangeObserver`](crate::observe::ExchangeObserver), because it also exchanges metadata with
/// the peer.
impl AnyObserver for Metrics {
    fn new_state(&self) -> AnyState {
        Box::new(ObservedExchange::default())
    }

    fn owns(&self, state: &AnyState) -> bool {
        state.is::<ObservedExchange>()
    }

    fn exchange_in_request(
        &self,
        state: &mut AnyState,
        direction: Direction,
        headers: &mut HeaderMap,
        peer_trusted: bool,
    ) {
        let Some(state) = state.downcast_mut::<ObservedExchange>() else {
            return;
        };
        state.reads_peer = peer_trusted;
        match direction {
            _ if !peer_trusted => remove_metadata(headers),
            Direction::Server => (state.peer, state.asked) = self.take_peer(headers),
            Direction::Client => self.tell_server(headers),
        }
        state.direction = Some(direction);
    }

    fn exchange_in_response(&self, state: &mut AnyState, headers: &mut HeaderMap) {
        let Some(state) = state.downcast_mut::<ObservedExchange>() else {
            return;
        };
        match state.direction {
            Some(Direction::Server) => self.tell_client(headers, state.asked),
            Some(Direction::Client) if state.reads_peer => {
                state.peer = self.take_peer(headers).0;
            }
            _ => remove_metadata(headers),
        }
    }

    fn request(&self, state: &mut AnyState, direction: Direction, request: &RequestHead<'_>) {
        if let Some(state) = state.downcast_mut() {
            self.see_request(state, direction, request);
        }
    }

    fn response(&self, state: &mut AnyState, response: &ResponseHead<'_>) {
        if let Some(state) = state.downcast_mut() {
            self.see_response(state, response);
        }
    }

    fn ended(&self, state: &mut AnyState, exchange: &EndedExchange<'_>) {
        if let Some(state) = state.downcast_mut() {
            self.see_end(state, exchange);
        }
    }

    fn reset(&self, state: &mut AnyState) {
        if let Some(state) = state.downcast_mut::<ObservedExchange>() {
            *state = ObservedExchange::default();
        }
    }
}

impl Metrics {
    fn see_request(&self, state: &mut ObservedExchange, of: Direction, request: &RequestHead<'_>) {
        if of == Direction::Client {
            state.destination = self.destination_of(request);
        }
        state.request_labels = self.request_labels(request);
        state.request = HeadSize::of_request(request, of);
        let current = self.inner.stores.of(of).state();
        let generation = &current.generation;
        state.captured = (generation.value_count > 0)
            .then(|| Box::new(Captured::of_request(request, &*generation.values)));
    }

    fn see_response(&self, state: &mut ObservedExchange, response: &ResponseHead<'_>) {
        let (status, headers) = (response.status(), response.headers());
        state.response_labels = self.response_labels(status, headers);
        state.response = HeadSize::of_response(status, response.version(), headers);
        if let (Some(captured), Some(direction)) = (&mut state.captured, state.direction) {
            let current = self.inner.stores.of(direction).state();
            captured.add_response(response, &*current.generation.values);
        }
    }

    fn see_end(&self, state: &mut ObservedExchange, exchange: &EndedExchange<'_>) {
        let mut measured = Measurement::new(exchange.response_code(), exchange.duration());
        measured.peer = state.peer;
        measured.destination = state.destination;
        measured.request_labels = state.request_labels;
        measured.response_labels = state.response_labels;
        measured.method = exchange.method().as_str();
        measured.route = exchange.route().unwrap_or_default();
        measured.grpc = exchange.is_grpc();
        measured.responded = exchange.status().is_some();
        measured.grpc_status = exchange.grpc_status();
        measured.flags = exchange.response_flags().bits();
        measured.request_bytes = state
            .request
            .with_body(exchange.request_bytes().unwrap_or(0));
        measured.response_bytes = match (exchange.status(), exchange.method()) {
            (None, _) => 0,
            (Some(_), &Method::HEAD) => state.response.alone(),
            (Some(_), _) => state.response.with_body(exchange.response_bytes()),
        };
        measured.request_messages = exchange.request_messages().unwrap_or(0);
        measured.response_messages = exchange.response_messages().unwrap_or(0);
        let context = exchange.context().filter(|_| exchange.is_recorded());
        measured.sampled = context.map(|context| (context.trace_id(), context.span_id()));
        measured.ended = Instant::now();
        match &state.captured {
            Some(captured) => self.record_with_values(&measured, captured, exchange),
            None => self.record(exchange.direction(), &measured),
        }
    }
}

impl Metrics {
    fn record_with_values(
        &self,
        measured: &Measurement<'_>,
        captured: &Captured,
        exchange: &EndedExchange<'_>,
    ) {
        let peer = self.peer(measured.peer);
        let attributes = EndedAttributes {
            exchange,
            captured,
            measured,
            node: &self.inner.workload,
            service: self.service_of(exchange.direction(), measured, peer.as_deref()),
            peer: peer.as_deref(),
            request_id: exchange.request_id().map(ToString::to_string),
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
        if direction == Direction::Server {
            return self.inner.workload.own_service();
        }
        let namespace = peer.map(|peer| peer.namespace.as_str());
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        let destination = self.inner.destinations.destination(measured.destination.0);
        let destination = destination.as_deref().unwrap_or(&Destination::Unknown);
        let (host, name) = destination.host_and_name(namespace);
        Service {
            host: host.to_owned(),
            name: name.to_owned(),
            namespace: destination.namespace(namespace).to_owned(),
        }
    }

    /// The service that a request is for: by its header `host`, which a proxy goes by, or else by its
    /// URI.
    fn destination_of(&self, request: &RequestHead<'_>) -> DestinationNumber {
        let header = request.headers().get(HOST);
        let header = header.and_then(|value| value.to_str().ok());
        let uri = || {
            request
                .uri()
                .authority()
                .map(|authority| authority.as_str())
        };
        self.destination(header.or_else(uri).unwrap_or_default())
    }
}
