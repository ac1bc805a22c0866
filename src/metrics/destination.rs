//! Which service a request is for, by its authority: the service that a control plane would report if it
//! exists.
//!
//! Both layers name services by [`Destinations`], because Kiali merges the two reports of a request only
//! if they agree.

use crate::hosts;
use std::{borrow::Cow, collections::BTreeMap};

/// The value of a label that is not known.
pub(super) const UNKNOWN: &str = "unknown";
/// The longest name of a host, and the longest label that comes from outside.
pub(super) const MAX_NAME: usize = 253;
/// Longer than any host with a port and user information that a client would send.
pub(super) const MAX_AUTHORITY: usize = 4 * MAX_NAME;

/// The labels of a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Service {
    /// `destination_service`: the full name, such as `catalog.shop.svc.cluster.local`.
    pub host: String,
    /// `destination_service_name`: the short name.
    pub name: String,
    /// `destination_service_namespace`.
    pub namespace: String,
}

impl Service {
    /// A service by its full name. Name and namespace are the first labels of a name like
    /// `catalog.shop.svc.cluster.local`; of any other, the name is the whole and the namespace `unknown`.
    ///
    /// ```
    /// use tower_b3::metrics::Service;
    ///
    /// let catalog = Service::of_host("catalog.shop.svc.cluster.local");
    /// assert_eq!((&*catalog.name, &*catalog.namespace), ("catalog", "shop"));
    /// ```
    pub fn of_host(host: impl Into<String>) -> Service {
        let host = host.into();
        let mut labels = host.split('.');
        let parts = (labels.next(), labels.next(), labels.next());
        let (name, namespace) = match parts {
            (Some(name), Some(namespace), Some("svc")) => (name.to_owned(), namespace.to_owned()),
            _ => (host.clone(), UNKNOWN.to_owned()),
        };
        Service {
            host,
            name,
            namespace,
        }
    }
}

impl From<&str> for Service {
    fn from(host: &str) -> Service {
        Service::of_host(host)
    }
}

impl From<String> for Service {
    fn from(host: String) -> Service {
        Service::of_host(host)
    }
}

/// What an authority identifies. The peer's metadata, which decides about a host of two labels, is not known
/// before the response.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Destination {
    Service(Service),
    /// `forum.shop`: a service if the peer is in the namespace `shop`, else a host outside of the mesh.
    ServiceOrHost {
        service: Service,
        host: String,
    },
    Host(String),
    Unknown,
}

/// A normalised authority: in lower case, without user information and trailing dot, with addresses in one
/// notation. Without a port, it covers all ports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct HostAndPort {
    host: String,
    port: Option<u16>,
}

impl HostAndPort {
    /// `host` and `port` are those of [`split`].
    fn new(host: &str, port: Option<u16>) -> HostAndPort {
        let host = match hosts::address(host) {
            Some(address) => address.to_string(),
            None => hosts::name(host).unwrap_or(host).to_owned(),
        };
        HostAndPort { host, port }
    }
}

/// The rules by which authorities are mapped to services.
#[derive(Debug, Clone)]
pub(super) struct Destinations {
    /// Destinations are hosts with their ports, and no services.
    pub(super) use_host_and_port: bool,
    namespace: Option<String>,
    /// `cluster.local`
    suffix: String,
    namespaces: Vec<String>,
    services: BTreeMap<HostAndPort, Service>,
}

impl Destinations {
    pub(super) fn new(namespace: Option<&str>, suffix: &str) -> Destinations {
        Destinations {
            use_host_and_port: false,
            namespace: namespace.map(str::to_owned),
            suffix: suffix.to_ascii_lowercase(),
            namespaces: Vec::new(),
            services: BTreeMap::new(),
        }
    }

    /// Adds a namespace of the mesh.
    pub(super) fn add_namespace(&mut self, namespace: String) {
        self.namespaces.push(namespace.to_ascii_lowercase());
    }

    /// Maps a host, or a host and port, to a service.
    pub(super) fn add_service(&mut self, authority: &str, service: Service) {
        let authority = host_in_lower_case(authority);
        let (host, port) = split(&authority);
        self.services.insert(HostAndPort::new(host, port), service);
    }

    /// The service with this name in a namespace.
    pub(super) fn service(&self, name: &str, namespace: &str) -> Service {
        Service {
            host: format!("{name}.{namespace}.svc.{}", self.suffix),
            name: name.to_owned(),
            namespace: namespace.to_owned(),
        }
    }

    /// Whether a service is in the own namespace.
    pub(super) fn is_in_own_namespace(&self, service: &Service) -> bool {
        self.namespace.as_deref() == Some(&service.namespace)
    }

    /// Whether an authority may be a service of the mesh.
    pub(super) fn may_be_service(&self, authority: &str) -> bool {
        self.service_of(authority).may_be_service()
    }

    /// Whether a service is in the own namespace or a configured one, or is configured itself.
    pub(super) fn is_own_or_configured(&self, service: &Service) -> bool {
        self.is_in_own_namespace(service)
            || self.namespaces.contains(&service.namespace)
            || self.services.values().any(|named| named == service)
    }

    /// The services that hosts are mapped to.
    pub(super) fn configured_services(&self) -> Vec<Service> {
        self.services.values().cloned().collect()
    }

    /// The destination of a URI's authority or a `host` header.
    pub(super) fn of_authority(&self, authority: &str) -> Destination {
        if !self.use_host_and_port {
            return self.service_of(authority);
        }
        if authority.len() > MAX_AUTHORITY {
            return Destination::Unknown;
        }
        let authority = host_in_lower_case(authority);
        let (host, port) = split(&authority);
        Destination::of_host(host, port)
    }

