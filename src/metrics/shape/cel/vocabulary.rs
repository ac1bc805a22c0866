//! The names of attributes: which path is which [`Attribute`].

use super::{
    attribute::{Attribute, NodeField, Side},
    path::Path,
};
use crate::{direction::Direction, metrics::attributes::ServiceField};
use cel::common::{
    ast::{CallExpr, Expr, operators},
    value::CelVal,
};
use http::{HeaderName, header};

/// The first words of all attributes.
const ROOTS: [&str; 28] = [
    "request",
    "response",
    "connection",
    "source",
    "destination",
    "upstream",
    "xds",
    "node",
    "filter_state",
    "upstream_filter_state",
    "upstream_peer",
    "downstream_peer",
    "metadata",
    "route_name",
    "route_metadata",
    "cluster_name",
    "cluster_metadata",
    "virtual_host_name",
    "virtual_host_metadata",
    "listener_direction",
    "listener_metadata",
    "upstream_host_metadata",
    "filter_chain_name",
    "wasm",
    "plugin_name",
    "plugin_root_id",
    "plugin_vm_id",
    "backend_latency",
];

/// The attribute that a path reads. `None` if its first word is not one of an attribute.
pub(super) fn attribute(path: &[String], generated: &[String]) -> Option<Attribute> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let whole = path.join(".");
    // The last generator of an attribute has its value.
    let named = generated.iter().rposition(|name| *name == whole);
    if let Some(index) = named {
        return Some(Attribute::Generated(index));
    }
    let (root, rest) = path.split_first()?;
    if !ROOTS.contains(root) && !root.starts_with("istio_") && *root != "istio" {
        return None;
    }
    Some(match *root {
        "request" => request(rest),
        "response" => response(rest),
        "connection" => connection(rest),
        "source" => end(Side::Source, rest),
        "destination" => end(Side::Destination, rest),
        "upstream" => upstream(rest),
        "xds" => xds(rest),
        "filter_state" => filter_state(rest, generated),
        "metadata" if rest.is_empty() => Attribute::Empty,
        "node" => node(rest),
        "upstream_peer" => peer(Direction::Client, rest),
        "downstream_peer" => peer(Direction::Server, rest),
        // Their names outside of `xds`, from before Istio 1.24.
        "route_name" | "cluster_name" | "cluster_metadata" | "listener_direction" => xds(&path),
        _ => Attribute::Absent,
    })
}

/// The attribute that `'x' in request.headers` tests, as `has(request.headers.x)` does.
pub(super) fn tested_by_in(call: &CallExpr, generated: &[String]) -> Option<Attribute> {
    let (operators::IN, [key, map]) = (call.func_name.as_str(), &call.args[..]) else {
        return None;
    };
    let Expr::Literal(CelVal::String(key)) = &key.expr else {
        return None;
    };
    let mut steps = Path::of(map)?.steps;
    attribute(&steps, generated).filter(Attribute::is_map)?;
    steps.push(key.clone());
    Some(attribute(&steps, generated).unwrap_or(Attribute::Absent))
}

fn request(path: &[&str]) -> Attribute {
    match path {
        [] | ["headers"] => Attribute::Group,
        ["path"] => Attribute::Path,
        ["url_path"] => Attribute::UrlPath,
        ["query"] => Attribute::Query,
        ["host"] => Attribute::Host,
        ["scheme"] => Attribute::Scheme,
        ["method"] => Attribute::Method,
        ["headers", name] => header_named(name, Attribute::RequestHeader),
        ["referer"] => Attribute::RequestHeader(header::REFERER),
        ["useragent"] => Attribute::RequestHeader(header::USER_AGENT),
        ["time"] => Attribute::Time,
        ["id"] => Attribute::RequestId,
        ["protocol"] => Attribute::Protocol,
        ["duration"] => Attribute::Duration,
        ["size"] => Attribute::RequestSize,
        ["total_size"] => Attribute::RequestTotalSize,
        _ => Attribute::Absent,
    }
}

fn response(path: &[&str]) -> Attribute {
    match path {
        [] | ["headers"] | ["trailers"] => Attribute::Group,
        ["code"] => Attribute::ResponseCode,
        ["code_details"] => Attribute::ResponseCodeDetails,
        ["flags"] => Attribute::ResponseFlags,
        ["grpc_status"] => Attribute::GrpcStatus,
        ["headers", name] => header_named(name, Attribute::ResponseHeader),
        ["trailers", name] => header_named(name, Attribute::ResponseTrailer),
        ["size"] => Attribute::ResponseSize,
        ["total_size"] => Attribute::ResponseTotalSize,
        _ => Attribute::Absent,
    }
}

