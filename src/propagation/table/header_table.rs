//! `HeaderTable`: how the table is built, and the pass over the headers.

use super::{
    header_values::{HeaderSlot, HeaderValues},
    packed_name::{MAX_PACKED, PackedName, hash},
};
use crate::{
    head::HEADER_SEPARATORS,
    propagation::{
        forwarded_name::ForwardedName,
        tracing_header::{TracingHeader, TracingHeaderSet},
    },
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// A hash table of headers, with chaining.
#[derive(Debug, Clone)]
pub(crate) struct HeaderTable {
    /// For each hash, the index of the first key with that hash, or 0.
    buckets: [u32; 256],
    /// The keys. The first is not used, so that index 0 can mean "none".
    keys: Vec<Key>,
    /// The header of each key but the first.
    headers: Vec<KnownHeader>,
}

/// A header that the table finds.
#[derive(Debug, Clone)]
pub(crate) struct KnownHeader {
    /// The table's own copy of the name, which shares no memory with a request.
    pub(crate) name: ForwardedName,
    pub(crate) tracing: Option<TracingHeader>,
    /// Whether it is forwarded unchanged.
    pub(crate) forwarded: bool,
    /// Whether it is copied unchanged where no spans are made.
    pub(crate) captured: bool,
}

/// What the pass reads of a header: its name and what to do with its value.
#[derive(Debug, Clone, Copy, Default)]
struct Key {
    name: PackedName,
    slot: u8,
    forwarded: bool,
    /// The index of this key.
    index: u32,
    /// The index of the next key with the same hash, or 0.
    next: u32,
}

impl HeaderTable {
    /// Makes a table of the tracing headers, of opaque headers with whether each is forwarded, and of
    /// additional headers to be read.
    pub(crate) fn new(opaque: &[(HeaderName, bool)], additional: &[HeaderName]) -> HeaderTable {
        let mut table = HeaderTable {
            buckets: [0; 256],
            keys: vec![Key::default()],
            headers: Vec::new(),
        };
        for (name, tracing) in TracingHeader::ALL {
            let header = KnownHeader {
                forwarded: tracing == TracingHeader::Tracestate,
                tracing: Some(tracing),
                captured: true,
                name: ForwardedName::new(name),
            };
            table.add(header, HeaderSlot::of(tracing));
        }
        for (name, forwarded) in opaque {
            table.add_opaque(name, *forwarded);
        }
        for (index, name) in additional.iter().enumerate() {
            // Without a slot, a header is looked up in the header map.
            if !HeaderSlot::has_additional(index) {
                break;
            }
            table.add_additional(name, HeaderSlot::additional(index));
        }
        table
    }

    fn add_opaque(&mut self, name: &HeaderName, forwarded: bool) {
        let Some(position) = self.position(name) else {
            let header = KnownHeader {
                name: ForwardedName::new(name.clone()),
                tracing: None,
                captured: forwarded,
                forwarded,
            };
            return self.add(header, HeaderSlot::UNREAD);
        };
        let header = &mut self.headers[position];
        if !header.tracing.is_some_and(TracingHeader::is_written) {
            header.forwarded = forwarded;
            header.captured = forwarded;
            self.keys[position + 1].forwarded = forwarded;
        }
    }

    fn add_additional(&mut self, name: &HeaderName, slot: HeaderSlot) {
        let Some(position) = self.position(name) else {
            let header = KnownHeader {
                name: ForwardedName::new(name.clone()),
                tracing: None,
                forwarded: false,
                captured: false,
            };
            return self.add(header, slot);
        };
        // A header that is already read keeps its slot, which is then used twice.
        let key = &mut self.keys[position + 1];
        if key.slot == HeaderSlot::UNREAD.0 {
            key.slot = slot.0;
        }
    }

    fn add(&mut self, header: KnownHeader, slot: HeaderSlot) {
        let name = header.name.as_str().as_bytes();
        // Memory runs out long before there are four billion names.
        let index = self.keys.len() as u32;
        let bucket = &mut self.buckets[usize::from(hash(name))];
        self.keys.push(Key {
            name: PackedName::new(name),
            slot: slot.0,
            forwarded: header.forwarded,
            index,
            next: std::mem::replace(bucket, index),
        });
        self.headers.push(header);
    }

    /// The header of this name in lower case.
    pub(crate) fn known(&self, name: &[u8]) -> Option<&KnownHeader> {
        let key = self.find_bytes(name)?;
        self.headers.get((key.index as usize).checked_sub(1)?)
    }

    fn position(&self, name: &HeaderName) -> Option<usize> {
        self.find(name).map(|key| key.index as usize - 1)
    }

    /// The slot of the header's first value; `None` if the table does not read the header.
    pub(crate) fn slot(&self, name: &HeaderName) -> Option<HeaderSlot> {
        let slot = HeaderSlot(self.keys[self.position(name)? + 1].slot);
        (slot != HeaderSlot::UNREAD).then_some(slot)
    }

    #[inline(always)]
    fn find(&self, name: &HeaderName) -> Option<&Key> {
        self.find_bytes(name.as_str().as_bytes())
    }

    #[inline(always)]
    fn find_bytes(&self, text: &[u8]) -> Option<&Key> {
        let first = self.buckets[usize::from(hash(text))];
        // For most headers, the search ends here.
        if first == 0 {
            return None;
        }
        self.find_in_bucket(first, text)
    }

    /// Searches a bucket, given the index of its first key.
    #[inline]
    fn find_in_bucket(&self, first: u32, name: &[u8]) -> Option<&Key> {
        let key = self.keys.get(first as usize)?;
        if name.len() <= MAX_PACKED && key.name.matches(name) {
            return Some(key);
        }
        match (key.next, name.len()) {
            (0, ..=MAX_PACKED) => None,
            _ => self.find_in_chain(first, name),
        }
    }

    // Not inlined, so that the loop over the headers keeps its variables in registers.
    #[inline(never)]
    fn find_in_chain(&self, first: u32, name: &[u8]) -> Option<&Key> {
        let mut index = first as usize;
        while let Some(key) = self.keys.get(index).filter(|_| index != 0) {
            let is_packed = name.len() <= MAX_PACKED;
            if key.name.matches(name) && (is_packed || self.is_named(index, name)) {
                return Some(key);
            }
            index = key.next as usize;
        }
        None
    }

    fn is_named(&self, index: usize, name: &[u8]) -> bool {
        self.headers[index - 1].name.as_str().as_bytes() == name
    }

    /// The names of the headers that are copied unchanged where no spans are made.
    #[cfg(feature = "config")]
    pub(crate) fn captured_names(&self) -> impl Iterator<Item = &str> {
        let captured = self.headers.iter().filter(|header| header.captured);
        captured.map(|header| header.name.as_str())
    }

    /// Reads the first value of each header of interest. The values of forwarded headers are added to
    /// `forwarded`, all of them in order.
    #[inline]
    pub(crate) fn read<'a>(
        &self,
        headers: &'a HeaderMap,
        forwarded: Option<&mut Vec<(ForwardedName, HeaderValue)>>,
    ) -> HeaderValues<'a> {
        let mut values = HeaderValues::default();
        self.read_into::<false>(headers, forwarded, &mut values);
        values
    }

    /// As [`read`](Self::read), without copying the values, which are a few hundred bytes. It also measures
    /// all lines, if that is wanted: this takes a tenth longer.
    pub(crate) fn read_into<'a, const MEASURES: bool>(
        &self,
        headers: &'a HeaderMap,
        mut forwarded: Option<&mut Vec<(ForwardedName, HeaderValue)>>,
        values: &mut HeaderValues<'a>,
    ) {
        let mut bytes = 0;
        for (name, value) in headers {
            if MEASURES {
                bytes += name.as_str().len() + value.len();
            }
            let Some(key) = self.find(name) else {
                continue;
            };
            let first_value = &mut values.values[usize::from(key.slot) % HeaderSlot::COUNT];
            if first_value.is_none() {
                *first_value = Some(value);
            }
            if let (true, Some(forwarded)) = (key.forwarded, forwarded.as_deref_mut()) {
                let header = &self.headers[key.index as usize - 1];
                forwarded.push((header.name.clone(), value.clone()));
            }
        }
        if MEASURES {
            values.line_bytes = (bytes + headers.len() * HEADER_SEPARATORS) as u64;
        }
    }

    /// Calls `visit` with each value of a header in the table, in order.
    #[inline(always)]
    pub(crate) fn for_each_known<'a>(
        &'a self,
        headers: &'a HeaderMap,
        mut visit: impl FnMut(&'a KnownHeader, &'a HeaderValue),
    ) {
        for (name, value) in headers {
            if let Some(key) = self.find(name) {
                visit(&self.headers[key.index as usize - 1], value);
            }
        }
    }

    /// The tracing headers that are in the map.
    #[inline]
    pub(crate) fn tracing_headers(&self, headers: &HeaderMap) -> TracingHeaderSet {
        let mut present = TracingHeaderSet::default();
        for name in headers.keys() {
            if let Some(key) = self.find(name) {
                present.0 |= 1 << (key.slot % HeaderSlot::COUNT as u8);
            }
        }
        present
    }

    /// Whether two headers have the same hash.
    #[cfg(test)]
    pub(crate) fn has_collisions(&self) -> bool {
        self.keys.iter().any(|key| key.next != 0)
    }
}

#[cfg(test)]
mod tests;
