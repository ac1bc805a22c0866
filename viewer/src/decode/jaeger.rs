//! Jaeger's JSON, as its page downloads it and its API returns it.

use super::DecodeError;
use crate::model::{Annotation, Budget, Endpoint, Kind, Span, SpanId, TraceId, WholeNumber};
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
struct Document {
    data: Vec<Trace>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trace {
    #[serde(default)]
    spans: Vec<JaegerSpan>,
    #[serde(default)]
    processes: HashMap<String, Process>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Process {
    service_name: String,
    tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JaegerSpan {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    #[serde(rename = "parentSpanID", default)]
    parent_span_id: Option<String>,
    #[serde(default)]
    flags: Option<u32>,
    #[serde(default)]
    operation_name: String,
    #[serde(default)]
    references: Option<Vec<Reference>>,
    #[serde(default)]
    start_time: WholeNumber,
    #[serde(default)]
    duration: WholeNumber,
    #[serde(default)]
    tags: Option<Vec<Tag>>,
    #[serde(default)]
    logs: Option<Vec<Log>>,
    #[serde(rename = "processID", default)]
    process_id: String,
    #[serde(default)]
    process: Option<Process>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    ref_type: String,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

#[derive(Deserialize)]
struct Tag {
    key: String,
    #[serde(default)]
    value: serde_json::Value,
}

#[derive(Deserialize)]
struct Log {
    #[serde(default)]
    timestamp: WholeNumber,
    #[serde(default)]
    fields: Vec<Tag>,
}

/// The bit of the flags that says that the trace is a debug trace.
const DEBUG: u32 = 2;

/// Reads Jaeger's JSON: `{"data":[{"spans":[…],"processes":{…}}]}`, or one such trace.
///
/// # Errors
///
/// If any span is not valid.
pub fn jaeger_json(json: &[u8]) -> Result<Vec<Span>, DecodeError> {
    let data = serde_json::from_slice(json).map(|document: Document| document.data);
    let traces = data.or_else(|error| {
        let trace = serde_json::from_slice(json).map(|trace: Trace| vec![trace]);
        // The first error is of the more common form.
        trace
            .ok()
            .filter(|traces| !traces[0].spans.is_empty())
            .ok_or(error)
    });
    let traces = traces.map_err(|error| DecodeError::new(error.to_string()))?;
    let (mut spans, budget) = (Vec::new(), Budget::default());
    for trace in &traces {
        for from in &trace.spans {
            let at = spans.len() + 1;
            let process = from.process.as_ref();
            let process = process.or_else(|| trace.processes.get(&from.process_id));
            let span = convert(from, process);
            let span = span.map_err(|error| DecodeError::new(format!("span {at}: {error}")))?;
            budget.spend(&span).map_err(DecodeError::new)?;
            spans.push(span);
        }
    }
    Ok(spans)
}

fn convert(from: &JaegerSpan, process: Option<&Process>) -> Result<Span, String> {
    let field = |name: &str, error: crate::model::IdError| format!("field {name:?}: {error}");
    let trace_id = TraceId::parse(&from.trace_id).map_err(|error| field("traceID", error))?;
    let id = SpanId::parse(&from.span_id).map_err(|error| field("spanID", error))?;
    let mut span = Span::new(trace_id, id);
    span.parent_id = parent(from)?;
    span.set_name(&from.operation_name);
    span.timestamp = from.start_time.not_negative();
    span.duration = from.duration.not_negative();
    span.debug = from.flags.unwrap_or(0) & DEBUG != 0;
    let mut local = Endpoint::default();
    if let Some(process) = process {
        local.set_service_name(&process.service_name);
        for tag in process.tags.iter().flatten() {
            if tag.key == "ip" {
                local.set_ip_text(&text(&tag.value));
            }
            span.tags
                .push((tag.key.as_str().into(), text(&tag.value).into()));
        }
    }
    span.local_endpoint = local.known();
    let mut remote = Endpoint::default();
    for tag in from.tags.iter().flatten() {
        add_tag(tag, &mut span, &mut remote);
    }
    span.remote_endpoint = remote.known();
    let logs = from.logs.iter().flatten();
    span.annotations = logs.map(annotation).collect();
    span.normalize();
    Ok(span)
}

/// The parent in the same trace: Jaeger's newer versions have only references.
fn parent(from: &JaegerSpan) -> Result<Option<SpanId>, String> {
    let mut references = from.references.iter().flatten();
    let child_of = references.find(|other| {
        let is_parent = matches!(&*other.ref_type, "CHILD_OF" | "FOLLOWS_FROM");
        is_parent && other.trace_id == from.trace_id
    });
    let id = child_of.map(|reference| &reference.span_id);
    let id = id.or(from.parent_span_id.as_ref());
    let Some(id) = id.filter(|id| !id.is_empty()) else {
        return Ok(None);
    };
    SpanId::parse_parent(id).map_err(|error| format!("field \"references\": {error}"))
}

fn add_tag(tag: &Tag, span: &mut Span, remote: &mut Endpoint) {
    let value = text(&tag.value);
    match &*tag.key {
        "span.kind" => {
            let kind = value.to_ascii_uppercase();
            span.kind = Kind::ALL.into_iter().find(|other| other.as_str() == kind);
        }
        "peer.service" => remote.set_service_name(&value),
        "peer.ipv4" | "peer.ipv6" | "network.peer.address"
            if value.parse::<std::net::IpAddr>().is_ok() =>
        {
            remote.set_ip_text(&value);
        }
        "peer.port" | "network.peer.port" if value.parse::<u16>().is_ok() => {
            remote.port = value.parse().unwrap_or(0);
        }
        // In Zipkin, the presence of the tag is the error.
        "error" if value == "false" => {}
        key => span.tags.push((key.into(), value.into())),
    }
}

fn annotation(log: &Log) -> Annotation {
    let event = log.fields.iter().find(|field| field.key == "event");
    let value = match (event, log.fields.len()) {
        (Some(event), 1) => text(&event.value),
        _ => {
            let fields = log.fields.iter();
            let fields = fields.map(|field| format!("{}={}", field.key, text(&field.value)));
            fields.collect::<Vec<_>>().join(" ")
        }
    };
    Annotation {
        timestamp: log.timestamp.0,
        value: value.into(),
    }
}

fn text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    }
}
