//! The fields of one case at one side, made comparable: generated ids are replaced by names.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::HeaderMap;
use serde_json::Value;

use super::case::Case;

/// Field by field; an absent value has no field.
pub type Fields = BTreeMap<String, String>;

/// The response of a side, and the requests that it sent upstream.
pub struct Exchange {
    /// `None` if the client hung up before the response.
    pub answer: Option<(u16, HeaderMap)>,
    pub upstream: Vec<HeaderMap>,
}

/// All headers related to tracing.
const TRACING: [&str; 20] = [
    "b3",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-traceid",
    "x-b3-sampled",
    "x-b3-flags",
    "traceparent",
    "tracestate",
    "x-request-id",
    "x-envoy-force-trace",
    "x-envoy-decorator-operation",
    "x-client-trace-id",
    "x-ot-span-context",
    "x-cloud-trace-context",
    "grpc-trace-bin",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "sw8",
    "x-amzn-trace-id",
];

pub fn fields(case: &Case, exchange: &Exchange, spans: &[Value]) -> Fields {
    let mut names = Names::new(case);
    let spans = in_order(spans);
    for (name, span) in &spans {
        names.name(text(&span["id"]), name);
    }
    let mut fields = Fields::new();
    let put = &mut |name: String, value: String| {
        assert!(fields.insert(name.clone(), value).is_none(), "{name} twice");
    };
    put(
        "upstream requests".to_owned(),
        exchange.upstream.len().to_string(),
    );
    for (nth, headers) in exchange.upstream.iter().enumerate() {
        let prefix = numbered("upstream", nth);
        let single = headers.get("b3").map(|value| names.parts(&utf8(value)));
        let context = single.unwrap_or_else(|| names.multi(headers));
        if !context.is_empty() {
            put(format!("{prefix} context"), context);
        }
        for header in TRACING {
            let values: Vec<String> = headers
                .get_all(header)
                .iter()
                .map(|value| match names.header(header, &utf8(value)) {
                    empty if empty.is_empty() => "-empty-".to_owned(),
                    value => value,
                })
                .collect();
            if !values.is_empty() {
                put(format!("{prefix} {header}"), values.join(" | "));
            }
        }
    }
    if let Some((status, headers)) = &exchange.answer {
        put("answer status".to_owned(), status.to_string());
        for id in headers.get_all("x-request-id") {
            put(
                "answer x-request-id".to_owned(),
                names.header("x-request-id", &utf8(id)),
            );
        }
    }
    let tree: Vec<String> = spans
        .iter()
        .map(|(name, span)| names.place(name, span))
        .collect();
    if !tree.is_empty() {
        put("spans".to_owned(), tree.join(", "));
    }
    for (name, span) in &spans {
        let span = span.as_object().expect("a span is an object");
        for (field, value) in span {
            names.field(&format!("{name} {field}"), value, put);
        }
    }
    fields
}

/// The SERVER span first, then the CLIENT spans in the order of their start.
fn in_order(spans: &[Value]) -> Vec<(String, &Value)> {
    let mut ordered: Vec<&Value> = spans.iter().collect();
    ordered.sort_by_key(|span| {
        let kind = text(&span["kind"]) != "SERVER";
        (kind, span["timestamp"].as_u64())
    });
    let mut seen = BTreeMap::<&str, usize>::new();
    let named = ordered.into_iter().map(|span| {
        let kind = text(&span["kind"]);
        let nth = seen.entry(kind).or_default();
        *nth += 1;
        (numbered(kind, *nth - 1), span)
    });
    named.collect()
}

fn numbered(name: &str, nth: usize) -> String {
    match nth {
        0 => name.to_owned(),
        nth => format!("{name}#{}", nth + 1),
    }
}

/// The names of the ids in one observation. Values from the request are shown unchanged.
struct Names {
    sent: String,
    ids: BTreeMap<String, String>,
    request_ids: Vec<String>,
}

impl Names {
    fn new(case: &Case) -> Names {
        let values: Vec<&str> = case.headers.iter().map(|(_, value)| &**value).collect();
        Names {
            sent: values.join("\n").to_ascii_lowercase(),
            ids: BTreeMap::new(),
            request_ids: Vec::new(),
        }
    }

    fn was_sent(&self, id: &str) -> bool {
        let significant = id.trim_start_matches('0');
        significant.is_empty() || self.sent.contains(significant)
    }

    fn name(&mut self, id: &str, name: &str) {
        if !self.was_sent(id) {
            self.ids.insert(id.to_owned(), format!("<{name}>"));
        }
    }

    /// Names a span id: from the request, of a reported span, or new.
    fn span_id(&mut self, id: &str) -> String {
        if self.was_sent(id) || id.len() != 16 || !is_hex(id) {
            return id.to_owned();
        }
        let next = self.ids.len() + 1;
        let name = self.ids.entry(id.to_owned());
        name.or_insert_with(|| format!("<new {next}>")).clone()
    }

