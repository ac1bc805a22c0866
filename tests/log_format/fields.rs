//! Names and choice of the fields.

use crate::{
    common::{SPAN, TRACE},
    lines::{ids, json, objects, serve, text, tracer},
    logged,
};
use serde_json::{Value, json};
use tower_b3::logs::{LogField, LogFields, WithIds};

/// What is in front of a line of text with these fields.
fn in_text(fields: LogFields) -> String {
    let format = text()
        .with_level(false)
        .with_target(false)
        .map_event_format(|format| WithIds::text(format).fields(fields));
    let line = logged!(format, || serve(&tracer(), &ids("1"), || tracing::info!(
        "|"
    )));
    line.strip_suffix("|\n").unwrap().trim_end().to_owned()
}

/// A line of JSON with these fields.
fn in_json(fields: LogFields) -> Value {
    let format = json()
        .with_level(false)
        .with_target(false)
        .map_event_format(|format| WithIds::json(format).fields(fields));
    let line = logged!(format, || serve(&tracer(), &ids("1"), || tracing::info!(
        ""
    )));
    let mut line = objects(&line).remove(0);
    line.as_object_mut().unwrap().remove("fields");
    line
}

#[test]
fn fields_can_be_named_and_left_out() {
    let fields = LogFields::default()
        .name(LogField::TraceId, "traceId")
        .without(LogField::ParentId)
        .without(LogField::Sampled)
        .name(LogField::SpanId, "spanId");
    assert_eq!(
        in_text(fields.clone()),
        format!("traceId={TRACE} spanId={SPAN} request_id=req-1")
    );
    let line = in_json(fields);
    assert_eq!(
        line,
        json!({"traceId": TRACE, "spanId": SPAN, "request_id": "req-1"})
    );
    let fields = LogFields::only([LogField::Sampled, LogField::TraceId]);
    assert_eq!(in_text(fields), format!("sampled=true trace_id={TRACE}"));
    assert_eq!(in_json(LogFields::only([])), json!({}));
    assert_eq!(in_text(LogFields::only([])), "");
}

#[test]
fn datadog_has_decimal_ids_of_64_bits() {
    let trace = u64::from_str_radix(&TRACE[16..], 16).unwrap().to_string();
    let span = u64::from_str_radix(SPAN, 16).unwrap().to_string();
    let line = in_json(LogFields::datadog());
    let expected = json!({
        "dd.trace_id": trace, "dd.span_id": span, "request_id": "req-1", "sampled": true
    });
    assert_eq!(line, expected);
    assert!(in_text(LogFields::datadog()).starts_with(&format!("dd.trace_id={trace} ")));
}

#[test]
fn a_name_belongs_to_one_field() {
    let fields = LogFields::only([LogField::TraceId, LogField::RequestId]);
    let fields = fields.name(LogField::RequestId, "trace_id");
    assert_eq!(in_text(fields), "trace_id=req-1");
    let fields = LogFields::default()
        .name(LogField::Sampled, "")
        .name(LogField::ParentId, "sampled")
        .without(LogField::ParentId);
    let fields = fields
        .without(LogField::RequestId)
        .without(LogField::SpanId);
    assert_eq!(in_json(fields), json!({"trace_id": TRACE}));
}

#[test]
fn odd_names_break_no_line() {
    let odd = "a b=\"c\"\n\\ä";
    let fields = LogFields::only([LogField::RequestId]).name(LogField::RequestId, odd);
    assert_eq!(in_text(fields.clone()), "a_b__c__\\ä=req-1");
    assert_eq!(in_json(fields), json!({odd: "req-1"}));
}

#[test]
fn names_of_the_inner_formats_own_members_are_replaced() {
    let fields = LogFields::only([LogField::TraceId]).name(LogField::TraceId, "target");
    let format = json().map_event_format(|format| WithIds::json(format).fields(fields));
    let line = logged!(format, || serve(&tracer(), &ids("1"), || tracing::info!(
        ""
    )));
    assert_eq!(objects(&line)[0]["target"], TRACE);
    assert_eq!(line.matches("\"target\"").count(), 1, "{line}");
}
