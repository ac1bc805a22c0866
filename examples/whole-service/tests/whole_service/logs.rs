//! The log lines of both programs, and the spans that they belong to.

use crate::{
    programs::Programs,
    requests::UNSAMPLED,
    tree::{Trace, annotations, text, text_of},
};
use serde_json::Value;

/// A line of JSON, and the program that wrote it.
pub struct Line {
    program: &'static str,
    fields: Value,
}

impl Line {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields[name].as_str()
    }

    /// How the annotation for the same event begins. `#[instrument(err)]` logs no message.
    fn annotation(&self) -> String {
        match self.field("message") {
            Some(message) => message.to_owned(),
            None => format!("error={}", text_of(&self.fields, "error")),
        }
    }
}

/// Every line that was written on standard error.
pub fn lines(programs: &Programs) -> Vec<Line> {
    let orders = ("orders", programs.orders.stderr());
    let inventory = ("inventory", programs.inventory.stderr());
    let mut lines = Vec::new();
    for (program, stderr) in [orders, inventory] {
        lines.extend(stderr.lines().map(|line| {
            let fields = serde_json::from_str(line);
            let fields = fields.unwrap_or_else(|error| panic!("{error} in {line}"));
            Line { program, fields }
        }));
    }
    lines
}

pub fn assert_only_start_and_stop_have_no_ids(lines: &[Line]) {
    let without = lines.iter().filter(|line| line.field("trace_id").is_none());
    let without: Vec<(&str, Option<&str>)> = without
        .map(|line| (line.program, line.field("message")))
        .collect();
    let expected = ["orders", "inventory"];
    let expected =
        expected.map(|program| [(program, Some("listening")), (program, Some("stopped"))]);
    assert_eq!(without, expected.concat());
}

/// Every line of a sampled request has the ids of the span that has the same event as an annotation.
pub fn assert_ids_of_spans(lines: &[Line], traces: &[Trace]) {
    let sampled = lines.iter().filter(|line| line.fields["sampled"] == true);
    let mut count = 0;
    for line in sampled {
        count += 1;
        let fields = &line.fields;
        let trace = traces.iter().find(|trace| fields["trace_id"] == *trace.id);
        let trace = trace.unwrap_or_else(|| panic!("no trace of {fields}"));
        let span = trace
            .spans
            .iter()
            .find(|span| span["id"] == fields["span_id"]);
        let span = span.unwrap_or_else(|| panic!("no span of {fields}"));
        assert_eq!(line.program, text(&span["localEndpoint"]["serviceName"]));
        assert_eq!(fields["parent_id"], span["parentId"], "{fields}");
        assert_eq!(
            line.field("request_id"),
            Some(trace.request_id()),
            "{fields}"
        );
        let event = line.annotation();
        let annotated = annotations(span).any(|annotation| annotation.starts_with(&event));
        assert!(annotated, "{event} is not on {span}");
    }
    let spans = traces.iter().flat_map(|trace| &trace.spans);
    assert_eq!(count, spans.flat_map(annotations).count());
}

/// It has the lines of the same request that was sampled, with its own ids.
pub fn assert_ids_of_the_unsampled_request(lines: &[Line], traces: &[Trace]) {
    let id = UNSAMPLED[0].1;
    assert!(traces.iter().all(|trace| trace.id != id));
    let same = |trace: &&Trace| trace.tree().contains("audit");
    let same = traces.iter().find(same).expect("the trace of an order");
    let of_trace = |id: &str| {
        let lines = lines.iter().filter(|line| line.fields["trace_id"] == id);
        let mut lines: Vec<_> = lines
            .map(|line| (line.program, line.annotation()))
            .collect();
        lines.sort();
        lines
    };
    assert_eq!(of_trace(id), of_trace(&same.id));

    let unsampled = lines.iter().filter(|line| line.fields["sampled"] == false);
    let (unsampled, excluded): (Vec<&Line>, Vec<&Line>) =
        unsampled.partition(|line| line.fields["trace_id"] == id);
    let answered = unsampled
        .iter()
        .find(|line| line.program == "orders" && line.field("message") == Some("answered"));
    let answered = answered.expect("the line of the whole request");
    assert_eq!(answered.field("parent_id"), Some(UNSAMPLED[1].1));
    for line in &unsampled {
        let fields = &line.fields;
        assert_eq!(
            fields["request_id"], answered.fields["request_id"],
            "{fields}"
        );
        assert!(line.field("span_id").is_some(), "{fields}");
    }
    // Requests to excluded paths are not sampled.
    let excluded: Vec<String> = excluded.iter().map(|line| line.annotation()).collect();
    assert_eq!(excluded, ["answered"], "/healthz");
}
