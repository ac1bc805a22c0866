use super::{Endpoint, Kind, SpanRecord, TagValue};
use crate::{clock::Moment, context::TraceContext};
use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

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
pub(super) struct Entry {
    pub(super) name: Text,
    pub(super) value: Value,
    rank: Rank,
}

/// The buffer of one span. All text lies in one string.
#[derive(Clone, Default)]
pub(crate) struct Record {
    pub(crate) context: Option<TraceContext>,
    pub(crate) kind: Option<Kind>,
    pub(crate) shared: bool,
    pub(crate) local_root: bool,
    /// Whether two tags may have one name; where not, nobody looks for them.
    pub(crate) doubtful: bool,
    errored: bool,
    /// Tags and annotations that were too many.
    left_out: u64,
    /// The length of text at which to look for what is not needed any more.
    compact_at: usize,
    pub(super) timestamp: u64,
    pub(super) duration: u64,
    pub(super) name: Text,
    pub(super) remote_service: Text,
    pub(super) remote_ip: Option<IpAddr>,
    pub(super) remote_port: Option<u16>,
    pub(super) tags: Vec<Entry>,
    pub(super) annotations: Vec<(u64, Text)>,
    text: String,
    pub(super) local: Option<Endpoint>,
    pub(super) home: Option<Arc<dyn Home>>,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// The longest name of a span, a tag or a remote service, in bytes: what a stranger sends can be
/// in it.
pub(crate) const MOST_NAME: usize = 256;

/// The most tags, and the most annotations, that a handler can add to a span.
const MOST_OF_A_HANDLER: usize = 128;

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
        if self.left_out > 0 {
            self.standard_number("left_out", self.left_out);
        }
        debug_assert!(
            self.doubtful || (0..self.tags.len()).all(|at| self.stands(at)),
            "two tags of one name, where none were expected"
        );
    }

    pub(crate) fn home(&self) -> Option<&Arc<dyn Home>> {
        self.home.as_ref()
    }

    pub(crate) fn max_tag_length(&self) -> usize {
        self.home
            .as_ref()
            .map_or(usize::MAX, |home| home.max_tag_length())
    }

    /// Lets go of memory that is too much to keep. Otherwise nothing is written: the thread that
    /// uses the record next has it in its cache still, and empties it itself.
    pub(super) fn trim(&mut self) {
        if self.reserved() > MOST_KEPT {
            self.reset();
        }
    }

    /// Empties the buffer but keeps its memory and its home.
    pub(crate) fn reset(&mut self) {
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

    /// The memory that it takes, in bytes: what it has reserved, not only what is in use.
    #[cfg(feature = "zipkin")]
    pub(super) fn size(&self) -> usize {
        size_of::<Record>() + self.reserved()
    }

    fn reserved(&self) -> usize {
        self.text.capacity()
            + self.tags.capacity() * size_of::<Entry>()
            + self.annotations.capacity() * size_of::<(u64, Text)>()
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

    pub(super) fn read(&self, text: &Text) -> &str {
        match *text {
            Text::Static(text) => text,
            Text::Own { start, end } => self
                .text
                .get(start as usize..end as usize)
                .unwrap_or_default(),
        }
    }

    pub(super) fn value(&self, value: &Value) -> TagValue<'_> {
        match value {
            Value::Text(text) => TagValue::Text(self.read(text)),
            Value::Number(number) => TagValue::Number(*number),
            Value::Address(ip) => TagValue::Address(*ip),
        }
    }

    /// Whether the tag at `at` is the one of its name that counts.
    pub(super) fn stands(&self, at: usize) -> bool {
        let own = &self.tags[at];
        // A handler's tag takes the place of an earlier one, so there is one of a name.
        if own.rank == Rank::Handler {
            return true;
        }
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
        self.forget(self.name);
        let start = self.text.len();
        let most = self.most(MOST_NAME);
        for part in parts {
            let room = most.saturating_sub(self.text.len() - start);
            self.text.push_str(cut(part, room));
        }
        self.name = self.since(start);
        self.compact();
    }

    pub(crate) fn is_named(&self) -> bool {
        !self.read(&self.name).is_empty()
    }

    /// A bound that holds for spans that are recorded here; one that is built by hand has none.
    fn most(&self, most: usize) -> usize {
        if self.home.is_some() {
            most
        } else {
            usize::MAX
        }
    }

    /// Frees the room of text that is not needed any more, if it is the last.
    fn forget(&mut self, text: Text) {
        if let Text::Own { start, end } = text {
            if end as usize == self.text.len() {
                self.text.truncate(start as usize);
            }
        }
    }

    /// Once what was replaced takes more room than what is needed, writes that anew.
    fn compact(&mut self) {
        if self.text.len() < self.compact_at.max(MOST_KEPT) {
            return;
        }
        let old = std::mem::take(&mut self.text);
        let text = &mut self.text;
        let mut keep = |place: &mut Text| {
            if let Text::Own { start, end } = *place {
                let from = text.len() as u32;
                text.push_str(old.get(start as usize..end as usize).unwrap_or_default());
                *place = Text::Own {
                    start: from,
                    end: text.len() as u32,
                };
            }
        };
        keep(&mut self.name);
        keep(&mut self.remote_service);
        for entry in &mut self.tags {
            keep(&mut entry.name);
            if let Value::Text(value) = &mut entry.value {
                keep(value);
            }
        }
        for (_, annotation) in &mut self.annotations {
            keep(annotation);
        }
        self.compact_at = 2 * self.text.len();
    }

    pub(crate) fn set_remote(&mut self, endpoint: &Endpoint) {
        if let Some(service) = &endpoint.service_name {
            self.set_remote_service(service);
        }
        self.remote_ip = endpoint.ip;
        self.remote_port = endpoint.port;
    }

    pub(crate) fn set_remote_service(&mut self, service: &str) {
        self.remote_service = self.write(cut(service, self.most(MOST_NAME)));
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
        match (name, value) {
            // The tag is there or it is not; what went wrong has a tag of its own.
            ("error", "false") => {}
            ("error", reason) if !matches!(reason, "" | "true") => {
                self.text_tag("error", "true", Rank::Custom, most);
                self.text_tag("error.reason", reason, Rank::Custom, most);
            }
            _ => self.text_tag(name, value, Rank::Custom, most),
        }
    }

    /// A tag of the handler's; nothing if the name is blank or the value empty.
    ///
    /// It takes the place of an earlier one of its name.
    pub(crate) fn handler_tag(&mut self, name: &str, value: &str, most: usize) {
        let name = cut(name, self.most(MOST_NAME));
        if is_blank(name) {
            return;
        }
        self.doubtful = true;
        let of_name = |entry: &Entry| entry.rank == Rank::Handler && self.read(&entry.name) == name;
        let there = self.tags.iter().position(of_name);
        let Some(at) = there else {
            let by_handler = |entry: &&Entry| entry.rank == Rank::Handler;
            let full = self.tags.iter().filter(by_handler).count() >= self.most(MOST_OF_A_HANDLER);
            if full && !says_failed(name) {
                self.left_out += 1;
                return;
            }
            return self.text_tag(name, value, Rank::Handler, most);
        };
        if value.is_empty() {
            return;
        }
        if let Value::Text(old) = self.tags[at].value {
            self.forget(old);
        }
        self.tags[at].value = Value::Text(self.write(cut(value, most)));
        self.compact();
    }

    fn text_tag(&mut self, name: &str, value: &str, rank: Rank, most: usize) {
        if value.is_empty() {
            return;
        }
        let name = self.write(cut(name, self.most(MOST_NAME)));
        let value = self.write(cut(value, most));
        self.push(name, Value::Text(value), rank);
    }

    /// An event; nothing if the text is blank.
    pub(crate) fn annotate(&mut self, micros: u64, text: &str, most: usize) {
        if is_blank(text) {
            return;
        }
        if self.annotations.len() >= self.most(MOST_OF_A_HANDLER) {
            self.left_out += 1;
            return;
        }
        let text = self.write(cut(text, most));
        self.annotations.push((micros, text));
    }

    fn push(&mut self, name: Text, value: Value, rank: Rank) {
        self.tags.push(Entry { name, value, rank });
    }
}

