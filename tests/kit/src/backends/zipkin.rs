//! A Zipkin that keeps spans in memory, and its query API.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Http;
use super::logged_process::LoggedProcess;
use super::setup::{eventually, installed_file};

const READY: Duration = Duration::from_secs(60);
const ARRIVED: Duration = Duration::from_secs(20);
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

pub struct Zipkin {
    _process: Arc<LoggedProcess>,
    http: Http,
    addr: SocketAddr,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    pub trace_id: String,
    pub id: String,
    pub parent_id: Option<String>,
    pub kind: Option<String>,
    #[serde(default)]
    pub name: String,
    /// Microseconds, as the duration.
    #[serde(default)]
    pub timestamp: i64,
    #[serde(default)]
    pub duration: i64,
    #[serde(default)]
    local_endpoint: Endpoint,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    #[serde(default)]
    service_name: String,
}

#[derive(Deserialize)]
struct Link {
    parent: String,
    child: String,
}

impl Span {
    pub fn service(&self) -> &str {
        &self.local_endpoint.service_name
    }

    pub fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }

    pub fn tag(&self, name: &str) -> Option<&str> {
        self.tags.get(name).map(String::as_str)
    }

    pub fn end(&self) -> i64 {
        self.timestamp + self.duration
    }
}

impl Zipkin {
    pub async fn start(dir: &Path, http: &Http) -> Zipkin {
        Zipkin::start_with(dir, http, &[]).await
    }

    /// Starts it with these additional environment variables.
    pub async fn start_with(dir: &Path, http: &Http, variables: &[(&str, &str)]) -> Zipkin {
        // Optimizing compilation would take half of the startup time.
        let mut command = Command::new("java");
        command
            .args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar"])
            .arg(installed_file("ZIPKIN_JAR"))
            // QUERY_PORT would listen on every address.
            .args(["--armeria.ports[0].ip=127.0.0.1"])
            .args(["--armeria.ports[0].port=0"])
            .args(["--armeria.ports[0].protocols[0]=http"])
            .env("STORAGE_TYPE", "mem")
            .envs(variables.iter().copied());
        let mut process = LoggedProcess::start(dir, "zipkin", &mut command);
        let addr = eventually("Zipkin healthy", READY, async || {
            process.assert_running();
            healthy_at(http, &process.stdout()).await
        })
        .await;
        Zipkin {
            _process: Arc::new(process),
            http: http.clone(),
            addr,
        }
    }

    /// The same server with another client, for a test that has its own runtime: connections belong
    /// to the runtime.
    pub fn asked_by(&self, http: &Http) -> Zipkin {
        Zipkin {
            _process: Arc::clone(&self._process),
            http: http.clone(),
            addr: self.addr,
        }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn collector(&self) -> String {
        format!("http://{}/api/v2/spans", self.addr)
    }

    pub async fn post(&self, spans: &Value) {
        let spans = spans.to_string();
        let posted = self.http.post_json(&self.collector(), &spans).await;
        posted.expect("Zipkin takes the spans");
    }

    /// Waits until there are exactly this many traces with this many spans each.
    pub async fn traces(&self, count: usize, spans_each: usize) -> Vec<Vec<Span>> {
        let what = format!("{count} traces of {spans_each} spans in Zipkin");
        eventually(&what, ARRIVED, async || {
            let traces = self.all_traces().await?;
            let complete = traces.iter().all(|trace| trace.len() == spans_each);
            if traces.len() == count && complete {
                Ok(traces)
            } else {
                Err(format!("{traces:#?}"))
            }
        })
        .await
    }

    /// Waits until the trace has exactly this many spans.
    pub async fn trace(&self, id: &str, spans: usize) -> Vec<Span> {
        let what = format!("trace {id} of {spans} spans in Zipkin");
        eventually(&what, ARRIVED, async || {
            let trace: Vec<Span> = self.query(&format!("trace/{id}")).await?;
            if trace.len() == spans {
                Ok(trace)
            } else {
                Err(format!("{trace:#?}"))
            }
        })
        .await
    }

    /// Waits until the trace has exactly this many spans, and returns their JSON, sorted by id.
    pub async fn shown(&self, id: &str, spans: usize) -> Vec<Value> {
        let what = format!("trace {id} of {spans} spans in Zipkin");
        eventually(&what, ARRIVED, async || {
            let mut trace: Vec<Value> = self.query(&format!("trace/{id}")).await?;
            trace.sort_by_key(|span| span["id"].to_string());
            if trace.len() == spans {
                Ok(trace)
            } else {
                Err(format!("{trace:#?}"))
            }
        })
        .await
    }

    /// Zipkin responds before it has stored the spans. This reports a span after all others, waits
    /// until it is stored, and returns the traces without it.
    pub async fn settled_traces(&self) -> Vec<Vec<Span>> {
        let id = "00000000000f1a57";
        let last = json!([{ "traceId": id, "id": id, "timestamp": now_us() }]);
        self.post(&last).await;
        let mut traces = eventually("the last span in Zipkin", ARRIVED, async || {
            let traces = self.all_traces().await?;
            let stored = traces.iter().any(|trace| trace[0].trace_id == id);
            stored.then_some(traces).ok_or("not yet".to_owned())
        })
        .await;
        traces.retain(|trace| trace[0].trace_id != id);
        traces
    }

    /// The links between services, as (parent, child).
    pub async fn links(&self) -> BTreeSet<(String, String)> {
        let now_ms = now_us() / 1000;
        let path = format!("dependencies?endTs={now_ms}&lookback={DAY_MS}");
        let links: Vec<Link> = self.query(&path).await.expect("Zipkin knows the links");
        links.into_iter().map(|l| (l.parent, l.child)).collect()
    }

    async fn all_traces(&self) -> Result<Vec<Vec<Span>>, String> {
        let path = format!("traces?limit=1000&lookback={DAY_MS}");
        self.query(&path).await
    }

    /// The response of its API v2 at this path.
    pub async fn query<T: DeserializeOwned>(&self, path: &str) -> Result<T, String> {
        let url = format!("http://{}/api/v2/{path}", self.addr);
        let answer = self.http.get(&url, &[]).await?;
        // For some characters Zipkin's writer reserves more bytes than it writes, and leaves NULs.
        serde_json::from_str(answer.trim_end_matches('\0'))
            .map_err(|error| format!("{url}: {error} in {answer}"))
    }
}

/// Zipkin logs the port that the system chose.
async fn healthy_at(http: &Http, log: &str) -> Result<SocketAddr, String> {
    let (_, rest) = log.split_once("Serving HTTP at /").ok_or("not serving")?;
    let addr = rest.split_whitespace().next().unwrap_or_default();
    http.get(&format!("http://{addr}/health"), &[]).await?;
    addr.parse().map_err(|error| format!("{addr}: {error}"))
}

pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = since.expect("a clock after 1970").as_micros();
    micros.try_into().expect("a clock of this age")
}
