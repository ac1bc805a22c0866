//! The buffer of one span: all its text in one string, its tags as places in it.

use super::{
    Endpoint, Kind, SpanSink, TagValue,
    standard_tag::{COMMON, StandardNames, StandardTag},
};
use crate::{
    clock::Moment,
    context::TraceContext,
    text::{cut, is_blank},
};
use std::{fmt, mem, net::IpAddr, ops::Range, sync::Arc, time::Duration};

/// Who set a tag. Of tags with one name the highest rank wins; of two custom tags the first, else the
/// last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    Standard,
    Custom,
    Handler,
}

/// A range of the text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    start: u32,
    end: u32,
}

#[derive(Debug, Clone, Copy)]
enum Name {
    Standard(StandardTag),
    /// In the text right before the value; its length in bytes.
    Own(u32),
}

#[derive(Debug, Clone, Copy)]
enum Value {
    Text,
    /// A number, in the place of the range.
    Number,
    /// The IP address of the remote endpoint.
    RemoteAddress,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Tag {
    name: Name,
    value: Value,
    rank: Rank,
    place: Place,
}

/// The parts of a span that have a fixed size.
#[derive(Clone, Copy)]
pub(crate) struct Fixed {
    pub(crate) context: Option<TraceContext>,
    pub(crate) kind: Option<Kind>,
    pub(crate) shared: bool,
    pub(crate) local_root: bool,
    /// Whether a header forced the trace.
    pub(crate) forced: bool,
    /// Whether the caller had sampled the trace.
    pub(crate) sampled_by_caller: bool,
    /// Whether two tags may have one name. If not, readers do not compare names.
    pub(crate) doubtful: bool,
    errored: bool,
    /// How many tags and annotations were left out, because there were too many.
    left_out: u64,
    pub(super) timestamp: u64,
    pub(super) duration: u64,
    pub(super) name: Place,
    remote_service: Place,
    pub(super) remote_ip: Option<IpAddr>,
    pub(super) remote_port: Option<u16>,
    names: &'static StandardNames,
}

impl Default for Fixed {
    fn default() -> Self {
        Fixed {
            context: None,
            kind: None,
            shared: false,
            local_root: false,
            forced: false,
            sampled_by_caller: false,
            doubtful: false,
            errored: false,
            left_out: 0,
            timestamp: 0,
            duration: 0,
            name: Place::default(),
            remote_service: Place::default(),
            remote_ip: None,
            remote_port: None,
            names: &COMMON,
        }
    }
}

/// Which part of a record's buffers is one span's.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) text: Range<usize>,
    pub(super) tags: Range<usize>,
    pub(super) annotations: Range<usize>,
}

/// The buffers of one span, or of several, one of which is shown.
pub(crate) struct Record {
    pub(crate) fixed: Fixed,
    tags: Vec<Tag>,
    annotations: Vec<(u64, Place)>,
    text: String,
    /// The span that is shown; `None` if the buffers hold one span only.
    pub(super) window: Option<Window>,
    /// The longest value of a tag, in bytes.
    max_tag_length: usize,
    /// Whether a span is recorded here, whose names and tags are bounded. One that is built by
    /// hand is not.
    bounded: bool,
    /// The length of the text at which replaced parts are removed.
    compact_at: usize,
    pub(super) local: Option<Arc<Endpoint>>,
    /// Where the record goes and returns to; `None` if no tracer made it.
    pub(super) sink: Option<Arc<SpanSink>>,
}

impl Default for Record {
    fn default() -> Self {
        Record {
            fixed: Fixed::default(),
            tags: Vec::new(),
            annotations: Vec::new(),
            text: String::new(),
            window: None,
            max_tag_length: usize::MAX,
            bounded: false,
            compact_at: 0,
            local: None,
            sink: None,
        }
    }
}

impl Clone for Record {
    /// A copy of the span that is shown.
    fn clone(&self) -> Self {
        Record {
            fixed: self.fixed,
            tags: self.tags().to_vec(),
            annotations: self.annotations().to_vec(),
            text: self.text().to_owned(),
            window: None,
            max_tag_length: self.max_tag_length,
            bounded: self.bounded,
            compact_at: self.compact_at,
            local: self.local.clone(),
            sink: self.sink.clone(),
        }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("context", &self.fixed.context)
            .finish_non_exhaustive()
    }
}

