//! Counts the messages in the body of a gRPC request or response.

use bytes::Buf;
use std::io::IoSlice;

/// A message's prefix: a byte for compression, and its length in four bytes.
const PREFIX_LENGTH: usize = 5;
/// How many pieces of one frame are read. Bodies of common types have one.
const MAX_PIECES: usize = 16;

/// Counts the messages of a body, frame by frame. A message counts once its last byte has arrived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MessageCounter {
    count: u64,
    prefix: [u8; PREFIX_LENGTH],
    /// How much of the prefix has arrived.
    prefix_filled: usize,
    /// How many bytes of the message are outstanding, once its prefix is complete.
    outstanding: u64,
}

impl MessageCounter {
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Reads a frame's data without consuming it.
    pub(crate) fn frame(&mut self, data: &impl Buf) {
        let mut pieces = [IoSlice::new(&[]); MAX_PIECES];
        let filled = data.chunks_vectored(&mut pieces);
        for piece in pieces.iter().take(filled) {
            self.bytes(piece);
        }
    }

    fn bytes(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.prefix_filled < PREFIX_LENGTH {
                let taken = bytes.len().min(PREFIX_LENGTH - self.prefix_filled);
                let (start, rest) = bytes.split_at(taken);
                self.prefix[self.prefix_filled..][..taken].copy_from_slice(start);
                self.prefix_filled += taken;
                bytes = rest;
                if self.prefix_filled == PREFIX_LENGTH {
                    let [_, length @ ..] = self.prefix;
                    self.outstanding = u64::from(u32::from_be_bytes(length));
                }
            } else {
                let taken = self.outstanding.min(bytes.len() as u64);
                self.outstanding -= taken;
                bytes = &bytes[taken as usize..];
            }
            if self.prefix_filled == PREFIX_LENGTH && self.outstanding == 0 {
                self.count += 1;
                self.prefix_filled = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn body(lengths: &[usize]) -> Vec<u8> {
        let message = |&length: &usize| {
            let prefix = [&[0], &(length as u32).to_be_bytes()[..]].concat();
            [prefix, vec![1; length]].concat()
        };
        lengths.iter().flat_map(message).collect()
    }

    proptest! {
        #[test]
        fn messages_are_counted_however_they_are_cut(
            lengths in prop::collection::vec(0..40_usize, 0..8),
            size in 1..60_usize,
            missing in 0..6_usize,
        ) {
            let whole = body(&lengths);
            let body = &whole[..whole.len().saturating_sub(missing)];
            let mut counter = MessageCounter::default();
            for frame in body.chunks(size) {
                let middle = frame.len() / 2;
                let first = Bytes::copy_from_slice(&frame[..middle]);
                counter.frame(&first.chain(&frame[middle..]));
            }
            let mut ends = 0;
            let complete = lengths.iter().filter(|&&length| {
                ends += PREFIX_LENGTH + length;
                ends <= body.len()
            });
            prop_assert_eq!(counter.count(), complete.count() as u64);
        }
    }
}
