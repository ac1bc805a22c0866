//! [`Attribute`]: what a path of an expression reads, by the names since Istio 1.24 and the older ones.

use super::known::Known;
use crate::{
    direction::Direction,
    metrics::attributes::{Attributes, Node, ServiceField},
};
use http::HeaderName;
use std::net::SocketAddr;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Attribute {
    Method,
    Path,
    UrlPath,
    Query,
    Host,
    Scheme,
    RequestId,
    Protocol,
    Time,
    Duration,
    RequestHeader(HeaderName),
    RequestSize,
    RequestTotalSize,
    ResponseCode,
    ResponseCodeDetails,
    ResponseFlags,
    GrpcStatus,
    ResponseHeader(HeaderName),
    ResponseTrailer(HeaderName),
    ResponseSize,
    ResponseTotalSize,
    Address(Side),
    Port(Side),
    UpstreamAddress,
    UpstreamPort,
    AttemptCount,
    Mtls,
    /// Of TLS, which a layer does not see: empty as on plain text.
    ServerName,
    NodeId,
    Node(NodeField),
    /// The peer, if it is on this side of the proxy that Istio would have.
    Peer(Direction, NodeField),
    PeerAsWhole(Direction),
    RouteName,
    ClusterName,
    ListenerDirection,
    Service(ServiceField),
    /// An attribute that the configuration generates.
    Generated(usize),
    /// A group of attributes as a whole.
    Group,
    /// A message without fields, which Envoy prints as empty.
    Empty,
    /// Attributes that a layer does not have.
    Absent,
}

/// An end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Source,
    Destination,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NodeField {
    /// A text of the metadata, by Istio's key.
    Metadata(String),
    Label(String),
    CanonicalService,
    CanonicalRevision,
    App,
    Version,
    /// `deployment`, `job`, `cronjob`, `pod`.
    WorkloadType,
    Labels,
}

/// What attributes are read from.
#[derive(Clone, Copy)]
pub(in crate::metrics::shape) struct Scope<'a> {
    pub(in crate::metrics::shape) exchange: &'a dyn Attributes,
    pub(in crate::metrics::shape) generated: &'a [Option<&'a str>],
}

impl Attribute {
    /// Whether it is a map, of which only fields can be read.
    pub(super) fn is_map(&self) -> bool {
        matches!(
            self,
            Attribute::Group
                | Attribute::PeerAsWhole(_)
                | Attribute::Node(NodeField::Labels)
                | Attribute::Peer(_, NodeField::Labels)
        )
    }

