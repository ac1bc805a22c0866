//! A finished span: the model of Zipkin's API v2.

use crate::{
    clock::Moment,
    context::{Sampling, TraceContext},
    id::{SpanId, TraceId},
};
use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

/// Which side of an exchange a span stands for. A local span has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A request that was served.
    Server,
    /// A request that was sent.
    Client,
    /// A message that was sent to a broker.
    Producer,
    /// A message that was received from a broker.
    Consumer,
}

impl Kind {
    /// Zipkin's name of the kind: `SERVER`, `CLIENT`, `PRODUCER`, `CONSUMER`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Server => "SERVER",
            Kind::Client => "CLIENT",
            Kind::Producer => "PRODUCER",
            Kind::Consumer => "CONSUMER",
        }
    }
}

/// A service at an address. Each part may be unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Endpoint {
    service_name: Option<Cow<'static, str>>,
    ip: Option<IpAddr>,
    port: Option<u16>,
}

impl Endpoint {
    /// The endpoint of a service whose address is not known.
    pub fn service(name: impl Into<Cow<'static, str>>) -> Endpoint {
        Endpoint {
            service_name: Some(name.into()).filter(|name| !name.is_empty()),
            ..Endpoint::default()
        }
    }

    /// The same service at this address. Port 0 means that the port is not known.
    #[must_use]
    pub fn at(self, address: SocketAddr) -> Endpoint {
        self.ip(address.ip()).port(address.port())
    }

    /// The same service at this IP address.
    #[must_use]
    pub fn ip(mut self, ip: IpAddr) -> Endpoint {
        self.ip = Some(ip);
        self
    }

    /// The same service at this port; 0 means that it is not known.
    #[must_use]
    pub fn port(mut self, port: u16) -> Endpoint {
        self.port = Some(port).filter(|&port| port != 0);
        self
    }

    fn as_ref(&self) -> EndpointRef<'_> {
        EndpointRef {
            service_name: self.service_name.as_deref(),
            ip: self.ip,
            port: self.port,
        }
    }
}

/// An [`Endpoint`] of a finished span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EndpointRef<'a> {
    /// The service's name.
    pub service_name: Option<&'a str>,
    /// Its IP address.
    pub ip: Option<IpAddr>,
    /// Its port; never 0.
    pub port: Option<u16>,
}

impl EndpointRef<'_> {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == EndpointRef::default()
    }
}

/// The value of a tag. Numbers are formatted where they are read, off the request's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TagValue<'a> {
    /// Text.
    Text(&'a str),
    /// A number, such as a status code or a size.
    Number(u64),
    /// The address of a peer.
    Address(IpAddr),
}

impl<'a> TagValue<'a> {
    /// The value as text.
    pub fn to_text(self) -> Cow<'a, str> {
        match self {
            TagValue::Text(text) => Cow::Borrowed(text),
            TagValue::Number(number) => Cow::Owned(number.to_string()),
            TagValue::Address(ip) => Cow::Owned(ip.to_string()),
        }
    }
}

impl fmt::Display for TagValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TagValue::Text(text) => f.pad(text),
            TagValue::Number(number) => fmt::Display::fmt(number, f),
            TagValue::Address(ip) => fmt::Display::fmt(ip, f),
        }
    }
}

/// A finished span.
///
/// It owns copies of all it says, in one buffer that goes back to its tracer when the record is
/// dropped and is used again.
pub struct SpanRecord(Option<Box<Record>>);

impl SpanRecord {
    /// A record of these ids, to be filled in: for tests, and for spans that come from elsewhere.
    ///
    /// ```
    /// use tower_b3::{Sampling, TraceContext, record::{Endpoint, Kind, SpanRecord}};
    ///
    /// let span = SpanRecord::builder(TraceContext::root(Sampling::Accept))
    ///     .name("get /items")
    ///     .kind(Kind::Server)
    ///     .local_endpoint(Endpoint::service("catalog"))
    ///     .tag("http.status_code", "200")
    ///     .build();
    /// assert_eq!(span.tag("http.status_code").as_deref(), Some("200"));
    /// ```
    pub fn builder(context: TraceContext) -> SpanRecordBuilder {
        let mut record = Box::<Record>::default();
        record.context = Some(context);
        SpanRecordBuilder(record)
    }

    pub(crate) fn new(record: Box<Record>) -> SpanRecord {
        SpanRecord(Some(record))
    }

