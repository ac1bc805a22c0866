//! A hasher that is fast for header values of some hundred bytes and for keys of a few numbers.
//!
//! `SipHash` takes longer for a peer's metadata than all the counting. Here 16 bytes are folded with one
//! multiplication. The seed is random for each process, so attackers cannot prepare collisions of texts. Keys
//! are numbers that this process has assigned. Maps compare the values as well, and their size is bounded.

use crate::id::random::random_u64;
use std::hash::{BuildHasher, Hasher};

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Makes [`Fold`]s with one seed.
#[derive(Debug, Clone, Copy)]
pub(super) struct FoldState(u64);

impl Default for FoldState {
    fn default() -> FoldState {
        FoldState(random_u64())
    }
}

impl BuildHasher for FoldState {
    type Hasher = Fold;

    fn build_hasher(&self) -> Fold {
        Fold(self.0)
    }
}

#[derive(Debug)]
pub(super) struct Fold(u64);

impl Fold {
    #[inline]
    fn mix(&mut self, first: u64, second: u64) {
        let product = u128::from(self.0 ^ first).wrapping_mul(u128::from(second ^ FACTOR));
        // The first term keeps what a factor of zero would lose.
        self.0 = self.0.rotate_left(23) ^ product as u64 ^ (product >> 64) as u64;
    }

    /// Folds sixteen bytes.
    #[inline]
    fn mix_bytes(&mut self, bytes: &[u8]) {
        if let (Some(first), Some(second)) = (bytes.first_chunk(), bytes.last_chunk()) {
            self.mix(u64::from_le_bytes(*first), u64::from_le_bytes(*second));
        }
    }
}

/// At most eight bytes as a number.
fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

impl Hasher for Fold {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        if bytes.len() >= 64 {
            // A second lane, because one multiplication would wait for the one before.
            let mut other = Fold(self.0 ^ FACTOR);
            while let Some((chunk, after)) = rest.split_first_chunk::<32>() {
                let (first, second) = chunk.split_at(16);
                self.mix_bytes(first);
                other.mix_bytes(second);
                rest = after;
            }
            self.mix(other.0, 0);
        }
        let mut chunks = rest.chunks_exact(16);
        for chunk in &mut chunks {
            self.mix_bytes(chunk);
        }
        let rest = chunks.remainder();
        let (first, second) = rest.split_at(rest.len().min(8));
        self.mix(word(first), word(second) ^ bytes.len() as u64);
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.mix(value, 0);
    }

    #[inline]
    fn write_u128(&mut self, value: u128) {
        self.mix(value as u64, (value >> 64) as u64);
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.mix(value as u64, 0);
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.mix(u64::from(value), 0);
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.mix(u64::from(value), 0);
    }

    fn finish(&self) -> u64 {
        self.0.wrapping_mul(FACTOR) ^ self.0 >> 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn one_other_byte_is_another_hash(
            bytes in proptest::collection::vec(any::<u8>(), 1..200), at: usize, change in 1_u8..,
        ) {
            let state = FoldState::default();
            let mut other = bytes.clone();
            let at = at % bytes.len();
            other[at] ^= change;
            prop_assert_ne!(state.hash_one(&bytes[..]), state.hash_one(&other[..]));
            prop_assert_eq!(state.hash_one(&bytes[..]), state.hash_one(bytes.clone()));
        }
    }

    #[test]
    fn small_numbers_spread_over_the_low_and_the_high_bits() {
        let state = FoldState::default();
        let hashes: Vec<u64> = (0..4096_u64).map(|number| state.hash_one(number)).collect();
        for shift in [0, 52] {
            let places = hashes.iter().map(|hash| hash >> shift & 0xfff);
            let distinct = places.collect::<HashSet<_>>().len();
            // Random numbers hit 63 % of the places.
            assert!(distinct > 2000, "{distinct}");
        }
    }
}
