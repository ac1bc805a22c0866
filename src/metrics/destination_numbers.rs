//! `DestinationNumbers`: the services that requests were sent to, by small numbers.

use super::{
    destination::{Destination, Destinations, MAX_AUTHORITY},
    intern::{Interner, NumberState},
    kept_authorities::KeptAuthorities,
    own_services::OwnServices,
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// What numbers of hosts outside of the mesh start with: there is other room for them, so that they never
/// displace services.
const OUTSIDE: u32 = 1 << 31;
/// What numbers of services start with that a server is called by.
const OWN: u32 = 1 << 30;
/// What numbers of services of other namespaces start with. Somebody may invent them, so they have other
/// room too.
const FOREIGN: u32 = OUTSIDE | OWN;
/// What tells these apart. Others are services of the own namespace, and of those that were named.
const MARK: u32 = OUTSIDE | OWN;

/// A service that a request was sent to. The default is the own service at a server, and an unknown one
/// at a client.
///
/// With [`expire_after`](super::MetricsBuilder::expire_after), the number of a service that has no series
/// any more may be freed, at the earliest an interval after the number was last asked for. Then it stands
/// for an unknown service, and never for another one: ask for it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DestinationNumber(pub(super) u32);

impl DestinationNumber {
    /// There is no authority, or no room for another one.
    pub(super) const UNKNOWN: DestinationNumber = DestinationNumber(1);
    /// How many numbers are taken.
    const TAKEN: u32 = 2;
}

pub(super) struct DestinationNumbers {
    rules: Destinations,
    own: OwnServices,
    numbers: KeptAuthorities<DestinationNumber>,
    /// Whether authorities may stand for services of the mesh, for those without the number of a service.
    may_be_services: KeptAuthorities<bool>,
    /// Those that were named come first, and are never freed.
    services: Interner<Arc<Destination>>,
    named: u32,
    foreign: Interner<Arc<Destination>>,
    outside: Interner<Arc<Destination>>,
    overflowed: AtomicU64,
}

impl DestinationNumbers {
    /// At most this many services beside those that were named, and this many services of other namespaces
    /// and hosts outside of the mesh.
    pub(super) fn new(
        rules: Destinations,
        own: OwnServices,
        max_services: usize,
        max_outside: usize,
    ) -> DestinationNumbers {
        let named = rules.named_services();
        let services = Interner::new(max_services.saturating_add(named.len()));
        let named = named.into_iter().map(|service| {
            let destination = Arc::new(Destination::Known(service));
            services.number(&destination).map_or(0, |number| number + 1)
        });
        let named = named.max().unwrap_or(0);
        DestinationNumbers {
            rules,
            own,
            numbers: KeptAuthorities::default(),
            may_be_services: KeptAuthorities::default(),
            services,
            named,
            foreign: Interner::new(max_outside),
            outside: Interner::new(max_outside),
            overflowed: AtomicU64::new(0),
        }
    }

    pub(super) fn number(&self, authority: &str) -> DestinationNumber {
        let number = self.numbers.get(authority);
        number.unwrap_or_else(|| self.add(authority))
    }

    #[cold]
    fn add(&self, authority: &str) -> DestinationNumber {
        let destination = self.rules.of_authority(authority);
        let mark = match &destination {
            Destination::Unknown => return DestinationNumber::UNKNOWN,
            Destination::Known(service) if self.rules.is_expected(service) => 0,
            Destination::Known(_) => FOREIGN,
            Destination::Perhaps { .. } | Destination::Outside(_) => OUTSIDE,
        };
        // First of all, so that the destination is not found unused before its number is kept.
        let mut numbers = self.numbers.change();
        let Some(number) = self.marked(mark).number(&Arc::new(destination)) else {
            self.overflowed.fetch_add(1, Relaxed);
            return DestinationNumber::UNKNOWN;
        };
        let number = DestinationNumber((number + DestinationNumber::TAKEN) | mark);
        numbers.insert(authority, number);
        number
    }

    /// Whether an authority, which has this number or none, may stand for a service of the mesh.
    pub(super) fn may_be_service(&self, number: DestinationNumber, authority: &str) -> bool {
        let has_number = number.0 >= DestinationNumber::TAKEN;
        let is_service = has_number && number.0 & (OUTSIDE | OWN) == 0;
        is_service || {
            let kept = self.may_be_services.get(authority);
            kept.unwrap_or_else(|| self.add_may_be_service(authority))
        }
    }

    #[cold]
    fn add_may_be_service(&self, authority: &str) -> bool {
        let may_be_service = self.rules.may_be_service(authority);
        if authority.len() <= MAX_AUTHORITY {
            let mut kept = self.may_be_services.change();
            kept.insert(authority, may_be_service);
        }
        may_be_service
    }

    /// Whether a server asks hosts by which of its services it is called.
    #[inline]
    pub(super) fn asks_hosts(&self) -> bool {
        self.own.ask_hosts()
    }

    /// The service that a server is called by, which it may learn from this caller.
    pub(super) fn own_number(&self, host: &str, learns: bool) -> DestinationNumber {
        let number = self.own.number(&self.rules, host, learns);
        DestinationNumber(number.map_or(0, |number| number | OWN))
    }

    /// The destination with this number; `None` for the own service, the unknown one, and one that is
    /// freed.
    pub(super) fn destination(&self, number: u32) -> Option<Arc<Destination>> {
        if number & MARK == OWN {
            return self.own.service_of(number & !OWN);
        }
        let (numbers, number) = self.interned(number)?;
        numbers.value(number)
    }

    /// Where numbers with this mark come from.
    fn marked(&self, mark: u32) -> &Interner<Arc<Destination>> {
        match mark {
            OUTSIDE => &self.outside,
            FOREIGN => &self.foreign,
            _ => &self.services,
        }
    }

    /// Where this number comes from, and what it is there.
    fn interned(&self, number: u32) -> Option<(&Interner<Arc<Destination>>, u32)> {
        let numbers = self.marked(number & MARK);
        let number = (number & !MARK).checked_sub(DestinationNumber::TAKEN)?;
        Some((numbers, number))
    }

    /// Frees numbers that are unused: see [`Interner::free_unused`].
    pub(super) fn free_unused(&self, is_used: impl Fn(u32) -> bool) {
        let mut numbers = self.numbers.change();
        for mark in [0, FOREIGN, OUTSIDE] {
            let is_named = |number| mark == 0 && number < self.named;
            self.marked(mark).free_unused(|number| {
                is_named(number) || is_used((number + DestinationNumber::TAKEN) | mark)
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
    use crate::metrics::{destination::Service, kept_authorities::MAX_AUTHORITIES};

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
    fn a_million_hosts_do_not_displace_services() {
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
    fn answers_about_hosts_are_bounded() {
        let numbers = numbers();
        let may_be_service = |host: &str| numbers.may_be_service(numbers.number(host), host);
        for host in 0..3_000 {
            assert!(!may_be_service(&format!("host-{host}.example.com")));
        }
        assert!(may_be_service("catalog") && may_be_service("a.b"));
        assert!(!may_be_service(&"a".repeat(1 << 20)));
        assert!(numbers.may_be_services.len() <= MAX_AUTHORITIES);
        let kept = |host: &str| numbers.may_be_services.get(host);
        assert_eq!(kept("host-2999.example.com"), Some(false));
        assert_eq!(kept(&"a".repeat(1 << 20)), None);
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
    fn a_service_that_was_named_always_has_room() {
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
