//! `Span`: a part of a span, as one process reported it.

use super::{Endpoint, SpanId, TraceId, text::lower_case};

/// A span as it was reported. The client's and the server's part may share an id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Span {
    /// The trace that the span belongs to.
    pub trace_id: TraceId,
    /// The id of the span.
    pub id: SpanId,
    /// The id of the parent span, unless it is a root.
    pub parent_id: Option<SpanId>,
    /// Which side of an exchange it is; `None` for a local span.
    pub kind: Option<Kind>,
    /// What was done, in lower case.
    pub name: Option<Box<str>>,
    /// The start in microseconds since 1970; 0 if unknown.
    pub timestamp: u64,
    /// The duration in microseconds; 0 if unknown.
    pub duration: u64,
    /// The service that recorded the span.
    pub local_endpoint: Option<Endpoint>,
    /// The other side of the exchange.
    pub remote_endpoint: Option<Endpoint>,
    /// Events, sorted by time.
    pub annotations: Vec<Annotation>,
    /// Names and values, sorted by name. Each name occurs once.
    pub tags: Vec<(Box<str>, Box<str>)>,
    /// Whether the trace is a debug trace.
    pub debug: bool,
    /// Whether the id is that of the caller's span.
    pub shared: bool,
}

/// Which side of an exchange a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say all")]
pub enum Kind {
    Client,
    Server,
    Producer,
    Consumer,
}

/// An event during a span.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Annotation {
    /// Microseconds since 1970.
    pub timestamp: i64,
    /// What happened.
    pub value: Box<str>,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 4] = [Kind::Client, Kind::Server, Kind::Producer, Kind::Consumer];

    /// The name in Zipkin's JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Client => "CLIENT",
            Kind::Server => "SERVER",
            Kind::Producer => "PRODUCER",
            Kind::Consumer => "CONSUMER",
        }
    }
}

impl Span {
    /// A span of which only the ids are known.
    pub fn new(trace_id: TraceId, id: SpanId) -> Span {
        Span {
            trace_id,
            id,
            parent_id: None,
            kind: None,
            name: None,
            timestamp: 0,
            duration: 0,
            local_endpoint: None,
            remote_endpoint: None,
            annotations: Vec::new(),
            tags: Vec::new(),
            debug: false,
            shared: false,
        }
    }

    /// A span that gets its ids later.
    pub(super) fn without_ids() -> Span {
        Span::new(TraceId::UNKNOWN, SpanId::UNKNOWN)
    }

    /// The service that recorded the span.
    pub fn local_service(&self) -> Option<&str> {
        self.local_endpoint.as_ref()?.service_name.as_deref()
    }

    /// The service on the other side.
    pub fn remote_service(&self) -> Option<&str> {
        self.remote_endpoint.as_ref()?.service_name.as_deref()
    }

    /// The value of a tag.
    pub fn tag(&self, name: &str) -> Option<&str> {
        let found = self.tags.binary_search_by(|(other, _)| (**other).cmp(name));
        found.ok().map(|at| &*self.tags[at].1)
    }

    /// Whether the span has the tag `error`.
    pub fn is_error(&self) -> bool {
        self.tag("error").is_some()
    }

    /// When the span ended, in microseconds since 1970; its start if the duration is unknown.
    pub fn end(&self) -> u64 {
        self.timestamp.saturating_add(self.duration)
    }

    /// About how many bytes of memory the span takes in a store. Its names count twice, because the
    /// store has an index of names.
    pub fn bytes(&self) -> usize {
        /// An allocation's own cost, and the references to a span in the store.
        const ALLOCATION: usize = 16;
        const REFERENCES: usize = 64;
        /// The place of a name in the index.
        const IN_INDEX: usize = 56;
        let text = |text: &str| text.len() + ALLOCATION;
        let name = |name: Option<&str>| name.map_or(0, |name| 2 * text(name) + IN_INDEX);
        let tags = self.tags.iter();
        let tags = tags.map(|(name, value)| 32 + text(name) + text(value));
        let annotations = self.annotations.iter().map(|a| 24 + text(&a.value));
        size_of::<Span>()
            + REFERENCES
            + name(self.name.as_deref())
            + name(self.local_service())
            + name(self.remote_service())
            + tags.sum::<usize>()
            + annotations.sum::<usize>()
    }

    /// Sets the name, in lower case; an empty name is none.
    pub(crate) fn set_name(&mut self, name: &str) {
        self.name = (!name.is_empty()).then(|| lower_case(name));
    }

    /// Brings the fields into the form that the store expects; called once after reading a span.
    pub(crate) fn normalize(&mut self) {
        if self.parent_id == Some(self.id) {
            self.parent_id = None;
        }
        if self.kind == Some(Kind::Client) {
            self.shared = false;
        }
        self.annotations.sort();
        self.annotations.dedup();
        normalize_tags(&mut self.tags);
        // Of what was removed, no memory is kept.
        self.annotations.shrink_to_fit();
        self.tags.shrink_to_fit();
    }

    /// Takes over what another part of the same span knows; what is known here is kept. After the
    /// last part, the span has to be normalized.
    pub(crate) fn merge(&mut self, other: &Span) {
        self.trace_id = self.trace_id.max(other.trace_id);
        self.parent_id = self.parent_id.or(other.parent_id);
        self.kind = self.kind.or(other.kind);
        if self.name.is_none() {
            self.name.clone_from(&other.name);
        }
        if self.timestamp == 0 {
            self.timestamp = other.timestamp;
        }
        if self.duration == 0 {
            self.duration = other.duration;
        }
        merge_endpoint(&mut self.local_endpoint, &other.local_endpoint);
        merge_endpoint(&mut self.remote_endpoint, &other.remote_endpoint);
        self.annotations.extend_from_slice(&other.annotations);
        self.tags.extend_from_slice(&other.tags);
        self.debug |= other.debug;
        self.shared |= other.shared;
    }
}

fn merge_endpoint(to: &mut Option<Endpoint>, from: &Option<Endpoint>) {
    match (to, from) {
        (Some(to), Some(from)) => to.merge(from),
        (to @ None, Some(from)) => *to = Some(from.clone()),
        (_, None) => {}
    }
}

/// Sorts by name. The last value of a name is kept.
fn normalize_tags(tags: &mut Vec<(Box<str>, Box<str>)>) {
    tags.sort_by(|(one, _), (other, _)| one.cmp(other));
    tags.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            std::mem::swap(&mut later.1, &mut earlier.1);
        }
        same
    });
}
