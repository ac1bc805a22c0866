//! `SpanHandle`: tags a span that another task or thread owns.

use crate::{clock::Moment, context::TraceContext, record::is_error_tag, text::is_blank};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many tags and events a span holds for its end.
const MAX_PENDING: usize = 256;

/// A handle on a span that another task or thread owns.
///
/// The tags and events that it adds are written when the span finishes. A handle refuses
///
/// - anything after the span has finished,
/// - anything after 256 tags and events, except for the tags `error` and `error.reason`,
/// - a tag whose name is empty or blank, and an event whose text is.
#[derive(Debug, Clone)]
pub struct SpanHandle {
    pub(super) context: TraceContext,
    pub(super) clock: Moment,
    pub(super) notes: Arc<Mutex<Notes>>,
}

#[derive(Debug, Default)]
pub(super) struct Notes {
    closed: bool,
    pending: Vec<Note>,
}

#[derive(Debug)]
pub(super) enum Note {
    Tag(String, String),
    Annotation(u64, String),
}

impl Notes {
    fn add(&mut self, note: Note) -> bool {
        if self.closed {
            return false;
        }
        match &note {
            // Replaces an earlier one, so there are at most two, beyond the limit or not.
            Note::Tag(name, _) if is_error_tag(name) => {
                self.pending
                    .retain(|other| !matches!(other, Note::Tag(other, _) if other == name));
            }
            _ if self.pending.len() >= MAX_PENDING => return false,
            _ => {}
        }
        self.pending.push(note);
        true
    }

    pub(super) fn close(&mut self) -> Vec<Note> {
        self.closed = true;
        std::mem::take(&mut self.pending)
    }
}

pub(super) fn lock(notes: &Mutex<Notes>) -> MutexGuard<'_, Notes> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SpanHandle {
    /// The span's ids.
    pub fn context(&self) -> TraceContext {
        self.context
    }

    /// Tags the span. Returns `false` if the tag is refused.
    pub fn tag(&self, name: impl Into<String>, value: impl Into<String>) -> bool {
        let name = name.into();
        !is_blank(&name) && self.note(Note::Tag(name, value.into()))
    }

    /// Adds an event at the present time. Returns `false` if the event is refused.
    pub fn annotate(&self, text: impl Into<String>) -> bool {
        let text = text.into();
        !is_blank(&text) && self.note(Note::Annotation(self.clock.later().micros(), text))
    }

    /// Marks the span as failed. Returns `false` if that is refused.
    pub fn error(&self, reason: impl Into<String>) -> bool {
        self.tag("error", "true") && self.tag("error.reason", reason)
    }

    fn note(&self, note: Note) -> bool {
        lock(&self.notes).add(note)
    }
}
