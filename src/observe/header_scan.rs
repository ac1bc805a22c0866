//! `HeaderScan`: the result of one pass over the headers of a message.

use crate::head::HEADER_SEPARATORS;
use http::HeaderMap;

/// The metadata that Istio's proxies send to their peers.
pub(crate) const PEER_METADATA: &str = "x-envoy-peer-metadata";
/// The id of the proxy that sends it.
pub(crate) const PEER_METADATA_ID: &str = "x-envoy-peer-metadata-id";

/// The facts about the headers of a message that observers need. One pass costs less than a few look-ups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct HeaderScan {
    /// The bytes of all lines, as HTTP/1.1.
    pub(crate) bytes: u64,
    /// The bytes of the lines with the metadata of a peer among them.
    pub(crate) peer_metadata: u64,
    pub(crate) host: bool,
    pub(crate) date: bool,
    pub(crate) content_length: bool,
    pub(crate) transfer_encoding: bool,
}

/// The lengths of the names that are searched for, as bits. Other names may have the same length.
const LENGTHS: u32 = 1 << 4 | 1 << 14 | 1 << 17 | 1 << 21 | 1 << 24;

// The headers that are searched for, as bits.
const HOST: u8 = 1;
const DATE: u8 = 1 << 1;
const CONTENT_LENGTH: u8 = 1 << 2;
const TRANSFER_ENCODING: u8 = 1 << 3;
const METADATA: u8 = 1 << 4;

impl HeaderScan {
    #[inline]
    pub(crate) fn of(headers: &HeaderMap) -> HeaderScan {
        let (mut bytes, mut peer_metadata, mut found) = (0, 0, 0);
        for (name, value) in headers {
            let name = name.as_str();
            let line = line_bytes(name, value.len());
            bytes += line;
            if LENGTHS.wrapping_shr(name.len() as u32) & 1 == 1 {
                let header = header_bit(name);
                found |= header;
                if header == METADATA {
                    peer_metadata += line;
                }
            }
        }
        let has = |header| found & header != 0;
        HeaderScan {
            bytes,
            peer_metadata,
            host: has(HOST),
            date: has(DATE),
            content_length: has(CONTENT_LENGTH),
            transfer_encoding: has(TRANSFER_ENCODING),
        }
    }

    /// Without the lines of peer metadata.
    pub(crate) fn without_peer_metadata(self) -> HeaderScan {
        HeaderScan {
            bytes: self.bytes - self.peer_metadata,
            peer_metadata: 0,
            ..self
        }
    }
}

// Not inlined: it is called for few names, and the loop is faster without it.
#[inline(never)]
fn header_bit(name: &str) -> u8 {
    match name {
        "host" => HOST,
        "date" => DATE,
        "content-length" => CONTENT_LENGTH,
        "transfer-encoding" => TRANSFER_ENCODING,
        PEER_METADATA | PEER_METADATA_ID => METADATA,
        _ => 0,
    }
}

/// The bytes of a header's line.
pub(crate) fn line_bytes(name: &str, value_length: usize) -> u64 {
    (name.len() + value_length + HEADER_SEPARATORS) as u64
}
