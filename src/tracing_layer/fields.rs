//! The fields of a span or an event, as text.
//!
//! A `Debug` of a field is user code. It can be slow, panic, log, or never end. So fields are
//! formatted before the span is locked, up to bounds, and written to it afterwards.

use crate::{text::cut, user_code::write_bounded};
use std::{cell::Cell, error::Error, fmt, ops::Range};
use tracing::field::{Field, Visit};

/// Fields beyond this number are counted only. A span has room for half of them.
const MAX_FIELDS: usize = 256;

/// Errors of a chain that are written at most: a source can be its own source.
const MAX_SOURCES: usize = 16;

/// A buffer that has grown beyond this, in bytes, is not reused.
const MAX_REUSED_BYTES: usize = 16 * 1024;

/// Fields that have been formatted.
#[derive(Default)]
pub(super) struct Fields {
    text: String,
    fields: Vec<(&'static str, Range<usize>)>,
    /// How many there were beyond the most.
    pub(super) left_out: u64,
    /// The longest value, in bytes.
    max_length: usize,
}

thread_local! {
    /// A buffer for reuse. While it is taken, whoever needs one makes another.
    static SPARE: Cell<Option<Box<Fields>>> = const { Cell::new(None) };
}

impl Fields {
    /// Formats what `record` visits, and calls `read` with it.
    pub(super) fn read<R>(
        max_length: usize,
        record: impl FnOnce(&mut Fields),
        read: impl FnOnce(&Fields) -> R,
    ) -> R {
        let spare = SPARE.try_with(Cell::take).ok().flatten();
        let mut fields = spare.unwrap_or_default();
        fields.max_length = max_length;
        record(&mut fields);
        let result = read(&fields);
        fields.recycle();
        result
    }

    fn recycle(mut self: Box<Self>) {
        self.text.clear();
        self.fields.clear();
        self.left_out = 0;
        if self.text.capacity() <= MAX_REUSED_BYTES {
            let _ = SPARE.try_with(|spare| spare.set(Some(self)));
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let fields = self.fields.iter();
        fields.map(|(name, range)| (*name, &self.text[range.clone()]))
    }

    /// The value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.iter();
        fields
            .find(|(other, _)| *other == name)
            .map(|(_, value)| value)
    }

    fn add(&mut self, field: &Field, write: impl FnOnce(&mut String, usize)) {
        let name = field.name();
        // The record of the `log` crate that an event was made from.
        if name.starts_with("log.") {
            return;
        }
        if self.fields.len() >= MAX_FIELDS {
            self.left_out += 1;
            return;
        }
        let start = self.text.len();
        write(&mut self.text, self.max_length);
        self.fields.push((name, start..self.text.len()));
    }

    fn add_display(&mut self, field: &Field, value: impl fmt::Display) {
        self.add(field, |text, most| {
            write_bounded(text, format_args!("{value}"), most);
        });
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, |text, most| {
            write_bounded(text, format_args!("{value:?}"), most);
        });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, |text, most| text.push_str(cut(value, most)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.record_str(field, if value { "true" } else { "false" });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add_display(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add_display(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.add_display(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.add_display(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add_display(field, value);
    }

    /// The error and its sources: `no orders: connection closed: reset by peer`.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.add(field, |text, most| {
            let sources = Sources(value);
            write_bounded(text, format_args!("{sources}"), most);
        });
    }
}

struct Sources<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Sources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        for _ in 0..MAX_SOURCES {
            let Some(error) = source else {
                break;
            };
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
