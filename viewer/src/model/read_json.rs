//! Spans from Zipkin's JSON, with Zipkin's leniency: unknown fields and `null` are skipped, numbers
//! may be text and text may be a number, a repeated field replaces the earlier one.

use super::{Annotation, Budget, Endpoint, Kind, Span, SpanId, Text, TraceId, WholeNumber};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::{borrow::Cow, cell::Cell, fmt, rc::Rc};

/// Reads a JSON array of spans. The error names the span and the field.
pub(crate) fn read_list(json: &[u8]) -> Result<Vec<Span>, String> {
    read(json, List)
}

/// Reads an array of such arrays, as the search of Zipkin's API returns it.
pub(crate) fn read_nested_lists(json: &[u8]) -> Result<Vec<Span>, String> {
    read(json, Lists)
}

/// Reads one span.
pub(crate) fn read_one(json: &[u8]) -> Result<Span, String> {
    read(json, One)
}

fn read<'a, S: DeserializeSeed<'a>>(
    json: &'a [u8],
    seed: impl FnOnce(Place) -> S,
) -> Result<S::Value, String> {
    let place = Place::default();
    let mut reader = serde_json::Deserializer::from_slice(json);
    let value = seed(place.clone()).deserialize(&mut reader);
    let value = value.and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| match (place.span.get(), place.field.get()) {
        (0, "") => error.to_string(),
        (0, field) => format!("field {field:?}: {error}"),
        (span, "") => format!("span {span}: {error}"),
        (span, field) => format!("span {span}, field {field:?}: {error}"),
    })
}

/// Where the reader is, and the memory that it may take.
#[derive(Default, Clone)]
struct Place {
    /// The number of the span, starting with 1.
    span: Rc<Cell<usize>>,
    field: Rc<Cell<&'static str>>,
    budget: Rc<Budget>,
}

struct Lists(Place);

impl<'de> DeserializeSeed<'de> for Lists {
    type Value = Vec<Span>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Vec<Span>, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Lists {
    type Value = Vec<Span>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of traces")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut lists: A) -> Result<Vec<Span>, A::Error> {
        let mut spans = Vec::new();
        while let Some(mut more) = lists.next_element_seed(List(self.0.clone()))? {
            spans.append(&mut more);
        }
        Ok(spans)
    }
}

struct List(Place);

impl<'de> DeserializeSeed<'de> for List {
    type Value = Vec<Span>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Vec<Span>, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List {
    type Value = Vec<Span>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of spans")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Span>, A::Error> {
        let mut spans = Vec::new();
        loop {
            self.0.span.set(spans.len() + 1);
            self.0.field.set("");
            match list.next_element_seed(One(self.0.clone()))? {
                Some(span) => {
                    let spent = self.0.budget.spend(&span);
                    spent.map_err(|error| {
                        self.0.span.set(0);
                        A::Error::custom(error)
                    })?;
                    spans.push(span);
                }
                None => {
                    self.0.span.set(0);
                    return Ok(spans);
                }
            }
        }
    }
}

struct One(Place);

impl<'de> DeserializeSeed<'de> for One {
    type Value = Span;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Span, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for One {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a span")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Span, A::Error> {
        let (mut trace_id, mut id) = (None, None);
        let mut span = Span::without_ids();
        while let Some(Key(key)) = map.next_key()? {
            let field = FIELDS.iter().find(|field| **field == key);
            self.0.field.set(field.copied().unwrap_or_default());
            match &*key {
                "traceId" => trace_id = Some(parse(&map.next_value()?, TraceId::parse)?),
                "id" => id = Some(parse(&map.next_value()?, SpanId::parse)?),
                _ => read_field(&key, &mut span, &mut map)?,
            }
        }
        self.0.field.set("");
        span.trace_id = trace_id.ok_or_else(|| A::Error::custom("traceId is missing"))?;
        span.id = id.ok_or_else(|| A::Error::custom("id is missing"))?;
        span.normalize();
        Ok(span)
    }
}

const FIELDS: [&str; 13] = [
    "traceId",
    "id",
    "parentId",
    "kind",
    "name",
    "timestamp",
    "duration",
    "localEndpoint",
    "remoteEndpoint",
    "annotations",
    "tags",
    "debug",
    "shared",
];

fn read_field<'de, A: MapAccess<'de>>(
    key: &str,
    span: &mut Span,
    map: &mut A,
) -> Result<(), A::Error> {
    match key {
        "parentId" => {
            if let Some(text) = map.next_value::<Option<Text>>()? {
                span.parent_id = parse(&text, SpanId::parse_parent)?;
            }
        }
        "kind" => {
            if let Some(text) = map.next_value::<Option<Text>>()? {
                span.kind = Some(parse(&text, read_kind)?);
            }
        }
        "name" => {
            if let Some(Text(name)) = map.next_value()? {
                span.set_name(&name);
            }
        }
        "timestamp" => {
            if let Some(number) = map.next_value::<Option<WholeNumber>>()? {
                span.timestamp = number.not_negative();
            }
        }
        "duration" => {
            if let Some(number) = map.next_value::<Option<WholeNumber>>()? {
                span.duration = number.not_negative();
            }
        }
        "localEndpoint" | "remoteEndpoint" | "annotations" | "tags" => {
            read_part(key, span, map)?;
        }
        "debug" => span.debug = map.next_value::<Option<bool>>()?.unwrap_or(span.debug),
        "shared" => span.shared = map.next_value::<Option<bool>>()?.unwrap_or(span.shared),
        "binaryAnnotations" => {
            let reason = "a span of version 1 of Zipkin's format; configure the client to send \
                          version 2";
            return Err(A::Error::custom(reason));
        }
        _ => {
            map.next_value::<IgnoredAny>()?;
        }
    }
    Ok(())
}

