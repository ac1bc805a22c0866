//! Results as Envoy prints them.

use cel::Value;
use chrono::{DateTime, Datelike, TimeDelta, TimeZone, Timelike, Utc};
use std::fmt::Write;

const SECOND: i128 = 1_000_000_000;

/// Appends a result. `false` if Envoy has no such value.
pub(super) fn print_value(value: &Value, out: &mut String) -> bool {
    match value {
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Int(integer) => print_integer(*integer, out),
        Value::UInt(integer) => write(out, format_args!("{integer}")),
        Value::Float(float) => print_float(*float, out),
        Value::String(text) => out.push_str(text),
        Value::Bytes(bytes) => out.push_str(&String::from_utf8_lossy(bytes)),
        Value::Duration(duration) => {
            let nanoseconds =
                i128::from(duration.num_seconds()) * SECOND + i128::from(duration.subsec_nanos());
            print_duration(nanoseconds, out);
        }
        Value::Timestamp(time) => print_time(time, out),
        Value::Null => out.push_str("NULL"),
        Value::List(_) => out.push_str("CelList value"),
        Value::Map(_) => out.push_str("CelMap value"),
        Value::Function(..) => return false,
    }
    true
}

pub(super) fn print_integer(integer: i64, out: &mut String) {
    out.push_str(itoa::Buffer::new().format(integer));
}

/// As `%g` of C with six digits.
fn print_float(float: f64, out: &mut String) {
    if float.is_nan() {
        return out.push_str("nan");
    }
    if float.is_infinite() {
        return out.push_str(if float > 0.0 { "inf" } else { "-inf" });
    }
    let scientific = format!("{float:.5e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        let decimals = usize::try_from(5 - exponent).unwrap_or(0);
        out.push_str(without_trailing_zeros(&format!("{float:.decimals$}")));
    } else {
        out.push_str(without_trailing_zeros(digits));
        let sign = if exponent < 0 { '-' } else { '+' };
        write(out, format_args!("e{sign}{:02}", exponent.abs()));
    }
}

fn without_trailing_zeros(decimal: &str) -> &str {
    if decimal.contains('.') {
        decimal.trim_end_matches('0').trim_end_matches('.')
    } else {
        decimal
    }
}

/// As Go and Abseil print durations: `1h`, `1m30s`, `2.5ms`, `0`.
pub(super) fn print_duration(nanoseconds: i128, out: &mut String) {
    if nanoseconds == 0 {
        return out.push('0');
    }
    if nanoseconds < 0 {
        out.push('-');
    }
    let rest = nanoseconds.abs();
    if rest < SECOND {
        let (unit, name) = match rest {
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "us"),
            _ => (1_000_000, "ms"),
        };
        return print_units(rest, unit, name, out);
    }
    let (hours, rest) = (rest / (3_600 * SECOND), rest % (3_600 * SECOND));
    let (minutes, rest) = (rest / (60 * SECOND), rest % (60 * SECOND));
    if hours > 0 {
        write(out, format_args!("{hours}h"));
    }
    if minutes > 0 {
        write(out, format_args!("{minutes}m"));
    }
    if rest > 0 {
        print_units(rest, SECOND, "s", out);
    }
}

/// A number of units, with a fraction if it is not whole.
fn print_units(value: i128, unit: i128, name: &str, out: &mut String) {
    write(out, format_args!("{}", value / unit));
    let fraction = value % unit;
    if fraction > 0 {
        let digits = unit.ilog10() as usize;
        let fraction = format!("{fraction:0digits$}");
        write(out, format_args!(".{}", fraction.trim_end_matches('0')));
    }
    out.push_str(name);
}

/// RFC 3339 in UTC, with as many decimals as needed.
pub(super) fn print_time<Z: TimeZone>(time: &DateTime<Z>, out: &mut String) {
    print_seconds(&time.to_utc(), out);
    let nanoseconds = time.nanosecond() % 1_000_000_000;
    if nanoseconds > 0 {
        let fraction = format!("{nanoseconds:09}");
        write(out, format_args!(".{}", fraction.trim_end_matches('0')));
    }
    out.push_str("+00:00");
}

fn print_seconds(time: &DateTime<Utc>, out: &mut String) {
    let (year, month, day) = (time.year(), time.month(), time.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    write(
        out,
        format_args!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"),
    );
}

/// As in JSON: `90s`, `0.002500s`.
pub(super) fn json_duration(duration: TimeDelta, out: &mut String) {
    if duration < TimeDelta::zero() {
        out.push('-');
    }
    let duration = duration.abs();
    write(out, format_args!("{}", duration.num_seconds()));
    json_fraction(duration.subsec_nanos().unsigned_abs(), out);
    out.push('s');
}

/// As in JSON: `2020-01-01T00:00:00.500Z`.
pub(super) fn json_time<Z: TimeZone>(time: &DateTime<Z>, out: &mut String) {
    print_seconds(&time.to_utc(), out);
    json_fraction(time.nanosecond() % 1_000_000_000, out);
    out.push('Z');
}

/// With three, six or nine decimals.
fn json_fraction(nanoseconds: u32, out: &mut String) {
    match nanoseconds {
        0 => {}
        _ if nanoseconds % 1_000_000 == 0 => {
            write(out, format_args!(".{:03}", nanoseconds / 1_000_000));
        }
        _ if nanoseconds % 1_000 == 0 => write(out, format_args!(".{:06}", nanoseconds / 1_000)),
        _ => write(out, format_args!(".{nanoseconds:09}")),
    }
}

fn write(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
}