/// The longest name of a span, a tag or a remote service, in bytes: it can come from a stranger's
/// request.
pub(crate) const MAX_NAME: usize = 256;

/// The most tags, and the most annotations, that a handler can add to a span.
const MAX_HANDLER_TAGS: usize = 128;

/// Buffers that have grown beyond this, in bytes, are not reused.
const MAX_KEPT: usize = 16 * 1024;

impl Record {
    /// An empty record with room for the usual span.
    pub(crate) fn with_room() -> Record {
        Record {
            text: String::with_capacity(768),
            tags: Vec::with_capacity(24),
            ..Record::default()
        }
    }

    /// Starts a span in an emptied record.
    pub(crate) fn begin(
        &mut self,
        context: TraceContext,
        at: Moment,
        names: &'static StandardNames,
        max_tag_length: usize,
    ) {
        self.fixed.context = Some(context);
        self.fixed.timestamp = at.micros();
        self.fixed.names = names;
        self.max_tag_length = max_tag_length;
        self.bounded = true;
    }

    pub(crate) fn end(&mut self, took: Duration) {
        self.fixed.duration = took.as_micros() as u64;
        if self.fixed.left_out > 0 {
            self.standard_number(StandardTag::LeftOut, self.fixed.left_out);
        }
        debug_assert!(
            self.fixed.doubtful || (0..self.tags.len()).all(|at| self.stands(at)),
            "two tags of one name, where none were expected"
        );
    }

    pub(crate) fn max_tag_length(&self) -> usize {
        self.max_tag_length
    }

    pub(super) fn text(&self) -> &str {
        match &self.window {
            Some(window) => &self.text[window.text.clone()],
            None => &self.text,
        }
    }

    pub(super) fn tags(&self) -> &[Tag] {
        match &self.window {
            Some(window) => &self.tags[window.tags.clone()],
            None => &self.tags,
        }
    }

    pub(super) fn annotations(&self) -> &[(u64, Place)] {
        match &self.window {
            Some(window) => &self.annotations[window.annotations.clone()],
            None => &self.annotations,
        }
    }

    pub(super) fn clear_buffers(&mut self) {
        self.window = None;
        self.text.clear();
        self.tags.clear();
        self.annotations.clear();
    }

    #[cfg(feature = "batch")]
    pub(super) fn swap_buffers(
        &mut self,
        text: &mut String,
        tags: &mut Vec<Tag>,
        annotations: &mut Vec<(u64, Place)>,
    ) {
        mem::swap(&mut self.text, text);
        mem::swap(&mut self.tags, tags);
        mem::swap(&mut self.annotations, annotations);
    }

    /// Empties the buffers and keeps their memory, unless that is too much.
    pub(crate) fn reset(&mut self) {
        self.fixed = Fixed::default();
        self.clear_buffers();
        self.compact_at = 0;
        self.local = None;
        if self.reserved() > MAX_KEPT {
            *self = Record {
                sink: self.sink.take(),
                ..Record::with_room()
            };
        }
    }

    /// The memory that it has reserved.
    pub(super) fn reserved(&self) -> usize {
        self.text.capacity()
            + self.tags.capacity() * size_of::<Tag>()
            + self.annotations.capacity() * size_of::<(u64, Place)>()
    }

    /// The text that was written after `start`.
    fn since(&self, start: usize) -> Place {
        // Text beyond 4 GiB is not shown.
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Place {
            start: place(start),
            end: place(self.text.len()),
        }
    }

    /// Copies text into the buffer.
    #[inline]
    fn write(&mut self, text: &str) -> Place {
        let start = self.text.len();
        self.text.push_str(text);
        self.since(start)
    }

    pub(super) fn read(&self, place: Place) -> &str {
        self.text()
            .get(place.start as usize..place.end as usize)
            .unwrap_or_default()
    }

    pub(super) fn tag_name(&self, tag: &Tag) -> &str {
        match tag.name {
            Name::Standard(standard) => self.fixed.names[standard as usize],
            Name::Own(length) => self.read(Place {
                start: tag.place.start.saturating_sub(length),
                end: tag.place.start,
            }),
        }
    }

