//! A collector that keeps what it is sent in memory, for as long as the process runs.

use super::serve::refusal;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    net::IpAddr,
    time::Duration,
};
use tokio::{sync::watch, time::timeout};
use tower_b3::{
    Sampling, TraceContext,
    id::{ParseIdError, SpanId, TraceId},
    record::{self, Kind, SpanRecord},
};

/// Beyond this, the oldest trace goes when a new one comes.
const MOST_TRACES: usize = 1_000;

/// `POST /api/v2/spans` takes spans as Zipkin does, `GET /api/v2/trace/{id}` shows a trace.
#[derive(Clone, Default)]
pub struct Collector {
    traces: watch::Sender<Traces>,
}

#[derive(Default)]
struct Traces {
    spans: HashMap<TraceId, Vec<Kept>>,
    /// The oldest first.
    order: VecDeque<TraceId>,
}

/// A span as it came, and what it says.
struct Kept {
    json: Value,
    record: SpanRecord,
}

/// A span in Zipkin's API v2.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    trace_id: String,
    id: String,
    parent_id: Option<String>,
    kind: Option<SpanKind>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    timestamp: u64,
    #[serde(default)]
    duration: u64,
    #[serde(default)]
    local_endpoint: Endpoint,
    #[serde(default)]
    remote_endpoint: Endpoint,
    #[serde(default)]
    annotations: Vec<Annotation>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    debug: bool,
    #[serde(default)]
    shared: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum SpanKind {
    Client,
    Server,
    Producer,
    Consumer,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    service_name: Option<String>,
    ipv4: Option<IpAddr>,
    ipv6: Option<IpAddr>,
    port: Option<u16>,
}

#[derive(Deserialize)]
struct Annotation {
    timestamp: u64,
    value: String,
}

impl Collector {
    pub fn router(&self) -> Router {
        Router::new()
            .route("/api/v2/spans", post(take))
            .route("/api/v2/trace/{id}", get(show))
            .with_state(self.clone())
    }

    /// Waits for the trace of this `x-request-id`, until it is one tree of so many spans.
    pub async fn tree(
        &self,
        request_id: &str,
        spans: usize,
        limit: Duration,
    ) -> Result<Vec<SpanRecord>, String> {
        let mut traces = self.traces.subscribe();
        let whole = traces.wait_for(|traces| {
            let trace = traces.of_request(request_id);
            trace.is_some_and(|trace| trace.len() == spans && is_tree(trace))
        });
        // An error of the inner kind would mean that the collector is gone.
        let is_whole = matches!(timeout(limit, whole).await, Ok(Ok(_)));
        let traces = self.traces.borrow();
        let trace = traces.of_request(request_id).unwrap_or_default();
        if is_whole {
            return Ok(trace.iter().map(|kept| kept.record.clone()).collect());
        }
        Err(format!(
            "the trace of request {request_id} is not one tree of {spans} spans after {limit:?}; \
             {} have come",
            trace.len()
        ))
    }

    /// Whether any span of this `x-request-id` has come.
    pub fn has_seen(&self, request_id: &str) -> bool {
        self.traces.borrow().of_request(request_id).is_some()
    }
}

impl Traces {
    fn add(&mut self, span: Kept) {
        let trace_id = span.record.trace_id();
        if !self.spans.contains_key(&trace_id) {
            if self.order.len() == MOST_TRACES {
                let oldest = self.order.pop_front();
                oldest.map(|oldest| self.spans.remove(&oldest));
            }
            self.order.push_back(trace_id);
        }
        self.spans.entry(trace_id).or_default().push(span);
    }

    fn of_request(&self, request_id: &str) -> Option<&[Kept]> {
        let tagged = |span: &Kept| {
            let id = span.record.tag("guid:x-request-id");
            id.is_some_and(|id| id == request_id)
        };
        let mut traces = self.spans.values();
        traces
            .find(|trace| trace.iter().any(tagged))
            .map(Vec::as_slice)
    }
}

/// Whether there is one root, and every parent is there.
fn is_tree(trace: &[Kept]) -> bool {
    let ids: HashSet<SpanId> = trace.iter().map(|kept| kept.record.id()).collect();
    let parents = trace.iter().filter_map(|kept| kept.record.parent_id());
    let known = parents.filter(|parent| ids.contains(parent));
    ids.len() == trace.len() && known.count() + 1 == trace.len()
}

impl Kept {
    fn new(json: Value) -> Result<Kept, String> {
        let span = Span::deserialize(&json).map_err(|error| error.to_string())?;
        let record = span.to_record().map_err(|error| error.to_string())?;
        Ok(Kept { json, record })
    }
}

impl Span {
    fn to_record(&self) -> Result<SpanRecord, ParseIdError> {
        let parent: Option<SpanId> = self.parent_id.as_deref().map(str::parse).transpose()?;
        let sampling = match self.debug {
            true => Sampling::Debug,
            false => Sampling::Accept,
        };
        let context = TraceContext::new(self.trace_id.parse()?, self.id.parse()?, parent, sampling);
        let mut record = SpanRecord::builder(context)
            .name(&self.name)
            .timestamp(self.timestamp)
            .duration(Duration::from_micros(self.duration))
            .local_endpoint(self.local_endpoint.to_record())
            .remote_endpoint(self.remote_endpoint.to_record())
            .shared(self.shared);
        if let Some(kind) = &self.kind {
            record = record.kind(kind.to_record());
        }
        for (name, value) in &self.tags {
            record = record.tag(name, value);
        }
        for annotation in &self.annotations {
            record = record.annotation(annotation.timestamp, &annotation.value);
        }
        Ok(record.build())
    }
}

impl Endpoint {
    fn to_record(&self) -> record::Endpoint {
        let name = self.service_name.clone().unwrap_or_default();
        let mut endpoint = record::Endpoint::service(name).with_port(self.port.unwrap_or(0));
        if let Some(ip) = self.ipv4.or(self.ipv6) {
            endpoint = endpoint.with_ip(ip);
        }
        endpoint
    }
}

impl SpanKind {
    fn to_record(&self) -> Kind {
        match self {
            SpanKind::Client => Kind::Client,
            SpanKind::Server => Kind::Server,
            SpanKind::Producer => Kind::Producer,
            SpanKind::Consumer => Kind::Consumer,
        }
    }
}

/// Takes all of a message or nothing of it, and answers as Zipkin does.
async fn take(State(collector): State<Collector>, Json(spans): Json<Vec<Value>>) -> Response {
    let spans: Result<Vec<Kept>, String> = spans.into_iter().map(Kept::new).collect();
    match spans {
        Ok(spans) => {
            collector
                .traces
                .send_modify(|traces| spans.into_iter().for_each(|span| traces.add(span)));
            StatusCode::ACCEPTED.into_response()
        }
        Err(reason) => refusal(StatusCode::BAD_REQUEST, reason),
    }
}

async fn show(State(collector): State<Collector>, Path(id): Path<String>) -> Response {
    let id: TraceId = match id.parse() {
        Ok(id) => id,
        Err(error) => return refusal(StatusCode::BAD_REQUEST, format!("{error}")),
    };
    match collector.traces.borrow().spans.get(&id) {
        Some(spans) => {
            let spans: Vec<&Value> = spans.iter().map(|span| &span.json).collect();
            Json(spans).into_response()
        }
        None => refusal(StatusCode::NOT_FOUND, "there is no such trace"),
    }
}
