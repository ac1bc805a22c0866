//! [`TraceTree`]: the spans of a trace as text, for the console and for tests.
//!
//! It sorts and formats; `console` decides when a trace is printed.

use crate::{
    id::SpanId,
    printable::at_most,
    record::{Kind, SpanRecord},
};
use std::{collections::HashSet, fmt, time::Duration};

/// Displays the spans of one trace as an indented tree, one line for each span.
///
/// ```text
/// trace 463ac35c9f6413ad48485a3953bb6124
///   webapp   SERVER  GET /api/catalog   2.314ms  http.status_code=200 custom_tag=Test Tag
///   webapp   CLIENT  └─ GET /items      1.720ms  http.status_code=200
///   catalog  SERVER     └─ GET /items     412µs  http.status_code=200
/// ```
///
/// A line has service, kind, name, duration and tags, except for standard tags that every span has.
#[derive(Debug)]
pub struct TraceTree<'a> {
    spans: &'a [SpanRecord],
    colored: bool,
}

/// The maximum number of characters of a name or a value: as many as a tracer records by default.
const MAX_SHOWN: usize = 1024;

/// Tags that say little in a tree.
pub(crate) const HIDDEN_TAGS: [&str; 18] = [
    "component",
    "http.method",
    "http.url",
    "http.protocol",
    "user_agent",
    "request_size",
    "response_size",
    "guid:x-request-id",
    "peer.address",
    "error",
    "http.request.method",
    "url.full",
    "http.route",
    "network.protocol.version",
    "user_agent.original",
    "http.request.body.size",
    "http.response.body.size",
    "http.request.header.x-request-id",
];

impl<'a> TraceTree<'a> {
    /// The tree of these spans, which should belong to one trace.
    pub fn new(spans: &'a [SpanRecord]) -> TraceTree<'a> {
        TraceTree {
            spans,
            colored: false,
        }
    }

    /// Whether to use ANSI colours; off by default.
    #[must_use]
    pub fn colored(mut self, colored: bool) -> Self {
        self.colored = colored;
        self
    }

    /// The spans in the order of the tree, each with its depth.
    pub(crate) fn rows(&self) -> Vec<(usize, &'a SpanRecord)> {
        let mut spans: Vec<&SpanRecord> = self.spans.iter().collect();
        // A shared span is a child of the client's half, even if the server's clock is behind.
        spans.sort_by_key(|span| (span.timestamp(), span.is_shared()));
        let ids: HashSet<SpanId> = spans.iter().map(|span| span.id()).collect();
        let mut rows = Vec::new();
        let mut seen = HashSet::new();
        let mut stack: Vec<(usize, usize)> = (0..spans.len())
            .rev()
            .filter(|&at| {
                let span = spans[at];
                let shared_below = span.is_shared() && client_half(&spans, span).is_some();
                let parent = span.parent_id().filter(|&id| id != span.id());
                !shared_below && parent.is_none_or(|id| !ids.contains(&id))
            })
            .map(|at| (0, at))
            .collect();
        // Spans that are not reached from a root have a cycle of parents. They are shown as well.
        let mut unvisited = 0;
        loop {
            while let Some((depth, at)) = stack.pop() {
                if !seen.insert(at) {
                    continue;
                }
                rows.push((depth, spans[at]));
                let children = (0..spans.len()).rev().filter(|&child| {
                    let child = spans[child];
                    match client_half(&spans, child) {
                        Some(half) if child.is_shared() => std::ptr::eq(half, spans[at]),
                        _ => is_child(&spans, child, spans[at]),
                    }
                });
                stack.extend(children.map(|child| (depth + 1, child)));
            }
            match (unvisited..spans.len()).find(|at| !seen.contains(at)) {
                Some(at) => stack.push((0, at)),
                None => return rows,
            }
            unvisited += 1;
        }
    }
}

fn is_child(spans: &[&SpanRecord], child: &SpanRecord, parent: &SpanRecord) -> bool {
    // Of the two halves of a shared span, the server's has the children.
    let server_half = spans
        .iter()
        .find(|other| other.id() == parent.id() && other.is_shared());
    let halved = server_half.is_some_and(|half| !std::ptr::eq(*half, parent));
    child.parent_id() == Some(parent.id()) && child.id() != parent.id() && !halved
}

/// The client's half of a shared span: the span with the same id.
fn client_half<'a>(spans: &[&'a SpanRecord], shared: &SpanRecord) -> Option<&'a SpanRecord> {
    let other = |span: &&&SpanRecord| span.id() == shared.id() && !span.is_shared();
    spans.iter().find(other).copied()
}

