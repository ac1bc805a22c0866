//! `TimeFormat`: the format of a time in UTC, in the syntax of `strftime` with the additions of Envoy.

use crate::decimal::write_number;

/// Envoy's format of `%START_TIME%`.
const DEFAULT: &str = "%Y-%m-%dT%H:%M:%E3SZ";

/// What a format may contain.
pub(super) const ALLOWED: &str = "a time format of %Y %y %m %d %e %H %I %M %S %p %j %a %A %b %B %h %u %w \
     %F %D %T %R %s %f %3f %E3S %E*S %z %Z %t %%";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TimeFormat(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Year,
    YearOfCentury,
    Month,
    MonthName,
    ShortMonthName,
    Day,
    DayWithSpace,
    DayOfYear,
    Hour,
    HourOfHalfDay,
    HalfDay,
    Minute,
    Second,
    /// The second with this many digits of its fraction.
    SecondWith(u8),
    /// The second with as many digits of its fraction as are needed.
    SecondWithAll,
    /// This many digits of the fraction.
    Fraction(u8),
    SecondsSince1970,
    Weekday,
    ShortWeekday,
    /// Sunday is 0.
    WeekdayNumber,
    /// Monday is 1, Sunday is 7.
    IsoWeekdayNumber,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

impl TimeFormat {
    /// Parses a format; the empty one is Envoy's default. `None` if it contains anything that is not
    /// [`ALLOWED`].
    pub(super) fn parse(format: &str) -> Option<TimeFormat> {
        let mut parts = Vec::new();
        let format = if format.is_empty() { DEFAULT } else { format };
        parse_into(format, &mut parts)?;
        Some(TimeFormat(parts))
    }

    /// Appends a time, in microseconds since 1970.
    pub(super) fn write(&self, micros: u64, to: &mut Vec<u8>) {
        let time = Time::of(micros);
        for part in &self.0 {
            part.write(&time, to);
        }
    }
}

fn parse_into(format: &str, parts: &mut Vec<Part>) -> Option<()> {
    let mut rest = format;
    while let Some(start) = rest.find('%') {
        push_text(&rest[..start], parts);
        let mut after = rest[start + 1..].chars();
        let part = match after.next()? {
            'Y' => Part::Year,
            'y' => Part::YearOfCentury,
            'm' => Part::Month,
            'B' => Part::MonthName,
            'b' | 'h' => Part::ShortMonthName,
            'd' => Part::Day,
            'e' => Part::DayWithSpace,
            'j' => Part::DayOfYear,
            'H' => Part::Hour,
            'I' => Part::HourOfHalfDay,
            'p' => Part::HalfDay,
            'M' => Part::Minute,
            'S' => Part::Second,
            's' => Part::SecondsSince1970,
            'A' => Part::Weekday,
            'a' => Part::ShortWeekday,
            'w' => Part::WeekdayNumber,
            'u' => Part::IsoWeekdayNumber,
            'f' => Part::Fraction(9),
            digit @ '1'..='9' if after.next()? == 'f' => Part::Fraction(digit as u8 - b'0'),
            'E' => match (after.next()?, after.next()?) {
                ('*', 'S') => Part::SecondWithAll,
                (digit @ '0'..='9', 'S') => Part::SecondWith(digit as u8 - b'0'),
                _ => return None,
            },
            short => {
                let long = match short {
                    'F' => "%Y-%m-%d",
                    'D' => "%m/%d/%y",
                    'T' => "%H:%M:%S",
                    'R' => "%H:%M",
                    'z' => "+0000",
                    'Z' => "UTC",
                    't' => "\t",
                    '%' => "%%",
                    _ => return None,
                };
                match long {
                    "%%" => push_text("%", parts),
                    long => parse_into(long, parts)?,
                }
                rest = after.as_str();
                continue;
            }
        };
        parts.push(part);
        rest = after.as_str();
    }
    push_text(rest, parts);
    Some(())
}

fn push_text(text: &str, parts: &mut Vec<Part>) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(Part::Text(last)) => last.push_str(text),
        _ => parts.push(Part::Text(text.to_owned())),
    }
}

/// A time in UTC.
struct Time {
    seconds: u64,
    micros: u64,
    year: u64,
    /// From 0.
    month: usize,
    /// From 1.
    day: u64,
    /// From 1.
    day_of_year: u64,
    weekday: usize,
    second_of_day: u64,
}

impl Time {
    fn of(micros_since_1970: u64) -> Time {
        let seconds = micros_since_1970 / 1_000_000;
        let days = seconds / 86_400;
        // Years begin in March, so that the leap day is the last one: Howard Hinnant, "chrono-compatible
        // low-level date algorithms".
        let days_from_0000 = days + 719_468;
        let era = days_from_0000 / 146_097;
        let day_of_era = days_from_0000 % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let from_march = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * from_march + 2) / 153;
        let day = from_march - (153 * month_from_march + 2) / 5 + 1;
        let in_next_year = month_from_march >= 10;
        let year = year_of_era + era * 400 + u64::from(in_next_year);
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let day_of_year = match in_next_year {
            true => from_march - 305,
            false => from_march + 60 + u64::from(is_leap),
        };
        Time {
            seconds,
            micros: micros_since_1970 % 1_000_000,
            year,
            month: (month_from_march as usize + 2) % 12,
            day,
            day_of_year,
            // 1970 began on a Thursday.
            weekday: (days as usize + 4) % 7,
            second_of_day: seconds % 86_400,
        }
    }
}