/// Reads a field that is an object or an array.
fn read_part<'de, A: MapAccess<'de>>(
    key: &str,
    span: &mut Span,
    map: &mut A,
) -> Result<(), A::Error> {
    match key {
        "localEndpoint" => {
            if let Some(ReadEndpoint(endpoint)) = map.next_value()? {
                span.local_endpoint = endpoint.known();
            }
        }
        "remoteEndpoint" => {
            if let Some(ReadEndpoint(endpoint)) = map.next_value()? {
                span.remote_endpoint = endpoint.known();
            }
        }
        "annotations" => {
            if let Some(Annotations(annotations)) = map.next_value()? {
                span.annotations.extend(annotations);
            }
        }
        _ => {
            if let Some(Tags(tags)) = map.next_value()? {
                span.tags.extend(tags);
            }
        }
    }
    Ok(())
}

fn parse<T, E: Error, F: fmt::Display>(
    text: &Text,
    read: impl FnOnce(&str) -> Result<T, F>,
) -> Result<T, E> {
    read(&text.0).map_err(E::custom)
}

fn read_kind(text: &str) -> Result<Kind, String> {
    let found = Kind::ALL.into_iter().find(|kind| kind.as_str() == text);
    found.ok_or_else(|| format!("{text:?}; allowed are CLIENT, SERVER, PRODUCER and CONSUMER"))
}

/// A key, borrowed unless it contains escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Key<'de>, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Read)
    }
}

/// Implements `Deserialize` for a type that is read from an object or array by a closure.
macro_rules! read_by {
    ($type:ident, $expecting:literal, $deserialize:ident, $visit:ident, $access:ident, $read:expr) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                struct Read;
                impl<'de> Visitor<'de> for Read {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn $visit<A: $access<'de>>(self, from: A) -> Result<$type, A::Error> {
                        $read(from)
                    }
                }
                from.$deserialize(Read)
            }
        }
    };
}

struct ReadEndpoint(Endpoint);
struct Annotations(Vec<Annotation>);
struct ReadAnnotation(Annotation);
struct Tags(Vec<(Box<str>, Box<str>)>);

read_by!(
    ReadEndpoint,
    "an endpoint",
    deserialize_map,
    visit_map,
    MapAccess,
    read_endpoint
);
read_by!(
    Annotations,
    "an array of annotations",
    deserialize_seq,
    visit_seq,
    SeqAccess,
    read_annotations
);
read_by!(
    ReadAnnotation,
    "an annotation",
    deserialize_map,
    visit_map,
    MapAccess,
    read_annotation
);
read_by!(
    Tags,
    "an object of tags",
    deserialize_map,
    visit_map,
    MapAccess,
    read_tags
);

fn read_endpoint<'de, A: MapAccess<'de>>(mut map: A) -> Result<ReadEndpoint, A::Error> {
    let mut endpoint = Endpoint::default();
    while let Some(Key(key)) = map.next_key()? {
        match &*key {
            "serviceName" => {
                if let Some(Text(name)) = map.next_value()? {
                    endpoint.set_service_name(&name);
                }
            }
            "ipv4" | "ipv6" => {
                if let Some(Text(ip)) = map.next_value()? {
                    endpoint.set_ip_text(&ip);
                }
            }
            "port" => {
                if let Some(port) = map.next_value::<Option<WholeNumber>>()? {
                    let port = u16::try_from(port.not_negative());
                    endpoint.port =
                        port.map_err(|_| A::Error::custom("a port is at most 65535"))?;
                }
            }
            _ => {
                map.next_value::<IgnoredAny>()?;
            }
        }
    }
    Ok(ReadEndpoint(endpoint))
}

fn read_annotations<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Annotations, A::Error> {
    let mut annotations = Vec::new();
    while let Some(ReadAnnotation(annotation)) = list.next_element()? {
        annotations.push(annotation);
    }
    Ok(Annotations(annotations))
}

fn read_annotation<'de, A: MapAccess<'de>>(mut map: A) -> Result<ReadAnnotation, A::Error> {
    let (mut timestamp, mut value) = (None, None);
    while let Some(Key(key)) = map.next_key()? {
        match &*key {
            "timestamp" => timestamp = Some(map.next_value::<WholeNumber>()?.0),
            "value" => value = Some(map.next_value::<Text>()?.0),
            _ => {
                map.next_value::<IgnoredAny>()?;
            }
        }
    }
    let (Some(timestamp), Some(value)) = (timestamp, value) else {
        return Err(A::Error::custom(
            "an annotation has a timestamp and a value",
        ));
    };
    Ok(ReadAnnotation(Annotation { timestamp, value }))
}

fn read_tags<'de, A: MapAccess<'de>>(mut map: A) -> Result<Tags, A::Error> {
    let mut tags = Vec::new();
    while let Some(Key(key)) = map.next_key()? {
        let Text(value) = map.next_value()?;
        tags.push((key.into(), value));
    }
    Ok(Tags(tags))
}
