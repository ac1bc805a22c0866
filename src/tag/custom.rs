use super::{
    format::{Format, FormatError},
    standard::{authority, text},
};
use crate::{
    head::RequestHead,
    printable::quoted,
    propagation::{HeaderTable, Seen, Slot},
    record::{MAX_NAME, Record, cut, is_blank},
    span::FoundTags,
};
use http::HeaderName;
use std::{borrow::Cow, fmt};

/// A tag that goes on every SERVER and CLIENT span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    name: String,
    source: Source,
    default: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Literal(String),
    Environment(String),
    Header(String),
    Format(String),
}

impl Tag {
    /// A tag of this text.
    pub fn literal(name: impl Into<String>, value: impl Into<String>) -> Tag {
        Tag::new(name, Source::Literal(value.into()))
    }

    /// A tag of what this environment variable says when the tracer is built.
    pub fn environment(name: impl Into<String>, variable: impl Into<String>) -> Tag {
        Tag::new(name, Source::Environment(variable.into()))
    }

    /// A tag of the first value of this request header.
    pub fn request_header(name: impl Into<String>, header: impl Into<String>) -> Tag {
        Tag::new(name, Source::Header(header.into()))
    }

    /// A tag of a text with operators in it, in Envoy's format (`formatter` in Istio):
    ///
    /// | operator | value |
    /// |---|---|
    /// | `%REQ(x-tenant)%` | the first value of this request header; `:authority`, `:method` and `:path` too |
    /// | `%REQ(x-tenant?x-customer)%` | that of the second where the first is absent |
    /// | `%PROTOCOL%` | `HTTP/1.1` |
    /// | `%ENVIRONMENT(ZONE)%` | what this variable says when the tracer is built |
    /// | `%REQUESTED_SERVER_NAME%` | empty, as it is in Envoy without TLS |
    /// | `%%` | a `%` |
    ///
    /// `:20` behind the bracket cuts a value to 20 bytes. What is absent is an empty text, and an
    /// empty text makes no tag, as in Envoy. On a CLIENT span the whole is made of the outgoing
    /// request; where that has none of it, of the request being served. Unlike other tags it
    /// allocates, once or twice a span.
    ///
    /// ```
    /// use tower_b3::{Tracer, tag::Tag};
    ///
    /// let call = Tag::formatter("call", "%REQ(:METHOD)% by %REQ(x-tenant)%");
    /// let tracer = Tracer::builder("webapp").tag(call).build()?;
    ///
    /// // What only the answer tells is not known yet.
    /// let status = Tag::formatter("status", "%RESPONSE_CODE%");
    /// assert!(Tracer::builder("webapp").tag(status).build().is_err());
    /// # Ok::<(), tower_b3::BuildError>(())
    /// ```
    pub fn formatter(name: impl Into<String>, format: impl Into<String>) -> Tag {
        Tag::new(name, Source::Format(format.into()))
    }

    /// What the tag is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn new(name: impl Into<String>, source: Source) -> Tag {
        Tag {
            name: name.into(),
            source,
            default: None,
        }
    }

    /// The value where the variable or the header is absent. One that is there but empty makes no
    /// tag, as in Envoy. Literals and formats have no use for it.
    #[must_use]
    pub fn default_value(mut self, value: impl Into<String>) -> Tag {
        self.default = Some(value.into());
        self
    }
}