impl fmt::Display for TraceTree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.spans.first() else {
            return Ok(());
        };
        let rows: Vec<Row> = self.rows().into_iter().map(Row::of).collect();
        let width = |of: fn(&Row) -> &String| {
            let widths = rows.iter().map(|row| of(row).chars().count());
            widths.max().unwrap_or(0)
        };
        let service = width(|row| &row.service);
        let name = width(|row| &row.name);
        let duration = width(|row| &row.duration);
        let (dim, red, bold, plain) = if self.colored {
            ("\x1b[2m", "\x1b[31m", "\x1b[1m", "\x1b[0m")
        } else {
            ("", "", "", "")
        };
        writeln!(f, "trace {bold}{}{plain}", first.trace_id())?;
        for row in &rows {
            // Padded by hand: `{:<8}` would count the colour codes as characters.
            let pad = |text: &str, to: usize| " ".repeat(to.saturating_sub(text.chars().count()));
            write!(f, "  {}{}  ", row.service, pad(&row.service, service))?;
            write!(f, "{dim}{:<8}{plain}", row.kind)?;
            write!(f, "{}{}  ", row.name, pad(&row.name, name))?;
            write!(f, "{}{}", pad(&row.duration, duration), row.duration)?;
            if row.error {
                write!(f, "  {red}error{plain}")?;
            }
            if !row.tags.is_empty() {
                write!(f, "  {dim}{}{plain}", row.tags)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

struct Row {
    service: String,
    kind: &'static str,
    name: String,
    duration: String,
    error: bool,
    tags: String,
}

impl Row {
    fn of((depth, span): (usize, &SpanRecord)) -> Row {
        let indent = match depth {
            0 => String::new(),
            depth => format!("{}└─ ", "   ".repeat(depth - 1)),
        };
        let service = span.local_endpoint().service_name.unwrap_or("-");
        let tags = span.tags().filter(|(name, _)| !HIDDEN_TAGS.contains(name));
        let tags: Vec<String> = tags
            .map(|(name, value)| format!("{}={}", escaped(name), escaped(&value.to_text())))
            .collect();
        Row {
            service: escaped(service),
            kind: span.kind().map_or("", Kind::as_str),
            name: format!("{indent}{}", escaped(span.name())),
            duration: format_duration(span.duration()),
            error: span.is_error(),
            tags: tags.join(" "),
        }
    }
}

/// Without characters that move a terminal's cursor.
pub(crate) fn escaped(text: &str) -> String {
    at_most(text, MAX_SHOWN).to_string()
}

fn format_duration(duration: Duration) -> String {
    match duration.as_micros() {
        micros @ 0..=999 => format!("{micros}µs"),
        micros @ 1_000..=999_999 => format!("{}.{:03}ms", micros / 1000, micros % 1000),
        micros => format!("{}.{:03}s", micros / 1_000_000, micros / 1000 % 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        context::{Sampling, TraceContext},
        record::Endpoint,
    };

    fn span(context: TraceContext, service: &'static str, kind: Kind, at: u64) -> SpanRecord {
        SpanRecord::builder(context)
            .local_endpoint(Endpoint::service(service))
            .kind(kind)
            .name("GET /items")
            .timestamp(at)
            .duration(Duration::from_micros(2_500_000 >> at))
            .tag("http.method", "GET")
            .tag("tenant", "ac\u{1b}me")
            .build()
    }

    fn lines(spans: &[SpanRecord]) -> Vec<String> {
        let shown = TraceTree::new(spans).to_string();
        shown.lines().skip(1).map(str::to_owned).collect()
    }

    #[test]
    fn shows_a_tree_whatever_the_order_of_the_spans() {
        let root = TraceContext::new(
            "1".parse().unwrap(),
            "1".parse().unwrap(),
            None,
            Sampling::Accept,
        );
        let (client, orphan) = (root.child(), root.child().child());
        let spans = [
            span(client.child(), "catalog", Kind::Server, 12),
            span(orphan, "lost", Kind::Client, 3),
            span(client, "webapp", Kind::Client, 2),
            span(root, "webapp", Kind::Server, 1),
        ];
        assert_eq!(
            lines(&spans),
            [
                "  webapp   SERVER  GET /items           1.250s  tenant=ac\\u{1b}me",
                "  webapp   CLIENT  └─ GET /items     625.000ms  tenant=ac\\u{1b}me",
                "  catalog  SERVER     └─ GET /items      610µs  tenant=ac\\u{1b}me",
                "  lost     CLIENT  GET /items        312.500ms  tenant=ac\\u{1b}me",
            ]
        );
    }

    #[test]
    fn shared_spans_and_cycles_are_shown_once() {
        let root = TraceContext::root(Sampling::Accept);
        let client = root.child();
        let shared = |at| {
            SpanRecord::builder(client)
                .name("shared")
                .timestamp(at)
                .shared(true)
                .build()
        };
        let spans = [
            shared(1),
            span(client, "webapp", Kind::Client, 2),
            span(root, "webapp", Kind::Server, 3),
            span(client.child(), "webapp", Kind::Client, 4),
        ];
        let depths: Vec<_> = TraceTree::new(&spans)
            .rows()
            .into_iter()
            .map(|row| row.0)
            .collect();
        assert_eq!(depths, [0, 1, 2, 3]);

        let (one, two) = ("1".parse().unwrap(), "2".parse().unwrap());
        let cycle = |id, parent| {
            let context = TraceContext::new(root.trace_id(), id, Some(parent), Sampling::Accept);
            span(context, "round", Kind::Server, 1)
        };
        assert_eq!(lines(&[cycle(one, two), cycle(two, one)]).len(), 2);
        assert_eq!(TraceTree::new(&[]).to_string(), "");
    }
}
