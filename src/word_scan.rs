//! Searches of text that read a word of eight bytes at a time.

/// A one in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The high bit of each byte.
const HIGH_BITS: u64 = 0x80 * ONES;

/// Whether all bytes are visible ASCII characters.
pub(crate) fn is_visible_ascii(text: &[u8]) -> bool {
    // Sets the high bit of each byte that is not visible.
    let invisible_bytes = |word: u64| {
        let below_range = !((word | HIGH_BITS) - u64::from(b'!') * ONES);
        // A byte of 0xff carries into the next byte. That can only mark a visible byte in a word that has
        // an invisible byte anyway.
        let above_range = word.wrapping_add(ONES) | word;
        below_range | above_range
    };
    match fold_words(text, invisible_bytes) {
        Some(invisible) => invisible & HIGH_BITS == 0,
        None => text.iter().all(u8::is_ascii_graphic),
    }
}

/// Whether the text contains the byte.
pub(crate) fn contains(text: &[u8], byte: u8) -> bool {
    let pattern = u64::from(byte) * ONES;
    // Sets the high bit of the first zero byte. Without a zero byte, it sets no high bit.
    let zero_bytes = |word: u64| (word.wrapping_sub(ONES)) & !word;
    match fold_words(text, |word| zero_bytes(word ^ pattern)) {
        Some(zero) => zero & HIGH_BITS != 0,
        None => text.contains(&byte),
    }
}

/// The bitwise or of `flags` of all words; `None` for less than eight bytes.
#[inline]
fn fold_words(text: &[u8], flags: impl Fn(u64) -> u64) -> Option<u64> {
    let flags = |bytes: &[u8; 8]| flags(u64::from_le_bytes(*bytes));
    // The last word may overlap with the word before it.
    let last = flags(text.last_chunk()?);
    let words = text.chunks_exact(8).filter_map(|word| word.first_chunk());
    Some(words.fold(last, |all, word| all | flags(word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_search_of_each_byte(
            text in "[!-~]{1,40}",
            at in any::<prop::sample::Index>(),
            byte: u8,
            other: u8,
        ) {
            let mut text = text.into_bytes();
            prop_assert!(is_visible_ascii(&text));
            *at.get_mut(&mut text) = byte;
            prop_assert_eq!(is_visible_ascii(&text), text.iter().all(u8::is_ascii_graphic));
            prop_assert!(contains(&text, byte));
            prop_assert_eq!(contains(&text, other), text.contains(&other));
            prop_assert_eq!(contains(&text, byte ^ 1), text.contains(&(byte ^ 1)));
        }
    }
}
