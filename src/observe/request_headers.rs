//! `RequestHeaders`: the facts about a request's headers that layers and observers need.

#[cfg(feature = "metrics")]
use super::header_scan::{HeaderScan, PEER_METADATA, PEER_METADATA_ID, line_bytes};
#[cfg(feature = "metrics")]
use crate::{
    propagation::HeaderSlot,
    tags::{AT_CONTENT_LENGTH, AT_HOST, READ_COUNT},
};
use crate::{propagation::HeaderValues, tags};
use http::HeaderMap;
#[cfg(feature = "metrics")]
use http::{HeaderName, header::TRANSFER_ENCODING};

/// The headers that observers need, beside those of standard tags. The header table reads them after those.
#[cfg(feature = "metrics")]
pub(crate) const OBSERVED_HEADERS: [HeaderName; 3] = [
    TRANSFER_ENCODING,
    HeaderName::from_static(PEER_METADATA),
    HeaderName::from_static(PEER_METADATA_ID),
];

// The slots of `OBSERVED_HEADERS`, by their indices.
#[cfg(feature = "metrics")]
const AT_TRANSFER_ENCODING: HeaderSlot = HeaderSlot::additional(READ_COUNT);
#[cfg(feature = "metrics")]
const AT_PEER_METADATA: HeaderSlot = HeaderSlot::additional(READ_COUNT + 1);
#[cfg(feature = "metrics")]
const AT_PEER_METADATA_ID: HeaderSlot = HeaderSlot::additional(READ_COUNT + 2);

/// Facts about a request's headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestHeaders {
    pub(crate) is_grpc: bool,
    pub(crate) content_length: Option<u64>,
    /// Only valid if an observer needs it.
    #[cfg(feature = "metrics")]
    pub(crate) scan: HeaderScan,
}

impl RequestHeaders {
    /// From the pass over the headers that the server layer makes.
    pub(crate) fn of_values(values: &HeaderValues<'_>) -> RequestHeaders {
        RequestHeaders {
            is_grpc: tags::is_grpc_request(values),
            content_length: tags::request_length(values),
            #[cfg(feature = "metrics")]
            scan: scan_of_values(values),
        }
    }

    /// By a pass of its own if an observer needs a scan, and otherwise by look-ups.
    pub(crate) fn of(headers: &HeaderMap, scans: bool) -> RequestHeaders {
        #[cfg(feature = "metrics")]
        if scans {
            let scan = HeaderScan::of(headers);
            let length = || tags::content_length(headers);
            return RequestHeaders {
                is_grpc: tags::has_grpc_type(headers),
                content_length: scan.content_length.then(length).flatten(),
                scan,
            };
        }
        #[cfg(not(feature = "metrics"))]
        let _ = scans;
        RequestHeaders {
            is_grpc: tags::has_grpc_type(headers),
            content_length: tags::content_length(headers),
            #[cfg(feature = "metrics")]
            scan: HeaderScan::default(),
        }
    }
}

/// The parts of a [`HeaderScan`] that servers need of a request: not `date`, and only the first lines of
/// repeated metadata.
#[cfg(feature = "metrics")]
fn scan_of_values(values: &HeaderValues<'_>) -> HeaderScan {
    let has = |slot| values.get(slot).is_some();
    let line = |slot, name| {
        let value = values.get(slot);
        value.map_or(0, |value| line_bytes(name, value.len()))
    };
    HeaderScan {
        bytes: values.line_bytes(),
        host: has(AT_HOST),
        date: false,
        content_length: has(AT_CONTENT_LENGTH),
        transfer_encoding: has(AT_TRANSFER_ENCODING),
        peer_metadata: line(AT_PEER_METADATA, PEER_METADATA)
            + line(AT_PEER_METADATA_ID, PEER_METADATA_ID),
    }
}

#[cfg(all(test, feature = "metrics"))]
mod tests {
    use super::*;
    use crate::{propagation::Propagation, tags::READ_HEADERS};
    use http::HeaderValue;
    use proptest::{collection::vec, prelude::*};

    /// What the layer finds in its own pass.
    fn read(headers: &HeaderMap) -> RequestHeaders {
        let mut names = READ_HEADERS.to_vec();
        names.extend(OBSERVED_HEADERS);
        let table = Propagation::default().table_with(&names);
        let mut values = HeaderValues::default();
        table.read_into::<true>(headers, None, &mut values);
        RequestHeaders::of_values(&values)
    }

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::try_from(*name).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn name() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "host",
            "content-type",
            "content-length",
            "transfer-encoding",
            "x-envoy-peer-metadata",
            "x-envoy-peer-metadata-id",
            "x-b3-traceid",
            "x-request-id",
            "accept",
            "x-tenant",
        ])
    }

    proptest! {
        #[test]
        fn both_passes_find_the_same(
            lines in vec((name(), "application/grpc|12|[ -~]{0,40}"), 0..12),
        ) {
            let lines: Vec<_> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let headers = headers(&lines);
            let (one, other) = (read(&headers), RequestHeaders::of(&headers, true));
            prop_assert_eq!(one.is_grpc, other.is_grpc);
            prop_assert_eq!(one.content_length, other.content_length);
            let looked_up = RequestHeaders::of(&headers, false);
            prop_assert_eq!(one.is_grpc, looked_up.is_grpc);
            prop_assert_eq!(one.content_length, looked_up.content_length);
            let (mut one, mut other) = (one.scan, other.scan);
            prop_assert_eq!(one.peer_metadata > 0, other.peer_metadata > 0);
            // The layer's pass has the first value of a header only.
            one.peer_metadata = 0;
            other.peer_metadata = 0;
            prop_assert_eq!(one, other);
        }
    }

    #[test]
    fn all_lines_are_measured_with_their_separators() {
        let lines = [("host", "catalog"), ("accept", "a"), ("accept", "bc")];
        let bytes: usize = lines
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n").len())
            .sum();
        assert_eq!(read(&headers(&lines)).scan.bytes, bytes as u64);
    }
}
