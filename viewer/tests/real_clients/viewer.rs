//! The program, and questions to its Zipkin API.

use crate::common::Client;
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
    time::Duration,
};
use test_kit::{Process, backends::eventually};

const ARRIVED: Duration = Duration::from_secs(20);

pub struct Viewer {
    _process: Process,
    pub address: SocketAddr,
    pub otlp: SocketAddr,
    client: Client,
}

impl Viewer {
    pub async fn start(args: &[&str]) -> Viewer {
        let program = env!("CARGO_BIN_EXE_tower-b3-viewer");
        let process = Process::listen(program, &[&["--otlp", "127.0.0.1:0"], args].concat());
        let address = process.address();
        let client = Client::new(address);
        let status = client.get("/viewer/status").await.json();
        let otlp = status["otlp"].as_str().expect("an address for OTLP");
        Viewer {
            _process: process,
            address,
            otlp: otlp.parse().expect("an address"),
            client,
        }
    }

    /// The only trace with a span of this service, once it has `spans` spans.
    pub async fn trace_of(&self, service: &str, spans: usize) -> Vec<Value> {
        let path = format!("/api/v2/traces?serviceName={service}");
        let what = format!("one trace of {service} with {spans} spans");
        eventually(&what, ARRIVED, async || {
            let answer = self.client.get(&path).await;
            let mut traces: Vec<Vec<Value>> = serde_json::from_value(answer.json()).unwrap();
            match traces.as_slice() {
                [trace] if trace.len() == spans => Ok(traces.remove(0)),
                _ => Err(answer.text().to_owned()),
            }
        })
        .await
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(path).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer.json()
    }

    /// The calls between services: caller, callee, how many, how many failed.
    pub async fn calls(&self) -> BTreeSet<(String, String, u64, u64)> {
        let end = crate::common::now() / 1000 + 60_000;
        let links = self
            .get(&format!(
                "/api/v2/dependencies?endTs={end}&lookback=3600000"
            ))
            .await;
        let links = links.as_array().expect("a list").iter().map(|link| {
            let name = |side: &str| link[side].as_str().expect("a name").to_owned();
            let count = |of: &str| link[of].as_u64().unwrap_or(0);
            (
                name("parent"),
                name("child"),
                count("callCount"),
                count("errorCount"),
            )
        });
        links.collect()
    }
}

/// Asserts that each span but one root has its parent in the trace. Two parts may share an id.
pub fn assert_tree(trace: &[Value]) {
    let parents: HashMap<&Value, &Value> = trace
        .iter()
        .map(|span| (&span["id"], &span["parentId"]))
        .collect();
    let roots = parents
        .values()
        .filter(|parent| !parents.contains_key(*parent));
    assert_eq!(roots.collect::<Vec<_>>(), [&&Value::Null], "{trace:#?}");
}

/// The span of a kind and a service.
pub fn span<'a>(trace: &'a [Value], kind: &str, service: &str) -> &'a Value {
    let is_it =
        |span: &&Value| span["kind"] == kind && span["localEndpoint"]["serviceName"] == service;
    let found = trace.iter().find(is_it);
    found.unwrap_or_else(|| panic!("no {kind} span of {service} in {trace:#?}"))
}
