//! Truncating text, and telling whether it is blank.

/// The first `max_bytes` bytes of the text, or less so that no character is split.
#[inline]
pub(crate) fn cut(text: &str, max_bytes: usize) -> &str {
    if text.len() <= max_bytes {
        return text;
    }
    let mut end = max_bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Whether the text is empty or only white space.
pub(crate) fn is_blank(text: &str) -> bool {
    text.trim_start().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cuts_between_characters(text in "\\PC{0,40}", max_bytes in 0_usize..60) {
            let short = cut(&text, max_bytes);
            prop_assert!(text.starts_with(short));
            prop_assert!(short.len() <= max_bytes);
            prop_assert!(short.len() == text.len() || short.len() + 4 > max_bytes);
        }
    }
}