    /// Its value, if it is known.
    pub(super) fn read<'a>(&self, scope: Scope<'a>) -> Option<Known<'a>> {
        let exchange = scope.exchange;
        match self {
            Attribute::Method => exchange.method().map(Known::text),
            Attribute::Path => exchange.path().map(Known::text),
            Attribute::UrlPath => exchange.path().map(|path| Known::text(split_path(path).0)),
            Attribute::Query => exchange.path().map(|path| Known::text(split_path(path).1)),
            Attribute::Host => exchange.host().map(Known::text),
            Attribute::Scheme => exchange.scheme().map(Known::text),
            Attribute::RequestId => exchange.request_id().map(Known::text),
            Attribute::Protocol => exchange.protocol().map(Known::text),
            Attribute::Time => exchange.start_time().map(Known::Time),
            Attribute::Duration => exchange.duration().map(Known::Duration),
            Attribute::RequestHeader(name) => exchange.request_header(name).map(Known::text),
            Attribute::RequestSize => exchange.request_body_bytes().map(size),
            Attribute::RequestTotalSize => exchange.request_total_bytes().map(size),
            Attribute::ResponseCode => {
                let code = exchange.response_code();
                code.map(|code| Known::Integer(code.into()))
            }
            Attribute::ResponseCodeDetails => exchange.response_code_details().map(Known::text),
            Attribute::ResponseFlags => exchange.response_flags().map(size),
            Attribute::GrpcStatus => {
                let status = exchange.grpc_status();
                status.map(|status| Known::Integer(status.into()))
            }
            Attribute::ResponseHeader(name) => exchange.response_header(name).map(Known::text),
            Attribute::ResponseTrailer(name) => exchange.response_trailer(name).map(Known::text),
            Attribute::ResponseSize => exchange.response_body_bytes().map(size),
            Attribute::ResponseTotalSize => exchange.response_total_bytes().map(size),
            Attribute::Address(side) => address(exchange, *side).map(address_text),
            Attribute::Port(side) => address(exchange, *side).map(port),
            Attribute::UpstreamAddress => upstream_address(exchange).map(address_text),
            Attribute::UpstreamPort => upstream_address(exchange).map(port),
            Attribute::AttemptCount => Some(size(exchange.attempt_count())),
            Attribute::Mtls => Some(Known::Bool(exchange.mtls())),
            Attribute::NodeId => exchange.node()?.id().map(Known::text),
            Attribute::Node(field) => field.read(exchange.node()?),
            Attribute::Peer(direction, field) if *direction == exchange.direction() => {
                field.read(exchange.peer()?)
            }
            Attribute::PeerAsWhole(direction) if *direction == exchange.direction() => {
                exchange.peer().map(|_| Known::Map)
            }
            Attribute::RouteName => exchange.route_name().map(Known::text),
            Attribute::ClusterName => exchange.cluster_name().map(Known::text),
            Attribute::ListenerDirection => Some(Known::Integer(match exchange.direction() {
                Direction::Server => 1,
                Direction::Client => 2,
            })),
            Attribute::Service(field) => exchange.service(*field).map(Known::text),
            Attribute::Generated(index) => {
                let value = scope.generated.get(*index).copied().flatten();
                value.map(Known::text)
            }
            Attribute::Group => Some(Known::Map),
            Attribute::ServerName | Attribute::Empty => Some(Known::text("")),
            Attribute::Peer(..) | Attribute::PeerAsWhole(_) | Attribute::Absent => None,
        }
    }
}

impl NodeField {
    fn read<'a>(&self, node: &'a dyn Node) -> Option<Known<'a>> {
        let text = match self {
            NodeField::Metadata(key) => node.metadata(key),
            NodeField::Label(name) => node.label(name),
            NodeField::CanonicalService => node.canonical_service(),
            NodeField::CanonicalRevision => node.canonical_revision(),
            NodeField::App => node.app(),
            NodeField::Version => node.version(),
            NodeField::WorkloadType => node.metadata("OWNER").and_then(workload_type),
            NodeField::Labels => return Some(Known::Map),
        };
        text.map(Known::text)
    }
}

/// `deployment` of `kubernetes://apis/apps/v1/namespaces/shop/deployments/webapp`.
fn workload_type(owner: &str) -> Option<&'static str> {
    let plural = owner.rsplit('/').nth(1)?;
    ["deployment", "job", "cronjob", "pod"]
        .into_iter()
        .find(|kind| plural.strip_suffix('s') == Some(kind))
}

/// A path and its query, without the question mark.
fn split_path(path: &str) -> (&str, &str) {
    path.split_once('?').unwrap_or((path, ""))
}

fn size<'a>(bytes: u64) -> Known<'a> {
    Known::Integer(i64::try_from(bytes).unwrap_or(i64::MAX))
}

fn address_text<'a>(address: SocketAddr) -> Known<'a> {
    Known::Text(address.to_string().into())
}

fn port<'a>(address: SocketAddr) -> Known<'a> {
    Known::Integer(address.port().into())
}

/// The address at an end of the connection: the peer of a server is the source.
fn address(exchange: &dyn Attributes, side: Side) -> Option<SocketAddr> {
    match (exchange.direction(), side) {
        (Direction::Server, Side::Source) | (Direction::Client, Side::Destination) => {
            exchange.peer_address()
        }
        (Direction::Server, Side::Destination) | (Direction::Client, Side::Source) => {
            exchange.own_address()
        }
    }
}

fn upstream_address(exchange: &dyn Attributes) -> Option<SocketAddr> {
    match exchange.direction() {
        Direction::Client => exchange.peer_address(),
        Direction::Server => None,
    }
}