/// A custom tag cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagError {
    name: String,
    flaw: Flaw,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Flaw {
    Name(&'static str),
    NoLiteral,
    Variable(String),
    Header(String),
    Format(FormatError),
}

impl fmt::Display for TagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tag {}: ", quoted(&self.name))?;
        match &self.flaw {
            Flaw::Name(reason) => f.write_str(reason),
            Flaw::NoLiteral => f.write_str("the literal value is empty"),
            Flaw::Variable(variable) => write!(
                f,
                "{} cannot be the name of an environment variable",
                quoted(variable)
            ),
            Flaw::Header(header) => {
                write!(f, "{} cannot be the name of a header", quoted(header))
            }
            Flaw::Format(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TagError {}

/// Why a custom tag cannot have this name.
pub(crate) fn name_flaw(name: &str) -> Option<&'static str> {
    const { assert!(MAX_NAME == 256) };
    match name {
        _ if is_blank(name) => Some("the name is empty"),
        // Cut, it could be the name of another tag.
        _ if name.len() > MAX_NAME => Some("the name is over 256 bytes"),
        _ => None,
    }
}

/// Whether an environment variable can have this name.
pub(crate) fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

/// A header that a tag reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Authority,
    Method,
    Path,
    /// With where its value is found, if the pass over the headers reads it.
    Header(HeaderName, Option<Slot>),
}

/// What a request says in such a place.
pub(crate) enum Found<'a> {
    Absent,
    Empty,
    Value(Cow<'a, str>),
}

impl Place {
    /// The place of this name, in upper or lower case.
    pub(crate) fn parse(name: &str) -> Option<Place> {
        match name.to_ascii_lowercase().as_str() {
            ":authority" => Some(Place::Authority),
            ":method" => Some(Place::Method),
            ":path" => Some(Place::Path),
            name => HeaderName::from_bytes(name.as_bytes())
                .ok()
                .map(|name| Place::Header(name, None)),
        }
    }

    fn name(&self) -> &str {
        match self {
            Place::Authority => ":authority",
            Place::Method => ":method",
            Place::Path => ":path",
            Place::Header(name, _) => name.as_str(),
        }
    }

    fn header(&self) -> Option<&HeaderName> {
        match self {
            Place::Header(name, _) => Some(name),
            _ => None,
        }
    }

    fn read_by(&mut self, table: &HeaderTable) {
        if let Place::Header(name, slot) = self {
            *slot = table.slot(name);
        }
    }

    #[inline]
    pub(super) fn find<'a>(&self, head: &RequestHead<'a>, seen: &Seen<'a>) -> Found<'a> {
        let value = match self {
            Place::Authority => {
                let host = head.headers().contains_key(http::header::HOST);
                return match authority(head) {
                    whole if !whole.is_empty() => Found::Value(whole),
                    _ if host => Found::Empty,
                    _ => Found::Absent,
                };
            }
            Place::Method => return Found::of(Cow::Borrowed(head.method().as_str())),
            Place::Path => {
                let whole = head.uri().path_and_query();
                let path = whole.map_or(head.path(), |whole| whole.as_str());
                return Found::of(Cow::Borrowed(path));
            }
            Place::Header(_, Some(slot)) => seen.get(*slot),
            Place::Header(name, None) => head.headers().get(name),
        };
        value.map_or(Found::Absent, |value| Found::of(text(value)))
    }
}

impl<'a> Found<'a> {
    #[inline]
    fn of(text: Cow<'a, str>) -> Found<'a> {
        match text.is_empty() {
            true => Found::Empty,
            false => Found::Value(text),
        }
    }
}

/// A tag whose value varies with the request.
#[derive(Debug, Clone)]
struct RequestTag {
    name: String,
    content: Content,
    /// The value where the request has nothing of the content.
    default: Option<String>,
}

#[derive(Debug, Clone)]
enum Content {
    Header(Place),
    /// With the text that it was read from.
    Format(Format, String),
}

impl Content {
    #[inline]
    fn find<'a>(&self, head: &RequestHead<'a>, seen: &Seen<'a>) -> Found<'a> {
        match self {
            Content::Header(place) => place.find(head, seen),
            Content::Format(format, _) => match format.find(head, seen) {
                None => Found::Absent,
                Some(value) if value.is_empty() => Found::Empty,
                Some(value) => Found::Value(Cow::Owned(value)),
            },
        }
    }

    /// What tells it from others. A format has an operator in it, which no name of a header has.
    fn source(&self) -> &str {
        match self {
            Content::Header(place) => place.name(),
            Content::Format(_, text) => text,
        }
    }

    fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        let places: Vec<&Place> = match self {
            Content::Header(place) => vec![place],
            Content::Format(format, _) => format.places().collect(),
        };
        places.into_iter().filter_map(Place::header)
    }

    fn read_by(&mut self, table: &HeaderTable) {
        match self {
            Content::Header(place) => place.read_by(table),
            Content::Format(format, _) => {
                format.places_mut().for_each(|place| place.read_by(table));
            }
        }
    }
}

/// What a tag's value is made of, once the environment is read.
enum Resolved {
    /// The value, which is empty where there is none.
    Constant(String),
    /// With the default.
    Varying(Content, Option<String>),
}

impl Tag {
    fn resolve(&self) -> Result<Resolved, Flaw> {
        if let Some(reason) = name_flaw(&self.name) {
            return Err(Flaw::Name(reason));
        }
        match &self.source {
            Source::Literal(value) if value.is_empty() => Err(Flaw::NoLiteral),
            Source::Literal(value) => Ok(Resolved::Constant(value.clone())),
            Source::Environment(variable) if !is_variable(variable) => {
                Err(Flaw::Variable(variable.clone()))
            }
            Source::Environment(variable) => {
                let value = std::env::var_os(variable);
                let value = value.map(|value| value.to_string_lossy().into_owned());
                let value = value.or_else(|| self.default.clone());
                Ok(Resolved::Constant(value.unwrap_or_default()))
            }
            Source::Header(header) => {
                let place = Place::parse(header).ok_or_else(|| Flaw::Header(header.clone()))?;
                let content = Content::Header(place);
                Ok(Resolved::Varying(content, self.default.clone()))
            }
            Source::Format(format) => {
                let resolved = Format::parse(format).map_err(Flaw::Format)?.resolve();
                match resolved.constant() {
                    Some(value) => Ok(Resolved::Constant(value.to_owned())),
                    None => {
                        let default = resolved.without_request();
                        let content = Content::Format(resolved, format.clone());
                        Ok(Resolved::Varying(content, Some(default)))
                    }
                }
            }
        }
    }
}

/// All custom tags, made ready.
#[derive(Debug, Clone, Default)]
pub(crate) struct CustomTags {
    constant: Vec<(String, String)>,
    /// The constant ones as they are written.
    written: Record,
    varying: Vec<RequestTag>,
}

/// What CLIENT spans ask the request being served for, where the outgoing one says nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct TagSources(Vec<Content>);

impl TagSources {
    /// The headers among them.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.0.iter().flat_map(Content::headers)
    }

    /// The same sources, which find their headers by this table.
    pub(crate) fn read_by(mut self, table: &HeaderTable) -> TagSources {
        for content in &mut self.0 {
            content.read_by(table);
        }
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gathers what a request says, each value cut to this many bytes.
    pub(crate) fn gather<'a>(
        &self,
        head: &RequestHead<'a>,
        seen: &Seen<'a>,
        longest: usize,
        to: &mut FoundTags,
    ) {
        for content in &self.0 {
            match content.find(head, seen) {
                Found::Value(value) => to.add(content.source(), cut(&value, longest)),
                Found::Empty => to.add(content.source(), ""),
                Found::Absent => {}
            }
        }
    }
}

