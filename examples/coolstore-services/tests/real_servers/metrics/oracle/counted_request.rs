//! What a request looks like in the metrics of either side, field by field.

use std::collections::BTreeMap;

use serde_json::Value;

/// The fields that are compared, with their values as text.
pub type Fields = BTreeMap<&'static str, String>;

#[derive(Debug)]
pub struct CountedRequest(pub Fields);

impl CountedRequest {
    /// From the text of metrics that have counted one request.
    pub fn of_metrics(text: &str) -> Option<CountedRequest> {
        let request = lines(text, "istio_requests_total").next()?;
        let label = |name: &str| label(request, name).unwrap_or_default().to_owned();
        let sum = |name: &str| {
            let line = lines(text, name).next().unwrap_or_default();
            line.rsplit_once(' ')
                .map_or("", |(_, value)| value)
                .to_owned()
        };
        let bucket = |name: &str| bucket(text, name, "").unwrap_or_default();
        Some(CountedRequest(Fields::from([
            ("code", label("response_code")),
            ("flags", label("response_flags")),
            ("grpc status", label("grpc_response_status")),
            ("request bytes", sum("istio_request_bytes_sum")),
            ("response bytes", sum("istio_response_bytes_sum")),
            ("request bucket", bucket("istio_request_bytes_bucket")),
            ("response bucket", bucket("istio_response_bytes_bucket")),
        ])))
    }

    /// From a line of Envoy's access log, and from the statistics that it keeps of the same request.
    pub fn of_envoy(log: &Value, stats: &str, case: &str) -> Option<CountedRequest> {
        let text = |name: &str| match &log[name] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        Some(CountedRequest(Fields::from([
            ("code", text("code")),
            ("flags", text("flags")),
            ("grpc status", text("grpc")),
            ("request bytes", text("received")),
            ("response bytes", text("sent")),
            (
                "request bucket",
                bucket(stats, "envoy_t_received_bucket", case)?,
            ),
            (
                "response bucket",
                bucket(stats, "envoy_t_sent_bucket", case)?,
            ),
        ])))
    }
}

/// The lowest bucket with the value that was observed once, in the text format. `case` is part of the
/// labels.
pub fn bucket(text: &str, name: &str, case: &str) -> Option<String> {
    let case = match case {
        "" => String::new(),
        case => format!("\"{case}\""),
    };
    let mut lines = lines(text, name).filter(|line| line.contains(&case));
    let first = lines.find(|line| line.ends_with(" 1"))?;
    label(first, "le").map(str::to_owned)
}

fn lines<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter(move |line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('{'))
    })
}

fn label<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}
