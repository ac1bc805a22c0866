//! `TraceId`, and how ids of new traces are generated.

use super::{ParseIdError, SpanId, error::HexError, hex, random::random_u64};
use std::{
    fmt,
    num::NonZeroU128,
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};

/// The id of a trace: 128 bits, or 64 bits if the high half is zero.
///
/// It is written as 32 lower-case hexadecimal digits, or 16 for a 64-bit id, as in Envoy, Brave and
/// Zipkin. Parsing accepts 1 to 32 digits in upper or lower case. Missing digits on the left are zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(NonZeroU128);

/// How the ids of new traces are generated. The default is 128 random bits, as in Istio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TraceIdKind {
    /// 128 random bits.
    #[default]
    Random128,
    /// 64 random bits, written as 16 digits. The root span has the same id.
    Random64,
    /// The time in seconds since 1970 in the highest 32 bits, as AWS X-Ray requires, and 96 random
    /// bits.
    TimePrefixed,
}

impl TraceId {
    /// Generates an id of 128 random bits.
    pub fn random() -> TraceId {
        TraceId::generate(TraceIdKind::Random128)
    }

    /// Generates an id of this kind.
    pub fn generate(kind: TraceIdKind) -> TraceId {
        let low = SpanId::random().get();
        let high = match kind {
            TraceIdKind::Random64 => 0,
            // With a zero high half it would be a 64-bit id.
            TraceIdKind::Random128 => random_u64().max(1),
            TraceIdKind::TimePrefixed => {
                let seconds = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(1, |since| since.as_secs());
                (seconds & 0xffff_ffff) << 32 | random_u64() & 0xffff_ffff
            }
        };
        TraceId::from_halves(high, low).unwrap_or(TraceId(NonZeroU128::MIN))
    }

    /// Makes an id from a number; `None` for zero.
    pub fn new(id: u128) -> Option<TraceId> {
        NonZeroU128::new(id).map(TraceId)
    }

    /// Makes an id from its halves; `None` if both are zero.
    pub fn from_halves(high: u64, low: u64) -> Option<TraceId> {
        TraceId::new(u128::from(high) << 64 | u128::from(low))
    }

    /// Returns the id as a number.
    pub fn get(self) -> u128 {
        self.0.get()
    }

    /// Returns the high 64 bits, which are zero for a 64-bit id.
    pub fn high(self) -> u64 {
        (self.get() >> 64) as u64
    }

    /// Returns the low 64 bits, which sampling by trace id uses, and which are the id of a root span.
    pub fn low(self) -> u64 {
        self.get() as u64
    }

    /// Returns whether the high half is zero.
    pub fn is_64_bit(self) -> bool {
        self.high() == 0
    }

    /// Reads 1 to 32 hexadecimal digits.
    #[inline]
    pub(crate) fn from_hex(digits: &[u8]) -> Result<TraceId, HexError> {
        TraceId::new(hex::read_u128(digits)?).ok_or(HexError::Zero)
    }

    /// The 32 digits of the id, including leading zeros.
    pub(crate) fn digits(self) -> [u8; 32] {
        let mut digits = [0; 32];
        let (high, low) = digits.split_at_mut(16);
        high.copy_from_slice(&hex::u64_digits(self.high()));
        low.copy_from_slice(&hex::u64_digits(self.low()));
        digits
    }

    /// How many leading [digits](Self::digits) the written form omits.
    pub(crate) fn omitted_digits(self) -> usize {
        if self.is_64_bit() { 16 } else { 0 }
    }
}

impl FromStr for TraceId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        TraceId::from_hex(text.as_bytes()).map_err(|error| error.in_id("trace id"))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(hex::as_str(&self.digits()[self.omitted_digits()..]))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trips(id in 1_u128..) {
            let id = TraceId::new(id).unwrap();
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(id.to_string().len(), if id.high() == 0 { 16 } else { 32 });
        }

        #[test]
        fn short_ids_round_trip(low in 1_u64..) {
            let id = TraceId::from_halves(0, low).unwrap();
            prop_assert_eq!(id.to_string(), format!("{low:016x}"));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn errors_name_the_problem_and_its_position() {
        let error = |text: &str| text.parse::<TraceId>().unwrap_err().to_string();
        assert_eq!(error(""), "trace id: empty");
        assert_eq!(
            error("+1"),
            "trace id: character '+' at position 0 is not a hexadecimal digit"
        );
        assert_eq!(
            error(&"a".repeat(33)),
            "trace id: 33 characters, but at most 32 are allowed"
        );
        assert_eq!(error(&"0".repeat(32)), "trace id: all digits are zero");
    }

    #[test]
    fn kinds_of_ids_have_their_bits() {
        assert!(TraceId::generate(TraceIdKind::Random64).is_64_bit());
        assert!(!TraceId::random().is_64_bit());
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let prefix = TraceId::generate(TraceIdKind::TimePrefixed).high() >> 32;
        assert!((now..now + 5).contains(&prefix));
    }
}