impl CustomTags {
    /// Reads the environment. Of two tags of one name the first counts.
    pub(crate) fn resolve(tags: impl IntoIterator<Item = Tag>) -> Result<CustomTags, TagError> {
        let mut resolved = CustomTags::default();
        let mut names: Vec<String> = Vec::new();
        for tag in tags {
            // One that does not count must be usable all the same.
            let value = tag.resolve().map_err(|flaw| TagError {
                name: tag.name.clone(),
                flaw,
            })?;
            if names.contains(&tag.name) {
                continue;
            }
            match value {
                Resolved::Constant(value) if value.is_empty() => {}
                Resolved::Constant(value) => resolved.constant.push((tag.name.clone(), value)),
                Resolved::Varying(content, default) => resolved.varying.push(RequestTag {
                    name: tag.name.clone(),
                    content,
                    default,
                }),
            }
            names.push(tag.name);
        }
        Ok(resolved)
    }

    /// Whether any of them is called one of these names.
    pub(crate) fn any_named(&self, names: &[&str]) -> bool {
        let constant = self.constant.iter().map(|(name, _)| name);
        let varying = self.varying.iter().map(|tag| &tag.name);
        constant
            .chain(varying)
            .any(|name| names.contains(&name.as_str()))
    }

    /// The headers that tags are made of.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.varying.iter().flat_map(|tag| tag.content.headers())
    }

    /// What the tags that vary with the request are made of, each once.
    pub(crate) fn sources(&self) -> TagSources {
        let mut sources: Vec<Content> = Vec::new();
        for RequestTag { content, .. } in &self.varying {
            if sources
                .iter()
                .all(|other| other.source() != content.source())
            {
                sources.push(content.clone());
            }
        }
        TagSources(sources)
    }

    /// The same tags, which find their headers by this table, for spans whose tags are cut to this
    /// length.
    pub(crate) fn ready(mut self, table: &HeaderTable, max_tag_length: usize) -> CustomTags {
        let constant = self.constant.iter();
        let constant = constant.map(|(name, value)| (name.as_str(), value.as_str()));
        self.written = Record::of_tags(constant, max_tag_length);
        for tag in &mut self.varying {
            tag.content.read_by(table);
        }
        self
    }

    /// Writes the tags of a span. What a request that is sent does not say counts as the one that
    /// is being served said it.
    pub(crate) fn write<'a>(
        &self,
        to: &mut Record,
        head: &RequestHead<'a>,
        seen: &Seen<'a>,
        served: Option<&FoundTags>,
    ) {
        to.add_tags(&self.written);
        for tag in &self.varying {
            match tag.content.find(head, seen) {
                Found::Value(value) => to.custom(&tag.name, &value),
                Found::Empty => {}
                Found::Absent => {
                    let value = served.and_then(|served| served.get(tag.content.source()));
                    let value = value.or(tag.default.as_deref());
                    to.custom(&tag.name, value.unwrap_or_default());
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
            "tag \"a\": \"B=C\" cannot be the name of an environment variable"
        );
        assert_eq!(
            error(Tag::request_header("a", ":status")),
            "tag \"a\": \":status\" cannot be the name of a header"
        );
        assert_eq!(
            error(Tag::formatter("a", "%REQ(b")),
            "tag \"a\": no % at the end of %REQ(b; %% stands for one %"
        );
    }

    #[test]
    fn the_environment_is_read_once_and_defaults_are_for_what_is_absent() {
        let tags = CustomTags::resolve(vec![
            Tag::environment("path", "PATH").default_value("unused"),
            Tag::environment("path", "TOWER_B3_NOT_SET").default_value("a second of the name"),
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
