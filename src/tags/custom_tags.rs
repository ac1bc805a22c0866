//! `CustomTags`: all custom tags of one direction, ready to be written on spans.
//!
//! The tracer resolves them when it is built and when they change; the layers write them.

use super::{
    custom_tag::{Resolved, Tag},
    error::TagError,
    fallback_values::FallbackValues,
    field::FieldValue,
    source::{TagSource, TagSources},
};
use crate::{
    head::RequestHead,
    propagation::{HeaderTable, HeaderValues},
    record::SpanBuffer,
};
use http::HeaderName;

/// The custom tags of one direction.
#[derive(Debug, Clone, Default)]
pub(crate) struct CustomTags {
    constant: Vec<(String, String)>,
    /// The constant tags as they are written on spans.
    written: SpanBuffer,
    varying: Vec<VaryingTag>,
}

/// A tag whose value depends on the request.
#[derive(Debug, Clone)]
struct VaryingTag {
    name: String,
    source: TagSource,
    /// The value if the request does not have the source.
    default: Option<String>,
}

impl CustomTags {
    /// Checks the tags and reads the environment. The first of several tags with the same name is used.
    pub(crate) fn resolve(tags: impl IntoIterator<Item = Tag>) -> Result<CustomTags, TagError> {
        let mut resolved = CustomTags::default();
        let mut names: Vec<String> = Vec::new();
        for tag in tags {
            let name = tag.name();
            // A tag is checked even if an earlier tag has the same name.
            let value = tag.resolve();
            let value = value.map_err(|reason| TagError::new(name, reason))?;
            if names.iter().any(|other| other == name) {
                continue;
            }
            let name = name.to_owned();
            names.push(name.clone());
            match value {
                Resolved::Constant(value) if value.is_empty() => {}
                Resolved::Constant(value) => resolved.constant.push((name, value)),
                Resolved::Varying { source, default } => resolved.varying.push(VaryingTag {
                    name,
                    source,
                    default,
                }),
            }
        }
        Ok(resolved)
    }

    /// Whether any tag has one of these names.
    pub(crate) fn any_named(&self, names: &[&str]) -> bool {
        let constant = self.constant.iter().map(|(name, _)| name);
        let varying = self.varying.iter().map(|tag| &tag.name);
        constant
            .chain(varying)
            .any(|name| names.contains(&name.as_str()))
    }

    /// The headers that the tags read.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.varying.iter().flat_map(|tag| tag.source.headers())
    }

    /// The sources of the tags that vary with the request, each once.
    pub(crate) fn sources(&self) -> TagSources {
        TagSources::of(self.varying.iter().map(|tag| &tag.source))
    }

    /// Prepares the tags for spans whose values are truncated to `max_tag_length`, and which find
    /// their headers in this table.
    pub(crate) fn ready(mut self, table: &HeaderTable, max_tag_length: usize) -> CustomTags {
        let constant = self.constant.iter();
        let constant = constant.map(|(name, value)| (name.as_str(), value.as_str()));
        self.written = SpanBuffer::of_custom_tags(constant, max_tag_length);
        for tag in &mut self.varying {
            tag.source.use_table(table);
        }
        self
    }

    /// Writes the tags of a span. If a request that is sent does not have a source, the value comes
    /// from `served`: what the request being served had.
    pub(crate) fn write<'a>(
        &self,
        buffer: &mut SpanBuffer,
        head: &RequestHead<'a>,
        header_values: &HeaderValues<'a>,
        served: Option<&FallbackValues>,
    ) {
        buffer.append_tags(&self.written);
        for tag in &self.varying {
            match tag.source.read(head, header_values) {
                FieldValue::Text(value) => buffer.add_custom(&tag.name, &value),
                FieldValue::Empty => {}
                FieldValue::Absent => {
                    let value = served.and_then(|served| served.get(tag.source.key()));
                    let value = value.or(tag.default.as_deref());
                    buffer.add_custom(&tag.name, value.unwrap_or_default());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_tag_and_the_reason() {
        let error = |tag| CustomTags::resolve(vec![tag]).unwrap_err().to_string();
        assert_eq!(error(Tag::literal("", "v")), "tag \"\": the name is empty");
        assert_eq!(
            error(Tag::literal(" \t", "v")),
            "tag \" \\t\": the name is empty"
        );
        let long = error(Tag::literal("a".repeat(257), "v"));
        assert!(long.ends_with(": the name is over 256 bytes"), "{long}");
        let longest = Tag::literal("a".repeat(256), "v");
        assert!(CustomTags::resolve([longest]).is_ok());
        assert_eq!(
            error(Tag::literal("a", "")),
            "tag \"a\": the literal value is empty"
        );
        assert_eq!(
            error(Tag::environment("a", "B=C")),
            "tag \"a\": \"B=C\" is not a valid environment variable name"
        );
        assert_eq!(
            error(Tag::request_header("a", ":status")),
            "tag \"a\": \":status\" is not a valid header name"
        );
        assert_eq!(
            error(Tag::formatter("a", "%REQ(b")),
            "tag \"a\": %REQ(b has no % at its end; write %% for a single %"
        );
    }

    #[test]
    fn environment_tags_have_the_value_or_the_default_of_an_absent_variable() {
        let tags = CustomTags::resolve(vec![
            Tag::environment("path", "PATH").default_value("unused"),
            Tag::environment("path", "TOWER_B3_NOT_SET").default_value("second tag of this name"),
            Tag::environment("default", "TOWER_B3_NOT_SET").default_value("d"),
            Tag::environment("none", "TOWER_B3_NOT_SET"),
            Tag::environment("empty default", "TOWER_B3_NOT_SET").default_value(""),
        ])
        .unwrap();
        let path = std::env::var("PATH").unwrap();
        let expected = [
            ("path".to_owned(), path),
            ("default".to_owned(), "d".to_owned()),
        ];
        assert_eq!(tags.constant, expected);
    }
}
