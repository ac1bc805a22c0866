//! Bytes looked at eight at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;

/// Whether all bytes are visible ASCII.
pub(crate) fn all_visible(text: &[u8]) -> bool {
    // The high bit of each byte says whether the byte is not visible.
    let invisible = |word: u64| {
        let below = !((word | HIGH) - u64::from(b'!') * ONES);
        // What a byte above 0x7f adds to the next one does not matter: it is invisible itself.
        let above = word.wrapping_add(ONES) | word;
        below | above
    };
    match in_words(text, invisible) {
        Some(invisible) => invisible & HIGH == 0,
        None => text.iter().all(u8::is_ascii_graphic),
    }
}

/// Whether the byte is among these.
pub(crate) fn contain(text: &[u8], byte: u8) -> bool {
    let pattern = u64::from(byte) * ONES;
    // The high bit of the first byte that is zero is set, and none where no byte is.
    let zero = |word: u64| (word.wrapping_sub(ONES)) & !word;
    match in_words(text, |word| zero(word ^ pattern)) {
        Some(zero) => zero & HIGH != 0,
        None => text.contains(&byte),
    }
}

/// What `look` says of all words, its bits together; `None` of less than eight bytes.
#[inline]
fn in_words(text: &[u8], look: impl Fn(u64) -> u64) -> Option<u64> {
    let look = |bytes: &[u8; 8]| look(u64::from_le_bytes(*bytes));
    // The last word may overlap with the one before.
    let last = look(text.last_chunk()?);
    let words = text.chunks_exact(8).filter_map(|word| word.first_chunk());
    Some(words.fold(last, |any, word| any | look(word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_look_at_each_byte(
            text in "[!-~]{1,40}",
            at in any::<prop::sample::Index>(),
            byte: u8,
            other: u8,
        ) {
            let mut text = text.into_bytes();
            prop_assert!(all_visible(&text));
            *at.get_mut(&mut text) = byte;
            prop_assert_eq!(all_visible(&text), text.iter().all(u8::is_ascii_graphic));
            prop_assert!(contain(&text, byte));
            prop_assert_eq!(contain(&text, other), text.contains(&other));
            prop_assert_eq!(contain(&text, byte ^ 1), text.contains(&(byte ^ 1)));
        }
    }
}