    fn service_of(&self, authority: &str) -> Destination {
        if authority.len() > MAX_AUTHORITY {
            return Destination::Unknown;
        }
        let authority = host_in_lower_case(authority);
        let (host, port) = split(&authority);
        if let Some(service) = self.configured(host, port) {
            return Destination::Service(service.clone());
        }
        if hosts::address(host).is_some() {
            return Destination::Host(match port {
                Some(_) => authority.into_owned(),
                None => host.to_owned(),
            });
        }
        match hosts::name(host).filter(|name| !name.is_empty() && name.len() <= MAX_NAME) {
            Some(name) => self.of_name(name),
            None => Destination::Unknown,
        }
    }

    fn configured(&self, host: &str, port: Option<u16>) -> Option<&Service> {
        if self.services.is_empty() {
            return None;
        }
        let with_port = HostAndPort::new(host, port);
        self.services.get(&with_port).or_else(|| {
            let port = None;
            self.services.get(&HostAndPort { port, ..with_port })
        })
    }

    fn of_name(&self, host: &str) -> Destination {
        let as_host = || Destination::Host(host.to_owned());
        let inside = host
            .strip_suffix(&self.suffix)
            .and_then(|rest| rest.strip_suffix('.'))
            .unwrap_or(host);
        if let Some(name) = inside.strip_suffix(".svc") {
            // In front of the service may be a pod's name.
            let mut labels = name.rsplit('.');
            return match (labels.next(), labels.next()) {
                (Some(namespace), Some(name)) => {
                    Destination::Service(self.service(name, namespace))
                }
                _ => as_host(),
            };
        }
        let own = self.namespace.as_deref();
        match (host.split_once('.'), own) {
            (None, Some(own)) if host != "localhost" => {
                Destination::Service(self.service(host, own))
            }
            (Some((name, namespace)), _) if !namespace.contains('.') => {
                let service = self.service(name, namespace);
                let listed = self.namespaces.iter().any(|listed| listed == namespace);
                match listed || own == Some(namespace) {
                    true => Destination::Service(service),
                    false => Destination::ServiceOrHost {
                        service,
                        host: host.to_owned(),
                    },
                }
            }
            _ => as_host(),
        }
    }
}

/// The authority in lower case, without user information.
fn host_in_lower_case(authority: &str) -> Cow<'_, str> {
    let host = authority.rsplit_once('@');
    lower(host.map_or(authority, |(_, host)| host))
}

/// Host and port. An IPv6 address without brackets has no port.
fn split(authority: &str) -> (&str, Option<u16>) {
    match hosts::address(authority) {
        Some(_) => (authority, None),
        None => hosts::split_port(authority),
    }
}

fn lower(text: &str) -> Cow<'_, str> {
    match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(text.to_ascii_lowercase()),
        false => Cow::Borrowed(text),
    }
}

impl Destination {
    /// A host as its text, a colon, and the port if there is one. `host` and `port` are those of [`split`].
    fn of_host(host: &str, port: Option<u16>) -> Destination {
        let HostAndPort { host, port } = HostAndPort::new(host, port);
        let is_host = hosts::address(&host).is_some() || hosts::name(&host).is_some();
        if !is_host || host.is_empty() || host.len() > MAX_NAME {
            return Destination::Unknown;
        }
        let port = port.map(|port| port.to_string()).unwrap_or_default();
        Destination::Host(format!("{host}:{port}"))
    }

    /// Host and port of [`of_host`](Self::of_host).
    pub(super) fn host_and_port(&self) -> (&str, &str) {
        let parts = match self {
            Destination::Host(text) => text.rsplit_once(':'),
            _ => None,
        };
        parts.unwrap_or((UNKNOWN, ""))
    }

    /// Whether it may be a service of the mesh. A name without a dot cannot be a host of the internet.
    fn may_be_service(&self) -> bool {
        match self {
            Destination::Service(_) | Destination::ServiceOrHost { .. } => true,
            Destination::Host(host) => !host.contains(['.', ':']) && host != "localhost",
            Destination::Unknown => false,
        }
    }

    /// The labels `destination_service` and `destination_service_name`, given the namespace of the peer's
    /// metadata.
    pub(super) fn host_and_name(&self, peer_namespace: Option<&str>) -> (&str, &str) {
        match self.resolve(peer_namespace) {
            Ok(service) => (&service.host, &service.name),
            Err(host) => (host, host),
        }
    }

    /// The label `destination_service_namespace`.
    pub(super) fn namespace<'a>(&'a self, peer_namespace: Option<&'a str>) -> &'a str {
        match self.resolve(peer_namespace) {
            Ok(service) if service.namespace != UNKNOWN => &service.namespace,
            _ => peer_namespace.unwrap_or(UNKNOWN),
        }
    }

    /// Whether it is a service of the mesh.
    pub(super) fn is_service(&self, peer_namespace: Option<&str>) -> bool {
        self.resolve(peer_namespace).is_ok()
    }

    fn resolve(&self, peer_namespace: Option<&str>) -> Result<&Service, &str> {
        match self {
            Destination::Service(service) => Ok(service),
            Destination::ServiceOrHost { service, .. }
                if peer_namespace == Some(&service.namespace) =>
            {
                Ok(service)
            }
            Destination::ServiceOrHost { host, .. } | Destination::Host(host) => Err(host),
            Destination::Unknown => Err(UNKNOWN),
        }
    }
}
