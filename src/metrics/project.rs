//! The labels of a series as text, from the numbers of its key.

use super::{
    destination::{Destination, UNKNOWN},
    destination_numbers::DestinationNumber,
    handle::Inner,
    labels::StandardLabel,
    peer::PeerLabels,
    principals::{self, Principals},
    response_flags,
    store::{INVALID_STATUS, Key, NO_STATUS, PackedKey, Parts, Source},
    url_scheme::UrlScheme,
    workload::{LATEST, Workload},
};
use crate::direction::Direction;
use std::sync::Arc;

/// The values from which the labels of one series are made.
pub(super) struct Labels<'a> {
    inner: &'a Inner,
    direction: Direction,
    key: Key,
    values: &'a [String],
    peer: Option<Arc<PeerLabels>>,
    principals: Option<Arc<Principals>>,
    destination: Destination,
    operation: Option<Arc<str>>,
    request: Option<Arc<[String]>>,
    response: Option<Arc<[String]>>,
}

/// The side that a label describes.
#[derive(Clone, Copy)]
enum Side<'a> {
    Own(&'a Workload),
    Peer(&'a PeerLabels),
    Unknown,
}

impl<'a> Labels<'a> {
    pub(super) fn new(
        inner: &'a Inner,
        direction: Direction,
        key: PackedKey,
        values: &'a [String],
    ) -> Labels<'a> {
        let key = key.key();
        let destination = match (key.destination, direction) {
            (0, Direction::Server) => Destination::Service(inner.workload.own_service()),
            (0, Direction::Client) => Destination::Unknown,
            (number, _) if DestinationNumber(number) == DestinationNumber::UNKNOWN => {
                Destination::Unknown
            }
            (number, _) => match inner.destinations.destination(number) {
                Some(destination) => Destination::clone(&destination),
                None => Destination::Unknown,
            },
        };
        let number = |number: u32| number.checked_sub(1);
        Labels {
            inner,
            direction,
            key,
            values,
            peer: inner.peers.labels(key.peer),
            principals: number(key.principals).and_then(|number| inner.principals.value(number)),
            destination,
            operation: number(key.operation).and_then(|number| inner.operations.value(number)),
            request: number(key.request_labels)
                .and_then(|number| inner.request_values.value(number)),
            response: number(key.response_labels)
                .and_then(|number| inner.response_values.value(number)),
        }
    }

    /// Replaces a host outside of the mesh by an unknown destination, unless hosts are exposed.
    pub(super) fn with_hosts(mut self, exposed: bool) -> Labels<'a> {
        if !exposed && !self.destination.is_service(self.client_peer_namespace()) {
            self.destination = Destination::Unknown;
        }
        self
    }

    /// The value of a label.
    pub(super) fn value(&self, source: &Source) -> String {
        let or_unknown =
            |text: Option<&String>| text.cloned().unwrap_or_else(|| UNKNOWN.to_owned());
        match source {
            Source::Constant(text) => text.clone(),
            Source::Standard(StandardLabel::Reporter) => self.reporter().to_owned(),
            _ if self.key.overflow || self.key.hidden.overlaps(Parts::of(source)) => {
                UNKNOWN.to_owned()
            }
            Source::Standard(label) => self.standard(*label),
            Source::Value(at) => or_unknown(self.values.get(*at)),
            Source::Request(at) => or_unknown(self.request.as_ref().and_then(|all| all.get(*at))),
            Source::Response(at) => or_unknown(self.response.as_ref().and_then(|all| all.get(*at))),
            Source::Method => self.operation().0.to_owned(),
            Source::Route => self.operation().1.to_owned(),
            Source::ServerAddress => self.destination.host_and_port().0.to_owned(),
            Source::ServerPort => self.destination.host_and_port().1.to_owned(),
            Source::Status => match self.key.code {
                0 => String::new(),
                code => code.to_string(),
            },
            Source::ErrorType => match (self.key.code, self.key.flags) {
                (400.., 0) if self.direction == Direction::Client => self.key.code.to_string(),
                (500.., 0) => self.key.code.to_string(),
                (_, 0) => String::new(),
                (_, flags) => response_flags::names(flags),
            },
            Source::UrlScheme => UrlScheme::of_number(self.key.url_scheme)
                .as_str()
                .to_owned(),
        }
    }

    fn reporter(&self) -> &'static str {
        match self.direction {
            Direction::Server => "destination",
            Direction::Client => "source",
        }
    }

    fn operation(&self) -> (&str, &str) {
        let text = self.operation.as_deref();
        text.and_then(|text| text.split_once('\n'))
            .unwrap_or((UNKNOWN, UNKNOWN))
    }

    /// The side that sends the request.
    fn source(&self) -> Side<'_> {
        self.side(self.direction == Direction::Client)
    }

    /// The side that answers it.
    fn destination(&self) -> Side<'_> {
        self.side(self.direction == Direction::Server)
    }

    fn side(&self, own: bool) -> Side<'_> {
        match (own, &self.peer) {
            (true, _) => Side::Own(&self.inner.workload),
            (false, Some(peer)) => Side::Peer(peer),
            (false, None) => Side::Unknown,
        }
    }

    fn peer_principal(&self) -> Option<&str> {
        self.principals.as_ref()?.peer.as_deref()
    }

    fn own_principal(&self) -> Option<&str> {
        self.principals.as_ref()?.own.as_deref()
    }

    fn peer_namespace(&self) -> Option<&str> {
        let by_principal = self.peer_principal().and_then(principals::namespace);
        let sent = || self.peer.as_ref().map(|peer| peer.namespace.as_str());
        by_principal.or_else(|| sent().filter(|namespace| !namespace.is_empty()))
    }

    fn namespace(&self, side: Side<'_>) -> String {
        match side {
            Side::Own(workload) => workload.namespace_name().to_owned(),
            _ => self.peer_namespace().unwrap_or(UNKNOWN).to_owned(),
        }
    }

    fn principal(&self, own: bool) -> String {
        let principal = match own {
            true => self.own_principal(),
            false => self.peer_principal(),
        };
        let sent = self.peer.as_ref().map(|peer| peer.identity.as_str());
        // Without a certificate, a client trusts the identity in the server's metadata.
        let sent = sent.filter(|id| !own && self.direction == Direction::Client && !id.is_empty());
        principal.or(sent).unwrap_or(UNKNOWN).to_owned()
    }

    fn standard(&self, label: StandardLabel) -> String {
        use StandardLabel::*;
        let is_client = self.direction == Direction::Client;
        match label {
            Reporter => self.reporter().to_owned(),
            SourceWorkload => self.source().workload().to_owned(),
            SourceCanonicalService => self.source().canonical_service().to_owned(),
            SourceCanonicalRevision => self.source().canonical_revision().to_owned(),
            SourceWorkloadNamespace => self.namespace(self.source()),
            SourcePrincipal => self.principal(is_client),
            SourceApp => self.source().app().to_owned(),
            SourceVersion => self.source().version().to_owned(),
            SourceCluster => self.source().cluster().to_owned(),
            DestinationWorkload => self.destination().workload().to_owned(),
            DestinationWorkloadNamespace => self.namespace(self.destination()),
            DestinationPrincipal => self.principal(!is_client),
            DestinationApp => self.destination().app().to_owned(),
            DestinationVersion => self.destination().version().to_owned(),
            DestinationService => self.service().0.to_owned(),
            DestinationCanonicalService => self.destination().canonical_service().to_owned(),
            DestinationCanonicalRevision => self.destination().canonical_revision().to_owned(),
            DestinationServiceName => self.service().1.to_owned(),
            DestinationServiceNamespace => self.service_namespace().to_owned(),
            DestinationCluster => self.destination().cluster().to_owned(),
            RequestProtocol => if self.key.grpc { "grpc" } else { "http" }.to_owned(),
            ResponseCode => self.key.code.to_string(),
            GrpcResponseStatus => match self.key.grpc_status {
                NO_STATUS => String::new(),
                INVALID_STATUS => "-1".to_owned(),
                status => status.to_string(),
            },
            ResponseFlags => response_flags::names(self.key.flags),
            ConnectionSecurityPolicy => self.security_policy().to_owned(),
        }
    }

    /// The namespace of the server, if it is the peer and known.
    fn client_peer_namespace(&self) -> Option<&str> {
        match self.direction {
            Direction::Client => self.peer_namespace(),
            Direction::Server => None,
        }
    }

    fn service_namespace(&self) -> &str {
        match (self.direction, self.inner.workload.namespace_name()) {
            (Direction::Server, own) if own != UNKNOWN => own,
            _ => self.destination.namespace(self.client_peer_namespace()),
        }
    }

    fn service(&self) -> (&str, &str) {
        self.destination.host_and_name(self.client_peer_namespace())
    }

    fn security_policy(&self) -> &'static str {
        match self.direction {
            Direction::Client => UNKNOWN,
            Direction::Server => match (self.own_principal(), self.peer_principal()) {
                (Some(_), Some(_)) => "mutual_tls",
                _ => "none",
            },
        }
    }
}

