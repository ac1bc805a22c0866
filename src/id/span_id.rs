//! `SpanId`.

use super::{ParseIdError, error::HexError, hex, random::random_u64};
use std::{fmt, num::NonZeroU64, str::FromStr};

/// The id of a span: 64 bits, written as 16 lower-case hexadecimal digits.
///
/// Parsing accepts 1 to 16 digits in upper or lower case. Missing digits on the left are zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId(NonZeroU64);

impl SpanId {
    /// Generates a random id.
    pub fn random() -> SpanId {
        SpanId::new(random_u64()).unwrap_or(SpanId(NonZeroU64::MIN))
    }

    /// Makes an id from a number; `None` for zero.
    pub fn new(id: u64) -> Option<SpanId> {
        NonZeroU64::new(id).map(SpanId)
    }

    /// Returns the id as a number.
    pub fn get(self) -> u64 {
        self.0.get()
    }

    /// Reads 1 to 16 hexadecimal digits.
    #[inline]
    pub(crate) fn from_hex(digits: &[u8]) -> Result<SpanId, HexError> {
        SpanId::new(hex::read_u64(digits)?).ok_or(HexError::Zero)
    }

    pub(crate) fn digits(self) -> [u8; 16] {
        hex::u64_digits(self.get())
    }
}

impl FromStr for SpanId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        SpanId::from_hex(text.as_bytes()).map_err(|error| error.in_id("span id"))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(hex::as_str(&self.digits()))
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpanId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trips(id in 1_u64..) {
            let id = SpanId::new(id).unwrap();
            prop_assert_eq!(id.to_string(), format!("{:016x}", id.get()));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn short_text_is_padded() {
        assert_eq!(
            "1F".parse::<SpanId>().unwrap().to_string(),
            "000000000000001f"
        );
        assert!("0".parse::<SpanId>().unwrap_err().is_zero());
        assert_eq!("12 4".parse::<SpanId>().unwrap_err().position(), Some(2));
    }
}