/// Names of headers are case-insensitive. A header with an invalid name does not exist.
fn header_named(name: &str, attribute: impl Fn(HeaderName) -> Attribute) -> Attribute {
    match name {
        ":method" => return Attribute::Method,
        ":path" => return Attribute::Path,
        ":authority" => return Attribute::Host,
        ":scheme" => return Attribute::Scheme,
        ":status" => return Attribute::ResponseCode,
        _ => {}
    }
    match HeaderName::from_bytes(name.as_bytes()) {
        // Envoy has the host in its own header.
        Ok(name) if name == header::HOST => Attribute::Host,
        Ok(name) => attribute(name),
        Err(_) => Attribute::Absent,
    }
}

fn connection(path: &[&str]) -> Attribute {
    match path {
        [] => Attribute::Group,
        ["mtls"] => Attribute::Mtls,
        ["requested_server_name"] => Attribute::ServerName,
        _ => Attribute::Absent,
    }
}

fn end(side: Side, path: &[&str]) -> Attribute {
    match path {
        [] => Attribute::Group,
        ["address"] => Attribute::Address(side),
        ["port"] => Attribute::Port(side),
        _ => Attribute::Absent,
    }
}

fn upstream(path: &[&str]) -> Attribute {
    match path {
        [] => Attribute::Group,
        ["address"] => Attribute::UpstreamAddress,
        ["port"] => Attribute::UpstreamPort,
        ["request_attempt_count"] => Attribute::AttemptCount,
        _ => Attribute::Absent,
    }
}

fn xds(path: &[&str]) -> Attribute {
    match path {
        [] => Attribute::Group,
        ["node", rest @ ..] => node(rest),
        ["route_name"] => Attribute::RouteName,
        ["cluster_name"] => Attribute::ClusterName,
        ["listener_direction"] => Attribute::ListenerDirection,
        [
            "cluster_metadata",
            "filter_metadata",
            "istio",
            "services",
            "0",
            field,
        ] => match *field {
            "host" => Attribute::Service(ServiceField::Host),
            "name" => Attribute::Service(ServiceField::Name),
            "namespace" => Attribute::Service(ServiceField::Namespace),
            _ => Attribute::Absent,
        },
        _ => Attribute::Absent,
    }
}

fn node(path: &[&str]) -> Attribute {
    match path {
        [] | ["metadata"] => Attribute::Group,
        ["id"] => Attribute::NodeId,
        ["metadata", "LABELS"] => Attribute::Node(NodeField::Labels),
        ["metadata", "LABELS", name] => Attribute::Node(NodeField::Label((*name).to_owned())),
        ["metadata", key] => Attribute::Node(NodeField::Metadata((*key).to_owned())),
        _ => Attribute::Absent,
    }
}

fn filter_state(path: &[&str], generated: &[String]) -> Attribute {
    match path {
        [] => Attribute::Group,
        ["upstream_peer", rest @ ..] => peer(Direction::Client, rest),
        ["downstream_peer", rest @ ..] => peer(Direction::Server, rest),
        [name] => {
            let name = name.strip_prefix("wasm.").unwrap_or(name);
            let index = generated.iter().rposition(|generated| generated == name);
            index.map_or(Attribute::Absent, Attribute::Generated)
        }
        _ => Attribute::Absent,
    }
}

/// The names since Istio 1.24 and those of the metadata exchange before it.
fn peer(direction: Direction, path: &[&str]) -> Attribute {
    let metadata = |key: &str| NodeField::Metadata(key.to_owned());
    let field = match path {
        [] => return Attribute::PeerAsWhole(direction),
        ["labels"] => NodeField::Labels,
        // Some pages append `.value`.
        ["labels", name] | ["labels", name, "value"] => NodeField::Label((*name).to_owned()),
        ["service"] => NodeField::CanonicalService,
        ["revision"] => NodeField::CanonicalRevision,
        ["app"] => NodeField::App,
        ["version"] => NodeField::Version,
        ["type"] => NodeField::WorkloadType,
        ["workload" | "workload_name"] => metadata("WORKLOAD_NAME"),
        ["cluster" | "cluster_id"] => metadata("CLUSTER_ID"),
        ["name"] => metadata("NAME"),
        ["namespace"] => metadata("NAMESPACE"),
        ["owner"] => metadata("OWNER"),
        ["identity"] => metadata("IDENTITY"),
        ["region"] => metadata("REGION"),
        ["availability_zone"] => metadata("AVAILABILITY_ZONE"),
        ["istio_version"] => metadata("ISTIO_VERSION"),
        ["mesh_id"] => metadata("MESH_ID"),
        ["app_containers"] => metadata("APP_CONTAINERS"),
        ["instance_ips"] => metadata("INSTANCE_IPS"),
        _ => return Attribute::Absent,
    };
    Attribute::Peer(direction, field)
}