    pub(super) fn tag_value(&self, tag: &Tag) -> TagValue<'_> {
        match (tag.value, self.fixed.remote_ip) {
            (Value::Number, _) => {
                TagValue::Number(u64::from(tag.place.start) << 32 | u64::from(tag.place.end))
            }
            (Value::RemoteAddress, Some(ip)) => TagValue::Address(ip),
            _ => TagValue::Text(self.read(tag.place)),
        }
    }

    pub(super) fn remote_service(&self) -> &str {
        self.read(self.fixed.remote_service)
    }

    /// Whether the tag at `at` is the one of its name that counts.
    pub(super) fn stands(&self, at: usize) -> bool {
        let tags = self.tags();
        let own = &tags[at];
        // A handler's tag takes the place of an earlier one, so there is one of a name.
        if own.rank == Rank::Handler {
            return true;
        }
        let name = self.tag_name(own);
        !tags.iter().enumerate().any(|(other_at, other)| {
            let wins = match other.rank.cmp(&own.rank) {
                std::cmp::Ordering::Greater => true,
                std::cmp::Ordering::Less => false,
                std::cmp::Ordering::Equal if own.rank == Rank::Custom => other_at < at,
                std::cmp::Ordering::Equal => other_at > at,
            };
            wins && self.tag_name(other) == name
        })
    }

    pub(crate) fn set_name(&mut self, parts: &[&str]) {
        self.forget(self.fixed.name);
        let start = self.text.len();
        self.write_parts(parts, self.bound(MAX_NAME));
        self.fixed.name = self.since(start);
        self.compact();
    }

    pub(crate) fn is_named(&self) -> bool {
        !self.read(self.fixed.name).is_empty()
    }

    /// Appends these parts, cut to `most` bytes in total.
    fn write_parts(&mut self, parts: &[&str], most: usize) {
        let end = self.text.len().saturating_add(most);
        for part in parts {
            let room = end - self.text.len();
            self.text.push_str(cut(part, room));
        }
    }

    /// The bound, if the span is recorded here.
    fn bound(&self, most: usize) -> usize {
        if self.bounded { most } else { usize::MAX }
    }

    /// Removes a part of the text that is no longer needed, if it is at the end.
    fn forget(&mut self, place: Place) {
        if place.end as usize == self.text.len() {
            self.text.truncate(place.start as usize);
        }
    }

    /// Writes the text anew without replaced parts, once those take more room than the rest.
    #[inline]
    fn compact(&mut self) {
        if self.text.len() >= self.compact_at.max(MAX_KEPT) {
            self.write_anew();
        }
    }

    #[cold]
    fn write_anew(&mut self) {
        let old = mem::take(&mut self.text);
        let text = &mut self.text;
        let mut keep = |place: &mut Place, before: u32| {
            let start = place.start.saturating_sub(before);
            text.push_str(old.get(start as usize..place.end as usize).unwrap_or(""));
            let end = text.len() as u32;
            *place = Place {
                start: end - (place.end - place.start),
                end,
            };
        };
        keep(&mut self.fixed.name, 0);
        keep(&mut self.fixed.remote_service, 0);
        for tag in &mut self.tags {
            match (tag.name, tag.value) {
                (Name::Own(length), _) => keep(&mut tag.place, length),
                (Name::Standard(_), Value::Text) => keep(&mut tag.place, 0),
                (Name::Standard(_), _) => {}
            }
        }
        for (_, annotation) in &mut self.annotations {
            keep(annotation, 0);
        }
        self.compact_at = 2 * self.text.len();
    }

    pub(crate) fn set_remote(&mut self, endpoint: &Endpoint) {
        if let Some(service) = &endpoint.service_name {
            self.set_remote_service(service);
        }
        self.fixed.remote_ip = endpoint.ip;
        self.fixed.remote_port = endpoint.port;
    }

    pub(crate) fn set_remote_service(&mut self, service: &str) {
        self.fixed.remote_service = self.write(cut(service, self.bound(MAX_NAME)));
    }

    pub(crate) fn set_remote_address(&mut self, ip: Option<IpAddr>, port: Option<u16>) {
        self.fixed.remote_ip = ip;
        self.fixed.remote_port = port.filter(|&port| port != 0);
    }

    fn is_called(&self, tag: StandardTag) -> bool {
        !self.fixed.names[tag as usize].is_empty()
    }

    /// A standard tag, cut to the longest a tag may be; nothing if it is empty.
    #[inline]
    pub(crate) fn standard(&mut self, tag: StandardTag, value: &str) {
        if self.is_called(tag) && !value.is_empty() {
            let place = self.write(cut(value, self.max_tag_length));
            self.push(Name::Standard(tag), Value::Text, Rank::Standard, place);
        }
    }

    /// The same of several parts.
    pub(crate) fn standard_parts(&mut self, tag: StandardTag, parts: &[&str]) {
        if !self.is_called(tag) {
            return;
        }
        let start = self.text.len();
        self.write_parts(parts, self.max_tag_length);
        if self.text.len() > start {
            let place = self.since(start);
            self.push(Name::Standard(tag), Value::Text, Rank::Standard, place);
        }
    }

    /// The tag `error`, once.
    pub(crate) fn standard_error(&mut self) {
        if !mem::replace(&mut self.fixed.errored, true) {
            self.standard(StandardTag::Error, "true");
        }
    }

    pub(crate) fn standard_number(&mut self, tag: StandardTag, number: u64) {
        if self.is_called(tag) {
            let place = Place {
                start: (number >> 32) as u32,
                end: number as u32,
            };
            self.push(Name::Standard(tag), Value::Number, Rank::Standard, place);
        }
    }

    /// A standard tag whose value is the remote endpoint's IP address.
    pub(crate) fn standard_remote_address(&mut self, tag: StandardTag) {
        if self.is_called(tag) && self.fixed.remote_ip.is_some() {
            let place = Place::default();
            self.push(
                Name::Standard(tag),
                Value::RemoteAddress,
                Rank::Standard,
                place,
            );
        }
    }

    /// A custom tag; nothing if the value is empty.
    pub(crate) fn custom(&mut self, name: &str, value: &str) {
        split_error(name, value, |name, value| {
            self.own_tag(name, value, Rank::Custom);
        });
    }

    /// Custom tags alone, to be [added](Self::add_tags) to spans whose tags are cut to the same
    /// length.
    pub(crate) fn of_tags<'a>(
        tags: impl IntoIterator<Item = (&'a str, &'a str)>,
        max_tag_length: usize,
    ) -> Record {
        let mut record = Record {
            max_tag_length,
            bounded: true,
            ..Record::default()
        };
        for (name, value) in tags {
            record.custom(name, value);
        }
        record
    }

    /// Adds these tags, in one piece.
    pub(crate) fn add_tags(&mut self, other: &Record) {
        let Place { start, .. } = self.write(&other.text);
        let moved = |place: Place| Place {
            start: place.start.saturating_add(start),
            end: place.end.saturating_add(start),
        };
        self.tags.extend(other.tags.iter().map(|tag| Tag {
            place: moved(tag.place),
            ..*tag
        }));
    }

    /// A tag that the handler sets: as [`handler_tag`](Self::handler_tag), but what went wrong
    /// goes into a tag of its own.
    pub(crate) fn set_tag(&mut self, name: &str, value: &str) {
        split_error(name, value, |name, value| self.handler_tag(name, value));
    }

    /// A tag of the handler's; nothing if the name is blank or the value empty.
    ///
    /// It takes the place of an earlier one of its name.
    pub(crate) fn handler_tag(&mut self, name: &str, value: &str) {
        let name = cut(name, self.bound(MAX_NAME));
        if is_blank(name) || value.is_empty() {
            return;
        }
        self.fixed.doubtful = true;
        let by_handler = |tag: &&Tag| tag.rank == Rank::Handler;
        let there = self
            .tags
            .iter()
            .position(|tag| tag.rank == Rank::Handler && self.tag_name(tag) == name);
        let Some(at) = there else {
            let full = self.tags.iter().filter(by_handler).count() >= self.bound(MAX_HANDLER_TAGS);
            if full && !says_failed(name) {
                self.fixed.left_out += 1;
                return;
            }
            return self.own_tag(name, value, Rank::Handler);
        };
        let Place { start, end } = self.tags[at].place;
        let name_length = name.len() as u32;
        self.forget(Place {
            start: start.saturating_sub(name_length),
            end,
        });
        self.tags[at].place = self.write_own(name, value);
        self.compact();
    }

    fn own_tag(&mut self, name: &str, value: &str, rank: Rank) {
        if value.is_empty() {
            return;
        }
        let name = cut(name, self.bound(MAX_NAME));
        let place = self.write_own(name, value);
        let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
        self.push(Name::Own(length), Value::Text, rank, place);
    }

    /// Writes a name and, right behind it, a value; gives the value's place.
    fn write_own(&mut self, name: &str, value: &str) -> Place {
        self.text.push_str(name);
        self.write(cut(value, self.max_tag_length))
    }

    /// An event; nothing if the text is blank.
    pub(crate) fn annotate(&mut self, micros: u64, text: &str) {
        if is_blank(text) {
            return;
        }
        if self.annotations.len() >= self.bound(MAX_HANDLER_TAGS) {
            self.fixed.left_out += 1;
            return;
        }
        let text = self.write(cut(text, self.max_tag_length));
        self.annotations.push((micros, text));
    }

    #[inline]
    fn push(&mut self, name: Name, value: Value, rank: Rank, place: Place) {
        self.tags.push(Tag {
            name,
            value,
            rank,
            place,
        });
    }
}