    fn record(&self) -> &Record {
        // Only `drop` takes the buffer out.
        self.0.as_deref().expect("a record until it is dropped")
    }

    /// The ids and the sampling state.
    pub fn context(&self) -> TraceContext {
        // A record is built from a context, or started with one.
        self.record().context.expect("a record has a context")
    }

    /// The trace.
    pub fn trace_id(&self) -> TraceId {
        self.context().trace_id()
    }

    /// The span.
    pub fn id(&self) -> SpanId {
        self.context().span_id()
    }

    /// The span above.
    pub fn parent_id(&self) -> Option<SpanId> {
        self.context().parent_id()
    }

    /// The side of the exchange; `None` for a local span.
    pub fn kind(&self) -> Option<Kind> {
        self.record().kind
    }

    /// What was done: `GET /items/{id}`.
    pub fn name(&self) -> &str {
        self.record().read(&self.record().name)
    }

    /// When it started, in microseconds since 1970.
    pub fn timestamp(&self) -> u64 {
        self.record().timestamp
    }

    /// How long it took: at least a microsecond, in whole ones.
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.record().duration.max(1))
    }

    /// The service that made the span.
    pub fn local_endpoint(&self) -> EndpointRef<'_> {
        let record = self.record();
        match (&record.local, &record.home) {
            (Some(own), _) => own.as_ref(),
            (None, Some(home)) => home.endpoint().as_ref(),
            (None, None) => EndpointRef::default(),
        }
    }

    /// The service on the other side.
    pub fn remote_endpoint(&self) -> EndpointRef<'_> {
        let record = self.record();
        EndpointRef {
            service_name: Some(record.read(&record.remote_service)).filter(|name| !name.is_empty()),
            ip: record.remote_ip,
            port: record.remote_port,
        }
    }

    /// Events, with their times in microseconds since 1970.
    pub fn annotations(&self) -> impl Iterator<Item = (u64, &str)> {
        let record = self.record();
        let annotations = record.annotations.iter();
        annotations.map(|(micros, text)| (*micros, record.read(text)))
    }

    /// Tags, each name once.
    pub fn tags(&self) -> impl Iterator<Item = (&str, TagValue<'_>)> {
        let record = self.record();
        let stands = |at: usize| !record.doubtful || record.stands(at);
        (0..record.tags.len())
            .filter(move |&at| stands(at))
            .map(|at| {
                let entry = &record.tags[at];
                (record.read(&entry.name), record.value(&entry.value))
            })
    }

    /// The value of one tag.
    pub fn tag(&self, name: &str) -> Option<Cow<'_, str>> {
        self.tags()
            .find(|(other, _)| *other == name)
            .map(|(_, value)| value.to_text())
    }

    /// Whether it is tagged as an error.
    pub fn is_error(&self) -> bool {
        self.tags().any(|(name, _)| name == "error")
    }

    /// Whether the trace is one of debug.
    pub fn is_debug(&self) -> bool {
        self.context().sampling() == Sampling::Debug
    }

    /// Whether the span's id is its caller's too (see
    /// [`ServerLayer::join`](crate::ServerLayer::join)).
    pub fn is_shared(&self) -> bool {
        self.record().shared
    }

    /// Whether no other span of this process is above it: when it is finished, so is this
    /// process's part of the trace, but for what was spawned.
    pub fn is_local_root(&self) -> bool {
        self.record().local_root
    }
}

impl Drop for SpanRecord {
    fn drop(&mut self) {
        if let Some(mut record) = self.0.take() {
            if let Some(home) = record.home.clone() {
                record.reset();
                home.recycle(record);
            }
        }
    }
}

/// Gives back many records: it keeps a handle on the home of the last one, so that most go back
/// without a write to the handles' count, which the requests' threads write too.
#[derive(Default)]
pub(crate) struct Recycler(Option<Arc<dyn Home>>);

impl Recycler {
    pub(crate) fn take(&mut self, mut span: SpanRecord) {
        let Some(mut record) = span.0.take() else {
            return;
        };
        let same = match (&self.0, &record.home) {
            (Some(last), Some(own)) => Arc::ptr_eq(last, own),
            _ => false,
        };
        if !same {
            self.0.clone_from(&record.home);
        }
        if let Some(home) = &self.0 {
            record.reset();
            home.recycle(record);
        }
    }
}

impl Clone for SpanRecord {
    fn clone(&self) -> Self {
        SpanRecord(self.0.clone())
    }
}

