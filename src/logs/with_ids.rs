//! `WithIds`, the event format. Text gets the ids in front; how JSON does is in `json.rs`.

use super::{buffer::LineBuffer, fields::LogFields, ids::Ids, json};
use std::fmt;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext,
        format::{FormatEvent, FormatFields, Writer},
    },
    registry::LookupSpan,
};

/// An event format that adds the ids of the current span to the lines of another one.
///
/// The inner format is one of `tracing-subscriber` (full, compact, pretty, JSON) or your own. Give it
/// its settings first:
///
/// ```
/// use tower_b3::logs::WithIds;
///
/// tracing_subscriber::fmt()
///     .compact()
///     .with_target(false)
///     .map_event_format(WithIds::text)
///     .init();
/// ```
///
/// As a layer beside others:
///
/// ```
/// use tower_b3::logs::WithIds;
/// use tracing_subscriber::{EnvFilter, fmt, prelude::*};
///
/// let lines = fmt::layer()
///     .json()
///     .flatten_event(true)
///     .map_event_format(WithIds::json);
/// tracing_subscriber::registry()
///     .with(lines.with_filter(EnvFilter::from_default_env()))
///     .init();
/// ```
///
/// A panic in the `Debug` of a field is not caught, just as without `WithIds`. The lines of later
/// events are complete.
#[derive(Debug, Clone)]
pub struct WithIds<F> {
    format: F,
    notation: Notation,
    fields: LogFields,
}

/// How the inner format writes a line.
#[derive(Debug, Clone, Copy)]
enum Notation {
    Text,
    Json,
}

impl<F> WithIds<F> {
    /// In front of the lines of a format that writes text: `trace_id=… span_id=… `, dimmed on a
    /// terminal. Where an event has several lines (the pretty format), in front of the first one.
    pub fn text(format: F) -> WithIds<F> {
        WithIds {
            format,
            notation: Notation::Text,
            fields: LogFields::default(),
        }
    }

    /// As the first members of the objects that a format writes in JSON.
    ///
    /// A line that is no object gets its ids as [`text`](Self::text) does.
    pub fn json(format: F) -> WithIds<F> {
        WithIds {
            notation: Notation::Json,
            ..WithIds::text(format)
        }
    }

    /// Which fields are added, under which names.
    #[must_use]
    pub fn fields(mut self, fields: LogFields) -> Self {
        self.fields = fields;
        self
    }

    /// The inner format.
    pub fn get_ref(&self) -> &F {
        &self.format
    }

    /// The inner format.
    pub fn into_inner(self) -> F {
        self.format
    }
}

impl<S, N, F> FormatEvent<S, N> for WithIds<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let ids = Ids::current().filter(|ids| self.fields.any(ids));
        match self.notation {
            Notation::Text => {
                let mut line = Line {
                    writer,
                    is_complete: false,
                };
                if let Some(ids) = ids {
                    let dimmed = line.writer.has_ansi_escapes();
                    self.fields.write_text(&ids, dimmed, &mut line.writer)?;
                }
                let written = self.format.format_event(ctx, line.writer.by_ref(), event);
                line.is_complete = true;
                written
            }
            Notation::Json => {
                let mut line = LineBuffer::take();
                let to = Writer::new(&mut line.0);
                self.format.format_event(ctx, to, event)?;
                match ids {
                    Some(ids) => json::write_with_ids(&line.0, &self.fields, &ids, &mut writer),
                    None => writer.write_str(&line.0),
                }
            }
        }
    }
}

/// A line of text. It is ended if the inner format panics: `tracing-subscriber` keeps what was
/// written, and the thread's next event would be on the same line.
struct Line<'writer> {
    writer: Writer<'writer>,
    is_complete: bool,
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if !self.is_complete {
            let _ = self.writer.write_char('\n');
        }
    }
}