/// The tag `error` is `true` or not there; a reason in it goes into `error.reason`.
fn split_error(name: &str, value: &str, mut write: impl FnMut(&str, &str)) {
    match (name, value) {
        ("error", "false") => {}
        ("error", reason) if !matches!(reason, "" | "true") => {
            write("error", "true");
            write("error.reason", reason);
        }
        _ => write(name, value),
    }
}

/// Whether a tag says that its span failed. There is always room for such a tag.
pub(crate) fn says_failed(name: &str) -> bool {
    matches!(name, "error" | "error.reason")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        context::Sampling,
        record::{COMMON_NAMES, SpanRecord, SpanRecordBuilder},
    };
    use proptest::{collection::vec, prelude::*};
    use std::collections::BTreeMap;

    fn builder() -> SpanRecordBuilder {
        SpanRecord::builder(TraceContext::root(Sampling::Accept))
    }

    static NAMES: StandardNames = StandardTag::names(
        COMMON_NAMES,
        [
            (StandardTag::Component, "a"),
            (StandardTag::Method, "b"),
            (StandardTag::Status, "http.status_code"),
        ],
    );

    /// A record of tags that may have one name.
    fn doubtful() -> Record {
        let mut record = Record::default();
        record.fixed.context = Some(TraceContext::root(Sampling::Accept));
        record.fixed.doubtful = true;
        record.fixed.names = &NAMES;
        record
    }

    proptest! {
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
            const STANDARD: [StandardTag; 6] = [
                StandardTag::Component,
                StandardTag::Url,
                StandardTag::Method,
                StandardTag::LeftOut,
                StandardTag::Status,
                StandardTag::Route,
            ];
            const OTHERS: [&str; 6] = ["a", "A", "b", "left_out", "http.status_code", ""];
            let mut record = doubtful();
            let mut expected: BTreeMap<&str, (Rank, &str)> = BTreeMap::new();
            for (rank, name, value) in &tags {
                let (standard, name) = (STANDARD[*name], OTHERS[*name]);
                let rank = match rank {
                    0 => {
                        record.standard(standard, value);
                        // One without a name in the set is not written.
                        if NAMES[standard as usize].is_empty() {
                            continue;
                        }
                        Rank::Standard
                    }
                    // Those with names that cannot be used are refused before.
                    1 if name.is_empty() => continue,
                    1 => {
                        record.custom(name, value);
                        Rank::Custom
                    }
                    _ => {
                        record.handler_tag(name, value);
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
        let mut record = doubtful();
        record.custom("a", "custom first");
        record.custom("a", "custom second");
        record.standard(StandardTag::Component, "standard");
        record.standard_parts(StandardTag::Method, &["standard ", "parts"]);
        record.handler_tag("c", "first");
        record.handler_tag("c", "second");
        record.custom("c", "custom");
        record.handler_tag("d", "");
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
    fn a_span_takes_a_microsecond_at_least_and_no_duration_wraps() {
        let span = builder().duration(Duration::from_nanos(1)).build();
        assert_eq!(span.duration(), Duration::from_micros(1));
        let span = builder().duration(Duration::from_secs(1 << 60)).build();
        assert_eq!(span.duration(), Duration::from_micros(u64::MAX));
    }
}
