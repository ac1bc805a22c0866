//! `OwnServices`: the services that route to a server, by the hosts of requests.

use super::{
    destination::{Destination, Destinations, MAX_NAME, Service},
    hash::FoldState,
};
use crate::printable::quoted;
use arc_swap::ArcSwap;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// How many spellings of hosts are cached. Other hosts are resolved each time, so that they displace
/// nothing.
const MAX_HOSTS: usize = 100;

/// Services of the own namespace that route to this server, beside the default one.
pub(super) struct OwnServices {
    /// The service of requests whose host is not another own service.
    default: Service,
    known: ArcSwap<KnownServices>,
    /// Held while a service or host is added.
    learning: Mutex<()>,
    /// The limit of services, with the listed ones.
    max_services: usize,
}

/// Services and hosts so far. The number of both is bounded, and they are never removed.
#[derive(Clone, Default)]
struct KnownServices {
    services: Vec<Arc<Destination>>,
    hosts: HashMap<Arc<str>, Option<u32>, FoldState>,
}

impl OwnServices {
    /// Those that are listed, and at most this many others.
    pub(super) fn new(
        default: Service,
        rules: &Destinations,
        listed: &[String],
        learned: usize,
    ) -> OwnServices {
        let mut own = OwnServices {
            default,
            known: ArcSwap::default(),
            learning: Mutex::new(()),
            max_services: 0,
        };
        for host in listed {
            own.max_services += 1;
            match rules.of_authority(host) {
                Destination::Service(service) if rules.is_in_own_namespace(&service) => {
                    own.number(rules, host, true);
                }
                _ => {
                    let host = quoted(host);
                    tracing::warn!("metrics: {host} is not a service of the own namespace");
                }
            }
        }
        own.max_services = own.known.load().services.len().saturating_add(learned);
        own
    }

    /// Whether there are any, or can be any.
    #[inline]
    pub(super) fn has_any(&self) -> bool {
        self.max_services > 0
    }

    /// The number of the own service of a host; `None` if the host is none, and none is learned from this
    /// caller.
    pub(super) fn number(&self, rules: &Destinations, host: &str, learns: bool) -> Option<u32> {
        if let Some(number) = self.known.load().hosts.get(host) {
            return *number;
        }
        self.find_or_learn(rules, host, learns)
    }

    #[cold]
    fn find_or_learn(&self, rules: &Destinations, host: &str, learns: bool) -> Option<u32> {
        // No name of a service is longer, with a port and user information.
        if host.len() > 4 * MAX_NAME {
            return None;
        }
        let service = self.service(rules, host);
        let known = self.known.load();
        let number = service.as_deref().and_then(|service| known.number(service));
        let is_new =
            service.is_some() && number.is_none() && known.services.len() < self.max_services;
        if is_new && !learns {
            return None;
        }
        if !is_new && known.hosts.len() >= MAX_HOSTS {
            return number;
        }
        let _learning = self.learning.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = KnownServices::clone(&self.known.load());
        let number = service.and_then(|service| known.number_or_add(service, self.max_services));
        if known.hosts.len() < MAX_HOSTS {
            known.hosts.insert(Arc::from(host), number);
        }
        self.known.store(Arc::new(known));
        number
    }

    /// The service of a host, if it is in the own namespace and not the default one.
    fn service(&self, rules: &Destinations, host: &str) -> Option<Arc<Destination>> {
        let destination = rules.of_authority(host);
        match &destination {
            Destination::Service(service)
                if rules.is_in_own_namespace(service) && *service != self.default =>
            {
                Some(Arc::new(destination))
            }
            _ => None,
        }
    }

    pub(super) fn service_of(&self, number: u32) -> Option<Arc<Destination>> {
        self.known.load().services.get(number as usize).cloned()
    }
}

impl KnownServices {
    fn number(&self, service: &Destination) -> Option<u32> {
        let known = self.services.iter().position(|known| **known == *service);
        known.and_then(|at| u32::try_from(at).ok())
    }

    fn number_or_add(&mut self, service: Arc<Destination>, max_services: usize) -> Option<u32> {
        if let Some(number) = self.number(&service) {
            return Some(number);
        }
        let number = u32::try_from(self.services.len()).ok()?;
        let has_capacity = self.services.len() < max_services;
        has_capacity.then(|| {
            self.services.push(service);
            number
        })
    }
}
