//! The text form of span trees, and the assertion that compares it.

use super::diff::{diff, unindent};
use crate::{
    id::TraceId,
    record::{Kind, SpanRecord},
    report::{HIDDEN_TAGS, TraceTree, escaped},
};
use std::fmt::Write;

/// The text form of span trees for assertions, without times and, by default, without ids.
///
/// It looks like [`TraceTree`] without durations: one line per span with service, kind, name and
/// tags. The name is followed by `error`, `debug` and `shared` if they apply, the tags by the
/// annotations, each in brackets. A blank line separates the trees of several traces.
///
/// Siblings are in the order in which they started, or, if they started in the same microsecond,
/// finished. If siblings overlap, use [`sort_siblings`](Self::sort_siblings).
///
/// ```
/// use tower_b3::test::{SpanCollector, TreeFormat};
///
/// let spans = SpanCollector::new();
/// let tracer = spans.tracer("orders");
/// tracer.span("reconcile").in_scope(|| {
///     tower_b3::tag("invoices", "12");
///     tower_b3::tag("took", "3 ms");
///     tower_b3::annotate("half done");
/// });
///
/// let format = TreeFormat::default().without_tags(["took"]);
/// let span = [spans.take_one()];
/// format.assert(&span, "orders  reconcile  invoices=12 [half done]");
/// ```
#[derive(Debug, Clone, Default)]
pub struct TreeFormat {
    tags: Tags,
    without_tags: Vec<String>,
    trace_ids: bool,
    span_ids: bool,
    sort_siblings: bool,
}

#[derive(Debug, Clone, Default)]
enum Tags {
    /// All but [`HIDDEN_TAGS`].
    #[default]
    NotHidden,
    All,
    These(Vec<String>),
}

