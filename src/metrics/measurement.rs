//! `Measurement`: what is recorded of an exchange.

#[cfg(feature = "metrics-config")]
use super::attributes::Attributes;
use super::{
    destination_numbers::DestinationNumber,
    peer::PeerNumber,
    principals::PrincipalsNumber,
    store::{INVALID_STATUS, NO_STATUS},
    url_scheme::UrlScheme,
};
use crate::id::{SpanId, TraceId};
use std::{
    fmt,
    time::{Duration, Instant},
};

/// The highest gRPC status: `UNAUTHENTICATED`.
const MAX_STATUS: u16 = 16;

/// An exchange that has ended, for [`Metrics::record`](super::Metrics::record).
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Measurement<'a> {
    /// The other side, from its metadata.
    pub peer: PeerNumber,
    /// The service that the request was for.
    pub destination: DestinationNumber,
    /// Both sides, from the certificates of a connection with mutual TLS.
    pub principals: PrincipalsNumber,
    /// The values of own labels from the request.
    pub request_labels: RequestLabels,
    /// The values of own labels from the response.
    pub response_labels: ResponseLabels,
    /// The request's method. One that is not of RFC 9110 or `PATCH` is reported as `_OTHER`.
    pub method: &'a str,
    /// The route's template; empty if unknown. It is cut after 200 bytes.
    pub route: &'a str,
    /// The scheme of the request's URL. [`Naming::OpenTelemetry`](super::Naming::OpenTelemetry) shows it of
    /// servers.
    pub url_scheme: UrlScheme,
    /// Whether the request is a gRPC request.
    pub grpc: bool,
    /// The response's code. Where there was no response, what a proxy would have answered: 503, 504, or
    /// 0 if the caller went away.
    pub code: u16,
    /// Whether there was a response.
    pub responded: bool,
    /// `grpc-status` of the response's trailers or headers. A number above 16, which gRPC does not define,
    /// is reported as -1, and so is a status that is not a number.
    pub grpc_status: Option<u16>,
    /// Envoy's response flags, by its bits.
    pub flags: u64,
    /// From the request to the end.
    pub duration: Duration,
    /// Bytes of the request with its headers.
    pub request_bytes: u64,
    /// Bytes of the response with its headers.
    pub response_bytes: u64,
    /// Bytes of the request's body alone, for OpenTelemetry's metrics.
    pub request_body_bytes: u64,
    /// Bytes of the response's body alone.
    pub response_body_bytes: u64,
    /// gRPC messages since the last report.
    pub request_messages: u64,
    /// gRPC messages since the last report.
    pub response_messages: u64,
    /// The trace and the span, if the request is sampled.
    pub sampled: Option<(TraceId, SpanId)>,
    /// When the exchange ended.
    pub ended: Instant,
    #[cfg(feature = "metrics-config")]
    pub(crate) attributes: Option<&'a (dyn Attributes + Sync)>,
}

/// The values of own labels from a request. The default is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestLabels(pub(super) u32);

/// The values of own labels from a response. The default is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResponseLabels(pub(super) u32);

impl Measurement<'_> {
    /// A request that was answered with this code at this moment.
    pub fn new(code: u16, duration: Duration) -> Measurement<'static> {
        Measurement::at(Instant::now(), code, duration)
    }

    /// A request that was answered with this code at another moment.
    #[inline]
    pub(super) fn at(ended: Instant, code: u16, duration: Duration) -> Measurement<'static> {
        Measurement {
            peer: PeerNumber::UNKNOWN,
            destination: DestinationNumber::default(),
            principals: PrincipalsNumber::default(),
            request_labels: RequestLabels::default(),
            response_labels: ResponseLabels::default(),
            method: "",
            route: "",
            url_scheme: UrlScheme::default(),
            grpc: false,
            code,
            responded: true,
            grpc_status: None,
            flags: 0,
            duration,
            request_bytes: 0,
            response_bytes: 0,
            request_body_bytes: 0,
            response_body_bytes: 0,
            request_messages: 0,
            response_messages: 0,
            sampled: None,
            ended,
            #[cfg(feature = "metrics-config")]
            attributes: None,
        }
    }

    /// The code as it is reported. A proxy answers a gRPC request with 200 where it would answer another
    /// one with 503.
    #[inline]
    pub(super) fn reported_code(&self) -> u16 {
        match self.grpc && !self.responded && self.code != 0 {
            true => 200,
            false => self.code,
        }
    }

    /// The gRPC status as it is reported: by Envoy's mapping of HTTP codes if the response has none.
    #[inline]
    pub(super) fn reported_grpc_status(&self) -> u16 {
        let status = self.derived_grpc_status();
        status.filter(|_| self.grpc).unwrap_or(NO_STATUS)
    }

    /// The gRPC status of any response, which Envoy also has for plain HTTP. At most 16, or
    /// [`INVALID_STATUS`].
    #[inline]
    pub(super) fn derived_grpc_status(&self) -> Option<u16> {
        match (self.grpc_status, self.code) {
            (Some(status), _) if status > MAX_STATUS => Some(INVALID_STATUS),
            (Some(status), _) => Some(status),
            (None, 0) => None,
            (None, 400) => Some(13),
            (None, 401) => Some(16),
            (None, 403) => Some(7),
            (None, 404) => Some(12),
            (None, 429 | 502 | 503 | 504) => Some(14),
            (None, _) => Some(2),
        }
    }
}

impl fmt::Debug for Measurement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Measurement")
            .field("code", &self.code)
            .field("flags", &self.flags)
            .field("grpc_status", &self.grpc_status)
            .field("duration", &self.duration)
            .field("request_bytes", &self.request_bytes)
            .field("response_bytes", &self.response_bytes)
            .finish_non_exhaustive()
    }
}
