//! `Forwarded`: the headers of a request that are copied to the calls made for it.

use super::{forwarded_name::ForwardedName, tracing_header::TracingHeader};
use crate::id::RequestId;
use http::{HeaderMap, HeaderName, HeaderValue, header::Entry};

/// The headers that are forwarded unchanged: `x-request-id` and the opaque headers.
///
/// [`Propagation::extract`](super::Propagation::extract) reads them from a request, and
/// [`Propagation::inject`](super::Propagation::inject) adds them to each call made for it. A header
/// that the outgoing request already has is not overwritten.
#[derive(Debug, Clone, Default)]
pub struct Forwarded {
    pub(super) request_id: Option<RequestId>,
    pub(crate) headers: Vec<(ForwardedName, HeaderValue)>,
    /// Whether `traceparent` is written because the trace was joined by it.
    pub(super) traceparent: bool,
    /// Whether the request that it came with was forced to be traced. It is not handed on.
    pub(crate) forced: bool,
    /// Whether the caller had sampled the trace. It is not handed on.
    pub(crate) sampled_by_caller: bool,
}

impl Forwarded {
    /// Returns the request id.
    pub fn request_id(&self) -> Option<&RequestId> {
        self.request_id.as_ref()
    }

    /// Sets the request id.
    pub fn set_request_id(&mut self, id: RequestId) {
        self.request_id = Some(id);
    }

    /// Returns the opaque headers, with all their values in order.
    pub fn headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.headers.iter().map(|(name, value)| (&**name, value))
    }

    /// The first value of a captured header.
    #[cfg(feature = "log-format")]
    pub(super) fn first_value(&self, header: TracingHeader) -> Option<&HeaderValue> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(name, _)| **name == *header.name());
        found.map(|(_, value)| value)
    }

    /// Copies `other` and reuses the memory of `self`.
    pub(crate) fn copy_from(&mut self, other: &Forwarded) {
        self.request_id.clone_from(&other.request_id);
        self.clear_headers();
        if !other.headers.is_empty() {
            self.headers.extend_from_slice(&other.headers);
        }
        self.traceparent = other.traceparent;
        self.forced = false;
        self.sampled_by_caller = false;
    }

    pub(crate) fn clear(&mut self) {
        self.request_id = None;
        self.clear_headers();
        self.traceparent = false;
        self.forced = false;
        self.sampled_by_caller = false;
    }

    /// Skips the call in the common case: `Vec::clear` calls a function even for an empty vector.
    fn clear_headers(&mut self) {
        if !self.headers.is_empty() {
            self.headers.clear();
        }
    }

    /// Adds all values of `traceparent` unchanged.
    pub(super) fn add_traceparent(&mut self, headers: &HeaderMap) {
        let values = headers.get_all(TracingHeader::Traceparent.name()).iter();
        let name = || ForwardedName::of(TracingHeader::Traceparent);
        self.headers
            .extend(values.map(|value| (name(), value.clone())));
    }

    /// A copy that shares no memory with the request. A header value keeps alive the whole buffer from
    /// which the request was read.
    pub(crate) fn detached(&self) -> Forwarded {
        let copy = |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).ok();
        let headers = self.headers.iter();
        Forwarded {
            request_id: self.request_id.as_ref().map(RequestId::detached),
            headers: headers
                .filter_map(|(name, value)| Some((name.clone(), copy(value)?)))
                .collect(),
            traceparent: self.traceparent,
            forced: false,
            sampled_by_caller: false,
        }
    }

    /// Adds the headers that `headers` does not have, with all their values in order.
    #[inline]
    pub(super) fn add_to(&self, headers: &mut HeaderMap) {
        if !self.headers.is_empty() {
            self.add_all_to(headers);
        }
    }

    fn add_all_to(&self, headers: &mut HeaderMap) {
        // The values of one name are adjacent, because a header map iterates them in that order.
        let mut rest = &self.headers[..];
        while let [(name, first), after @ ..] = rest {
            let same = after
                .iter()
                .take_while(|(other, _)| **other == **name)
                .count();
            let (others, next) = after.split_at(same);
            rest = next;
            // An entry hashes the name only once. A full map is left unchanged.
            let Ok(Entry::Vacant(entry)) = headers.try_entry(&**name) else {
                continue;
            };
            let Ok(mut added) = entry.try_insert_entry(first.clone()) else {
                continue;
            };
            for (_, value) in others {
                added.append(value.clone());
            }
        }
    }
}
