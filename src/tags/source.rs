//! What the value of a tag is read from, when it varies with the request.

use super::{
    fallback_values::FallbackValues,
    field::{FieldValue, RequestField},
    format::TagFormat,
};
use crate::{
    head::RequestHead,
    propagation::{HeaderTable, HeaderValues},
    text::cut,
};
use http::HeaderName;
use std::borrow::Cow;

/// What the value of a tag is read from: one field of the request, or a format.
#[derive(Debug, Clone)]
pub(super) enum TagSource {
    Field(RequestField),
    /// With the text that it was parsed from.
    Format(TagFormat, String),
}

impl TagSource {
    #[inline]
    pub(super) fn read<'a>(
        &self,
        head: &RequestHead<'a>,
        header_values: &HeaderValues<'a>,
    ) -> FieldValue<'a> {
        match self {
            TagSource::Field(field) => field.read(head, header_values),
            TagSource::Format(format, _) => match format.value(head, header_values) {
                None => FieldValue::Absent,
                Some(value) => FieldValue::of(Cow::Owned(value)),
            },
        }
    }

    /// Identifies the source. A format contains an operator, which no name of a field does.
    pub(super) fn key(&self) -> &str {
        match self {
            TagSource::Field(field) => field.name(),
            TagSource::Format(_, text) => text,
        }
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        let fields: Vec<&RequestField> = match self {
            TagSource::Field(field) => vec![field],
            TagSource::Format(format, _) => format.fields().collect(),
        };
        fields.into_iter().filter_map(RequestField::header)
    }

    pub(super) fn use_table(&mut self, table: &HeaderTable) {
        match self {
            TagSource::Field(field) => field.use_table(table),
            TagSource::Format(format, _) => {
                format.fields_mut().for_each(|field| field.use_table(table));
            }
        }
    }
}

/// The sources of the tags of CLIENT spans, each once: the server layer gathers their values from
/// the request being served.
#[derive(Debug, Clone, Default)]
pub(crate) struct TagSources(Vec<TagSource>);

impl TagSources {
    pub(super) fn of<'a>(all: impl IntoIterator<Item = &'a TagSource>) -> TagSources {
        let mut sources: Vec<TagSource> = Vec::new();
        for source in all {
            if sources.iter().all(|other| other.key() != source.key()) {
                sources.push(source.clone());
            }
        }
        TagSources(sources)
    }

    /// The headers that the sources read.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.0.iter().flat_map(TagSource::headers)
    }

    /// Has the sources find their headers in this table.
    pub(crate) fn with_table(mut self, table: &HeaderTable) -> TagSources {
        for source in &mut self.0 {
            source.use_table(table);
        }
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the values that the request has to `values`, each truncated to `max_length` bytes.
    pub(crate) fn gather<'a>(
        &self,
        head: &RequestHead<'a>,
        header_values: &HeaderValues<'a>,
        max_length: usize,
        values: &mut FallbackValues,
    ) {
        for source in &self.0 {
            match source.read(head, header_values) {
                FieldValue::Text(value) => values.add(source.key(), cut(&value, max_length)),
                FieldValue::Empty => values.add(source.key(), ""),
                FieldValue::Absent => {}
            }
        }
    }
}
