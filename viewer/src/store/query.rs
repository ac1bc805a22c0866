//! `TraceQuery`: the search of Zipkin's API.

use super::{Store, StoredTrace};
use crate::model::Span;
use std::{
    fmt,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// A day, as in Zipkin.
const DEFAULT_LOOKBACK: i64 = 24 * 60 * 60 * 1000;

/// A period of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The end in milliseconds since 1970.
    pub end_ts: i64,
    /// The length in milliseconds.
    pub lookback: i64,
}

/// Which traces to find. Names and texts are those of Zipkin's API.
#[derive(Debug, Clone)]
pub struct TraceQuery {
    /// A span of this service meets all other conditions.
    pub service_name: Option<String>,
    /// The other side of a span.
    pub remote_service_name: Option<String>,
    /// The name of a span.
    pub span_name: Option<String>,
    /// Tags with their values, and tags or annotations of any value, which have an empty text here.
    pub annotation_query: Vec<(String, String)>,
    /// A span takes at least this many microseconds.
    pub min_duration: Option<i64>,
    /// The same span takes at most this many microseconds.
    pub max_duration: Option<i64>,
    /// When the trace started.
    pub window: Window,
    /// How many traces to return.
    pub limit: usize,
    /// Whether a span has to have failed.
    pub errors_only: bool,
    /// Whether 64-bit ids do not match 128-bit ids.
    pub strict_trace_id: bool,
}

/// Why a query is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError(pub(crate) String);

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for QueryError {}

/// Milliseconds since 1970.
pub(crate) fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// An end that no time in microseconds reaches.
const NEVER: i64 = i64::MAX / 1000;

impl Window {
    /// All times, and spans without a time.
    pub const ALL: Window = Window {
        end_ts: NEVER,
        lookback: NEVER,
    };

    /// The period of Zipkin's API: by default, the last day.
    pub(crate) fn new(end_ts: Option<i64>, lookback: Option<i64>) -> Result<Window, QueryError> {
        Window {
            // The millisecond that has begun belongs to the past.
            end_ts: end_ts.unwrap_or_else(|| now_millis() + 1),
            lookback: lookback.unwrap_or(DEFAULT_LOOKBACK),
        }
        .checked()
    }

    /// The period of the page's API: by default, without a beginning and an end.
    pub(crate) fn open(end_ts: Option<i64>, lookback: Option<i64>) -> Result<Window, QueryError> {
        let window = match (end_ts, lookback) {
            (None, None) => Window::ALL,
            (Some(end_ts), None) => Window {
                end_ts,
                lookback: NEVER,
            },
            (Some(end_ts), Some(lookback)) => Window { end_ts, lookback },
            (None, Some(lookback)) if lookback > 0 => Window {
                end_ts: NEVER,
                lookback: NEVER - now_millis().saturating_sub(lookback).max(0),
            },
            (None, Some(lookback)) => Window {
                end_ts: NEVER,
                lookback,
            },
        };
        window.checked()
    }

    fn checked(self) -> Result<Window, QueryError> {
        let window = self;
        if window.end_ts <= 0 {
            return Err(QueryError("endTs <= 0".to_owned()));
        }
        if window.lookback <= 0 {
            return Err(QueryError("lookback <= 0".to_owned()));
        }
        Ok(window)
    }

    fn begin(self) -> i64 {
        self.end_ts.saturating_sub(self.lookback)
    }

    /// Whether a time in microseconds is in it.
    fn contains_micros(self, micros: i64) -> bool {
        micros >= self.begin().saturating_mul(1000) && micros <= self.end_ts.saturating_mul(1000)
    }

    /// The latest start of a span in it, in milliseconds.
    pub(crate) fn latest(self, spans: &[Arc<Span>]) -> Option<i64> {
        let starts = spans.iter().map(|span| millis(span.timestamp));
        let inside = starts.filter(|start| (self.begin()..=self.end_ts).contains(start));
        inside.max()
    }
}

fn millis(micros: u64) -> i64 {
    i64::try_from(micros / 1000).unwrap_or(i64::MAX)
}

impl TraceQuery {
    /// A query for everything in a window.
    pub fn all(window: Window) -> TraceQuery {
        TraceQuery {
            service_name: None,
            remote_service_name: None,
            span_name: None,
            annotation_query: Vec::new(),
            min_duration: None,
            max_duration: None,
            window,
            limit: 10,
            errors_only: false,
            strict_trace_id: false,
        }
    }

