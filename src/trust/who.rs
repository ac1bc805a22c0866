use super::{NetworkError, Networks};
use crate::head::RequestHead;
use std::{fmt, net::IpAddr, sync::Arc};

/// Whose tracing headers are believed.
///
/// ```
/// use tower_b3::{Tracer, Trust};
///
/// let tracer = Tracer::builder("gateway").build()?;
/// // Nobody's:
/// let edge = tracer.server_layer().trust(Trust::Edge);
/// // Those of callers in these networks:
/// let internal = Trust::networks(["10.0.0.0/8", "fd00::/8"])?;
/// let layer = tracer.server_layer().trust(internal);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum Trust {
    /// Everybody's: the service is reached from inside a mesh only.
    Mesh,
    /// Nobody's: every tracing header is removed from the request, opaque ones and
    /// `x-envoy-force-trace` included, `x-request-id` is replaced, and a new trace begins.
    Edge,
    /// Those of requests for which this says `true`; the others are as at the edge.
    When(Predicate),
    /// Those of peers at addresses for which this says `true`. The address is what
    /// [`peer_address`](crate::ServerLayer::peer_address) tells, IPv4-mapped ones as IPv4; where it is
    /// not known, the peer is not trusted. `x-forwarded-for` is not looked at: behind a proxy the peer is the proxy.
    Peers(Arc<dyn Fn(IpAddr) -> bool + Send + Sync>),
    /// Those of callers in these networks, with what `x-forwarded-for` says taken into account.
    Networks(Networks),
}

/// Whether something is so for a request.
pub type Predicate = Arc<dyn Fn(&RequestHead<'_>) -> bool + Send + Sync>;

impl Trust {
    /// Believes the requests for which `predicate` says `true`.
    ///
    /// ```
    /// use tower_b3::Trust;
    ///
    /// let signed = Trust::when(|head| head.headers().contains_key("x-signed-by-gateway"));
    /// ```
    pub fn when(predicate: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static) -> Trust {
        Trust::When(Arc::new(predicate))
    }

    /// Believes the peers at addresses for which `trusted` says `true`.
    ///
    /// ```
    /// use tower_b3::Trust;
    ///
    /// let loopback = Trust::peers(|ip| ip.is_loopback());
    /// ```
    pub fn peers(trusted: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Trust {
        Trust::Peers(Arc::new(trusted))
    }

    /// Believes callers in these networks: `10.0.0.0/8`, `fd00::/8`, or a single address. With none
    /// at all nobody is believed.
    ///
    /// This is Envoy's `internal_address_config` with `use_remote_address: true`. The address is that
    /// of the connection, as [`peer_address`](crate::ServerLayer::peer_address) tells it; where it is
    /// not known, the peer is not trusted. A request with `x-forwarded-for` was sent on for somebody
    /// else, and is not believed, unless [`Networks::forwarded_for`] says how many proxies stand in
    /// front.
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
    /// # Ok::<(), tower_b3::NetworkError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// An entry that is not a network: the error names it and the reason.
    pub fn networks<N: AsRef<str>>(
        networks: impl IntoIterator<Item = N>,
    ) -> Result<Networks, NetworkError> {
        Networks::parse(networks)
    }

    /// Whether the request is believed. The peer's address is asked for only where it matters.
    pub(crate) fn believes(
        &self,
        head: &RequestHead<'_>,
        peer: impl FnOnce() -> Option<IpAddr>,
    ) -> bool {
        match self {
            Trust::Mesh => true,
            Trust::Edge => false,
            Trust::When(predicate) => predicate(head),
            Trust::Peers(trusted) => peer().is_some_and(|ip| trusted(ip)),
            Trust::Networks(networks) => {
                peer().is_some_and(|ip| networks.believe(ip, head.headers()))
            }
        }
    }
}

impl From<Networks> for Trust {
    fn from(networks: Networks) -> Trust {
        Trust::Networks(networks)
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trust::Mesh => f.write_str("Mesh"),
            Trust::Edge => f.write_str("Edge"),
            Trust::When(_) => f.write_str("When(..)"),
            Trust::Peers(_) => f.write_str("Peers(..)"),
            Trust::Networks(networks) => f.debug_tuple("Networks").field(networks).finish(),
        }
    }
}
