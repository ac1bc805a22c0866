use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, SocketAddr},
};

/// Which side of an exchange a span stands for. A local span has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A request that was served.
    Server,
    /// A request that was sent.
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

/// A service at an address. Each part may be unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Endpoint {
    pub(super) service_name: Option<Cow<'static, str>>,
    pub(super) ip: Option<IpAddr>,
    pub(super) port: Option<u16>,
}

impl Endpoint {
    /// The endpoint of a service whose address is not known.
    pub fn service(name: impl Into<Cow<'static, str>>) -> Endpoint {
        Endpoint {
            service_name: Some(name.into()).filter(|name| !name.is_empty()),
            ..Endpoint::default()
        }
    }

    /// The same service at this address. Port 0 means that the port is not known.
    #[must_use]
    pub fn at(self, address: SocketAddr) -> Endpoint {
        self.ip(address.ip()).port(address.port())
    }

    /// The same service at this IP address. An IPv4-mapped IPv6 address is the IPv4 one.
    #[must_use]
    pub fn ip(mut self, ip: IpAddr) -> Endpoint {
        self.ip = Some(ip.to_canonical());
        self
    }

    /// The same service at this port; 0 means that it is not known.
    #[must_use]
    pub fn port(mut self, port: u16) -> Endpoint {
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

/// An [`Endpoint`] of a finished span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EndpointRef<'a> {
    /// The service's name.
    pub service_name: Option<&'a str>,
    /// Its IP address.
    pub ip: Option<IpAddr>,
    /// Its port; never 0.
    pub port: Option<u16>,
}

impl EndpointRef<'_> {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == EndpointRef::default()
    }
}

/// The value of a tag. Numbers are formatted where they are read, off the request's path.
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
    /// The value as text.
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
