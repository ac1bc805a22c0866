//! `HeaderValues`: the result of a pass over a request's headers.

use crate::propagation::tracing_header::{TracingHeader, TracingHeaderSet};
use http::HeaderValue;

/// The position of a header's first value in [`HeaderValues`]: tracing headers come first, additional
/// headers after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeaderSlot(pub(super) u8);

impl HeaderSlot {
    pub(super) const COUNT: usize = 32;
    /// For headers whose values are not read.
    pub(super) const UNREAD: HeaderSlot = HeaderSlot(HeaderSlot::COUNT as u8 - 1);

    pub(super) const fn of(header: TracingHeader) -> HeaderSlot {
        HeaderSlot(header as u8)
    }

    /// The slot of an additional header, by its index in the list of additional headers.
    pub(crate) const fn additional(index: usize) -> HeaderSlot {
        assert!(HeaderSlot::has_additional(index));
        HeaderSlot((TracingHeader::COUNT + index) as u8)
    }

    /// Whether there is a slot for so many additional headers.
    pub(super) const fn has_additional(index: usize) -> bool {
        TracingHeader::COUNT + index < HeaderSlot::UNREAD.0 as usize
    }

    /// The position in the array. The remainder spares a check of bounds.
    #[inline]
    pub(super) fn position(self) -> usize {
        usize::from(self.0) % HeaderSlot::COUNT
    }
}

/// The first value of each header of interest.
#[derive(Debug, Default)]
pub(crate) struct HeaderValues<'a> {
    pub(super) values: [Option<&'a HeaderValue>; HeaderSlot::COUNT],
    /// Of all headers, if they were measured.
    pub(super) line_bytes: u64,
}

impl<'a> HeaderValues<'a> {
    #[inline]
    pub(crate) fn tracing(&self, header: TracingHeader) -> Option<&'a HeaderValue> {
        self.get(HeaderSlot::of(header))
    }

    #[inline]
    pub(crate) fn get(&self, slot: HeaderSlot) -> Option<&'a HeaderValue> {
        self.values[slot.position()]
    }

    /// The bytes of the lines of all headers, as HTTP/1.1, if they were measured.
    #[cfg(feature = "metrics")]
    pub(crate) fn line_bytes(&self) -> u64 {
        self.line_bytes
    }

    /// The tracing headers that have a value.
    #[inline]
    pub(crate) fn tracing_headers(&self) -> TracingHeaderSet {
        let mut present = TracingHeaderSet::default();
        let tracing = &self.values[..TracingHeader::COUNT];
        for (position, value) in tracing.iter().enumerate() {
            present.0 |= u32::from(value.is_some()) << position;
        }
        present
    }

    /// Replaces the value of a tracing header.
    pub(crate) fn set(&mut self, header: TracingHeader, value: Option<&'a HeaderValue>) {
        self.values[header as usize] = value;
    }
}