impl TreeFormat {
    /// Shows only these tags, in this order. Default: all but the standard tags that every span has,
    /// such as `http.url`; `http.status_code` is shown.
    #[must_use]
    pub fn tags<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.tags = Tags::These(names.into_iter().map(Into::into).collect());
        self
    }

    /// Shows no tags.
    #[must_use]
    pub fn no_tags(self) -> Self {
        self.tags([""; 0])
    }

    /// Shows all tags, including those whose values differ in each run.
    #[must_use]
    pub fn all_tags(mut self) -> Self {
        self.tags = Tags::All;
        self
    }

    /// Hides these tags, for values that differ in each run.
    #[must_use]
    pub fn without_tags<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.without_tags.extend(names.into_iter().map(Into::into));
        self
    }

    /// Shows the id of each trace above its spans, and `parent=` for a span whose parent is not among
    /// them: for requests that carry ids. Default: off.
    #[must_use]
    pub fn trace_ids(mut self, shown: bool) -> Self {
        self.trace_ids = shown;
        self
    }

    /// Shows `id=` on each span. Default: off.
    #[must_use]
    pub fn span_ids(mut self, shown: bool) -> Self {
        self.span_ids = shown;
        self
    }

    /// Orders siblings by their text instead of by their start: for siblings that overlap. Default:
    /// off.
    #[must_use]
    pub fn sort_siblings(mut self, sorted: bool) -> Self {
        self.sort_siblings = sorted;
        self
    }

    /// The trees of these spans as text.
    pub fn text(&self, spans: &[SpanRecord]) -> String {
        let mut traces: Vec<(TraceId, Vec<SpanRecord>)> = Vec::new();
        let mut ordered: Vec<&SpanRecord> = spans.iter().collect();
        ordered.sort_by_key(|span| span.timestamp());
        for span in ordered {
            let id = span.trace_id();
            match traces.iter_mut().find(|(other, _)| *other == id) {
                Some((_, spans)) => spans.push(span.clone()),
                None => traces.push((id, vec![span.clone()])),
            }
        }
        let mut texts: Vec<String> = traces.iter().map(|(_, spans)| self.trace(spans)).collect();
        if self.sort_siblings {
            texts.sort();
        }
        texts.join("\n\n")
    }

    /// Asserts that the text of these spans is `expected`. Indentation that all lines of `expected`
    /// share is ignored.
    ///
    /// # Panics
    ///
    /// If the text differs. The message shows the difference.
    #[track_caller]
    pub fn assert(&self, spans: &[SpanRecord], expected: &str) {
        let (expected, actual) = (unindent(expected), self.text(spans));
        assert!(
            expected == actual,
            "the spans differ (- expected, + actual):\n\n{}\n\nThe actual text:\n\n{actual}\n",
            diff(&expected, &actual)
        );
    }

    fn trace(&self, spans: &[SpanRecord]) -> String {
        let rows = TraceTree::new(spans).rows();
        let rows: Vec<Row> = rows
            .into_iter()
            .map(|(depth, span)| self.row(depth, span, spans))
            .collect();
        let rows = match self.sort_siblings {
            true => sorted(rows),
            false => rows,
        };
        let widths = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
        let service = widths(|row| row.service.chars().count());
        let kind = widths(|row| row.kind.len());
        let name = widths(|row| row.name().chars().count());
        let mut text = String::new();
        if self.trace_ids {
            let id = spans.first().map(SpanRecord::trace_id);
            text.extend(id.map(|id| format!("trace {id}\n")));
        }
        for row in &rows {
            let _ = write!(text, "{:service$}  ", row.service);
            if kind > 0 {
                let _ = write!(text, "{:kind$}  ", row.kind);
            }
            let line = format!("{:name$}  {}", row.name(), row.rest);
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text.pop();
        text
    }

    fn row(&self, depth: usize, span: &SpanRecord, spans: &[SpanRecord]) -> Row {
        let mut rest = Vec::new();
        let flags = [
            (span.is_error(), "error"),
            (span.is_debug(), "debug"),
            (span.is_shared(), "shared"),
        ];
        rest.extend(
            flags
                .iter()
                .filter(|(set, _)| *set)
                .map(|(_, name)| (*name).to_owned()),
        );
        if self.span_ids {
            rest.push(format!("id={}", span.id()));
        }
        let outside = |id| spans.iter().all(|other| other.id() != id);
        if let Some(parent) = span.parent_id().filter(|id| self.trace_ids && outside(*id)) {
            rest.push(format!("parent={parent}"));
        }
        rest.extend(self.shown_tags(span));
        let annotations = span.annotations();
        rest.extend(annotations.map(|(_, text)| format!("[{}]", escaped(text))));
        Row {
            depth,
            service: escaped(span.local_endpoint().service_name.unwrap_or("-")),
            kind: span.kind().map_or("", Kind::as_str),
            own_name: escaped(span.name()),
            rest: rest.join(" "),
        }
    }

    fn shown_tags(&self, span: &SpanRecord) -> Vec<String> {
        let text = |name: &str, value: &str| format!("{}={}", escaped(name), escaped(value));
        if let Tags::These(names) = &self.tags {
            let tags = names
                .iter()
                .filter(|name| !self.without_tags.contains(name));
            let tags = tags.filter_map(|name| Some(text(name, &span.tag(name)?)));
            return tags.collect();
        }
        let all = matches!(self.tags, Tags::All);
        let shown = |name: &str| {
            let hidden = !all && HIDDEN_TAGS.contains(&name);
            !hidden && !self.without_tags.iter().any(|other| other == name)
        };
        let tags = span.tags().filter(|(name, _)| shown(name));
        tags.map(|(name, value)| text(name, &value.to_text()))
            .collect()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    depth: usize,
    own_name: String,
    service: String,
    kind: &'static str,
    rest: String,
}

impl Row {
    /// The name, indented as the tree is.
    fn name(&self) -> String {
        match self.depth {
            0 => self.own_name.clone(),
            depth => format!("{}└─ {}", "   ".repeat(depth - 1), self.own_name),
        }
    }
}

/// The same tree, siblings ordered by the text of their subtrees.
fn sorted(rows: Vec<Row>) -> Vec<Row> {
    let Some(top) = rows.first().map(|row| row.depth) else {
        return rows;
    };
    let mut subtrees: Vec<Vec<Row>> = Vec::new();
    for row in rows {
        match subtrees.last_mut() {
            Some(subtree) if row.depth > top => subtree.push(row),
            _ => subtrees.push(vec![row]),
        }
    }
    for subtree in &mut subtrees {
        let below = subtree.split_off(1);
        subtree.extend(sorted(below));
    }
    subtrees.sort();
    subtrees.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        context::{Sampling, TraceContext},
        record::Endpoint,
    };

    fn span(context: TraceContext, kind: Option<Kind>, name: &str, at: u64) -> SpanRecord {
        let builder = SpanRecord::builder(context)
            .local_endpoint(Endpoint::service("shop"))
            .name(name)
            .timestamp(at)
            .tag("http.url", "http://shop/")
            .tag("tenant", "a\u{1b}b")
            .tag("http.status_code", "200");
        match kind {
            Some(kind) => builder.kind(kind).build(),
            None => builder.build(),
        }
    }

    fn trace(sampling: Sampling) -> TraceContext {
        TraceContext::new(
            "1".parse().unwrap(),
            "1".parse().unwrap(),
            Some("f".parse().unwrap()),
            sampling,
        )
    }

    #[test]
    fn trees_are_aligned_and_have_no_times() {
        let root = trace(Sampling::Accept);
        let client = root.child();
        let spans = [
            span(client.child(), None, "look up", 3),
            span(client, Some(Kind::Client), "GET /items", 2),
            span(root, Some(Kind::Server), "GET /", 1),
        ];
        TreeFormat::default().assert(
            &spans,
            r"
            shop  SERVER  GET /          tenant=a\u{1b}b http.status_code=200
            shop  CLIENT  └─ GET /items  tenant=a\u{1b}b http.status_code=200
            shop             └─ look up  tenant=a\u{1b}b http.status_code=200
            ",
        );
    }

    #[test]
    fn tags_and_ids_can_be_chosen() {
        let spans = [span(trace(Sampling::Debug), None, "work", 1)];
        let text = |format: TreeFormat| format.text(&spans);
        let none = TreeFormat::default().no_tags();
        assert_eq!(text(none.clone()), "shop  work  debug");
        let chosen = TreeFormat::default().tags(["http.status_code", "http.url", "absent"]);
        assert_eq!(
            text(chosen.without_tags(["http.url"])),
            "shop  work  debug http.status_code=200"
        );
        let all = TreeFormat::default().all_tags().without_tags(["tenant"]);
        assert_eq!(
            text(all),
            "shop  work  debug http.url=http://shop/ http.status_code=200"
        );
        assert_eq!(
            text(none.trace_ids(true).span_ids(true)),
            "trace 0000000000000001\nshop  work  debug id=0000000000000001 parent=000000000000000f"
        );
    }

    #[test]
    fn several_traces_are_divided_by_a_blank_line() {
        let spans = [
            span(TraceContext::root(Sampling::Accept), None, "second", 2),
            span(TraceContext::root(Sampling::Accept), None, "first", 1),
        ];
        let format = TreeFormat::default().no_tags();
        assert_eq!(format.text(&spans), "shop  first\n\nshop  second");
        assert_eq!(format.text(&[]), "");
    }

    #[test]
    fn siblings_can_be_sorted_with_what_is_below_them() {
        let root = trace(Sampling::Accept);
        let (b, a) = (root.child(), root.child());
        let spans = [
            span(b, None, "b", 2),
            span(b.child(), None, "below b", 3),
            span(a, None, "a", 4),
            span(root, None, "root", 1),
        ];
        TreeFormat::default().no_tags().sort_siblings(true).assert(
            &spans,
            "
                shop  root
                shop  └─ a
                shop  └─ b
                shop     └─ below b
                ",
        );
    }

    #[test]
    #[should_panic(expected = "- shop  other\n+ shop  work\n\nThe actual text:\n\nshop  work")]
    fn a_difference_is_shown() {
        let spans = [span(trace(Sampling::Accept), None, "work", 1)];
        TreeFormat::default()
            .no_tags()
            .assert(&spans, "shop  other");
    }
}
