//! A stand-in for Zipkin: it accepts spans over HTTP and keeps them in memory.

use crate::{traced::json_error, zipkin_span::ReceivedSpan};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};
use tokio::{sync::watch, time};
use tower_b3::{
    id::{SpanId, TraceId},
    record::SpanRecord,
};

/// When this many traces are stored, a new one replaces the oldest.
const MAX_TRACES: usize = 1_000;

/// Stores spans and shows traces. Clones share the same spans.
#[derive(Clone, Default)]
pub struct Collector {
    traces: watch::Sender<Traces>,
}

#[derive(Default)]
struct Traces {
    spans: HashMap<TraceId, Vec<ReceivedSpan>>,
    /// The oldest trace comes first.
    order: VecDeque<TraceId>,
}

impl Collector {
    /// | request | response |
    /// |---|---|
    /// | `POST /api/v2/spans` | accepts spans as Zipkin does |
    /// | `GET /api/v2/trace/{id}` | the spans of one trace, as they were received |
    pub fn router(&self) -> Router {
        Router::new()
            .route("/api/v2/spans", post(accept_spans))
            .route("/api/v2/trace/{id}", get(show_trace))
            .with_state(self.clone())
    }

    /// Waits until the trace of this `x-request-id` is one tree of `spans` spans, and returns it.
    ///
    /// # Errors
    ///
    /// If that takes longer than `timeout`.
    pub async fn wait_for_tree(
        &self,
        request_id: &str,
        spans: usize,
        timeout: Duration,
    ) -> Result<Vec<SpanRecord>, String> {
        let mut traces = self.traces.subscribe();
        let complete = traces.wait_for(|traces| {
            let trace = traces.of_request(request_id);
            trace.is_some_and(|trace| trace.len() == spans && is_tree(trace))
        });
        // The inner error would mean that the collector is gone.
        let is_complete = matches!(time::timeout(timeout, complete).await, Ok(Ok(_)));
        let traces = self.traces.borrow();
        let trace = traces.of_request(request_id).unwrap_or_default();
        if is_complete {
            return Ok(trace.iter().map(|span| span.record.clone()).collect());
        }
        Err(format!(
            "the trace of request {request_id} is not one tree of {spans} spans after {timeout:?}; \
             {} have arrived",
            trace.len()
        ))
    }

    /// Whether any span of this `x-request-id` has arrived.
    pub fn has_seen(&self, request_id: &str) -> bool {
        self.traces.borrow().of_request(request_id).is_some()
    }
}

impl Traces {
    fn add(&mut self, span: ReceivedSpan) {
        let trace_id = span.record.trace_id();
        if !self.spans.contains_key(&trace_id) {
            if self.order.len() == MAX_TRACES {
                let oldest = self.order.pop_front();
                oldest.map(|oldest| self.spans.remove(&oldest));
            }
            self.order.push_back(trace_id);
        }
        self.spans.entry(trace_id).or_default().push(span);
    }

    fn of_request(&self, request_id: &str) -> Option<&[ReceivedSpan]> {
        let tagged = |span: &ReceivedSpan| {
            let id = span.record.tag("guid:x-request-id");
            id.is_some_and(|id| id == request_id)
        };
        let mut traces = self.spans.values();
        traces
            .find(|trace| trace.iter().any(tagged))
            .map(Vec::as_slice)
    }
}

/// Whether there is one root, and the parent of every other span is in the trace.
fn is_tree(trace: &[ReceivedSpan]) -> bool {
    let ids: HashSet<SpanId> = trace.iter().map(|span| span.record.id()).collect();
    let parents = trace.iter().filter_map(|span| span.record.parent_id());
    let known = parents.filter(|parent| ids.contains(parent));
    ids.len() == trace.len() && known.count() + 1 == trace.len()
}

/// Accepts a whole message or none of it, as Zipkin does.
async fn accept_spans(
    State(collector): State<Collector>,
    Json(spans): Json<Vec<Value>>,
) -> Response {
    let spans: Result<Vec<ReceivedSpan>, String> =
        spans.into_iter().map(ReceivedSpan::new).collect();
    match spans {
        Ok(spans) => {
            collector
                .traces
                .send_modify(|traces| spans.into_iter().for_each(|span| traces.add(span)));
            StatusCode::ACCEPTED.into_response()
        }
        Err(reason) => json_error(StatusCode::BAD_REQUEST, reason),
    }
}

async fn show_trace(State(collector): State<Collector>, Path(id): Path<String>) -> Response {
    let id: TraceId = match id.parse() {
        Ok(id) => id,
        Err(error) => return json_error(StatusCode::BAD_REQUEST, format!("{error}")),
    };
    match collector.traces.borrow().spans.get(&id) {
        Some(spans) => {
            let spans: Vec<&Value> = spans.iter().map(|span| &span.json).collect();
            Json(spans).into_response()
        }
        None => json_error(StatusCode::NOT_FOUND, "there is no such trace"),
    }
}
