//! OTLP's JSON: ids in hexadecimal, 64-bit numbers as text, enumerations as numbers.

use super::{
    convert::{Otlp, complete, span},
    message::{AnyValue, OtlpSpan, Resource, Scope, Value},
};
use crate::{
    decode::DecodeError,
    model::{Budget, Span, WholeNumber},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::fmt;

/// Reads OTLP's JSON: an `ExportTraceServiceRequest`. Spans that are not valid are counted.
///
/// # Errors
///
/// If the message is not such a document.
pub fn otlp_json(json: &[u8]) -> Result<Otlp, DecodeError> {
    let request = serde_json::from_slice(json);
    collect(request.map_err(|error| DecodeError::new(error.to_string()))?)
}

/// Reads what Jaeger's API v3 returns: OTLP's JSON as the `result`.
pub(in crate::decode) fn otlp_result_json(json: &[u8]) -> Result<Otlp, DecodeError> {
    #[derive(Deserialize)]
    struct Response {
        result: Request,
    }
    let response = serde_json::from_slice(json);
    let response: Response = response.map_err(|error| DecodeError::new(error.to_string()))?;
    collect(response.result)
}

fn collect(request: Request) -> Result<Otlp, DecodeError> {
    let (mut read, budget) = (Otlp::default(), Budget::default());
    for resource in request.resource_spans {
        let attributes = resource.resource.unwrap_or_default();
        for scope in resource.scope_spans {
            let named = scope.scope.unwrap_or_default();
            let Spans(mut spans) = scope.spans;
            for span in &mut spans.spans {
                complete(span, &attributes, &named);
                budget.spend(span).map_err(DecodeError::new)?;
            }
            if read.rejected == 0 {
                read.reason = spans.reason;
            }
            read.rejected += spans.rejected;
            read.spans.append(&mut spans.spans);
        }
    }
    Ok(read)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Request {
    #[serde(deserialize_with = "kept")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ResourceSpans {
    resource: Option<Resource>,
    #[serde(deserialize_with = "kept")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ScopeSpans {
    scope: Option<Scope>,
    #[serde(deserialize_with = "nullable")]
    spans: Spans,
}

/// Spans that were converted one by one, so that nothing is kept of those that are not valid.
#[derive(Default, PartialEq)]
struct Spans(Otlp);

impl<'de> Deserialize<'de> for Spans {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Spans, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Spans;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of spans")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Spans, A::Error> {
                let mut read = Otlp::default();
                while let Some(next) = list.next_element::<OtlpSpan>()? {
                    let at = read.spans.len() + read.rejected + 1;
                    let span: Result<Span, String> = span(&next);
                    read.add(span.map_err(|error| format!("span {at}: {error}")));
                }
                Ok(Spans(read))
            }
        }
        from.deserialize_seq(Read)
    }
}

impl<'de> Deserialize<'de> for AnyValue {
    /// Reads an object with one field, whose name is the type. An empty object is no value.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<AnyValue, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = AnyValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value such as {\"stringValue\":\"text\"}")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AnyValue, A::Error> {
                let mut map = map;
                let mut value = None;
                while let Some(kind) = map.next_key::<String>()? {
                    value = match &*kind {
                        "stringValue" => Some(Value::StringValue(map.next_value()?)),
                        "boolValue" => Some(Value::BoolValue(map.next_value()?)),
                        "intValue" => {
                            let WholeNumber(number) = map.next_value()?;
                            Some(Value::IntValue(number))
                        }
                        "doubleValue" => {
                            let Double(number) = map.next_value()?;
                            Some(Value::DoubleValue(number))
                        }
                        "arrayValue" => Some(Value::ArrayValue(map.next_value()?)),
                        "kvlistValue" => Some(Value::KvlistValue(map.next_value()?)),
                        "bytesValue" => {
                            let Base64(bytes) = map.next_value()?;
                            Some(Value::BytesValue(bytes))
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            value
                        }
                    };
                }
                Ok(AnyValue { value })
            }
        }
        from.deserialize_map(Read)
    }
}

struct Double(f64);

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Double, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(f64),
            /// `NaN`, `Infinity`, `-Infinity`.
            Text(String),
        }
        match Form::deserialize(from)? {
            Form::Number(number) => Ok(Double(number)),
            Form::Text(text) => text.parse().map(Double).map_err(D::Error::custom),
        }
    }
}

struct Base64(Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Base64, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map(Base64).map_err(D::Error::custom)
    }
}

/// Reads an id in hexadecimal of either case.
pub(super) fn hex<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let text = Option::<String>::deserialize(from)?.unwrap_or_default();
    let error = || D::Error::custom(format!("{text:?} is not hexadecimal"));
    let digit = |digit: u8| char::from(digit).to_digit(16).ok_or_else(error);
    let pairs = text.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| match pair {
        [high, low] => Ok((digit(*high)? << 4 | digit(*low)?) as u8),
        _ => Err(error()),
    });
    bytes.collect()
}

pub(super) fn integer<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let number = Option::<WholeNumber>::deserialize(from)?;
    Ok(number.unwrap_or_default().not_negative())
}

/// Reads an enumeration's number, or its name without this prefix.
fn enumeration<'de, D: Deserializer<'de>>(
    from: D,
    prefix: &str,
    names: &[&str],
) -> Result<i32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Number(i32),
        Name(String),
    }
    match Option::<Form>::deserialize(from)? {
        None => Ok(0),
        Some(Form::Number(number)) => Ok(number),
        Some(Form::Name(name)) => {
            let wanted = name.strip_prefix(prefix);
            let at = names.iter().position(|name| Some(*name) == wanted);
            let at = at.and_then(|at| i32::try_from(at).ok());
            at.ok_or_else(|| D::Error::custom(format!("{name:?} is not known")))
        }
    }
}

pub(super) fn kind<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    let names = [
        "UNSPECIFIED",
        "INTERNAL",
        "SERVER",
        "CLIENT",
        "PRODUCER",
        "CONSUMER",
    ];
    enumeration(from, "SPAN_KIND_", &names)
}

pub(super) fn status_code<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    enumeration(from, "STATUS_CODE_", &["UNSET", "OK", "ERROR"])
}

/// Reads `null` as the default.
pub(super) fn nullable<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

/// Reads an array without its empty elements, which take more memory than they do in the message.
pub(super) fn kept<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Default + PartialEq + Deserialize<'de>,
{
    struct Read<T>(std::marker::PhantomData<T>);
    impl<'de, T: Default + PartialEq + Deserialize<'de>> Visitor<'de> for Read<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_unit<E: Error>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let empty = T::default();
            let mut kept = Vec::new();
            while let Some(element) = list.next_element()? {
                if element != empty {
                    kept.push(element);
                }
            }
            Ok(kept)
        }
    }
    from.deserialize_any(Read(std::marker::PhantomData))
}
