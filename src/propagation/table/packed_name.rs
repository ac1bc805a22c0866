//! Header names as words, which are compared faster than bytes, and their hash.

/// The length of the longest name that is packed completely. For a longer name, the bytes between the
/// first 16 and the last 8 are not compared here.
pub(super) const MAX_PACKED: usize = 24;

/// The bytes of a name in three words.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PackedName {
    /// The first and the last bytes. They overlap in a short name.
    ends: (u64, u64),
    /// The bytes after the first eight, for names longer than 16 bytes.
    middle: u64,
    length: u16,
}

impl PackedName {
    pub(super) fn new(name: &[u8]) -> PackedName {
        PackedName {
            ends: ends(name),
            middle: middle(name),
            length: u16::try_from(name.len()).unwrap_or(u16::MAX),
        }
    }

    /// Whether the packed bytes are equal to those of `name`.
    #[inline]
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        usize::from(self.length) == name.len()
            && self.ends == ends(name)
            && (name.len() <= 16 || self.middle == middle(name))
    }
}

/// The hash of a name, made of its length and the byte in its middle. The factor is chosen so that the
/// tracing headers and the headers of standard tags do not collide.
#[inline]
pub(super) fn hash(name: &[u8]) -> u8 {
    let middle = name.get(name.len() / 2).copied().unwrap_or_default();
    (name.len() as u8).wrapping_mul(57).wrapping_add(middle)
}

/// The first and the last eight bytes of a name, or less of a shorter name.
#[inline]
fn ends(name: &[u8]) -> (u64, u64) {
    if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        return (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
    }
    if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        let word = |bytes: [u8; 4]| u64::from(u32::from_le_bytes(bytes));
        return (word(*first), word(*last));
    }
    // At most three bytes.
    let word = name
        .iter()
        .fold(0, |word, &byte| word << 8 | u64::from(byte));
    (word, 0)
}

#[inline]
fn middle(name: &[u8]) -> u64 {
    let middle = name.get(8..).and_then(|rest| rest.first_chunk());
    middle.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