impl fmt::Debug for SpanRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Tags<'a>(&'a SpanRecord);
        impl fmt::Debug for Tags<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let tags = self.0.tags();
                f.debug_map()
                    .entries(tags.map(|(name, value)| (name, value.to_text())))
                    .finish()
            }
        }
        f.debug_struct("SpanRecord")
            .field("context", &self.context())
            .field("kind", &self.kind())
            .field("name", &self.name())
            .field("timestamp", &self.timestamp())
            .field("duration", &self.duration())
            .field("local_endpoint", &self.local_endpoint())
            .field("remote_endpoint", &self.remote_endpoint())
            .field("annotations", &self.annotations().collect::<Vec<_>>())
            .field("tags", &Tags(self))
            .field("shared", &self.is_shared())
            .finish()
    }
}

/// Makes a [`SpanRecord`] by hand.
#[derive(Debug)]
pub struct SpanRecordBuilder(Box<Record>);

impl SpanRecordBuilder {
    /// What was done.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.0.name = self.0.write(name);
        self
    }

    /// The side of the exchange.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.0.kind = Some(kind);
        self
    }

    /// When it started, in microseconds since 1970.
    #[must_use]
    pub fn timestamp(mut self, micros: u64) -> Self {
        self.0.timestamp = micros;
        self
    }

    /// How long it took, in whole microseconds; less than one counts as one.
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.0.duration = duration.as_micros() as u64;
        self
    }

    /// The service that made the span.
    #[must_use]
    pub fn local_endpoint(mut self, endpoint: Endpoint) -> Self {
        self.0.local = Some(endpoint);
        self
    }

    /// The service on the other side.
    #[must_use]
    pub fn remote_endpoint(mut self, endpoint: Endpoint) -> Self {
        self.0.set_remote(&endpoint);
        self
    }

    /// A tag. Of two with one name the later counts.
    #[must_use]
    pub fn tag(mut self, name: &str, value: &str) -> Self {
        self.0.handler_tag(name, value, usize::MAX);
        self
    }

    /// An event, at a time in microseconds since 1970.
    #[must_use]
    pub fn annotation(mut self, micros: u64, text: &str) -> Self {
        self.0.annotate(micros, text, usize::MAX);
        self
    }

    /// Whether the span's id is its caller's too.
    #[must_use]
    pub fn shared(mut self, shared: bool) -> Self {
        self.0.shared = shared;
        self
    }

    /// Whether no other span of this process is above it.
    #[must_use]
    pub fn local_root(mut self, local_root: bool) -> Self {
        self.0.local_root = local_root;
        self
    }

    /// The record.
    pub fn build(self) -> SpanRecord {
        SpanRecord(Some(self.0))
    }
}

/// Where a record comes from, goes to and returns to when it is emptied.
pub(crate) trait Home: Send + Sync {
    /// The service whose spans these are.
    fn endpoint(&self) -> &Endpoint;
    /// The longest value of a tag, in bytes.
    fn max_tag_length(&self) -> usize;
    /// The moment, by this home's clock.
    fn now(&self) -> Moment;
    /// An empty record that belongs here.
    fn blank(&self) -> Box<Record>;
    /// Takes a finished span.
    fn report(&self, span: SpanRecord);
    /// Takes back an emptied record.
    fn recycle(&self, record: Box<Record>);
}

/// Who set a tag. Over one name the higher wins; of two customs the first, of two handler's the
/// last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    Standard,
    Custom,
    Handler,
}

/// Text that is static, or lies in the record's buffer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Text {
    Static(&'static str),
    Own { start: u32, end: u32 },
}

