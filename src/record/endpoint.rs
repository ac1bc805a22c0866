//! `Endpoint`: a service and its address, owned or as part of a span.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
};

/// A service and its address. Each part may be unknown.
///
/// ```
/// use tower_b3::record::Endpoint;
///
/// let endpoint = Endpoint::service("catalog").with_address(([10, 0, 0, 1], 8080).into());
/// assert_eq!(endpoint, Endpoint::service("catalog").with_ip([10, 0, 0, 1].into()).with_port(8080));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Endpoint {
    pub(super) service_name: Option<Cow<'static, str>>,
    pub(super) ip: Option<IpAddr>,
    pub(super) port: Option<u16>,
}

impl Endpoint {
    /// Makes an endpoint with this service name and without an address. An empty name is no name.
    pub fn service(name: impl Into<Cow<'static, str>>) -> Endpoint {
        Endpoint {
            service_name: Some(name.into()).filter(|name| !name.is_empty()),
            ..Endpoint::default()
        }
    }

    /// Sets the IP address and the port.
    #[must_use]
    pub fn with_address(self, address: SocketAddr) -> Endpoint {
        self.with_ip(address.ip()).with_port(address.port())
    }

    /// Sets the IP address. An IPv4-mapped IPv6 address is stored as the IPv4 address.
    #[must_use]
    pub fn with_ip(mut self, ip: IpAddr) -> Endpoint {
        self.ip = Some(ip.to_canonical());
        self
    }

    /// Sets the port. 0 means that the port is not known.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Endpoint {
        self.port = Some(port).filter(|&port| port != 0);
        self
    }

    pub(super) fn as_ref(&self) -> EndpointRef<'_> {
        EndpointRef {
            service_name: self.service_name.as_deref(),
            ip: self.ip,
            port: self.port,
        }
    }
}

/// An endpoint of a finished span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EndpointRef<'a> {
    /// The service's name.
    pub service_name: Option<&'a str>,
    /// The IP address.
    pub ip: Option<IpAddr>,
    /// The port; never 0.
    pub port: Option<u16>,
}

impl EndpointRef<'_> {
    /// Whether all parts are unknown.
    pub fn is_empty(&self) -> bool {
        *self == EndpointRef::default()
    }
}
