//! `TraceView`: a trace as the page shows it.

use super::{merge::merge, skew::corrections, tree::Tree};
use crate::model::{Span, SpanId, TraceId};
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// A trace with merged spans and corrected clocks, and notes on what was corrected or is missing.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceView {
    /// The id; if services disagree on its length, the long form.
    pub trace_id: TraceId,
    /// The spans, sorted by time.
    pub spans: Vec<ViewSpan>,
    /// What a reader of the trace should know.
    pub notes: Vec<Note>,
    /// The root, as an index in `spans`.
    #[serde(skip)]
    pub(crate) root: Option<usize>,
}

/// A span, and by how much it was moved.
#[derive(Debug, Clone)]
pub struct ViewSpan {
    /// The span, with its times corrected.
    pub span: Arc<Span>,
    /// How far the clock of its service is ahead of the root's, in microseconds. The span was moved
    /// by this to the past.
    pub skew_micros: i64,
}

/// What a reader of a trace should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// What it is about.
    pub kind: NoteKind,
    /// The span that it is about, or the first of several.
    pub span_id: SpanId,
    /// A sentence.
    pub text: String,
}

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    /// Times were corrected.
    ClockSkew,
    /// A span's parent was not reported.
    MissingParent,
    /// A span was reported in several parts.
    Duplicate,
    /// A span has no start.
    NoTimestamp,
}

impl Serialize for ViewSpan {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        self.span.serialize_fields(&mut map)?;
        if self.skew_micros != 0 {
            map.serialize_entry("skewMicros", &self.skew_micros)?;
        }
        map.end()
    }
}

impl TraceView {
    /// Computes the view of the spans of a trace; `None` if there are none.
    pub fn new(reported: &[Arc<Span>]) -> Option<TraceView> {
        let merged = merge(reported);
        let trace_id = merged.first()?.trace_id;
        let tree = Tree::new(&merged);
        let corrections = corrections(&tree, &merged);
        let root = tree.root_span().map(|at| Arc::clone(&merged[at]));
        let mut notes = Vec::new();
        note_skew(&merged, &corrections, &mut notes);
        note_missing(&merged, &mut notes);
        note_duplicates(reported, &merged, &mut notes);
        let moved = merged.into_iter().zip(corrections);
        let mut spans: Vec<ViewSpan> = moved.map(|(span, by)| ViewSpan::new(span, by)).collect();
        spans.sort_by_key(|one| (one.span.timestamp, one.span.shared));
        let is_root = |one: &ViewSpan| {
            let root = root.as_ref();
            root.is_some_and(|root| root.id == one.span.id && root.shared == one.span.shared)
        };
        let root = spans.iter().position(is_root);
        Some(TraceView {
            trace_id,
            spans,
            notes,
            root,
        })
    }
}

impl ViewSpan {
    fn new(mut span: Arc<Span>, skew_micros: i64) -> ViewSpan {
        if skew_micros != 0 {
            let span = Arc::make_mut(&mut span);
            if span.timestamp != 0 {
                let start = i64::try_from(span.timestamp).unwrap_or(i64::MAX);
                let start = start.saturating_sub(skew_micros);
                span.timestamp = u64::try_from(start).unwrap_or(0).max(1);
            }
            for annotation in &mut span.annotations {
                annotation.timestamp = annotation.timestamp.saturating_sub(skew_micros);
            }
        }
        ViewSpan { span, skew_micros }
    }
}

fn service(span: &Span) -> &str {
    span.local_service().unwrap_or("an unnamed service")
}

/// One note for each service and skew.
fn note_skew(spans: &[Arc<Span>], corrections: &[i64], notes: &mut Vec<Note>) {
    let mut noted = HashSet::new();
    for (span, &micros) in spans.iter().zip(corrections) {
        if micros != 0 && noted.insert((service(span), micros)) {
            let direction = if micros > 0 { "ahead" } else { "behind" };
            let (service, by) = (service(span), micros.unsigned_abs());
            notes.push(Note {
                kind: NoteKind::ClockSkew,
                span_id: span.id,
                text: format!(
                    "The clock of {service} is {by} µs {direction}. Its times are corrected."
                ),
            });
        }
    }
}

fn note_missing(spans: &[Arc<Span>], notes: &mut Vec<Note>) {
    let ids: HashSet<SpanId> = spans.iter().map(|span| span.id).collect();
    let clients = spans.iter().filter(|span| !span.shared);
    let clients: HashSet<SpanId> = clients.map(|span| span.id).collect();
    for span in spans {
        let parent = span.parent_id.filter(|parent| !ids.contains(parent));
        let is_second_half = span.shared && clients.contains(&span.id);
        if let (Some(parent), false) = (parent, is_second_half) {
            notes.push(Note {
                kind: NoteKind::MissingParent,
                span_id: span.id,
                text: format!("The parent, span {parent}, was not reported, or not yet."),
            });
        }
        if span.timestamp == 0 {
            notes.push(Note {
                kind: NoteKind::NoTimestamp,
                span_id: span.id,
                text: "The span was reported without a start.".to_owned(),
            });
        }
    }
}

fn note_duplicates(reported: &[Arc<Span>], merged: &[Arc<Span>], notes: &mut Vec<Note>) {
    if reported.len() == merged.len() {
        return;
    }
    let mut parts: HashMap<SpanId, (usize, usize)> = HashMap::new();
    for span in reported {
        parts.entry(span.id).or_default().0 += 1;
    }
    for span in merged {
        parts.entry(span.id).or_default().1 += 1;
    }
    for span in merged.iter() {
        if let Some((reported, shown)) = parts.remove(&span.id) {
            if reported > shown {
                notes.push(Note {
                    kind: NoteKind::Duplicate,
                    span_id: span.id,
                    text: format!("The span was reported in {reported} parts. They are merged."),
                });
            }
        }
    }
}
