use crate::{clock::Moment, context::TraceContext, record::is_error_tag, text::is_blank};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most that waits to be written.
const MOST_PENDING: usize = 256;

/// A handle on a span that another task or thread owns.
///
/// What it adds is written when the span finishes; after that it is refused, and so is what comes
/// after 256 tags and events, but for what says that the span failed. A tag whose name is empty or
/// white space alone is refused as well, and such an event.
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
            // Takes the place of an earlier one, so there are two at most.
            Note::Tag(name, _) if is_error_tag(name) => {
                self.pending
                    .retain(|other| !matches!(other, Note::Tag(other, _) if other == name));
            }
            _ if self.pending.len() >= MOST_PENDING => return false,
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

    /// Tags the span. `false` if that is refused.
    pub fn tag(&self, name: impl Into<String>, value: impl Into<String>) -> bool {
        let name = name.into();
        !is_blank(&name) && self.note(Note::Tag(name, value.into()))
    }

    /// Adds an event, at the present time. `false` if that is refused.
    pub fn annotate(&self, text: impl Into<String>) -> bool {
        let text = text.into();
        !is_blank(&text) && self.note(Note::Annotation(self.clock.later().micros(), text))
    }

    /// Marks the span as failed. `false` if that is refused.
    pub fn error(&self, reason: impl Into<String>) -> bool {
        self.tag("error", "true") && self.tag("error.reason", reason)
    }

    fn note(&self, note: Note) -> bool {
        lock(&self.notes).add(note)
    }
}
