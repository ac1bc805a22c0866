use super::{
    forwarded_for,
    network::{Network, ParseNetworkError},
};
use http::HeaderMap;
use std::net::IpAddr;

/// Networks whose callers are trusted, and the number of trusted proxies in front of the service.
/// Created by [`Trust::networks`](crate::Trust::networks).
///
/// A request is trusted if
///
/// 1. the address of its peer is known and in one of the networks, and
/// 2. it has no `x-forwarded-for`; or the header holds exactly one address for each trusted proxy,
///    and the first of them, the client's, is in one of the networks.
///
/// IPv4-mapped IPv6 addresses count as IPv4, which IPv6 networks such as `::/0` do not contain.
#[derive(Debug, Clone)]
pub struct TrustedNetworks {
    networks: Vec<Network>,
    trusted_hops: usize,
}

impl TrustedNetworks {
    pub(super) fn parse<N: AsRef<str>>(
        networks: impl IntoIterator<Item = N>,
    ) -> Result<TrustedNetworks, ParseNetworkError> {
        let networks = networks.into_iter();
        let parsed = networks.map(|network| Network::parse(network.as_ref()));
        Ok(TrustedNetworks {
            networks: parsed.collect::<Result<_, _>>()?,
            trusted_hops: 0,
        })
    }

    /// Sets how many trusted proxies are in front of the service, each of which appends the address
    /// of its own peer to `x-forwarded-for`. The address of the last proxy must be in the networks
    /// too. Default: 0, and a request with `x-forwarded-for` is never trusted.
    ///
    /// With *n* trusted hops, the client's address is the *n*th entry from the right: Envoy's
    /// *trusted client address* with `xff_num_trusted_hops` of *n* (of *n* − 1 where
    /// `use_remote_address` is `false`). With one hop, the header is judged as by an Envoy without
    /// `use_remote_address`; behind more hops, no Envoy considers a request with the header internal.
    ///
    /// A request is not trusted if there is an entry to the left of the client's, which means that
    /// the client forwarded the request for somebody else; nor if there are fewer than *n* entries,
    /// or the *n*th is not an IP address. A request without the header bypassed the proxies: the
    /// address of its peer decides.
    ///
    /// ```
    /// use tower_b3::{Tracer, Trust};
    ///
    /// // A load balancer at 10.0.0.2 adds `x-forwarded-for`. A client at 10.1.2.3 is trusted, one at
    /// // 203.0.113.9 is not.
    /// let internal = Trust::networks(["10.0.0.0/8"])?.trusted_hops(1);
    /// let tracer = Tracer::builder("orders").build()?;
    /// let layer = tracer.server_layer().trust(internal);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn trusted_hops(mut self, trusted_hops: usize) -> TrustedNetworks {
        self.trusted_hops = trusted_hops;
        self
    }

    /// Returns whether to trust a request with these headers from a peer at this address, which is
    /// not IPv4-mapped.
    pub(super) fn trust(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        if !self.contain(peer) {
            return false;
        }
        let Some(mut entries) = forwarded_for::entries(headers) else {
            return true;
        };
        // With as many entries as trusted hops, the first one is the client's.
        let client = entries.next().flatten();
        let others = entries.take(self.trusted_hops).count();
        others + 1 == self.trusted_hops && client.is_some_and(|ip| self.contain(ip))
    }

    fn contain(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(ip))
    }
}