impl Part {
    fn write(&self, time: &Time, to: &mut Vec<u8>) {
        let (hour, minute) = (time.second_of_day / 3600, time.second_of_day / 60 % 60);
        let second = time.second_of_day % 60;
        let name = |name: &str, length: usize, to: &mut Vec<u8>| {
            to.extend_from_slice(&name.as_bytes()[..length]);
        };
        match self {
            Part::Text(text) => to.extend_from_slice(text.as_bytes()),
            Part::Year => write_number(time.year, to),
            Part::YearOfCentury => two_digits(time.year % 100, to),
            Part::Month => two_digits(time.month as u64 + 1, to),
            Part::MonthName => name(MONTHS[time.month], MONTHS[time.month].len(), to),
            Part::ShortMonthName => name(MONTHS[time.month], 3, to),
            Part::Day => two_digits(time.day, to),
            Part::DayWithSpace if time.day < 10 => to.extend_from_slice(&[b' ', digit(time.day)]),
            Part::DayWithSpace => two_digits(time.day, to),
            Part::DayOfYear => digits(time.day_of_year, 3, to),
            Part::Hour => two_digits(hour, to),
            Part::HourOfHalfDay => two_digits((hour + 11) % 12 + 1, to),
            Part::HalfDay => to.extend_from_slice(if hour < 12 { b"AM" } else { b"PM" }),
            Part::Minute => two_digits(minute, to),
            Part::Second | Part::SecondWith(0) => two_digits(second, to),
            Part::SecondWith(count) => {
                two_digits(second, to);
                to.push(b'.');
                fraction(time.micros, *count, to);
            }
            Part::SecondWithAll => {
                two_digits(second, to);
                if time.micros > 0 {
                    to.push(b'.');
                    fraction(time.micros, 6, to);
                    let zeros = to.iter().rev().take_while(|digit| **digit == b'0').count();
                    to.truncate(to.len() - zeros);
                }
            }
            Part::Fraction(count) => fraction(time.micros, *count, to),
            Part::SecondsSince1970 => write_number(time.seconds, to),
            Part::Weekday => name(WEEKDAYS[time.weekday], WEEKDAYS[time.weekday].len(), to),
            Part::ShortWeekday => name(WEEKDAYS[time.weekday], 3, to),
            Part::WeekdayNumber => to.push(digit(time.weekday as u64)),
            Part::IsoWeekdayNumber => to.push(digit((time.weekday as u64 + 6) % 7 + 1)),
        }
    }
}

fn digit(number: u64) -> u8 {
    b'0' + (number % 10) as u8
}

fn two_digits(number: u64, to: &mut Vec<u8>) {
    to.extend_from_slice(&[digit(number / 10), digit(number)]);
}

/// The last `count` digits of a number, nine at most.
fn digits(number: u64, count: u8, to: &mut Vec<u8>) {
    let mut text = [0; 9];
    let text = &mut text[..usize::from(count.min(9))];
    let mut rest = number;
    for place in text.iter_mut().rev() {
        *place = digit(rest);
        rest /= 10;
    }
    to.extend_from_slice(text);
}

/// The first `count` digits of a fraction of a second.
fn fraction(micros: u64, count: u8, to: &mut Vec<u8>) {
    let shift = u32::from(9 - count.min(9));
    digits(micros * 1000 / 10_u64.pow(shift), count, to);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(format: &str, micros: u64) -> String {
        let mut to = Vec::new();
        TimeFormat::parse(format).unwrap().write(micros, &mut to);
        String::from_utf8(to).unwrap()
    }

    /// Lines that Envoy 1.40 has written.
    #[test]
    fn as_envoy_writes_it() {
        let micros = 1_795_728_748_066_090;
        for (format, expected) in [
            ("", "2026-11-26T21:32:28.066Z"),
            ("%s.%3f", "1795728748.066"),
            (
                "%E6S_%E*S_%f_%6f_%b_%a_%j_%e_%Z_%z_%y_%p_%I_%F_%T_%D_%%",
                "28.066090_28.06609_066090000_066090_Nov_Thu_330_26_UTC_+0000_26_PM_09_2026-11-26_21:32:28_11/26/26_%",
            ),
            ("%A %B %u %w %R|%t|", "Thursday November 4 4 21:32|\t|"),
            ("%E0S", "28"),
        ] {
            assert_eq!(written(format, micros), expected);
        }
        assert_eq!(written("%E*S %e", 1_000_000), "01  1");
    }

    #[test]
    fn leap_days_and_the_ends_of_years() {
        for (seconds, expected) in [
            (0, "1970-01-01 001 4 12"),
            (951_782_400, "2000-02-29 060 2 12"),
            (978_307_199, "2000-12-31 366 0 11"),
            (4_107_542_400, "2100-03-01 060 1 12"),
            (1_709_164_800, "2024-02-29 060 4 12"),
            (1_735_689_599, "2024-12-31 366 2 11"),
        ] {
            assert_eq!(written("%F %j %w %I", seconds * 1_000_000), expected);
        }
    }

    #[test]
    fn what_is_not_allowed_is_an_error() {
        for format in ["%n", "%Q", "%", "%E3", "%EeS", "%0f", "%5", "a%"] {
            assert_eq!(TimeFormat::parse(format), None, "{format}");
        }
    }

    proptest! {
        #[test]
        fn dates_agree_with_httpdate(seconds in 0_u64..250_000_000_000) {
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            let expected = httpdate_of(time);
            prop_assert_eq!(written("%a, %d %b %Y %T GMT", seconds * 1_000_000), expected);
        }

        #[test]
        fn any_text_is_a_format_or_an_error(text in "[%EYsf*S0-9a-z ]{0,12}", micros in 0..=u64::MAX) {
            if let Some(format) = TimeFormat::parse(&text) {
                format.write(micros, &mut Vec::new());
            }
        }
    }

    fn httpdate_of(time: std::time::SystemTime) -> String {
        httpdate::fmt_http_date(time)
    }
}
