//! Files that tools export, whatever their format.

use super::{
    DecodeError, Inflated, Otlp, gunzip, is_gzip, jaeger_json, otlp::otlp_result_json, otlp_json,
    zipkin_json,
};
use crate::model::{Budget, Span, read_nested_lists, read_one};
use serde::{Deserialize, de::IgnoredAny};

const MOST_INFLATED: usize = 256 << 20;

/// Reads a file with traces: Zipkin's, Jaeger's or OpenTelemetry's JSON, one document or one on each
/// line, perhaps compressed with gzip.
///
/// # Errors
///
/// If a document has none of these formats, or a span is not valid.
///
/// ```
/// use tower_b3_viewer::decode::any_export;
///
/// let file = br#"{"traceId":"463ac35c9f6413ad","id":"1"}
/// {"traceId":"463ac35c9f6413ad","id":"2","parentId":"1"}"#;
/// assert_eq!(any_export(file)?.len(), 2);
/// # Ok::<(), tower_b3_viewer::decode::DecodeError>(())
/// ```
pub fn any_export(file: &[u8]) -> Result<Vec<Span>, DecodeError> {
    if !is_gzip(file) {
        return any_inflated_export(file);
    }
    match gunzip(file, MOST_INFLATED) {
        Inflated::Complete(inflated) => any_inflated_export(&inflated),
        Inflated::TooLarge => {
            let most = MOST_INFLATED >> 20;
            Err(DecodeError::new(format!(
                "it is larger than {most} MiB when inflated"
            )))
        }
        Inflated::Broken(error) => Err(DecodeError::new(format!("it is not valid gzip: {error}"))),
    }
}

/// The same of a file that is not compressed.
pub(crate) fn any_inflated_export(file: &[u8]) -> Result<Vec<Span>, DecodeError> {
    let (mut spans, budget) = (Vec::new(), Budget::default());
    let mut stream = serde_json::Deserializer::from_slice(file).into_iter::<IgnoredAny>();
    let (mut start, mut number) = (0, 0);
    while let Some(next) = stream.next() {
        number += 1;
        let end = stream.byte_offset();
        let read = match next {
            Ok(_) => document(&file[start..end]),
            Err(error) => Err(DecodeError::new(format!("it is not JSON: {error}"))),
        };
        let named = |error| match number {
            1 => error,
            _ => DecodeError::new(format!("document {number}: {error}")),
        };
        let mut read = read.map_err(named)?;
        for span in &read {
            budget.spend(span).map_err(DecodeError::new)?;
        }
        spans.append(&mut read);
        start = end;
    }
    Ok(spans)
}

/// What tells the formats apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Probe {
    resource_spans: Option<IgnoredAny>,
    trace_id: Option<IgnoredAny>,
    /// Of Jaeger's API v3.
    result: Option<IgnoredAny>,
    data: Option<IgnoredAny>,
    spans: Option<IgnoredAny>,
}

fn document(json: &[u8]) -> Result<Vec<Span>, DecodeError> {
    let json = json.trim_ascii_start();
    if let Some(list) = json.strip_prefix(b"[") {
        if list.trim_ascii_start().starts_with(b"[") {
            return read_nested_lists(json).map_err(DecodeError::new);
        }
        return zipkin_json(json);
    }
    let probe: Option<Probe> = serde_json::from_slice(json).ok();
    match probe {
        Some(Probe {
            resource_spans: Some(_),
            ..
        }) => all_valid(otlp_json(json)?),
        Some(Probe {
            result: Some(_), ..
        }) => all_valid(otlp_result_json(json)?),
        Some(Probe { data: Some(_), .. } | Probe { spans: Some(_), .. }) => jaeger_json(json),
        Some(Probe {
            trace_id: Some(_), ..
        }) => {
            let span = read_one(json).map_err(DecodeError::new)?;
            Ok(vec![span])
        }
        _ => Err(DecodeError::new(
            "the format is unknown; known are Zipkin's JSON (an array of spans), Jaeger's JSON (an \
             object with `data`) and OTLP's JSON (an object with `resourceSpans`)",
        )),
    }
}

/// A file is complete, or not loaded.
fn all_valid(read: Otlp) -> Result<Vec<Span>, DecodeError> {
    match read.rejected {
        0 => Ok(read.spans),
        _ => Err(DecodeError::new(read.reason)),
    }
}
