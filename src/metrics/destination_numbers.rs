//! `DestinationNumbers`: the services that requests were sent to, by small numbers.

use super::{
    destination::{Destination, Destinations},
    hash::FoldState,
    intern::{Interner, NumberState},
    own_services::OwnServices,
};
use arc_swap::ArcSwap;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// How many spellings of authorities are kept.
const MAX_AUTHORITIES: usize = 1_000;
/// What numbers of hosts outside of the mesh start with: there is other room for them, so that they never
/// displace services.
const OUTSIDE: u32 = 1 << 31;
/// What numbers of services start with that a server is called by.
const OWN: u32 = 1 << 30;

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

#[derive(Clone, Default)]
struct Authorities {
    numbers: HashMap<Arc<str>, DestinationNumber, FoldState>,
    /// In the order in which they came.
    order: Vec<Arc<str>>,
}

pub(super) struct DestinationNumbers {
    rules: Destinations,
    own: OwnServices,
    authorities: ArcSwap<Authorities>,
    /// Held while an authority is added, and while they are freed.
    changing: Mutex<()>,
    services: Interner<Arc<Destination>>,
    outside: Interner<Arc<Destination>>,
    overflowed: AtomicU64,
}

impl DestinationNumbers {
    /// At most this many services, and hosts outside of the mesh.
    pub(super) fn new(
        rules: Destinations,
        own: OwnServices,
        max_services: usize,
        max_outside: usize,
    ) -> DestinationNumbers {
        DestinationNumbers {
            rules,
            own,
            authorities: ArcSwap::default(),
            changing: Mutex::new(()),
            services: Interner::new(max_services),
            outside: Interner::new(max_outside),
            overflowed: AtomicU64::new(0),
        }
    }

    pub(super) fn number(&self, authority: &str) -> DestinationNumber {
        if let Some(number) = self.authorities.load().numbers.get(authority) {
            return *number;
        }
        self.add(authority)
    }

    #[cold]
    fn add(&self, authority: &str) -> DestinationNumber {
        let destination = self.rules.of_authority(authority);
        let is_service = destination.is_service();
        let (numbers, mark) = match destination {
            Destination::Unknown => return DestinationNumber::UNKNOWN,
            _ if is_service => (&self.services, 0),
            _ => (&self.outside, OUTSIDE),
        };
        // So that the destination is not found unused before its number is kept.
        let _changing = self.lock();
        let Some(number) = numbers.number(&Arc::new(destination)) else {
            self.overflowed.fetch_add(1, Relaxed);
            return DestinationNumber::UNKNOWN;
        };
        let number = DestinationNumber((number + DestinationNumber::TAKEN) | mark);
        let mut authorities = Authorities::clone(&self.authorities.load());
        if authorities.order.len() >= MAX_AUTHORITIES {
            for oldest in authorities.order.drain(..MAX_AUTHORITIES / 4) {
                authorities.numbers.remove(&oldest);
            }
        }
        let authority: Arc<str> = Arc::from(authority);
        if authorities
            .numbers
            .insert(Arc::clone(&authority), number)
            .is_none()
        {
            authorities.order.push(authority);
        }
        self.authorities.store(Arc::new(authorities));
        number
    }

    /// Whether an authority, which has this number, may stand for a service of the mesh.
    pub(super) fn may_be_service(&self, number: DestinationNumber, authority: &str) -> bool {
        let is_service = number != DestinationNumber::UNKNOWN && number.0 & (OUTSIDE | OWN) == 0;
        is_service || self.rules.may_be_service(authority)
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
        if number & (OUTSIDE | OWN) == OWN {
            return self.own.service_of(number & !OWN);
        }
        let (numbers, number) = self.interned(number)?;
        numbers.value(number)
    }

    /// Where this number comes from, and what it is there.
    fn interned(&self, number: u32) -> Option<(&Interner<Arc<Destination>>, u32)> {
        let numbers = match number & OUTSIDE {
            0 => &self.services,
            _ => &self.outside,
        };
        let number = (number & !OUTSIDE).checked_sub(DestinationNumber::TAKEN)?;
        Some((numbers, number))
    }

    /// Frees numbers that are unused: see [`Interner::free_unused`].
    pub(super) fn free_unused(&self, is_used: impl Fn(u32) -> bool) {
        let _changing = self.lock();
        for (numbers, mark) in [(&self.services, 0), (&self.outside, OUTSIDE)] {
            numbers.free_unused(|number| is_used((number + DestinationNumber::TAKEN) | mark));
        }
        let mut authorities = Authorities::clone(&self.authorities.load());
        let Authorities { numbers, order } = &mut authorities;
        numbers.retain(|_, number| {
            let interned = self.interned(number.0);
            interned.is_some_and(|(numbers, number)| numbers.state(number) == NumberState::Used)
        });
        order.retain(|authority| numbers.contains_key(authority));
        self.authorities.store(Arc::new(authorities));
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn overflowed(&self) -> u64 {
        self.overflowed.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::destination::Service;

    fn numbers() -> DestinationNumbers {
        let rules = Destinations::new(Some("shop"), "cluster.local");
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
        assert!(numbers.authorities.load().order.len() <= MAX_AUTHORITIES);
        let catalog = numbers.destination(numbers.number("catalog").0).unwrap();
        assert_eq!(catalog.host_and_name(None).1, "catalog");
        let outside = numbers
            .destination(numbers.number("host-1.example.com").0)
            .unwrap();
        assert_eq!(outside.host_and_name(None).1, "host-1.example.com");
    }
}
