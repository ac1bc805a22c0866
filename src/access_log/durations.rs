//! The time between two points of an exchange, for `%DURATION%` and its relatives.

use super::{
    error::{AccessLogFormatError, Reason},
    token::RawOperator,
};
use crate::observe::EndedExchange;
use std::time::Duration;

/// A point of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    Start,
    /// The head of the response.
    Head,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

/// The time between two points, in whole units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    from: Point,
    to: Point,
    unit: Unit,
}

const ALLOWED: &str = "two of DS_RX_BEG, US_RX_BEG, DS_TX_BEG, US_RX_END, DS_TX_END and, \
     optionally, ms, us or ns, separated by `:`";

impl Interval {
    pub(super) fn millis(from: Point, to: Point) -> Interval {
        Interval {
            from,
            to,
            unit: Unit::Milliseconds,
        }
    }

    /// The argument of `%COMMON_DURATION%`.
    pub(super) fn parse(operator: &RawOperator<'_>) -> Result<Interval, AccessLogFormatError> {
        let Some(argument) = operator.argument.filter(|argument| !argument.is_empty()) else {
            let missing = Reason::ArgumentMissing(operator.name.to_owned(), ALLOWED);
            return Err(AccessLogFormatError(missing));
        };
        let mut words = argument.split(':');
        let from = words.next().and_then(Point::parse);
        let to = words.next().and_then(Point::parse);
        let unit = match words.next() {
            None | Some("ms") => Some(Unit::Milliseconds),
            Some("us") => Some(Unit::Microseconds),
            Some("ns") => Some(Unit::Nanoseconds),
            Some(_) => None,
        };
        match (from, to, unit, words.next()) {
            (Some(from), Some(to), Some(unit), None) => Ok(Interval { from, to, unit }),
            _ => Err(AccessLogFormatError(Reason::Argument {
                operator: operator.name.to_owned(),
                argument: argument.to_owned(),
                allowed: ALLOWED,
            })),
        }
    }

    /// `None` if a point was not reached, or if they are in the other order.
    pub(super) fn of(self, exchange: &EndedExchange<'_>) -> Option<u64> {
        let at = |point| match point {
            Point::Start => Some(Duration::ZERO),
            Point::Head => exchange.duration_to_head(),
            Point::End => Some(exchange.duration()),
        };
        let duration = at(self.to)?.checked_sub(at(self.from)?)?;
        let units = match self.unit {
            Unit::Milliseconds => duration.as_millis(),
            Unit::Microseconds => duration.as_micros(),
            Unit::Nanoseconds => duration.as_nanos(),
        };
        u64::try_from(units).ok()
    }
}

impl Point {
    fn parse(name: &str) -> Option<Point> {
        match name {
            "DS_RX_BEG" => Some(Point::Start),
            "US_RX_BEG" | "DS_TX_BEG" => Some(Point::Head),
            "US_RX_END" | "DS_TX_END" => Some(Point::End),
            _ => None,
        }
    }
}
