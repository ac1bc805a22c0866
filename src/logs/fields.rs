//! `LogFields`: which fields are added to log lines, and under which names.

use super::{
    ids::Ids,
    json::{escaped, write_escaped},
};
use std::fmt::{self, Write};

/// A field that [`WithIds`](super::WithIds) adds to log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogField {
    /// The trace id.
    TraceId,
    /// The id of the current span: the SERVER span's, or that of a local span around the event.
    SpanId,
    /// The id of its parent. A root span has none.
    ParentId,
    /// The request's `x-request-id`.
    RequestId,
    /// Whether the trace is sampled. Left out as long as nobody has decided.
    Sampled,
}

/// Which fields log lines have, under which names.
///
/// | field | default | [`datadog`](Self::datadog) |
/// |---|---|---|
/// | [`TraceId`](LogField::TraceId) | `trace_id`, 32 or 16 hexadecimal digits | `dd.trace_id`, decimal |
/// | [`SpanId`](LogField::SpanId) | `span_id`, 16 hexadecimal digits | `dd.span_id`, decimal |
/// | [`ParentId`](LogField::ParentId) | `parent_id`, 16 hexadecimal digits | – |
/// | [`RequestId`](LogField::RequestId) | `request_id` | `request_id` |
/// | [`Sampled`](LogField::Sampled) | `sampled`: `true` or `false` | `sampled` |
///
/// ```
/// use tower_b3::logs::{LogField, LogFields, WithIds};
///
/// // As Spring's logs name them, without the parent.
/// let fields = LogFields::default()
///     .name(LogField::TraceId, "traceId")
///     .name(LogField::SpanId, "spanId")
///     .without(LogField::ParentId);
///
/// tracing_subscriber::fmt()
///     .json()
///     .map_event_format(|format| WithIds::json(format).fields(fields))
///     .init();
/// ```
#[derive(Debug, Clone)]
pub struct LogFields {
    columns: Vec<Column>,
    decimal_ids: bool,
}

/// A field and its name.
#[derive(Debug, Clone)]
struct Column {
    field: LogField,
    /// As it was given.
    name: String,
    /// For lines of text: without characters that end a name or a line.
    in_text: String,
    /// For JSON: escaped, in quotes.
    in_json: String,
}

impl Column {
    fn new(field: LogField, name: String) -> Column {
        let separates = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '=' | '"');
        Column {
            field,
            in_text: name.replace(separates, "_"),
            in_json: format!("\"{}\"", escaped(&name)),
            name,
        }
    }
}

impl Default for LogFields {
    fn default() -> Self {
        LogFields::only([
            LogField::TraceId,
            LogField::SpanId,
            LogField::ParentId,
            LogField::RequestId,
            LogField::Sampled,
        ])
    }
}

impl LogFields {
    /// These fields, in this order, under their default names.
    pub fn only(fields: impl IntoIterator<Item = LogField>) -> LogFields {
        let none = LogFields {
            columns: Vec::new(),
            decimal_ids: false,
        };
        fields.into_iter().fold(none, |fields, field| {
            let name = match field {
                LogField::TraceId => "trace_id",
                LogField::SpanId => "span_id",
                LogField::ParentId => "parent_id",
                LogField::RequestId => "request_id",
                LogField::Sampled => "sampled",
            };
            fields.name(field, name)
        })
    }

    /// What Datadog's log pipelines look for: `dd.trace_id` and `dd.span_id` as decimal numbers of 64
    /// bits, of a trace id its low half; `request_id` and `sampled` beside them.
    ///
    /// Logs that reach Datadog through OpenTelemetry's pipeline need `trace_id` and `span_id` in
    /// hexadecimal instead: the default.
    pub fn datadog() -> LogFields {
        LogFields::default()
            .name(LogField::TraceId, "dd.trace_id")
            .name(LogField::SpanId, "dd.span_id")
            .without(LogField::ParentId)
            .decimal_ids(true)
    }

    /// Names a field, and adds it if it is not there.
    ///
    /// An empty name leaves the field out. Two fields cannot have one name: the one that had it before
    /// is left out. In lines of text, white space, `=` and `"` in a name become `_`.
    #[must_use]
    pub fn name(mut self, field: LogField, name: impl Into<String>) -> Self {
        let name = name.into();
        if name.is_empty() {
            return self.without(field);
        }
        let column = Column::new(field, name);
        self.columns
            .retain(|other| other.field == field || other.name != column.name);
        match self.columns.iter_mut().find(|other| other.field == field) {
            Some(place) => *place = column,
            None => self.columns.push(column),
        }
        self
    }

    /// Leaves a field out.
    #[must_use]
    pub fn without(mut self, field: LogField) -> Self {
        self.columns.retain(|column| column.field != field);
        self
    }

    /// Whether ids are decimal numbers of 64 bits, of a trace id its low half. Default: `false`,
    /// hexadecimal digits, as in headers and in Zipkin.
    #[must_use]
    pub fn decimal_ids(mut self, decimal: bool) -> Self {
        self.decimal_ids = decimal;
        self
    }

    fn with_values<'a>(&'a self, ids: &'a Ids) -> impl Iterator<Item = &'a Column> {
        self.columns.iter().filter(|column| ids.has(column.field))
    }

    pub(super) fn any(&self, ids: &Ids) -> bool {
        self.with_values(ids).next().is_some()
    }

    /// Writes `trace_id=… span_id=… `, with a space at the end, or nothing.
    pub(super) fn write_text(&self, ids: &Ids, dimmed: bool, to: &mut dyn Write) -> fmt::Result {
        let mut separator = if dimmed { "\u{1b}[2m" } else { "" };
        for column in self.with_values(ids) {
            to.write_str(separator)?;
            to.write_str(&column.in_text)?;
            to.write_char('=')?;
            ids.write(column.field, self.decimal_ids, to)?;
            separator = " ";
        }
        match (separator, dimmed) {
            (" ", true) => to.write_str("\u{1b}[0m "),
            (" ", false) => to.write_char(' '),
            _ => Ok(()),
        }
    }

    /// Writes `"trace_id":"…","sampled":true`.
    pub(super) fn write_json(&self, ids: &Ids, to: &mut dyn Write) -> fmt::Result {
        let mut separator = "";
        for column in self.with_values(ids) {
            to.write_str(separator)?;
            to.write_str(&column.in_json)?;
            if column.field == LogField::Sampled {
                to.write_char(':')?;
                ids.write(column.field, self.decimal_ids, to)?;
                separator = ",";
                continue;
            }
            to.write_str(":\"")?;
            match column.field {
                LogField::RequestId => write_escaped(ids.request_id(), to)?,
                field => ids.write(field, self.decimal_ids, to)?,
            }
            to.write_char('"')?;
            separator = ",";
        }
        Ok(())
    }

    /// Whether a field with a value has this name, escaped and in quotes.
    pub(super) fn has_json_name(&self, ids: &Ids, name: &str) -> bool {
        self.with_values(ids).any(|column| column.in_json == name)
    }
}
