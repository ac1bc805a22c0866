//! What the fields of a span say about the service on the other side, by OpenTelemetry's names. The
//! fields are tags too; what is read here makes the span's remote endpoint.

use crate::record::{Kind, RemoteNameSource, SpanBuffer};
use std::net::{IpAddr, SocketAddr};

/// What a field is to the remote endpoint.
enum Part {
    /// The host, by name or address.
    Host,
    /// The port beside a host.
    HostPort,
    /// The address of the connection, which is better than that of the host.
    Address,
    AddressPort,
    /// The kind of database or broker.
    System,
}

fn part(name: &str) -> Option<Part> {
    Some(match name {
        "server.address" | "net.peer.name" => Part::Host,
        "server.port" | "net.peer.port" => Part::HostPort,
        "network.peer.address" | "net.sock.peer.addr" | "net.peer.ip" => Part::Address,
        "network.peer.port" | "net.sock.peer.port" => Part::AddressPort,
        "db.system.name" | "db.system" | "messaging.system" => Part::System,
        _ => return None,
    })
}

/// Whether the field is part of the remote endpoint of a CLIENT, PRODUCER or CONSUMER span.
pub(super) fn is_about_peer(name: &str) -> bool {
    part(name).is_some()
}

/// Reads a field of a span whose kind is known. For a SERVER span, the server is the span's own side.
pub(super) fn read(name: &str, value: &str, record: &mut SpanBuffer) {
    let is_server = match record.fields.kind {
        None => return,
        Some(kind) => kind == Kind::Server,
    };
    match part(name) {
        Some(Part::Address) => {
            if let Some((ip, port)) = address(value) {
                let port = port.or(record.fields.remote_port);
                record.set_remote_address(Some(ip), port);
                if !is_server {
                    record.set_remote_service_from(RemoteNameSource::Address, &ip.to_string());
                }
            }
        }
        Some(Part::AddressPort) => {
            if let Ok(port) = value.parse() {
                record.set_remote_address(record.fields.remote_ip, Some(port));
            }
        }
        Some(Part::Host) if !is_server => host(value, record),
        Some(Part::HostPort) if !is_server && record.fields.remote_port.is_none() => {
            let port = value.parse().ok();
            record.set_remote_address(record.fields.remote_ip, port);
        }
        Some(Part::System) if !is_server => {
            record.set_remote_service_from(RemoteNameSource::System, value);
        }
        _ => {}
    }
}

fn host(value: &str, record: &mut SpanBuffer) {
    match address(value) {
        Some((ip, port)) => {
            let ip = record.fields.remote_ip.or(Some(ip));
            record.set_remote_address(ip, record.fields.remote_port.or(port));
            record.set_remote_service_from(RemoteNameSource::Address, value);
        }
        // The path of a socket names no service.
        None if value.starts_with('/') => {}
        None => record.set_remote_service_from(RemoteNameSource::Host, value),
    }
}

/// An IP address, with a port if there is one.
fn address(value: &str) -> Option<(IpAddr, Option<u16>)> {
    let with_port = |address: SocketAddr| (address.ip(), Some(address.port()));
    let ip = value.parse().map(|ip: IpAddr| (ip, None));
    let (ip, port) = ip.or_else(|_| value.parse().map(with_port)).ok()?;
    Some((ip.to_canonical(), port))
}
