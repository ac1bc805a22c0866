//! `Trust`: who is trusted, as the user of the server layer sets it.
//!
//! The server layer asks it once for each request. What it does with an untrusted request (removing
//! headers, starting a new trace) is not here.

use super::{ParseNetworkError, TrustedNetworks};
use crate::{head::RequestHead, user_code::guarded};
use std::{fmt, net::IpAddr, sync::Arc};

/// Whose tracing headers are believed, for [`ServerLayer::trust`](crate::ServerLayer::trust).
///
/// From a request that is not trusted every tracing header is removed, opaque ones and
/// `x-envoy-force-trace` included, `x-request-id` is replaced, and a new trace begins.
///
/// ```
/// use tower_b3::{Tracer, Trust};
///
/// let tracer = Tracer::builder("gateway").build()?;
/// // At the edge of the system:
/// let edge = tracer.server_layer().trust(Trust::nobody());
/// // Behind internal callers:
/// let internal = Trust::networks(["10.0.0.0/8", "fd00::/8"])?;
/// let layer = tracer.server_layer().trust(internal);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Trust(Policy);

#[derive(Clone)]
enum Policy {
    Everyone,
    Nobody,
    When(Predicate),
    Peers(Arc<dyn Fn(IpAddr) -> bool + Send + Sync>),
    Networks(TrustedNetworks),
}

/// A user's question about a request.
pub(crate) type Predicate = Arc<dyn Fn(&RequestHead<'_>) -> bool + Send + Sync>;

impl Trust {
    /// Trusts every caller: for a service that is reached only from inside a mesh.
    pub fn everyone() -> Trust {
        Trust(Policy::Everyone)
    }

    /// Trusts no caller: for a service at the edge, see [the guide](crate::guide::edge).
    pub fn nobody() -> Trust {
        Trust(Policy::Nobody)
    }

    /// Trusts the requests for which `predicate` returns `true`.
    ///
    /// ```
    /// use tower_b3::Trust;
    ///
    /// let signed = Trust::when(|head| head.headers().contains_key("x-signed-by-gateway"));
    /// ```
    pub fn when(predicate: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static) -> Trust {
        Trust(Policy::When(Arc::new(predicate)))
    }

    /// Trusts the peers at addresses for which `predicate` returns `true`.
    ///
    /// The address is that of the connection, from
    /// [`peer_address`](crate::ServerLayer::peer_address); IPv4-mapped addresses are passed as IPv4.
    /// A peer whose address is not known is not trusted. `x-forwarded-for` is ignored: behind a proxy
    /// the peer is the proxy.
    ///
    /// ```
    /// use tower_b3::Trust;
    ///
    /// let loopback = Trust::peers(|ip| ip.is_loopback());
    /// ```
    pub fn peers(predicate: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Trust {
        Trust(Policy::Peers(Arc::new(predicate)))
    }

    /// Trusts callers in these networks: `10.0.0.0/8`, `fd00::/8`, or a single address. An empty
    /// list trusts nobody.
    ///
    /// This is Envoy's `internal_address_config` with `use_remote_address: true`. The address is that
    /// of the connection, from [`peer_address`](crate::ServerLayer::peer_address). A peer whose
    /// address is not known is not trusted. A request with `x-forwarded-for` was forwarded for
    /// somebody else, and is not trusted unless
    /// [`trusted_hops`](TrustedNetworks::trusted_hops) says how many proxies are in front of the
    /// service.
    ///
    /// ```
    /// use tower_b3::Trust;
    ///
    /// let internal = Trust::networks(["10.0.0.0/8", "192.168.0.0/16", "fd00::/8"])?;
    /// let error = Trust::networks(["10.0.0.0/33"]).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "network \"10.0.0.0/33\": the prefix is not a number from 0 to 32",
    /// );
    /// # Ok::<(), tower_b3::ParseNetworkError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// An entry is not a network; the error names it and the reason.
    pub fn networks<N: AsRef<str>>(
        networks: impl IntoIterator<Item = N>,
    ) -> Result<TrustedNetworks, ParseNetworkError> {
        TrustedNetworks::parse(networks)
    }

    /// Returns whether every request is trusted: the usual case, for which the server layer does not
    /// look at the request.
    pub(crate) fn trusts_everyone(&self) -> bool {
        matches!(self.0, Policy::Everyone)
    }

    /// Returns whether to trust the request; `false` if the user's code panics. `peer` is called only
    /// if the answer depends on it.
    pub(crate) fn trusts(
        &self,
        head: &RequestHead<'_>,
        peer: impl FnOnce() -> Option<IpAddr>,
    ) -> bool {
        let answer = match &self.0 {
            Policy::Everyone => Some(true),
            Policy::Nobody => Some(false),
            Policy::When(predicate) => guarded(|| predicate(head)),
            Policy::Peers(predicate) => guarded(|| peer().is_some_and(|ip| predicate(ip))),
            Policy::Networks(networks) => {
                guarded(|| peer().is_some_and(|ip| networks.trust(ip, head.headers())))
            }
        };
        answer.unwrap_or(false)
    }
}

impl From<TrustedNetworks> for Trust {
    fn from(networks: TrustedNetworks) -> Trust {
        Trust(Policy::Networks(networks))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Policy::Everyone => f.write_str("Everyone"),
            Policy::Nobody => f.write_str("Nobody"),
            Policy::When(_) => f.write_str("When(..)"),
            Policy::Peers(_) => f.write_str("Peers(..)"),
            Policy::Networks(networks) => networks.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_who_is_trusted() {
        let networks = Trust::networks(["10.1.0.0/8", "::1"]).unwrap();
        for (trust, shown) in [
            (Trust::everyone(), "Everyone"),
            (Trust::nobody(), "Nobody"),
            (Trust::when(|_| true), "When(..)"),
            (Trust::peers(|_| true), "Peers(..)"),
            (
                networks.trusted_hops(2).into(),
                "TrustedNetworks { networks: [10.1.0.0/8, ::1/128], trusted_hops: 2 }",
            ),
        ] {
            assert_eq!(format!("{trust:?}"), shown);
        }
    }
}