    /// Names a trace id: from the request, or new, with the span whose id is its lower half.
    fn trace_id(&mut self, id: &str) -> String {
        if self.was_sent(id) || !matches!(id.len(), 16 | 32) || !is_hex(id) {
            return id.to_owned();
        }
        let (high, low) = id.split_at(id.len() - 16);
        let low = self.span_id(low);
        let timed = high.len() == 16 && is_now(&high[..8]);
        let timed = if timed { " from now on" } else { "" };
        format!("<{} digits{timed}, the last of {low}>", id.len())
    }

    /// The place of a span in its trace.
    fn place(&mut self, name: &str, span: &Value) -> String {
        let trace = self.trace_id(text(&span["traceId"]));
        match span["parentId"].as_str() {
            Some(parent) => format!("{name} below {} of {trace}", self.span_id(parent)),
            None => format!("{name} of {trace}"),
        }
    }

    /// Replaces the hexadecimal parts between hyphens that have the length of an id.
    fn parts(&mut self, value: &str) -> String {
        let mut parts: Vec<String> = value.split('-').map(str::to_owned).collect();
        // Spans first, since a trace id is named after its spans.
        for part in parts.iter_mut().filter(|part| part.len() == 16) {
            *part = self.span_id(part);
        }
        for part in parts.iter_mut().filter(|part| part.len() == 32) {
            *part = self.trace_id(part);
        }
        parts.join("-")
    }

    /// The context in `x-b3-*`, in the format of `b3`.
    fn multi(&mut self, headers: &HeaderMap) -> String {
        let values = [
            "x-b3-traceid",
            "x-b3-spanid",
            "x-b3-sampled",
            "x-b3-parentspanid",
        ]
        .map(|name| headers.get(name).map(utf8).unwrap_or_default());
        self.parts(values.join("-").trim_end_matches('-'))
    }

    fn header(&mut self, name: &str, value: &str) -> String {
        match name {
            "x-request-id" => self.request_id(value),
            "x-b3-traceid" => self.trace_id(value),
            "x-b3-spanid" | "x-b3-parentspanid" => self.span_id(value),
            "b3" | "traceparent" => self.parts(value),
            _ => value.to_owned(),
        }
    }

    /// A request id that was sent is shown unchanged, apart from the reason in it; a new one is
    /// shown as a number and its reason.
    fn request_id(&mut self, id: &str) -> String {
        let masked = |id: &str| match id.char_indices().nth(14) {
            Some((at, reason)) => [&id[..at], "?", &id[at + reason.len_utf8()..]].concat(),
            None => id.to_owned(),
        };
        let sent = self
            .sent
            .lines()
            .any(|line| masked(line) == masked(&id.to_ascii_lowercase()));
        if sent || !is_uuid(id) {
            return id.to_owned();
        }
        let known = self.request_ids.iter().position(|known| known == id);
        let nth = known.unwrap_or_else(|| {
            self.request_ids.push(id.to_owned());
            self.request_ids.len() - 1
        });
        format!("<{} that says {}>", numbered("new UUID", nth), &id[14..15])
    }

    fn field(&mut self, name: &str, value: &Value, put: &mut impl FnMut(String, String)) {
        let (_, field) = name.split_once(' ').unwrap_or_default();
        match (field, value) {
            ("tags", Value::Object(tags)) => {
                for (tag, value) in tags {
                    let value = match tag.as_str() {
                        "guid:x-request-id" => self.request_id(text(value)),
                        "case" => continue,
                        _ => shown(value),
                    };
                    let field = name.replace("tags", "tag");
                    put(format!("{field} {tag}"), value);
                }
            }
            ("localEndpoint" | "remoteEndpoint", Value::Object(endpoint)) => {
                for (key, value) in endpoint {
                    put(format!("{name}.{key}"), shown(value));
                }
            }
            ("annotations", Value::Array(all)) => {
                let all: Vec<&str> = all.iter().map(|one| text(&one["value"])).collect();
                put(name.to_owned(), all.join(", "));
            }
            ("id" | "parentId", _) => put(name.to_owned(), self.span_id(text(value))),
            ("traceId", _) => put(name.to_owned(), self.trace_id(text(value))),
            ("timestamp", _) => {
                let seconds = value.as_u64().map(|micros| micros / 1_000_000);
                let now = seconds.is_some_and(|at| at.abs_diff(now()) < 300);
                put(
                    name.to_owned(),
                    if now { "now".to_owned() } else { shown(value) },
                );
            }
            ("duration", _) => {
                let some = value.as_u64().is_some_and(|micros| micros > 0);
                put(
                    name.to_owned(),
                    if some {
                        "some".to_owned()
                    } else {
                        shown(value)
                    },
                );
            }
            _ => put(name.to_owned(), shown(value)),
        }
    }
}

fn shown(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn utf8(value: &hyper::header::HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn is_hex(text: &str) -> bool {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.bytes().all(digit)
}

/// A UUID in lower case, of any version.
fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12] && groups.iter().all(|group| is_hex(group))
}

fn is_now(seconds: &str) -> bool {
    u64::from_str_radix(seconds, 16).is_ok_and(|at| at.abs_diff(now()) < 300)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
