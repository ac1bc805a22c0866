//! Attributes as tags.

use super::message::{AnyValue, KeyValue, Value};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

/// The value as the text of a tag.
pub(super) fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        None => String::new(),
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BytesValue(bytes)) => STANDARD.encode(bytes),
        Some(value) => to_json(value).to_string(),
    }
}

/// Attributes as a JSON object.
pub(super) fn json_text(attributes: &[KeyValue]) -> String {
    object(attributes).to_string()
}

fn object(attributes: &[KeyValue]) -> serde_json::Value {
    let fields = attributes.iter().map(|attribute| {
        let value = attribute
            .value
            .as_ref()
            .and_then(|value| value.value.as_ref());
        (attribute.key.clone(), value.map_or(json!(null), to_json))
    });
    serde_json::Value::Object(fields.collect())
}

fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::StringValue(text) => json!(text),
        Value::BoolValue(value) => json!(value),
        Value::IntValue(number) => json!(number),
        // NaN and the infinities have no form in JSON.
        Value::DoubleValue(number) if !number.is_finite() => json!(number.to_string()),
        Value::DoubleValue(number) => json!(number),
        Value::BytesValue(bytes) => json!(STANDARD.encode(bytes)),
        Value::KvlistValue(list) => object(&list.values),
        Value::ArrayValue(list) => {
            let values = list.values.iter();
            let values = values.map(|value| value.value.as_ref().map_or(json!(null), to_json));
            serde_json::Value::Array(values.collect())
        }
    }
}