impl<'a> Side<'a> {
    fn label(
        self,
        own: impl FnOnce(&'a Workload) -> &'a str,
        peer: impl FnOnce(&'a PeerLabels) -> &'a String,
        unknown: &'a str,
    ) -> &'a str {
        match self {
            Side::Own(workload) => own(workload),
            Side::Peer(labels) => match peer(labels).as_str() {
                "" => unknown,
                text => text,
            },
            Side::Unknown => unknown,
        }
    }

    fn workload(self) -> &'a str {
        self.label(Workload::workload_name, |peer| &peer.workload, UNKNOWN)
    }

    fn canonical_service(self) -> &'a str {
        self.label(
            Workload::canonical_name,
            |peer| &peer.canonical_service,
            UNKNOWN,
        )
    }

    fn canonical_revision(self) -> &'a str {
        self.label(Workload::revision, |peer| &peer.canonical_revision, LATEST)
    }

    fn app(self) -> &'a str {
        self.label(Workload::app, |peer| &peer.app, UNKNOWN)
    }

    fn version(self) -> &'a str {
        self.label(Workload::version, |peer| &peer.version, UNKNOWN)
    }

    fn cluster(self) -> &'a str {
        self.label(Workload::cluster_name, |peer| &peer.cluster, UNKNOWN)
    }
}
