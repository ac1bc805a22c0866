use super::names::Name;
use crate::id::RequestId;
use http::{HeaderMap, HeaderName, HeaderValue, header::Entry};

/// What is handed on as it came: `x-request-id` and the opaque headers.
///
/// [`Propagation::extract`](super::Propagation::extract) gathers it from a request,
/// [`Propagation::inject`](super::Propagation::inject) puts it on every call made for that
/// request. A header that the outgoing request has already is never overwritten.
#[derive(Debug, Clone, Default)]
pub struct Forwarded {
    pub(super) request_id: Option<RequestId>,
    pub(crate) headers: Vec<(Name, HeaderValue)>,
    /// Whether `traceparent` travels on because the trace was joined by it.
    pub(super) traceparent: bool,
    /// Whether the request that it came with was forced to be traced. It is not handed on.
    pub(crate) forced: bool,
    /// Whether the caller had sampled the trace. It is not handed on.
    pub(crate) sampled_by_caller: bool,
}

impl Forwarded {
    /// The request id.
    pub fn request_id(&self) -> Option<&RequestId> {
        self.request_id.as_ref()
    }

    /// Sets the request id that is handed on.
    pub fn set_request_id(&mut self, id: RequestId) {
        self.request_id = Some(id);
    }

    /// The opaque headers, all values in their order.
    pub fn headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.headers.iter().map(|(name, value)| (&**name, value))
    }

    /// Copies `other` into the memory that is there.
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

    /// Mostly there are none, and `clear` calls a function all the same.
    fn clear_headers(&mut self) {
        if !self.headers.is_empty() {
            self.headers.clear();
        }
    }

    /// A copy that shares no memory with the request it came from: a header value that lives on
    /// pins the whole buffer that the request was read into.
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

    /// Adds the headers whose names are not there yet, all their values in their order.
    #[inline]
    pub(super) fn add_to(&self, headers: &mut HeaderMap) {
        if !self.headers.is_empty() {
            self.add_all_to(headers);
        }
    }

    fn add_all_to(&self, headers: &mut HeaderMap) {
        // The values of one name lie together: so a header map lists them.
        let mut rest = &self.headers[..];
        while let [(name, first), after @ ..] = rest {
            let same = after
                .iter()
                .take_while(|(other, _)| **other == **name)
                .count();
            let (others, next) = after.split_at(same);
            rest = next;
            // One hash of the name. A map that can take no more is left as it is.
            let Ok(Entry::Vacant(place)) = headers.try_entry(&**name) else {
                continue;
            };
            let Ok(mut added) = place.try_insert_entry(first.clone()) else {
                continue;
            };
            for (_, value) in others {
                added.append(value.clone());
            }
        }
    }
}