impl Default for Text {
    fn default() -> Self {
        Text::Static("")
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Value {
    Text(Text),
    Number(u64),
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    name: Text,
    value: Value,
    rank: Rank,
}

/// The buffer of one span. All text lies in one string.
#[derive(Clone, Default)]
pub(crate) struct Record {
    pub(crate) context: Option<TraceContext>,
    pub(crate) kind: Option<Kind>,
    pub(crate) shared: bool,
    pub(crate) local_root: bool,
    /// Whether two tags may have one name.
    pub(crate) doubtful: bool,
    errored: bool,
    timestamp: u64,
    duration: u64,
    name: Text,
    remote_service: Text,
    remote_ip: Option<IpAddr>,
    remote_port: Option<u16>,
    tags: Vec<Entry>,
    annotations: Vec<(u64, Text)>,
    text: String,
    local: Option<Endpoint>,
    home: Option<Arc<dyn Home>>,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// A buffer that grew beyond this is not kept.
const MOST_KEPT: usize = 16 * 1024;

impl Record {
    /// An empty record with room for the usual span.
    pub(crate) fn with_room() -> Record {
        Record {
            text: String::with_capacity(512),
            tags: Vec::with_capacity(24),
            ..Record::default()
        }
    }

    pub(crate) fn begin(&mut self, home: &Arc<dyn Home>, context: TraceContext, at: Moment) {
        // One that was used before knows its home: no handle is counted.
        if self.home.is_none() {
            self.home = Some(Arc::clone(home));
        }
        self.context = Some(context);
        self.timestamp = at.micros();
    }

    pub(crate) fn end(&mut self, took: Duration) {
        self.duration = took.as_micros() as u64;
    }

    pub(crate) fn home(&self) -> Option<&Arc<dyn Home>> {
        self.home.as_ref()
    }

    fn max_tag_length(&self) -> usize {
        self.home
            .as_ref()
            .map_or(usize::MAX, |home| home.max_tag_length())
    }

    /// Empties the buffer but keeps its memory and its home.
    fn reset(&mut self) {
        let keep = |bytes: usize| bytes <= MOST_KEPT;
        let mut old = std::mem::take(self);
        self.home = old.home;
        if keep(old.text.capacity()) {
            old.text.clear();
            self.text = old.text;
        }
        if keep(old.tags.capacity() * size_of::<Entry>()) {
            old.tags.clear();
            self.tags = old.tags;
        }
        if keep(old.annotations.capacity() * size_of::<(u64, Text)>()) {
            old.annotations.clear();
            self.annotations = old.annotations;
        }
    }

    /// Copies text into the buffer.
    pub(crate) fn write(&mut self, text: &str) -> Text {
        let start = self.text.len();
        self.text.push_str(text);
        self.since(start)
    }

    /// The text that was written after `start`.
    fn since(&self, start: usize) -> Text {
        // 4 GiB of text in one span has no case; what does not fit is not shown.
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Text::Own {
            start: place(start),
            end: place(self.text.len()),
        }
    }

    fn read(&self, text: &Text) -> &str {
        match *text {
            Text::Static(text) => text,
            Text::Own { start, end } => self
                .text
                .get(start as usize..end as usize)
                .unwrap_or_default(),
        }
    }

    fn value(&self, value: &Value) -> TagValue<'_> {
        match value {
            Value::Text(text) => TagValue::Text(self.read(text)),
            Value::Number(number) => TagValue::Number(*number),
            Value::Address(ip) => TagValue::Address(*ip),
        }
    }

    /// Whether the tag at `at` is the one of its name that counts.
    fn stands(&self, at: usize) -> bool {
        let own = &self.tags[at];
        let name = self.read(&own.name);
        !self.tags.iter().enumerate().any(|(other_at, other)| {
            let wins = match other.rank.cmp(&own.rank) {
                std::cmp::Ordering::Greater => true,
                std::cmp::Ordering::Less => false,
                std::cmp::Ordering::Equal if own.rank == Rank::Custom => other_at < at,
                std::cmp::Ordering::Equal => other_at > at,
            };
            wins && self.read(&other.name) == name
        })
    }

    pub(crate) fn set_name(&mut self, parts: &[&str]) {
        let start = self.text.len();
        for part in parts {
            self.text.push_str(part);
        }
        self.name = self.since(start);
    }

    pub(crate) fn set_remote(&mut self, endpoint: &Endpoint) {
        if let Some(service) = &endpoint.service_name {
            self.set_remote_service(service);
        }
        self.remote_ip = endpoint.ip;
        self.remote_port = endpoint.port;
    }

    pub(crate) fn set_remote_service(&mut self, service: &str) {
        self.remote_service = self.write(service);
    }

    pub(crate) fn set_remote_address(&mut self, ip: Option<IpAddr>, port: Option<u16>) {
        self.remote_ip = ip;
        self.remote_port = port.filter(|&port| port != 0);
    }

    /// A standard tag of text that is known to be short; nothing if it is empty.
    pub(crate) fn standard_static(&mut self, name: &'static str, value: &'static str) {
        if !name.is_empty() && !value.is_empty() {
            let value = Value::Text(Text::Static(value));
            self.push(Text::Static(name), value, Rank::Standard);
        }
    }

    /// The tag `error`, once.
    pub(crate) fn standard_error(&mut self) {
        if !std::mem::replace(&mut self.errored, true) {
            self.standard_static("error", "true");
        }
    }

    pub(crate) fn standard_number(&mut self, name: &'static str, value: u64) {
        if !name.is_empty() {
            self.push(Text::Static(name), Value::Number(value), Rank::Standard);
        }
    }

    pub(crate) fn standard_address(&mut self, name: &'static str, ip: IpAddr) {
        if !name.is_empty() {
            self.push(Text::Static(name), Value::Address(ip), Rank::Standard);
        }
    }

    /// A standard tag whose value is these parts, cut to the longest a tag may be.
    pub(crate) fn standard(&mut self, name: &'static str, parts: &[&str]) {
        if name.is_empty() {
            return;
        }
        let start = self.text.len();
        let most = self.max_tag_length();
        for part in parts {
            let room = most.saturating_sub(self.text.len() - start);
            self.text.push_str(cut(part, room));
        }
        if self.text.len() > start {
            let value = Value::Text(self.since(start));
            self.push(Text::Static(name), value, Rank::Standard);
        }
    }

    /// A custom tag; nothing if the value is empty.
    pub(crate) fn custom(&mut self, name: &str, value: &str) {
        let most = self.max_tag_length();
        self.text_tag(name, value, Rank::Custom, most);
    }

    /// A tag of the handler's; nothing if the value is empty.
    pub(crate) fn handler_tag(&mut self, name: &str, value: &str, most: usize) {
        self.doubtful = true;
        self.text_tag(name, value, Rank::Handler, most);
    }

    fn text_tag(&mut self, name: &str, value: &str, rank: Rank, most: usize) {
        if value.is_empty() {
            return;
        }
        let name = self.write(name);
        let value = self.write(cut(value, most));
        self.push(name, Value::Text(value), rank);
    }

    pub(crate) fn annotate(&mut self, micros: u64, text: &str, most: usize) {
        let text = self.write(cut(text, most));
        self.annotations.push((micros, text));
    }

    fn push(&mut self, name: Text, value: Value, rank: Rank) {
        self.tags.push(Entry { name, value, rank });
    }
}

/// At most `most` bytes of the text, cut where a character ends.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn builder() -> SpanRecordBuilder {
        SpanRecord::builder(TraceContext::root(Sampling::Accept))
    }

