use super::{
    forwarded_for::forwarded_for,
    network::{Network, NetworkError},
};
use http::HeaderMap;
use std::net::IpAddr;

/// The networks whose callers are believed, and how many proxies stand in front. From
/// [`Trust::networks`](crate::Trust::networks).
///
/// A request is believed where
///
/// 1. its peer's address is known and in one of the networks, and
/// 2. either it has no `x-forwarded-for`, or proxies stand in front, and the header holds one
///    address for each of them, of which the first, the client's, is in one of the networks.
///
/// IPv4-mapped IPv6 addresses are taken for IPv4 ones, which a network such as `::/0` does not hold.
#[derive(Debug, Clone)]
pub struct Networks {
    list: Vec<Network>,
    proxies: usize,
}

impl Networks {
    pub(super) fn parse<N: AsRef<str>>(
        networks: impl IntoIterator<Item = N>,
    ) -> Result<Networks, NetworkError> {
        let parsed = networks.into_iter().map(|one| Network::parse(one.as_ref()));
        Ok(Networks {
            list: parsed.collect::<Result<_, _>>()?,
            proxies: 0,
        })
    }

    /// This many trusted proxies stand in front, each of which adds its own peer's address to
    /// `x-forwarded-for`. The last one's own address must be in the networks too. Default: 0, and a
    /// request with `x-forwarded-for` is never believed.
    ///
    /// With *n* proxies the client's address is the *n*th from the right: Envoy's *trusted client
    /// address* with `xff_num_trusted_hops` of *n* (of *n* − 1 where `use_remote_address` is
    /// `false`). With one proxy the header is judged as by an Envoy without `use_remote_address`; behind
    /// more, no Envoy calls a request internal that has it. An address to the client's left means
    /// that the client sent the request on for somebody else: it is not believed then, nor where there
    /// are fewer than *n* or the *n*th is not an IP address. A request without the header came past
    /// the proxies: its peer's address decides.
    ///
    /// ```
    /// use tower_b3::{Tracer, Trust};
    ///
    /// // A load balancer at 10.0.0.2 adds `x-forwarded-for`: 10.1.2.3 is believed, 203.0.113.9 is not.
    /// let internal = Trust::networks(["10.0.0.0/8"])?.forwarded_for(1);
    /// let tracer = Tracer::builder("orders").build()?;
    /// let layer = tracer.server_layer().trust(internal);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn forwarded_for(mut self, proxies: usize) -> Networks {
        self.proxies = proxies;
        self
    }

    /// Whether a request of these headers, from a peer at this address, is believed. The address is
    /// not an IPv4-mapped one.
    pub(super) fn believe(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        if !self.contain(peer) {
            return false;
        }
        let Some(mut forwarded) = forwarded_for(headers) else {
            return true;
        };
        let client = forwarded.next().flatten();
        // With just as many entries as there are proxies, the client's is the first.
        let others = forwarded.take(self.proxies).count();
        others + 1 == self.proxies && client.is_some_and(|ip| self.contain(ip))
    }

    fn contain(&self, ip: IpAddr) -> bool {
        self.list.iter().any(|network| network.contains(ip))
    }
}
