//! Whole numbers in text.

use std::str::FromStr;

/// Reads ASCII digits and nothing else: `parse` alone takes a leading `+`.
pub(crate) fn whole<N: FromStr>(text: &str) -> Option<N> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_a_whole_number() {
        assert_eq!(whole("0"), Some(0_u8));
        assert_eq!(whole("255"), Some(255_u8));
        assert_eq!(whole("007"), Some(7_u8));
        for text in [
            "", "+5", "-0", "-5", " 5", "5 ", "5_0", "5.0", "0x5", "\u{665}", "256",
        ] {
            assert_eq!(whole::<u8>(text), None, "{text:?}");
        }
    }
}
