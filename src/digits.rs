//! Parsing unsigned numbers strictly.

use std::str::FromStr;

/// Parses ASCII digits and nothing else. `str::parse` alone accepts a leading `+`.
pub(crate) fn parse_digits<N: FromStr>(text: &str) -> Option<N> {
    let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
    digits_only.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_accepted() {
        assert_eq!(parse_digits("0"), Some(0_u8));
        assert_eq!(parse_digits("255"), Some(255_u8));
        assert_eq!(parse_digits("007"), Some(7_u8));
        for text in [
            "", "+5", "-0", "-5", " 5", "5 ", "5_0", "5.0", "0x5", "\u{665}", "256",
        ] {
            assert_eq!(parse_digits::<u8>(text), None, "{text:?}");
        }
    }
}
