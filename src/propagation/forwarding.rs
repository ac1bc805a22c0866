//! Copying tracing headers unchanged, where no span is made, and removing them at the edge.

use super::{forwarded::Forwarded, settings::Propagation, tracing_header::TracingHeader};
use crate::id::RequestId;
use http::{HeaderMap, HeaderName};

impl Propagation {
    /// Copies the tracing headers of a request unchanged, with all values in order and including
    /// malformed ones, except those that are not forwarded. A service whose sidecar makes the spans
    /// passes on these headers.
    pub(crate) fn capture_into(&self, headers: &HeaderMap, forwarded: &mut Forwarded) {
        self.table.for_each_known(headers, |known, value| {
            if !known.captured {
                return;
            }
            forwarded.headers.push((known.name.clone(), value.clone()));
            if known.tracing == Some(TracingHeader::RequestId) && forwarded.request_id.is_none() {
                forwarded.request_id = RequestId::from_header(value);
            }
        });
    }

    /// Adds captured headers to an outgoing request, except headers that it already has. Headers that the
    /// user [added](Self::forward) are included only if `include_added` is set.
    pub(crate) fn forward_captured(
        &self,
        captured: &Forwarded,
        headers: &mut HeaderMap,
        include_added: bool,
    ) {
        if include_added {
            return captured.add_to(headers);
        }
        let mut captured = captured.clone();
        self.remove_added(&mut captured);
        captured.add_to(headers);
    }

    /// Forwards `traceparent` unchanged, for a request without a span.
    pub(crate) fn keep_traceparent(&self, headers: &HeaderMap, forwarded: &mut Forwarded) {
        if std::mem::take(&mut forwarded.traceparent) {
            forwarded.add_traceparent(headers);
        }
    }

    /// Removes all tracing headers, including opaque headers and `x-envoy-force-trace`. The server layer
    /// does this at the edge with requests that are not trusted. `x-request-id` and the headers added
    /// with [`forward`](Self::forward) are kept.
    pub fn strip(&self, headers: &mut HeaderMap) {
        let mut found: Vec<HeaderName> = Vec::new();
        self.table.for_each_known(headers, |known, _| {
            let is_tracing =
                known.name.is_built_in() && known.tracing != Some(TracingHeader::RequestId);
            if is_tracing && found.last() != Some(&*known.name) {
                found.push((*known.name).clone());
            }
        });
        for name in found {
            headers.remove(name);
        }
    }

    /// The headers to forward with a context, of headers that were captured unchanged.
    pub(crate) fn extract_captured(&self, captured: &Forwarded) -> Forwarded {
        let mut headers = HeaderMap::new();
        captured.add_to(&mut headers);
        self.extract(&headers).1
    }

    /// Removes the headers that the user [added](Self::forward), so that they are not forwarded.
    pub(crate) fn remove_added(&self, forwarded: &mut Forwarded) {
        forwarded.headers.retain(|(name, _)| name.is_built_in());
    }
}