/// Whether a tag says that its span failed. Such a tag has room whatever else is there.
pub(crate) fn says_failed(name: &str) -> bool {
    matches!(name, "error" | "error.reason")
}

/// Whether a tag's name or an event says nothing: it is empty, or white space alone.
pub(crate) fn is_blank(text: &str) -> bool {
    text.trim_start().is_empty()
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
    use crate::{context::Sampling, record::SpanRecordBuilder};
    use proptest::{collection::vec, prelude::*};
    use std::collections::BTreeMap;

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
        fn what_is_written_is_read(tags in vec(("\\PC{0,8}", "\\PC{1,20}"), 0..12)) {
            let mut span = builder();
            for (name, value) in &tags {
                span = span.tag(name, value);
            }
            let span = span.build();
            let named = tags.iter().filter(|(name, _)| !is_blank(name)).cloned();
            let last: BTreeMap<_, _> = named.collect();
            let read: Vec<_> =
                span.tags().map(|(name, value)| (name.to_owned(), value.to_string())).collect();
            prop_assert_eq!(read.len(), last.len());
            prop_assert_eq!(read.into_iter().collect::<BTreeMap<_, _>>(), last);
        }
    }

    proptest! {
        #[test]
        fn one_tag_of_a_name_counts(tags in vec((0..3, 0..6_usize, "[a-c]{0,2}"), 0..20)) {
            const NAMES: [&str; 6] = ["a", "A", "b", "left_out", "http.status_code", ""];
            let mut record = Record {
                context: Some(TraceContext::root(Sampling::Accept)),
                doubtful: true,
                ..Record::default()
            };
            let mut expected: BTreeMap<&str, (Rank, &str)> = BTreeMap::new();
            for (rank, name, value) in &tags {
                let name = NAMES[*name];
                let rank = match rank {
                    0 => {
                        record.standard(name, &[value]);
                        Rank::Standard
                    }
                    // Those with names that cannot be used are refused before.
                    1 if name.is_empty() => continue,
                    1 => {
                        record.custom(name, value);
                        Rank::Custom
                    }
                    _ => {
                        record.handler_tag(name, value, 100);
                        Rank::Handler
                    }
                };
                let stands = expected.get(name).is_none_or(|(other, _)| match rank {
                    Rank::Custom => *other < rank,
                    _ => *other <= rank,
                });
                if stands && !name.is_empty() && !value.is_empty() {
                    expected.insert(name, (rank, value));
                }
            }
            let span = SpanRecord::new(Box::new(record));
            let read: Vec<_> = span.tags().map(|(name, value)| (name, value.to_text())).collect();
            prop_assert_eq!(read.len(), expected.len());
            for (name, value) in read {
                prop_assert_eq!(expected.get(name).map(|(_, value)| *value), Some(&*value));
            }
        }
    }

    #[test]
    fn what_says_nothing_is_not_written() {
        for blank in ["", " ", "\t\n", "\u{3000}\u{a0}"] {
            let span = builder().tag(blank, "v").annotation(1, blank).build();
            assert_eq!(span.tags().count(), 0, "{blank:?}");
            assert_eq!(span.annotations().count(), 0, "{blank:?}");
        }
        let span = builder().tag(" a", " ").annotation(1, " a").build();
        assert_eq!((span.tags().count(), span.annotations().count()), (1, 1));
    }

    #[test]
    fn handler_over_custom_over_standard() {
        let mut record = Record {
            context: Some(TraceContext::root(Sampling::Accept)),
            doubtful: true,
            ..Record::default()
        };
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
