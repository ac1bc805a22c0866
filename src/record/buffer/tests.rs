//! The tags of a buffer are read as they were written, and one of each name is effective.

use super::{SpanBuffer, parts::TagRank};
use crate::{
    context::{Sampling, TraceContext},
    record::{COMMON_NAMES, SpanRecord, SpanRecordBuilder, StandardTag, StandardTagNames},
    text::is_blank,
};
use proptest::{collection::vec, prelude::*};
use std::{collections::BTreeMap, time::Duration};

fn builder() -> SpanRecordBuilder {
    SpanRecord::builder(TraceContext::root(Sampling::Accept))
}

static NAMES: StandardTagNames = StandardTag::names(
    COMMON_NAMES,
    [
        (StandardTag::Component, "a"),
        (StandardTag::Method, "b"),
        (StandardTag::Status, "http.status_code"),
    ],
);

/// A buffer whose tags may repeat names.
fn with_repeated_names() -> SpanBuffer {
    let mut buffer = SpanBuffer::default();
    buffer.fields.context = Some(TraceContext::root(Sampling::Accept));
    buffer.fields.may_repeat_names = true;
    buffer.fields.standard_names = &NAMES;
    buffer
}

proptest! {
    #[test]
    fn tags_are_read_as_written(tags in vec(("\\PC{0,8}", "\\PC{1,20}"), 0..12)) {
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
    fn one_tag_of_each_name_is_effective(tags in vec((0..3, 0..6_usize, "[a-c]{0,2}"), 0..20)) {
        const STANDARD: [StandardTag; 6] = [
            StandardTag::Component,
            StandardTag::Url,
            StandardTag::Method,
            StandardTag::LeftOut,
            StandardTag::Status,
            StandardTag::Route,
        ];
        const OTHERS: [&str; 6] = ["a", "A", "b", "left_out", "http.status_code", ""];
        let mut buffer = with_repeated_names();
        let mut expected: BTreeMap<&str, (TagRank, &str)> = BTreeMap::new();
        for (rank, name, value) in &tags {
            let (standard, name) = (STANDARD[*name], OTHERS[*name]);
            let rank = match rank {
                0 => {
                    buffer.add_standard(standard, value);
                    // A standard tag without a name is not written.
                    if NAMES[standard as usize].is_empty() {
                        continue;
                    }
                    TagRank::Standard
                }
                // The builder of the tracer refuses custom tags with an empty name.
                1 if name.is_empty() => continue,
                1 => {
                    buffer.add_custom(name, value);
                    TagRank::Custom
                }
                _ => {
                    buffer.set_handler_tag(name, value);
                    TagRank::Handler
                }
            };
            let is_effective = expected.get(name).is_none_or(|(other, _)| match rank {
                TagRank::Custom => *other < rank,
                _ => *other <= rank,
            });
            if is_effective && !name.is_empty() && !value.is_empty() {
                expected.insert(name, (rank, value));
            }
        }
        let span = SpanRecord::new(Box::new(buffer));
        let read: Vec<_> = span.tags().map(|(name, value)| (name, value.to_text())).collect();
        prop_assert_eq!(read.len(), expected.len());
        for (name, value) in read {
            prop_assert_eq!(expected.get(name).map(|(_, value)| *value), Some(&*value));
        }
    }
}

#[test]
fn blank_names_and_texts_are_not_written() {
    for blank in ["", " ", "\t\n", "\u{3000}\u{a0}"] {
        let span = builder().tag(blank, "v").annotation(1, blank).build();
        assert_eq!(span.tags().count(), 0, "{blank:?}");
        assert_eq!(span.annotations().count(), 0, "{blank:?}");
    }
    let span = builder().tag(" a", " ").annotation(1, " a").build();
    assert_eq!((span.tags().count(), span.annotations().count()), (1, 1));
}

#[test]
fn handler_tags_override_custom_tags_override_standard_tags() {
    let mut buffer = with_repeated_names();
    buffer.add_custom("a", "custom first");
    buffer.add_custom("a", "custom second");
    buffer.add_standard(StandardTag::Component, "standard");
    buffer.add_standard_parts(StandardTag::Method, &["standard ", "parts"]);
    buffer.set_handler_tag("c", "first");
    buffer.set_handler_tag("c", "second");
    buffer.add_custom("c", "custom");
    buffer.set_handler_tag("d", "");
    let span = SpanRecord::new(Box::new(buffer));
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
fn durations_are_at_least_a_microsecond_and_saturate() {
    let span = builder().duration(Duration::from_nanos(1)).build();
    assert_eq!(span.duration(), Duration::from_micros(1));
    let span = builder().duration(Duration::from_secs(1 << 60)).build();
    assert_eq!(span.duration(), Duration::from_micros(u64::MAX));
}
