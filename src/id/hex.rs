//! Fixed-width hexadecimal, without allocation.
//!
//! `from_str_radix` is not used: it takes a leading `+`.

use super::error::Flaw;

/// The value of each ASCII hexadecimal digit, `0xff` for every other byte.
const VALUES: [u8; 256] = {
    let mut values = [0xff; 256];
    let mut digit = 0;
    while digit < 16 {
        values[b"0123456789abcdef"[digit] as usize] = digit as u8;
        values[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};

/// The two digits of each byte.
const PAIRS: [[u8; 2]; 256] = {
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [
            b"0123456789abcdef"[byte >> 4],
            b"0123456789abcdef"[byte & 15],
        ];
        byte += 1;
    }
    pairs
};

/// Reads 1 to 16 digits, upper or lower case.
#[inline]
pub(crate) fn read_u64(digits: &[u8]) -> Result<u64, Flaw> {
    // The length of almost every id.
    let sixteen = digits.try_into().ok().and_then(read_sixteen);
    sixteen.map_or_else(|| read_any_u64(digits), Ok)
}

#[inline(never)]
fn read_any_u64(digits: &[u8]) -> Result<u64, Flaw> {
    if digits.is_empty() {
        return Err(Flaw::Empty);
    }
    if digits.len() > 16 {
        return Err(Flaw::TooLong {
            length: digits.len(),
            most: 16,
        });
    }
    let (mut value, mut seen) = (0_u64, 0_u8);
    for &byte in digits {
        let digit = VALUES[byte as usize];
        seen |= digit;
        value = value << 4 | u64::from(digit & 15);
    }
    if seen > 15 {
        return Err(first_bad(digits));
    }
    Ok(value)
}

/// Reads 1 to 32 digits, upper or lower case.
#[inline]
pub(crate) fn read_u128(digits: &[u8]) -> Result<u128, Flaw> {
    if let (32, Some(high), Some(low)) = (digits.len(), digits.first_chunk(), digits.last_chunk()) {
        if let (Some(high), Some(low)) = (read_sixteen(high), read_sixteen(low)) {
            return Ok(u128::from(high) << 64 | u128::from(low));
        }
    }
    read_any_u128(digits)
}

#[inline(never)]
fn read_any_u128(digits: &[u8]) -> Result<u128, Flaw> {
    if digits.len() > 32 {
        return Err(Flaw::TooLong {
            length: digits.len(),
            most: 32,
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
    let low = read_u64(low).map_err(|flaw| flaw.shifted(split))?;
    Ok(u128::from(high) << 64 | u128::from(low))
}

/// Reads eight digits at a time.
#[inline]
fn read_sixteen(digits: &[u8; 16]) -> Option<u64> {
    let all = u128::from_le_bytes(*digits);
    let (high, bad_high) = read_eight(all as u64);
    let (low, bad_low) = read_eight((all >> 64) as u64);
    (bad_high | bad_low == 0).then_some(u64::from(high) << 32 | u64::from(low))
}

/// Reads the eight digits in the bytes of a word, the first in the lowest. The second result is 0
/// if all of them are digits.
#[inline]
fn read_eight(digits: u64) -> (u32, u64) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let low = digits & !HIGH;
    // The high bit of a byte's sum says whether the byte is at least the limit.
    let at_least = |bytes: u64, limit: u8| bytes + u64::from(0x80 - limit) * ONES;
    let letters = low | (0x20 * ONES);
    let digit = at_least(low, b'0') & !at_least(low, b'9' + 1);
    let letter = at_least(letters, b'a') & !at_least(letters, b'f' + 1);
    let bad = (!(digit | letter) | digits) & HIGH;
    // The low four bits of a letter are 1 to 6.
    let values = (low & (0x0f * ONES)) + 9 * ((letter & HIGH) >> 7);
    let mut value = values.swap_bytes();
    value = (value | value >> 4) & 0x00ff_00ff_00ff_00ff;
    value = (value | value >> 8) & 0x0000_ffff_0000_ffff;
    ((value | value >> 16) as u32, bad)
}

#[cold]
fn first_bad(digits: &[u8]) -> Flaw {
    let at = digits
        .iter()
        .position(|&byte| VALUES[byte as usize] > 15)
        .unwrap_or(0);
    Flaw::NotHex {
        at,
        byte: digits[at],
    }
}

/// Writes sixteen lower-case digits.
pub(crate) fn write_u64(value: u64, to: &mut [u8; 16]) {
    for (pair, byte) in to.chunks_exact_mut(2).zip(value.to_be_bytes()) {
        pair.copy_from_slice(&PAIRS[byte as usize]);
    }
}

/// The sixteen lower-case digits of `value`.
pub(crate) fn u64_digits(value: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    write_u64(value, &mut digits);
    digits
}

/// Digits as text; they are ASCII by construction.
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
        fn sixteen_bytes_are_read_as_by_a_slow_model(
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
        fn u128_reads_what_a_slow_model_reads(text in "[0-9a-fA-F+_ xg-]{0,34}") {
            let model = (1..=32).contains(&text.len()).then_some(()).and_then(|()| {
                text.chars().try_fold(0_u128, |value, c| Some(value << 4 | u128::from(c.to_digit(16)?)))
            });
            prop_assert_eq!(read_u128(text.as_bytes()).ok(), model);
        }
    }

    #[test]
    fn flaws_are_placed() {
        assert_eq!(read_u64(b""), Err(Flaw::Empty));
        assert_eq!(read_u128(b""), Err(Flaw::Empty));
        assert_eq!(read_u64(b"0x1f"), Err(Flaw::NotHex { at: 1, byte: b'x' }));
        assert_eq!(
            read_u128(b"463ac35c9f6413ad48485a3953bb612-"),
            Err(Flaw::NotHex { at: 31, byte: b'-' })
        );
        assert_eq!(
            read_u64(b"00000000000000001"),
            Err(Flaw::TooLong {
                length: 17,
                most: 16
            })
        );
    }
}
