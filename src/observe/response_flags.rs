//! `ResponseFlags`: why an exchange did not end as it should have, in Envoy's terms.

use super::{Ending, TransportFailure};
use crate::direction::Direction;
use std::fmt;

/// Why an exchange did not end as it should have: Envoy's response flags, as far as they can occur
/// without a proxy. `Display` writes the short name, or `-` if there is none, as Envoy's
/// `%RESPONSE_FLAGS%` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ResponseFlags {
    /// None: `-`.
    #[default]
    None,
    /// The downstream connection was closed by the client: `DC`.
    DownstreamConnectionTermination,
    /// The upstream connection was closed before the response was complete: `UC`.
    UpstreamConnectionTermination,
    /// The upstream could not be connected to: `UF`.
    UpstreamConnectionFailure,
    /// The request timed out: `UT`.
    UpstreamRequestTimeout,
}

/// The short names of Envoy's flags, in the order of their bits.
pub(crate) const FLAG_NAMES: [&str; 30] = [
    "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC",
    "URX", "SI", "IH", "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR",
    "UDO",
];

/// If no more of a body is left, a server has sent it whether or not the client reads it: it fits in the
/// buffers of the connection, and in the initial window of HTTP/2.
const SENT_AT_ONCE: u64 = 65_535;

impl ResponseFlags {
    /// The flags of an exchange. `failure` is the reason why an exchange of a client failed, `outstanding`
    /// the bytes of the response's body that have not passed, if that is known.
    pub(super) fn of(
        direction: Direction,
        ending: Ending,
        failure: TransportFailure,
        outstanding: Option<u64>,
    ) -> ResponseFlags {
        let is_sent = outstanding.is_some_and(|bytes| bytes <= SENT_AT_ONCE);
        match (ending, direction) {
            (Ending::Complete | Ending::Upgraded, _) => ResponseFlags::None,
            // A client that drops a body closes the connection, so the server has the same flag unless it
            // has sent everything: the two reports of one request should agree.
            (Ending::BodyDropped, Direction::Client) if is_sent => ResponseFlags::None,
            (Ending::Canceled | Ending::BodyDropped, _) => {
                ResponseFlags::DownstreamConnectionTermination
            }
            // To a sidecar, this server closes the connection without a response.
            (Ending::Panicked, _) | (Ending::Failed, Direction::Server) => {
                ResponseFlags::UpstreamConnectionTermination
            }
            (Ending::Failed, Direction::Client) => match failure {
                TransportFailure::ConnectionFailed => ResponseFlags::UpstreamConnectionFailure,
                TransportFailure::TimedOut => ResponseFlags::UpstreamRequestTimeout,
                TransportFailure::ConnectionClosed => ResponseFlags::UpstreamConnectionTermination,
            },
        }
    }

    /// The short name, as in `%RESPONSE_FLAGS%`; `-` if there is none.
    pub fn as_str(self) -> &'static str {
        self.bit().map_or("-", |bit| FLAG_NAMES[bit])
    }

    /// The long name, as in `%RESPONSE_FLAGS_LONG%`; `-` if there is none.
    pub fn long_name(self) -> &'static str {
        match self {
            ResponseFlags::None => "-",
            ResponseFlags::DownstreamConnectionTermination => "DownstreamConnectionTermination",
            ResponseFlags::UpstreamConnectionTermination => "UpstreamConnectionTermination",
            ResponseFlags::UpstreamConnectionFailure => "UpstreamConnectionFailure",
            ResponseFlags::UpstreamRequestTimeout => "UpstreamRequestTimeout",
        }
    }

    /// The bit of the flag in Envoy's `response.flags`; 0 if there is none.
    pub fn bits(self) -> u64 {
        self.bit().map_or(0, |bit| 1 << bit)
    }

    /// The index of its bit in Envoy.
    fn bit(self) -> Option<usize> {
        match self {
            ResponseFlags::None => None,
            ResponseFlags::UpstreamRequestTimeout => Some(2),
            ResponseFlags::UpstreamConnectionFailure => Some(5),
            ResponseFlags::UpstreamConnectionTermination => Some(6),
            ResponseFlags::DownstreamConnectionTermination => Some(14),
        }
    }

    /// The code of a proxy's response if the upstream has sent none; 0 if the client is gone.
    pub(super) fn code_without_response(self) -> u16 {
        match self {
            ResponseFlags::None | ResponseFlags::DownstreamConnectionTermination => 0,
            ResponseFlags::UpstreamRequestTimeout => 504,
            ResponseFlags::UpstreamConnectionTermination
            | ResponseFlags::UpstreamConnectionFailure => 503,
        }
    }

    /// `%RESPONSE_CODE_DETAILS%`.
    pub(super) fn code_details(self, has_response: bool) -> &'static str {
        match (self, has_response) {
            (ResponseFlags::None, _) => "via_upstream",
            (ResponseFlags::DownstreamConnectionTermination, _) => "downstream_remote_disconnect",
            (ResponseFlags::UpstreamRequestTimeout, _) => "response_timeout",
            (ResponseFlags::UpstreamConnectionFailure, _) => {
                "upstream_reset_before_response_started{remote_connection_failure}"
            }
            (ResponseFlags::UpstreamConnectionTermination, false) => {
                "upstream_reset_before_response_started{connection_termination}"
            }
            (ResponseFlags::UpstreamConnectionTermination, true) => {
                "upstream_reset_after_response_started{connection_termination}"
            }
        }
    }
}

impl fmt::Display for ResponseFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
