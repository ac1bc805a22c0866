//! Memory of bodies, counted over all requests.

use bytes::Bytes;
use serde::Serialize;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

/// A number of bytes, and how many of them are in use.
#[derive(Debug)]
pub(super) struct Quota {
    used: AtomicUsize,
    total: usize,
}

/// A part of a [`Quota`], given back when dropped.
#[derive(Debug)]
pub(super) struct Part {
    of: Arc<Quota>,
    bytes: usize,
}

/// The quota is used up.
#[derive(Debug)]
pub(super) struct UsedUp;

impl Quota {
    pub(super) fn new(total: usize) -> Arc<Quota> {
        let used = AtomicUsize::new(0);
        Arc::new(Quota { used, total })
    }

    /// A part without bytes, which can grow.
    pub(super) fn part(self: &Arc<Quota>) -> Part {
        let of = Arc::clone(self);
        Part { of, bytes: 0 }
    }

    /// The value as JSON, whose bytes are in use until it is dropped; `None` if they are too many.
    pub(super) fn json(
        self: &Arc<Quota>,
        value: &impl Serialize,
    ) -> serde_json::Result<Option<Bytes>> {
        let mut counted = Counted {
            part: self.part(),
            bytes: Vec::new(),
        };
        match serde_json::to_writer(&mut counted, value) {
            Ok(()) => Ok(Some(Bytes::from_owner(counted))),
            Err(error) if error.is_io() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Part {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), UsedUp> {
        self.bytes += bytes;
        let used = self.of.used.fetch_add(bytes, Relaxed) + bytes;
        if used > self.of.total {
            return Err(UsedUp);
        }
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.of.used.fetch_sub(self.bytes, Relaxed);
    }
}

/// Bytes that are in use as long as they are in memory.
struct Counted {
    part: Part,
    bytes: Vec<u8>,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl io::Write for Counted {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        /// The first capacity: most responses are small.
        const FIRST: usize = 1024;
        let (len, capacity) = (self.bytes.len(), self.bytes.capacity());
        let needed = len + more.len();
        if needed > capacity {
            let capacity = needed.max(2 * capacity).max(FIRST);
            let grown = self.part.grow(capacity - self.part.bytes());
            grown.map_err(|UsedUp| io::ErrorKind::OutOfMemory)?;
            self.bytes.reserve_exact(capacity - len);
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_in_use_until_it_is_dropped() {
        let quota = Quota::new(15_000);
        let text = "x".repeat(3_000);
        let first = quota.json(&text).unwrap().unwrap();
        let second = quota.json(&text).unwrap().unwrap();
        assert!(quota.json(&[&text, &text, &text]).unwrap().is_none());
        drop(first.slice(5..10));
        drop(second);
        let part = first.slice(5..10);
        drop(first);
        assert!(quota.used.load(Relaxed) >= 3_000);
        drop(part);
        assert_eq!(quota.used.load(Relaxed), 0);
    }
}
