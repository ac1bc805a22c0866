//! `HeaderScan`: what one pass over the headers of a message finds.

use crate::head::HEADER_SEPARATORS;
use http::HeaderMap;

/// The metadata that Istio's proxies send to their peers.
pub(crate) const PEER_METADATA: &str = "x-envoy-peer-metadata";
/// The id of the proxy that has sent it.
pub(crate) const PEER_METADATA_ID: &str = "x-envoy-peer-metadata-id";

/// What observers need to know of the headers of a message. One pass costs less than a few look-ups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct HeaderScan {
    /// The bytes of all lines, as HTTP/1.1.
    pub(crate) bytes: u64,
    pub(crate) host: bool,
    pub(crate) date: bool,
    pub(crate) content_length: bool,
    pub(crate) transfer_encoding: bool,
    /// The bytes of the lines with the metadata of a peer among them.
    pub(crate) peer_metadata: u64,
}

/// The lengths of the names that are looked for, as bits. Other names may pass this test too.
const LENGTHS: u32 = 1 << 4 | 1 << 14 | 1 << 17 | 1 << 21 | 1 << 24;

impl HeaderScan {
    pub(crate) fn of(headers: &HeaderMap) -> HeaderScan {
        let mut scan = HeaderScan::default();
        for (name, value) in headers {
            let name = name.as_str();
            let line = line_bytes(name, value.len());
            scan.bytes += line;
            if LENGTHS.wrapping_shr(name.len() as u32) & 1 == 1 {
                scan.note(name, line);
            }
        }
        scan
    }

    // Not inlined: few names get here, and the loop is faster without it.
    #[inline(never)]
    fn note(&mut self, name: &str, line: u64) {
        match name {
            "host" => self.host = true,
            "date" => self.date = true,
            "content-length" => self.content_length = true,
            "transfer-encoding" => self.transfer_encoding = true,
            PEER_METADATA | PEER_METADATA_ID => self.peer_metadata += line,
            _ => {}
        }
    }

    /// As if there were no metadata of the peer.
    pub(crate) fn without_peer_metadata(self) -> HeaderScan {
        HeaderScan {
            bytes: self.bytes - self.peer_metadata,
            peer_metadata: 0,
            ..self
        }
    }
}

/// The bytes of a header's line.
pub(crate) fn line_bytes(name: &str, value_length: usize) -> u64 {
    (name.len() + value_length + HEADER_SEPARATORS) as u64
}