    /// Checks the conditions against each other.
    ///
    /// # Errors
    ///
    /// The first that is not valid.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        let error = |text: &str| Err(QueryError(text.to_owned()));
        match (self.min_duration, self.max_duration) {
            (Some(min), _) if min <= 0 => error("minDuration <= 0"),
            (Some(min), Some(max)) if max < min => error("maxDuration < minDuration"),
            (None, Some(_)) => error("maxDuration is only valid with minDuration"),
            _ => Ok(()),
        }
    }

    /// Whether a trace meets the conditions.
    pub(crate) fn matches(&self, spans: &[Arc<Span>]) -> bool {
        let start = trace_start(spans);
        if !self.window.contains_micros(start) || (start == 0 && self.window != Window::ALL) {
            return false;
        }
        if self.errors_only && !spans.iter().any(|span| span.is_error()) {
            return false;
        }
        let of_service = |span: &&Arc<Span>| {
            let service = self.service_name.as_deref();
            service.is_none_or(|service| span.local_service() == Some(service))
        };
        let any = |test: &dyn Fn(&Span) -> bool| spans.iter().filter(of_service).any(|s| test(s));
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.as_deref() == found;
        (self.service_name.is_none() || any(&|_| true))
            && (self.remote_service_name.is_none()
                || any(&|span| is(&self.remote_service_name, span.remote_service())))
            && (self.span_name.is_none() || any(&|span| is(&self.span_name, span.name.as_deref())))
            && (self.min_duration.is_none() || any(&|span| self.matches_duration(span)))
            && self.annotation_query.iter().all(|(name, value)| {
                any(&|span| {
                    has_tag(span, name, value) || (value.is_empty() && has_event(span, name))
                })
            })
    }

    fn matches_duration(&self, span: &Span) -> bool {
        let duration = i64::try_from(span.duration).unwrap_or(i64::MAX);
        let longest = self.max_duration.unwrap_or(i64::MAX);
        self.min_duration
            .is_some_and(|min| (min..=longest).contains(&duration))
    }
}

fn has_tag(span: &Span, name: &str, value: &str) -> bool {
    let found = span.tag(name);
    found.is_some_and(|found| value.is_empty() || found == value)
}

fn has_event(span: &Span, name: &str) -> bool {
    span.annotations.iter().any(|event| &*event.value == name)
}

/// The start of the root, or else of the first span, in microseconds; 0 if unknown.
fn trace_start(spans: &[Arc<Span>]) -> i64 {
    let timed = || spans.iter().filter(|span| span.timestamp != 0);
    let root = timed().find(|span| span.parent_id.is_none());
    let first = root.or_else(|| timed().min_by_key(|span| span.timestamp));
    first.map_or(0, |span| i64::try_from(span.timestamp).unwrap_or(i64::MAX))
}

/// Parses `key=value and word`, as Zipkin does. The last value of a key counts; a word does not
/// replace a value.
pub(crate) fn parse_annotation_query(text: &str) -> Vec<(String, String)> {
    let mut conditions: Vec<(String, String)> = Vec::new();
    if text.is_empty() {
        return conditions;
    }
    for condition in text.splitn(100, " and ") {
        let (key, value) = match condition.split_once('=') {
            Some((key, value)) => (key.trim(), Some(value.trim())),
            None => (condition.trim(), None),
        };
        let known = conditions.iter_mut().find(|(other, _)| other == key);
        match (known, value) {
            (Some(known), Some(value)) => value.clone_into(&mut known.1),
            (Some(_), None) => {}
            (None, value) => {
                conditions.push((key.to_owned(), value.unwrap_or_default().to_owned()));
            }
        }
    }
    conditions
}

impl Store {
    /// The traces that match, newest first: their spans as they were reported.
    ///
    /// ```
    /// use tower_b3_viewer::{decode::zipkin_json, store::{Store, TraceQuery, Window}};
    ///
    /// let store = Store::default();
    /// store.add(zipkin_json(br#"[{"traceId":"1","id":"1","tags":{"tenant":"acme"}}]"#)?);
    /// let query = TraceQuery {
    ///     annotation_query: vec![("tenant".to_owned(), "acme".to_owned())],
    ///     ..TraceQuery::all(Window::ALL)
    /// };
    /// assert_eq!(store.find(&query).len(), 1);
    /// # Ok::<(), tower_b3_viewer::decode::DecodeError>(())
    /// ```
    pub fn find(&self, query: &TraceQuery) -> Vec<Vec<Arc<Span>>> {
        let mut found = Vec::new();
        for trace in self.candidates(query.window) {
            if found.len() >= query.limit {
                break;
            }
            if !query.matches(trace.spans()) {
                continue;
            }
            if query.strict_trace_id {
                let parts = trace.by_complete_id().into_iter();
                found.extend(parts.filter(|spans| query.matches(spans)));
            } else {
                found.push(trace.spans().to_vec());
            }
        }
        found
    }

    /// The traces that match, newest first, all of them.
    pub(crate) fn find_stored(&self, query: &TraceQuery) -> Vec<StoredTrace> {
        let mut found = self.candidates(query.window);
        found.retain(|trace| query.matches(trace.spans()));
        found
    }

    /// The traces with a span that starts in the window, newest first.
    pub(crate) fn candidates(&self, window: Window) -> Vec<StoredTrace> {
        let traces = self.snapshot().into_iter();
        let dated = traces.filter_map(|trace| Some((window.latest(trace.spans())?, trace)));
        let mut dated: Vec<(i64, StoredTrace)> = dated.collect();
        dated.sort_by(|(one, a), (other, b)| {
            other.cmp(one).then_with(|| b.updated().cmp(&a.updated()))
        });
        dated.into_iter().map(|(_, trace)| trace).collect()
    }
}
