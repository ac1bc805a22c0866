use super::text::lower_case;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A service and its address. Each part may be unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The service's name, in lower case.
    pub service_name: Option<Box<str>>,
    /// The IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// The IPv6 address.
    pub ipv6: Option<Ipv6Addr>,
    /// The port; 0 if unknown.
    pub port: u16,
}

impl Endpoint {
    /// Sets the service's name, in lower case; an empty name is none.
    pub(crate) fn set_service_name(&mut self, name: &str) {
        self.service_name = (!name.is_empty()).then(|| lower_case(name));
    }

    /// Sets the address. An IPv6 address that contains an IPv4 address sets the latter.
    pub(crate) fn set_ip(&mut self, ip: IpAddr) {
        match ip.to_canonical() {
            IpAddr::V4(ip) => self.ipv4 = Some(ip),
            IpAddr::V6(ip) => self.ipv6 = Some(ip),
        }
    }

    /// Sets the address from text; anything else than an address is ignored, as Zipkin does.
    pub(crate) fn set_ip_text(&mut self, text: &str) {
        if let Ok(ip) = text.parse() {
            self.set_ip(ip);
        }
    }

    /// The endpoint, unless nothing of it is known.
    pub(crate) fn known(self) -> Option<Endpoint> {
        (self != Endpoint::default()).then_some(self)
    }

    /// Takes over what is not known here.
    pub(crate) fn merge(&mut self, other: &Endpoint) {
        if self.service_name.is_none() {
            self.service_name.clone_from(&other.service_name);
        }
        self.ipv4 = self.ipv4.or(other.ipv4);
        self.ipv6 = self.ipv6.or(other.ipv6);
        if self.port == 0 {
            self.port = other.port;
        }
    }
}
