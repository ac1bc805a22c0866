//! [`Known`]: the known value of an attribute, borrowed from the exchange.

use super::print::{print_duration, print_integer, print_time};
use cel::{
    Value,
    objects::{Key, Map},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    borrow::Cow,
    collections::HashMap,
    time::{Duration, SystemTime},
};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Known<'a> {
    Text(Cow<'a, str>),
    Integer(i64),
    Bool(bool),
    Duration(Duration),
    Time(SystemTime),
    /// A map as a whole: only its existence is known.
    Map,
}

impl<'a> Known<'a> {
    pub(super) fn text(text: &'a str) -> Known<'a> {
        Known::Text(Cow::Borrowed(text))
    }

    pub(super) fn borrowed(&self) -> Known<'_> {
        match self {
            Known::Text(text) => Known::text(text),
            Known::Integer(integer) => Known::Integer(*integer),
            Known::Bool(flag) => Known::Bool(*flag),
            Known::Duration(duration) => Known::Duration(*duration),
            Known::Time(time) => Known::Time(*time),
            Known::Map => Known::Map,
        }
    }

    /// Appends it as Envoy prints it.
    pub(super) fn print(&self, out: &mut String) {
        match self {
            Known::Text(text) => out.push_str(text),
            Known::Integer(integer) => print_integer(*integer, out),
            Known::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Known::Duration(duration) => print_duration(nanoseconds(*duration), out),
            Known::Time(time) => print_time(&DateTime::<Utc>::from(*time), out),
            Known::Map => out.push_str("CelMap value"),
        }
    }

    /// As a value of the interpreter.
    pub(super) fn into_value(self) -> Value {
        match self {
            Known::Text(text) => Value::String(text.into_owned().into()),
            Known::Integer(integer) => Value::Int(integer),
            Known::Bool(flag) => Value::Bool(flag),
            Known::Duration(duration) => {
                let nanoseconds = i64::try_from(nanoseconds(duration)).unwrap_or(i64::MAX);
                Value::Duration(TimeDelta::nanoseconds(nanoseconds))
            }
            Known::Time(time) => Value::Timestamp(DateTime::<Utc>::from(time).fixed_offset()),
            Known::Map => Value::Map(Map::from(HashMap::<Key, Value>::new())),
        }
    }
}

fn nanoseconds(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
}
