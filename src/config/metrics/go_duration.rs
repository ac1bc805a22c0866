//! Durations as Go's `time.ParseDuration` reads them: `1h30m`, `1.5h`, `250ms`.

use crate::digits::parse_digits;
use std::time::Duration;

/// Nanoseconds of each unit. `ms` comes before `m`.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    // The Greek letter instead of the sign.
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The longest duration in Go, in nanoseconds.
const MAX: u64 = i64::MAX as u64;

/// Reads a duration that is not negative.
pub(super) fn parse_go_duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let (whole, behind) = digits(rest);
        let (fraction, behind) = behind.strip_prefix('.').map_or(("", behind), digits);
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let (unit, behind) = UNITS
            .iter()
            .find_map(|(name, unit)| Some((*unit, behind.strip_prefix(name)?)))?;
        let part = whole_part(whole)?.checked_mul(unit)?;
        sum = sum
            .checked_add(part)?
            .checked_add(fraction_of(fraction, unit))?;
        if sum > MAX {
            return None;
        }
        rest = behind;
    }
    Some(Duration::from_nanos(sum))
}

/// The digits at the start, and what is behind them.
fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

fn whole_part(digits: &str) -> Option<u64> {
    match digits {
        "" => Some(0),
        digits => parse_digits(digits),
    }
}

/// A fraction of a unit. Like Go, it ignores digits for which a number of 63 bits has no room.
fn fraction_of(digits: &str, unit: u64) -> u64 {
    let (mut number, mut scale) = (0_u64, 1.0);
    for digit in digits.bytes() {
        let next = number.checked_mul(10);
        let next = next.and_then(|next| next.checked_add(u64::from(digit - b'0')));
        let Some(next) = next.filter(|next| *next <= MAX) else {
            break;
        };
        (number, scale) = (next, scale * 10.0);
    }
    (number as f64 * (unit as f64 / scale)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_of_gos_own_tests() {
        let seconds = |seconds: f64| Some(Duration::from_secs_f64(seconds));
        for (text, expected) in [
            ("0", Some(Duration::ZERO)),
            ("5s", seconds(5.0)),
            ("+5s", seconds(5.0)),
            ("5.s", seconds(5.0)),
            (".5s", seconds(0.5)),
            ("1.004s", seconds(1.004)),
            ("100.00100s", seconds(100.001)),
            ("11us", seconds(11e-6)),
            ("12µs", seconds(12e-6)),
            ("12μs", seconds(12e-6)),
            ("14ms", seconds(0.014)),
            ("3h30m", seconds(12_600.0)),
            ("10.5s4m", seconds(250.5)),
            ("5m0s", seconds(300.0)),
            ("1.5h", seconds(5400.0)),
            ("0.3333333333333333333h", seconds(1200.0)),
            ("0.100000000000000000000h", seconds(360.0)),
            (
                "0.9223372036854775807h",
                Some(Duration::from_nanos(3_320_413_933_267)),
            ),
            ("9223372036854775807ns", Some(Duration::from_nanos(MAX))),
            ("9223372036854775.807us", Some(Duration::from_nanos(MAX))),
            ("9223372036854775808ns", None),
            ("9223372036854ms775us808ns", None),
            ("2562048h", None),
            ("18446744073709551616h", None),
            ("", None),
            ("+", None),
            ("-5s", None),
            ("++5s", None),
            ("3", None),
            ("3000", None),
            ("s", None),
            (".", None),
            (".s", None),
            ("+.s", None),
            ("1d", None),
            ("1m30", None),
            ("1 h", None),
            ("1e3s", None),
            ("\u{85}\u{85}", None),
        ] {
            assert_eq!(parse_go_duration(text), expected, "{text}");
        }
    }

    /// Whole units, digits behind the point, and which unit.
    fn parts() -> impl Strategy<Value = Vec<(u32, String, usize)>> {
        let part = (any::<u32>(), "[0-9]{0,12}", 0..UNITS.len());
        proptest::collection::vec(part, 1..6)
    }

    proptest! {
        #[test]
        fn a_duration_is_the_sum_of_its_parts(parts in parts()) {
            let mut text = String::new();
            let mut sum = 0_u128;
            for (whole, fraction, unit) in &parts {
                let (name, unit) = UNITS[*unit];
                text += &match fraction.as_str() {
                    "" => format!("{whole}{name}"),
                    fraction => format!("{whole}.{fraction}{name}"),
                };
                let digits: u128 = format!("0{fraction}").parse().unwrap();
                let scale = 10_u128.pow(fraction.len() as u32);
                let unit = u128::from(unit);
                sum += u128::from(*whole) * unit + digits * unit / scale;
            }
            match parse_go_duration(&text) {
                // Fractions are products of floating-point numbers, as in Go.
                Some(read) => prop_assert!(read.as_nanos().abs_diff(sum) <= parts.len() as u128),
                None => prop_assert!(sum + parts.len() as u128 > u128::from(MAX)),
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-+.0-9a-zµμ]{0,24}") {
            if let Some(read) = parse_go_duration(&text) {
                prop_assert!(read.as_nanos() <= u128::from(MAX));
                prop_assert!(text.contains(|digit: char| digit.is_ascii_digit()));
            }
        }
    }
}
