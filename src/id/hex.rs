//! Fixed-width hexadecimal numbers, read and written without allocation.
//!
//! The standard library's `from_str_radix` is not used because it accepts a leading `+`. Ids, request
//! ids and `traceparent` are read and written with this; what the numbers mean is not here.

use super::error::HexError;

/// The value of each hexadecimal digit in ASCII. All bits are set for any other byte.
const VALUES: [u64; 256] = {
    let mut values = [u64::MAX; 256];
    let mut digit = 0;
    while digit < 16 {
        values[b"0123456789abcdef"[digit] as usize] = digit as u64;
        values[b"0123456789ABCDEF"[digit] as usize] = digit as u64;
        digit += 1;
    }
    values
};

/// Reads 1 to 16 digits, upper or lower case.
#[inline]
pub(crate) fn read_u64(digits: &[u8]) -> Result<u64, HexError> {
    // Almost every id has 16 digits.
    let of_sixteen = digits.try_into().ok().and_then(read_sixteen);
    of_sixteen.map_or_else(|| read_any_u64(digits), Ok)
}

#[cold]
fn read_any_u64(digits: &[u8]) -> Result<u64, HexError> {
    if digits.is_empty() {
        return Err(HexError::Empty);
    }
    if digits.len() > 16 {
        return Err(HexError::TooLong {
            length: digits.len(),
            max: 16,
        });
    }
    let mut padded = [b'0'; 16];
    padded[16 - digits.len()..].copy_from_slice(digits);
    read_sixteen(&padded).ok_or_else(|| first_error(digits))
}

/// Reads 1 to 32 digits, upper or lower case.
#[inline]
pub(crate) fn read_u128(digits: &[u8]) -> Result<u128, HexError> {
    if let (32, Some(high), Some(low)) = (digits.len(), digits.first_chunk(), digits.last_chunk()) {
        if let (Some(high), Some(low)) = (read_sixteen(high), read_sixteen(low)) {
            return Ok(u128::from(high) << 64 | u128::from(low));
        }
    }
    read_any_u128(digits)
}

#[cold]
fn read_any_u128(digits: &[u8]) -> Result<u128, HexError> {
    if digits.len() > 32 {
        return Err(HexError::TooLong {
            length: digits.len(),
            max: 32,
        });
    }
    let Some(split) = digits.len().checked_sub(16) else {
        return read_u64(digits).map(u128::from);
    };
    let (high, low) = digits.split_at(split);
    let high = match high {
        [] => 0,
        high => read_u64(high)?,
    };
    let low = read_u64(low).map_err(|error| error.at_offset(split))?;
    Ok(u128::from(high) << 64 | u128::from(low))
}

#[inline]
fn read_sixteen(digits: &[u8; 16]) -> Option<u64> {
    let (high, low) = (
        read_eight(digits.first_chunk()?),
        read_eight(digits.last_chunk()?),
    );
    (high | low <= u64::from(u32::MAX)).then_some(high << 32 | low)
}

/// Reads eight digits. If a byte is not a digit, the result has more than 32 bits: at most seven
/// digits follow, which is too few to shift all bits of [`VALUES`] out of the word.
#[inline]
fn read_eight(digits: &[u8; 8]) -> u64 {
    let mut value = 0;
    for &byte in digits {
        value = value << 4 | VALUES[usize::from(byte)];
    }
    value
}

#[cold]
fn first_error(digits: &[u8]) -> HexError {
    let at = digits
        .iter()
        .position(|byte| !byte.is_ascii_hexdigit())
        .unwrap_or(0);
    HexError::NotHex {
        at,
        byte: digits[at],
    }
}

/// Writes sixteen lower-case digits.
pub(crate) fn write_u64(value: u64, to: &mut [u8; 16]) {
    let bytes = value.swap_bytes();
    let (high, low) = to.split_at_mut(8);
    high.copy_from_slice(&eight_digits(bytes as u32));
    low.copy_from_slice(&eight_digits((bytes >> 32) as u32));
}

/// The digits of four bytes, starting with the lowest byte. All digits are computed at once in the
/// bytes of a word, because a table would need a load and a store for each pair of digits.
#[inline]
fn eight_digits(bytes: u32) -> [u8; 8] {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Spread the input to two bytes for each byte, then to one byte for each half, high half first.
    let word = u64::from(bytes);
    let word = (word | word << 16) & 0x0000_ffff_0000_ffff;
    let word = (word | word << 8) & 0x00ff_00ff_00ff_00ff;
    let word = (word >> 4 | word << 8) & 0x0f0f_0f0f_0f0f_0f0f;
    let is_letter = (word + 6 * ONES) >> 4 & ONES;
    // `a` is 39 above the byte after `9`, and 39 is 32 + 8 - 1.
    let to_letter = (is_letter << 5) + (is_letter << 3) - is_letter;
    (word + u64::from(b'0') * ONES + to_letter).to_le_bytes()
}

/// The sixteen lower-case digits of `value`.
pub(crate) fn u64_digits(value: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    write_u64(value, &mut digits);
    digits
}

/// Digits as text. They are ASCII by construction.
pub(crate) fn as_str(digits: &[u8]) -> &str {
    std::str::from_utf8(digits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn u64_round_trips_in_either_case(value: u64) {
            let digits = u64_digits(value);
            prop_assert_eq!(as_str(&digits), format!("{value:016x}"));
            prop_assert_eq!(read_u64(&digits), Ok(value));
            prop_assert_eq!(read_u64(&digits.to_ascii_uppercase()), Ok(value));
        }

        #[test]
        fn read_u64_agrees_with_a_simple_model(
            digits in prop_oneof![any::<[u8; 16]>(), "[0-9a-fA-F]{16}".prop_map(|text| {
                <[u8; 16]>::try_from(text.as_bytes()).unwrap()
            })],
            at in 0_usize..16,
            other in any::<u8>(),
        ) {
            let mut digits = digits;
            for replaced in [false, true] {
                if replaced {
                    digits[at] = other;
                }
                let model = digits.iter().try_fold(0_u64, |value, byte| {
                    Some(value << 4 | u64::from(char::from(*byte).to_digit(16)?))
                });
                prop_assert_eq!(read_u64(&digits).ok(), model);
            }
        }

        #[test]
        fn read_u128_agrees_with_a_simple_model(text in "[0-9a-fA-F+_ xg-]{0,34}") {
            let model = (1..=32).contains(&text.len()).then_some(()).and_then(|()| {
                text.chars().try_fold(0_u128, |value, c| Some(value << 4 | u128::from(c.to_digit(16)?)))
            });
            prop_assert_eq!(read_u128(text.as_bytes()).ok(), model);
        }
    }

    #[test]
    fn errors_have_positions() {
        assert_eq!(read_u64(b""), Err(HexError::Empty));
        assert_eq!(read_u128(b""), Err(HexError::Empty));
        assert_eq!(
            read_u64(b"0x1f"),
            Err(HexError::NotHex { at: 1, byte: b'x' })
        );
        assert_eq!(
            read_u128(b"463ac35c9f6413ad48485a3953bb612-"),
            Err(HexError::NotHex { at: 31, byte: b'-' })
        );
        assert_eq!(
            read_u64(b"00000000000000001"),
            Err(HexError::TooLong {
                length: 17,
                max: 16
            })
        );
    }
}
