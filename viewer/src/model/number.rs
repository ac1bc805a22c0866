use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use std::fmt;

/// A whole number in JSON, as a number or as text: protocol buffers write 64-bit numbers as text,
/// and Zipkin reads both.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct WholeNumber(pub(crate) i64);

impl WholeNumber {
    /// The number; 0 if it is negative.
    pub(crate) fn not_negative(self) -> u64 {
        u64::try_from(self.0).unwrap_or(0)
    }
}

impl<'de> Deserialize<'de> for WholeNumber {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<WholeNumber, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = WholeNumber;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number of 64 bits")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<WholeNumber, E> {
                Ok(WholeNumber(number))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<WholeNumber, E> {
                let error = || E::invalid_value(Unexpected::Unsigned(number), &self);
                number.try_into().map(WholeNumber).map_err(|_| error())
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<WholeNumber, E> {
                if number.fract() == 0.0 && number.abs() < i64::MAX as f64 {
                    Ok(WholeNumber(number as i64))
                } else {
                    Err(E::invalid_value(Unexpected::Float(number), &self))
                }
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<WholeNumber, E> {
                let error = || E::invalid_value(Unexpected::Str(text), &self);
                text.parse().map(WholeNumber).map_err(|_| error())
            }
        }
        from.deserialize_any(Read)
    }
}
