//! Writes the headers of an outgoing request that has a CLIENT span.

use super::settings::ClientSettings;
use crate::{
    propagation::{REQUEST_ID, TracingHeaderSet, insert_if_room},
    span::Inherited,
};
use http::HeaderMap;

/// What is still to be written to a request with a CLIENT span.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadersToWrite {
    /// Nothing: the headers are on the request already, or its host must not get any.
    Nothing,
    RequestId,
    /// The span's context, the request id, and the headers that are forwarded.
    Context,
}

impl ClientSettings {
    /// `present` says which tracing headers the request has.
    pub(super) fn write(
        &self,
        to_write: HeadersToWrite,
        present: TracingHeaderSet,
        inherited: &Inherited,
        headers: &mut HeaderMap,
    ) {
        let forwarded = &inherited.forwarded;
        match (to_write, &inherited.context) {
            (HeadersToWrite::RequestId, _) => {
                if let Some(id) = forwarded.request_id() {
                    insert_if_room(headers, REQUEST_ID, id.to_header());
                }
            }
            (HeadersToWrite::Context, Some(context)) => {
                let propagation = &self.tracer.inner.propagation;
                propagation.inject_replacing(present, context, forwarded, headers);
            }
            (HeadersToWrite::Nothing, _) | (HeadersToWrite::Context, None) => {}
        }
    }
}
