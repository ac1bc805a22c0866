//! The exchange of metadata: which headers each layer reads, removes and writes.
//!
//! | | request | response |
//! |---|---|---|
//! | server | reads and removes both, or else reads `baggage` | writes those that the request had |
//! | client | writes both, if the host may be a service of the mesh | reads and removes both |

use super::{cache::Peers, codec::MAX_BYTES};
use crate::{
    metrics::{destination::UNKNOWN, workload::Workload},
    observe::{PEER_METADATA, PEER_METADATA_ID, line_bytes},
    shard,
};
use http::{HeaderMap, HeaderName, HeaderValue};

// Not constants: a borrowed name is only cloned where it is inserted.
static METADATA: HeaderName = HeaderName::from_static(PEER_METADATA);
static ID: HeaderName = HeaderName::from_static(PEER_METADATA_ID);

/// A peer whose metadata was read. The default is an unknown peer, which has sent none.
///
/// With [`expire_after`](crate::metrics::MetricsBuilder::expire_after), the number of a peer that has no
/// series any more may be freed, at the earliest an interval after the number was last looked up. It is then
/// an unknown peer, and never another one: look it up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PeerNumber {
    /// The number of its labels; 0 if they are unknown.
    pub(in crate::metrics) labels: u32,
    /// The number of its metadata, which may be evicted.
    pub(super) metadata: u32,
}

impl PeerNumber {
    /// A peer that has sent no metadata.
    pub const UNKNOWN: PeerNumber = PeerNumber {
        labels: 0,
        metadata: 0,
    };
}

/// The metadata headers of a request: its response gets the same, as from Istio's proxies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::metrics) struct RequestedHeaders {
    metadata: bool,
    id: bool,
}

/// The headers with the own metadata.
pub(in crate::metrics) struct OwnHeaders {
    /// One copy for each shard of threads: a header value is reference-counted, and threads would contend for
    /// the count.
    copies: Vec<(HeaderValue, HeaderValue)>,
}

impl OwnHeaders {
    pub(in crate::metrics) fn new(workload: &Workload) -> OwnHeaders {
        let metadata = workload.metadata().encode();
        let id = workload.node_id_or_default();
        // Peers would refuse it.
        let is_short = |text: &str| text.len() <= MAX_BYTES;
        if !is_short(&metadata) || !is_short(&id) {
            tracing::warn!(
                "metrics: no metadata is sent to peers, because the names and labels of the workload take \
                 more than 8 KiB"
            );
            return OwnHeaders { copies: Vec::new() };
        }
        let copy = || {
            let value = |text: &str| HeaderValue::from_bytes(text.as_bytes()).ok();
            // Base64 is always a valid value. An invalid id is replaced: it is only a key of caches.
            let id = value(&id).unwrap_or(HeaderValue::from_static(UNKNOWN));
            Some((value(&metadata)?, id))
        };
        OwnHeaders {
            copies: (0..shard::count()).filter_map(|_| copy()).collect(),
        }
    }

    /// Returns how many bytes are added to the lines of the headers, as HTTP/1.1.
    fn write(&self, headers: &mut HeaderMap, which: RequestedHeaders) -> u64 {
        let Some((metadata, id)) = self.copies.get(shard::current()) else {
            return 0;
        };
        let mut added = 0;
        let mut write = |name: &HeaderName, value: &HeaderValue| {
            let line = line_bytes(name.as_str(), value.len());
            // A full map is left as it is.
            if let Ok(old) = headers.try_insert(name, value.clone()) {
                let old = old.map_or(0, |old| line_bytes(name.as_str(), old.len()));
                added += line.saturating_sub(old);
            }
        };
        if which.metadata {
            write(&METADATA, metadata);
        }
        if which.id {
            write(&ID, id);
        }
        added
    }

    /// Writes both headers to the request of a client.
    pub(in crate::metrics) fn write_to_request(&self, headers: &mut HeaderMap) {
        let both = RequestedHeaders {
            metadata: true,
            id: true,
        };
        self.write(headers, both);
    }

    /// Writes the requested headers to the response of a server. Returns how many bytes are added to its lines.
    pub(in crate::metrics) fn write_to_response(
        &self,
        headers: &mut HeaderMap,
        requested: RequestedHeaders,
    ) -> u64 {
        self.write(headers, requested)
    }
}

/// Removes the metadata of a peer that is not trusted, and metadata that a handler has copied.
pub(in crate::metrics) fn remove_metadata(headers: &mut HeaderMap) {
    headers.remove(&METADATA);
    headers.remove(&ID);
}

impl Peers {
    /// Reads the metadata of a caller, or else its baggage.
    #[inline]
    pub(in crate::metrics) fn of_request(
        &self,
        headers: &HeaderMap,
        has_metadata: bool,
    ) -> (PeerNumber, RequestedHeaders) {
        let (sent, requested) = match has_metadata {
            true => self.sent(headers.get(&METADATA), headers.get(&ID)),
            false => (None, RequestedHeaders::default()),
        };
        (self.or_baggage(sent, headers), requested)
    }

    /// The same, and removes the metadata. Baggage is the application's, and stays.
    pub(in crate::metrics) fn take_from_request(
        &self,
        headers: &mut HeaderMap,
    ) -> (PeerNumber, RequestedHeaders) {
        let (sent, requested) = self.take(headers);
        (self.or_baggage(sent, headers), requested)
    }

    #[inline]
    fn or_baggage(&self, sent: Option<PeerNumber>, headers: &HeaderMap) -> PeerNumber {
        let sent = match sent {
            None if self.reads_baggage => self.of_baggage(headers),
            sent => sent,
        };
        sent.unwrap_or_default()
    }

    /// Reads the metadata of a server.
    pub(in crate::metrics) fn of_response(&self, headers: &HeaderMap) -> PeerNumber {
        let (sent, _) = self.sent(headers.get(&METADATA), headers.get(&ID));
        sent.unwrap_or_default()
    }

    /// The same, and removes it.
    pub(in crate::metrics) fn take_from_response(&self, headers: &mut HeaderMap) -> PeerNumber {
        self.take(headers).0.unwrap_or_default()
    }

    /// Reads and removes metadata.
    fn take(&self, headers: &mut HeaderMap) -> (Option<PeerNumber>, RequestedHeaders) {
        let (metadata, id) = (headers.remove(&METADATA), headers.remove(&ID));
        self.sent(metadata.as_ref(), id.as_ref())
    }

    /// Reads metadata: the first value of each header.
    fn sent(
        &self,
        metadata: Option<&HeaderValue>,
        id: Option<&HeaderValue>,
    ) -> (Option<PeerNumber>, RequestedHeaders) {
        let metadata = metadata.filter(|value| !value.is_empty());
        let requested = RequestedHeaders {
            metadata: metadata.is_some(),
            id: id.is_some_and(|value| !value.is_empty()),
        };
        let number = metadata.and_then(|value| self.number(value.as_bytes()));
        (number, requested)
    }
}
