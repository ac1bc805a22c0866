//! A Jaeger that keeps spans in memory.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Http;
use super::logged_process::LoggedProcess;
use super::setup::{eventually, installed_file};

const READY: Duration = Duration::from_secs(60);
const ARRIVED: Duration = Duration::from_secs(20);
const TEMPLATE: &str = include_str!("jaeger.yaml");

pub struct Jaeger {
    _process: Arc<LoggedProcess>,
    http: Http,
    query: u16,
    otlp: u16,
    grpc: u16,
    zipkin: u16,
}

/// A span as its query API shows it.
#[derive(Debug, PartialEq, Eq)]
pub struct JaegerSpan {
    pub id: String,
    pub parent: Option<String>,
    pub name: String,
    pub service: String,
    pub start: u64,
    pub duration: u64,
    pub tags: BTreeMap<String, String>,
}

impl Jaeger {
    pub async fn start(dir: &Path, http: &Http) -> Jaeger {
        let [query, otlp, grpc, zipkin] = free_ports();
        let config = dir.join("jaeger.yaml");
        let filled = TEMPLATE
            .replace("@QUERY@", &query.to_string())
            .replace("@OTLP@", &otlp.to_string())
            .replace("@GRPC@", &grpc.to_string())
            .replace("@ZIPKIN@", &zipkin.to_string());
        fs::write(&config, filled).expect("the configuration is written");
        let mut command = Command::new(installed_file("JAEGER"));
        command.arg("--config").arg(&config);
        let mut process = LoggedProcess::start(dir, "jaeger", &mut command);
        eventually("Jaeger ready", READY, async || {
            process.assert_running();
            let services = format!("http://127.0.0.1:{query}/api/services");
            http.get(&services, &[]).await
        })
        .await;
        Jaeger {
            _process: Arc::new(process),
            http: http.clone(),
            query,
            otlp,
            grpc,
            zipkin,
        }
    }

    /// The same server with another client, for a test that has its own runtime: connections belong
    /// to the runtime.
    pub fn asked_by(&self, http: &Http) -> Jaeger {
        Jaeger {
            _process: Arc::clone(&self._process),
            http: http.clone(),
            ..*self
        }
    }

    /// The URL for Zipkin's format.
    pub fn zipkin_addr(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.zipkin))
    }

    /// The URL for OTLP over HTTP.
    pub fn otlp_port(&self) -> u16 {
        self.otlp
    }

    /// The URL for OTLP over gRPC.
    pub fn grpc_port(&self) -> u16 {
        self.grpc
    }

    pub fn zipkin(&self) -> String {
        format!("http://127.0.0.1:{}/api/v2/spans", self.zipkin)
    }

    pub fn otlp(&self) -> String {
        format!("http://127.0.0.1:{}/v1/traces", self.otlp)
    }

    pub fn grpc(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc)
    }

    /// The response of the query API at this path.
    pub async fn query(&self, path: &str) -> Result<Value, String> {
        let url = format!("http://127.0.0.1:{}/api/{path}", self.query);
        let answer = self.http.get(&url, &[]).await?;
        serde_json::from_str(&answer).map_err(|error| format!("{url}: {error} in {answer}"))
    }

    /// Waits until the trace has exactly this many spans, and returns them in the order of their
    /// start.
    pub async fn trace(&self, id: &str, spans: usize) -> Vec<JaegerSpan> {
        let what = format!("trace {id} of {spans} spans in Jaeger");
        eventually(&what, ARRIVED, async || {
            let answer = self.query(&format!("traces/{id}")).await?;
            let trace = &answer["data"][0];
            let seen = trace["spans"].as_array().map_or(0, Vec::len);
            if seen == spans {
                Ok(read(trace))
            } else {
                Err(answer.to_string())
            }
        })
        .await
    }
}

/// The spans of one trace, in the order of their start.
pub fn read(trace: &Value) -> Vec<JaegerSpan> {
    let spans = trace["spans"].as_array().expect("spans");
    let mut spans: Vec<JaegerSpan> = spans
        .iter()
        .map(|span| JaegerSpan {
            id: text(&span["spanID"]),
            parent: span["references"][0]["spanID"].as_str().map(str::to_owned),
            name: text(&span["operationName"]),
            service: text(&trace["processes"][text(&span["processID"])]["serviceName"]),
            start: span["startTime"].as_u64().expect("a start"),
            duration: span["duration"].as_u64().expect("a duration"),
            tags: tags(&span["tags"]),
        })
        .collect();
    spans.sort_by_key(|span| span.start);
    spans
}

fn tags(tags: &Value) -> BTreeMap<String, String> {
    let tags = tags.as_array().into_iter().flatten();
    tags.map(|tag| (text(&tag["key"]), text(&tag["value"])))
        .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Ports that are free now: these servers cannot report a port chosen by the system.
pub(super) fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}
