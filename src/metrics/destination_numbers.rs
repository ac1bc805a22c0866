//! `DestinationNumbers`: the services that requests were sent to, by small numbers.

use super::{
    authority_cache::AuthorityCache,
    destination::{Destination, Destinations, MAX_AUTHORITY},
    intern::{Interner, NumberState},
    own_services::OwnServices,
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// The kind of hosts outside of the mesh. They have a limit of their own, so that they never displace
/// services.
const HOSTS: u32 = 1 << 31;
/// The kind of services that route to this server.
const OWN_SERVICES: u32 = 1 << 30;
/// The kind of services of other namespaces. Callers can invent them, so they have a limit of their own too.
const OTHER_NAMESPACES: u32 = HOSTS | OWN_SERVICES;
/// The bits of a number that have its kind. 0 is a service of the own namespace or a configured one.
const KIND: u32 = HOSTS | OWN_SERVICES;

/// A service that a request was sent to. The default is the own service at a server, and an unknown one
/// at a client.
///
/// With [`expire_after`](super::MetricsBuilder::expire_after), the number of a service that has no series
/// any more may be freed, at the earliest an interval after the number was last looked up. It is then an
/// unknown service, and never another one: look it up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DestinationNumber(pub(super) u32);

impl DestinationNumber {
    /// There is no authority, or the limit is exceeded.
    pub(super) const UNKNOWN: DestinationNumber = DestinationNumber(1);
    /// How many numbers are reserved: that of the default, and `UNKNOWN`.
    const RESERVED: u32 = 2;
}

pub(super) struct DestinationNumbers {
    rules: Destinations,
    own: OwnServices,
    numbers: AuthorityCache<DestinationNumber>,
    /// Whether authorities may be services of the mesh, for those without the number of a service.
    may_be_services: AuthorityCache<bool>,
    /// Those of the own namespace and configured ones. The configured ones come first, and are never freed.
    services: Interner<Arc<Destination>>,
    configured: u32,
    other_namespaces: Interner<Arc<Destination>>,
    hosts: Interner<Arc<Destination>>,
    overflowed: AtomicU64,
}

impl DestinationNumbers {
    /// At most `max_services` services beside the configured ones, `max_hosts` services of other namespaces, and
    /// `max_hosts` hosts outside of the mesh.
    pub(super) fn new(
        rules: Destinations,
        own: OwnServices,
        max_services: usize,
        max_hosts: usize,
    ) -> DestinationNumbers {
        let configured = rules.configured_services();
        let services = Interner::new(max_services.saturating_add(configured.len()));
        let configured = configured.into_iter().map(|service| {
            let destination = Arc::new(Destination::Service(service));
            services.number(&destination).map_or(0, |number| number + 1)
        });
        let configured = configured.max().unwrap_or(0);
        DestinationNumbers {
            rules,
            own,
            numbers: AuthorityCache::default(),
            may_be_services: AuthorityCache::default(),
            services,
            configured,
            other_namespaces: Interner::new(max_hosts),
            hosts: Interner::new(max_hosts),
            overflowed: AtomicU64::new(0),
        }
    }

    pub(super) fn number(&self, authority: &str) -> DestinationNumber {
        match self.numbers.get(authority) {
            // Only overflows are cached with this number.
            Some(DestinationNumber::UNKNOWN) => self.overflow(),
            Some(number) => number,
            None => self.add(authority),
        }
    }

    fn overflow(&self) -> DestinationNumber {
        self.overflowed.fetch_add(1, Relaxed);
        DestinationNumber::UNKNOWN
    }

    #[cold]
    fn add(&self, authority: &str) -> DestinationNumber {
        let destination = self.rules.of_authority(authority);
        let kind = match &destination {
            Destination::Unknown => return DestinationNumber::UNKNOWN,
            Destination::Service(service) if self.rules.is_own_or_configured(service) => 0,
            Destination::Service(_) => OTHER_NAMESPACES,
            Destination::ServiceOrHost { .. } | Destination::Host(_) => HOSTS,
        };
        // Locked first, so that the number is not freed as unused before the authority has it.
        let mut numbers = self.numbers.write();
        let Some(number) = self.numbers_of_kind(kind).number(&Arc::new(destination)) else {
            numbers.insert_if_room(authority, DestinationNumber::UNKNOWN);
            return self.overflow();
        };
        let number = DestinationNumber((number + DestinationNumber::RESERVED) | kind);
        numbers.insert(authority, number);
        number
    }

    /// Whether an authority, which has this number or none, may be a service of the mesh.
    pub(super) fn may_be_service(&self, number: DestinationNumber, authority: &str) -> bool {
        let has_number = number.0 >= DestinationNumber::RESERVED;
        let is_service = has_number && number.0 & (HOSTS | OWN_SERVICES) == 0;
        is_service || {
            let cached = self.may_be_services.get(authority);
            cached.unwrap_or_else(|| self.add_may_be_service(authority))
        }
    }

    #[cold]
    fn add_may_be_service(&self, authority: &str) -> bool {
        let may_be_service = self.rules.may_be_service(authority);
        if authority.len() <= MAX_AUTHORITY {
            let mut cache = self.may_be_services.write();
            cache.insert_if_room(authority, may_be_service);
        }
        may_be_service
    }

    /// Whether a server looks up its service by the host of a request.
    #[inline]
    pub(super) fn finds_own_service_by_host(&self) -> bool {
        self.own.has_any()
    }

    /// The number of the server's service for this host, which it may learn from this caller.
    pub(super) fn own_number(&self, host: &str, learns: bool) -> DestinationNumber {
        let number = self.own.number(&self.rules, host, learns);
        DestinationNumber(number.map_or(0, |number| number | OWN_SERVICES))
    }

    /// The destination with this number; `None` for the own service, the unknown one, and one that is
    /// freed.
    pub(super) fn destination(&self, number: u32) -> Option<Arc<Destination>> {
        if number & KIND == OWN_SERVICES {
            return self.own.service_of(number & !OWN_SERVICES);
        }
        let (numbers, number) = self.interned(number)?;
        numbers.value(number)
    }

    /// The interner of the numbers of this kind.
    fn numbers_of_kind(&self, kind: u32) -> &Interner<Arc<Destination>> {
        match kind {
            HOSTS => &self.hosts,
            OTHER_NAMESPACES => &self.other_namespaces,
            _ => &self.services,
        }
    }

    /// The interner of this number, and the number that it has there.
    fn interned(&self, number: u32) -> Option<(&Interner<Arc<Destination>>, u32)> {
        let numbers = self.numbers_of_kind(number & KIND);
        let number = (number & !KIND).checked_sub(DestinationNumber::RESERVED)?;
        Some((numbers, number))
    }

    /// Frees numbers that are unused: see [`Interner::free_unused`].
    pub(super) fn free_unused(&self, is_used: impl Fn(u32) -> bool) {
        let mut numbers = self.numbers.write();
        for kind in [0, OTHER_NAMESPACES, HOSTS] {
            let is_configured = |number| kind == 0 && number < self.configured;
            self.numbers_of_kind(kind).free_unused(|number| {
                is_configured(number) || is_used((number + DestinationNumber::RESERVED) | kind)
            });
        }
        numbers.retain(|number| {
            let interned = self.interned(number.0);
            interned.is_some_and(|(numbers, number)| numbers.state(number) == NumberState::Used)
        });
    }

    pub(super) fn overflowed(&self) -> u64 {
        self.overflowed.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{authority_cache::MAX_AUTHORITIES, destination::Service};

    fn numbers() -> DestinationNumbers {
        let mut rules = Destinations::new(Some("shop"), "cluster.local");
        rules.add_service(
            "10.1.2.3:80",
            Service::of_host("pay.bank.svc.cluster.local"),
        );
        rules.add_namespace("forum".to_owned());
        let own = OwnServices::new(Service::of_host("webapp"), &rules, &[], 0);
        DestinationNumbers::new(rules, own, 10, 10)
    }

    #[test]
    fn spellings_of_a_service_have_one_number() {
        let numbers = numbers();
        let catalog = numbers.number("catalog");
        for spelling in [
            "catalog:80",
            "CATALOG.shop",
            "catalog.shop.svc.cluster.local.:80",
        ] {
            assert_eq!(numbers.number(spelling), catalog, "{spelling}");
        }
        assert_ne!(numbers.number("forum"), catalog);
        let catalog = numbers.destination(catalog.0).unwrap();
        assert_eq!(catalog.host_and_name(None).1, "catalog");
    }

    #[test]
    fn thousands_of_hosts_do_not_displace_services() {
        let numbers = numbers();
        for host in 0..3_000 {
            numbers.number(&format!("host-{host}.example.com"));
        }
        assert_eq!(numbers.overflowed(), 2_990);
        assert!(numbers.numbers.len() <= MAX_AUTHORITIES);
        let catalog = numbers.destination(numbers.number("catalog").0).unwrap();
        assert_eq!(catalog.host_and_name(None).1, "catalog");
        let outside = numbers
            .destination(numbers.number("host-1.example.com").0)
            .unwrap();
        assert_eq!(outside.host_and_name(None).1, "host-1.example.com");
    }

    #[test]
    fn cached_hosts_are_bounded() {
        let numbers = numbers();
        let may_be_service = |host: &str| numbers.may_be_service(numbers.number(host), host);
        for host in 0..3_000 {
            assert!(!may_be_service(&format!("host-{host}.example.com")));
        }
        assert!(may_be_service("catalog") && may_be_service("a.b"));
        assert!(!may_be_service(&"a".repeat(1 << 20)));
        assert!(numbers.may_be_services.len() <= MAX_AUTHORITIES);
        let cached = |host: &str| numbers.may_be_services.get(host);
        assert_eq!(cached("host-1.example.com"), Some(false));
        assert_eq!(cached(&"a".repeat(1 << 20)), None);
    }

    #[test]
    fn services_of_invented_namespaces_do_not_displace_others() {
        let numbers = numbers();
        for host in 0..100 {
            numbers.number(&format!("host-{host}.evil.svc"));
        }
        assert_eq!(numbers.overflowed(), 90);
        let name_of = |authority| {
            let number = numbers.number(authority);
            let destination = numbers.destination(number.0).unwrap();
            destination.host_and_name(None).0.to_owned()
        };
        for host in [
            "host-3.evil.svc.cluster.local",
            "catalog.shop.svc.cluster.local",
            "posts.forum.svc.cluster.local",
        ] {
            assert_eq!(name_of(host), host);
        }
        numbers.free_unused(|_| false);
        numbers.free_unused(|_| false);
        assert_eq!(name_of("catalog"), "catalog.shop.svc.cluster.local");
    }

    #[test]
    fn a_configured_service_never_overflows() {
        let numbers = numbers();
        for host in 0..100 {
            numbers.number(&format!("host-{host}"));
        }
        assert_eq!(numbers.overflowed(), 90);
        for _ in 0..3 {
            let number = numbers.number("10.1.2.3:80");
            let service = numbers.destination(number.0).unwrap();
            assert_eq!(service.host_and_name(None).1, "pay");
            numbers.free_unused(|_| false);
        }
    }
}
