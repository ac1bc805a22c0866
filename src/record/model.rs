//! The values in a span: its kind, its endpoints, and the values of tags.

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, SocketAddr},
};

/// Which side of an exchange a span is for. A local span has no kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A request that the service received.
    Server,
    /// A request that the service sent.
    Client,
    /// A message that was sent to a broker.
    Producer,
    /// A message that was received from a broker.
    Consumer,
}

impl Kind {
    /// Zipkin's name of the kind: `SERVER`, `CLIENT`, `PRODUCER`, `CONSUMER`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Server => "SERVER",
            Kind::Client => "CLIENT",
            Kind::Producer => "PRODUCER",
            Kind::Consumer => "CONSUMER",
        }
    }
}

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

/// The value of a tag. Numbers and addresses become text when a reporter reads them, not while a
/// request is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TagValue<'a> {
    /// Text.
    Text(&'a str),
    /// A number, such as a status code or a size.
    Number(u64),
    /// The address of a peer.
    Address(IpAddr),
}

impl<'a> TagValue<'a> {
    /// Returns the value as text.
    pub fn to_text(self) -> Cow<'a, str> {
        match self {
            TagValue::Text(text) => Cow::Borrowed(text),
            TagValue::Number(number) => Cow::Owned(number.to_string()),
            TagValue::Address(ip) => Cow::Owned(ip.to_string()),
        }
    }
}

impl fmt::Display for TagValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TagValue::Text(text) => f.pad(text),
            TagValue::Number(number) => fmt::Display::fmt(number, f),
            TagValue::Address(ip) => fmt::Display::fmt(ip, f),
        }
    }
}
