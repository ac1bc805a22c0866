//! Zipkin and Jaeger behind one interface.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use test_kit::backends::{Http, Jaeger, Span, Zipkin, eventually, jaeger_spans, now_us};
use tower_b3::id::TraceId;

use super::trace::{StoredSpan, Trace};

const ARRIVED: Duration = Duration::from_secs(20);
const HOUR_MS: u64 = 60 * 60 * 1000;
/// More than any scene has, and fewer than Jaeger keeps.
const LIMIT: u64 = 900;

pub enum Collector {
    Zipkin(Zipkin),
    Jaeger(Jaeger),
}

impl Collector {
    pub fn name(&self) -> &'static str {
        match self {
            Collector::Zipkin(_) => "zipkin",
            Collector::Jaeger(_) => "jaeger",
        }
    }

    /// The address for Zipkin's format.
    pub fn addr(&self) -> SocketAddr {
        match self {
            Collector::Zipkin(zipkin) => zipkin.addr(),
            Collector::Jaeger(jaeger) => jaeger.zipkin_addr(),
        }
    }

    pub async fn services(&self) -> BTreeSet<String> {
        let names: Result<Vec<String>, String> = match self {
            Collector::Zipkin(zipkin) => zipkin.query("services").await,
            Collector::Jaeger(jaeger) => jaeger_names(jaeger, "services").await,
        };
        names.expect("the services").into_iter().collect()
    }

    /// The span names of a service.
    pub async fn operations(&self, service: &str) -> BTreeSet<String> {
        let path = format!("spans?serviceName={service}");
        let names: Result<Vec<String>, String> = match self {
            Collector::Zipkin(zipkin) => zipkin.query(&path).await,
            Collector::Jaeger(jaeger) => {
                jaeger_names(jaeger, &format!("services/{service}/operations")).await
            }
        };
        let names = names.expect("the operations").into_iter();
        names.map(|name| name.to_lowercase()).collect()
    }

    /// The traces in which the service has a span with these tags.
    pub async fn find(
        &self,
        service: &str,
        operation: Option<&str>,
        tags: &[(&str, &str)],
    ) -> Result<Vec<Trace>, String> {
        match self {
            Collector::Zipkin(zipkin) => {
                let mut path = format!(
                    "traces?serviceName={service}&limit={LIMIT}&lookback={HOUR_MS}{}",
                    parameter("spanName", operation)
                );
                if !tags.is_empty() {
                    let tags = tags.iter().map(|(name, value)| format!("{name}={value}"));
                    let tags: Vec<String> = tags.collect();
                    path += &parameter("annotationQuery", Some(&tags.join(" and ")));
                }
                let traces: Vec<Vec<Span>> = zipkin.query(&path).await?;
                let of_one = |trace: Vec<_>| trace.into_iter().map(StoredSpan::from).collect();
                Ok(traces.into_iter().map(of_one).collect())
            }
            Collector::Jaeger(jaeger) => {
                let mut path = format!(
                    "traces?service={service}&limit={LIMIT}{}",
                    parameter("operation", operation)
                );
                if !tags.is_empty() {
                    let tags: serde_json::Map<_, _> = tags
                        .iter()
                        .map(|(name, value)| (name.to_string(), json!(value)))
                        .collect();
                    path += &parameter("tags", Some(&json!(tags).to_string()));
                }
                let answer = jaeger.query(&path).await?;
                let traces = answer["data"].as_array().ok_or("no data")?;
                let of_one = |trace: &Value| {
                    let id = trace["traceID"].as_str().unwrap_or_default();
                    let spans = jaeger_spans(trace).into_iter();
                    spans.map(|span| StoredSpan::of_jaeger(id, span)).collect()
                };
                Ok(traces.iter().map(of_one).collect())
            }
        }
    }

    /// Waits until the service is in exactly this many traces, with this many spans each.
    pub async fn traces(&self, service: &str, count: usize, spans_each: usize) -> Vec<Trace> {
        let name = self.name();
        let what = format!("{count} traces of {spans_each} spans of {service} in {name}");
        eventually(&what, ARRIVED, async || {
            let traces = self.find(service, None, &[]).await?;
            let whole = traces.iter().all(|trace| trace.len() == spans_each);
            if whole && traces.len() == count {
                Ok(traces)
            } else {
                Err(format!("{} traces: {traces:#?}", traces.len()))
            }
        })
        .await
    }

    /// The service's traces, once all earlier spans are stored. A server may respond before it has
    /// stored spans, so this reports another span and waits for it.
    pub async fn settled(&self, http: &Http, service: &str) -> Vec<Trace> {
        let id = TraceId::random().to_string();
        let span = json!([{
            "traceId": id, "id": id[16..], "name": "last", "kind": "SERVER",
            "timestamp": now_us(), "duration": 1, "localEndpoint": { "serviceName": "the-end" },
        }]);
        let url = format!("http://{}/api/v2/spans", self.addr());
        let posted = http.post_json(&url, &span.to_string()).await;
        posted.expect("the last span is taken");
        eventually("the last span", ARRIVED, async || {
            let traces = self.find("the-end", None, &[]).await?;
            let stored = traces.iter().any(|trace| trace[0].trace_id == id);
            stored.then_some(()).ok_or("not yet".to_owned())
        })
        .await;
        let traces = self.find(service, None, &[]).await;
        traces.expect("the traces")
    }
}

/// The list of names that Jaeger's query API returns at this path.
async fn jaeger_names(jaeger: &Jaeger, path: &str) -> Result<Vec<String>, String> {
    let answer = jaeger.query(path).await?;
    let names = answer["data"].as_array().into_iter().flatten();
    let names = names.filter_map(|name| name.as_str().map(str::to_owned));
    Ok(names.collect())
}

/// `&name=value` if there is a value, percent-encoded.
fn parameter(name: &str, value: Option<&str>) -> String {
    let Some(value) = value else {
        return String::new();
    };
    let escaped = value.bytes().map(|byte| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    });
    format!("&{name}={}", escaped.collect::<String>())
}