    proptest! {
        #[test]
        fn cuts_on_a_character(text in "\\PC{0,40}", most in 0_usize..60) {
            let short = cut(&text, most);
            prop_assert!(text.starts_with(short));
            prop_assert!(short.len() <= most);
            prop_assert!(short.len() == text.len() || short.len() + 4 > most);
        }

        #[test]
        fn what_is_written_is_read(tags in proptest::collection::vec(("\\PC{0,8}", "\\PC{1,20}"), 0..12)) {
            let mut span = builder();
            for (name, value) in &tags {
                span = span.tag(name, value);
            }
            let span = span.build();
            let last: std::collections::BTreeMap<_, _> =
                tags.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            let read: Vec<_> =
                span.tags().map(|(name, value)| (name.to_owned(), value.to_string())).collect();
            prop_assert_eq!(read.len(), last.len());
            prop_assert_eq!(read.into_iter().collect::<std::collections::BTreeMap<_, _>>(), last);
        }
    }

    #[test]
    fn handler_over_custom_over_standard() {
        let mut record = Record::default();
        record.context = Some(TraceContext::root(Sampling::Accept));
        record.doubtful = true;
        record.custom("a", "custom first");
        record.custom("a", "custom second");
        record.standard("a", &["standard"]);
        record.standard("b", &["standard ", "parts"]);
        record.handler_tag("c", "first", 100);
        record.handler_tag("c", "second", 100);
        record.custom("c", "custom");
        record.handler_tag("d", "", 100);
        let span = SpanRecord::new(Box::new(record));
        let tags: Vec<_> = span.tags().map(|(n, v)| (n, v.to_text())).collect();
        assert_eq!(
            tags,
            [
                ("a", "custom first".into()),
                ("b", "standard parts".into()),
                ("c", "second".into())
            ]
        );
    }

    #[test]
    fn a_span_takes_a_microsecond_at_least() {
        let span = builder().duration(Duration::from_nanos(1)).build();
        assert_eq!(span.duration(), Duration::from_micros(1));
    }
}
