//! The page's own API.

use super::{
    params::Params,
    receive::{UPLOAD, receive},
    reply::{Refusal, Reply, empty, json, json_error, large_json},
    viewer::Shared,
};
use crate::{
    decode::{DecodeError, any_inflated_export},
    model::TraceId,
    store::{QueryError, StoreStats},
    trace::{Summary, TraceView},
};
use bytes::Buf;
use http::{HeaderMap, StatusCode};
use http_body::Body;
use serde::Serialize;
use std::{
    collections::BTreeSet,
    fmt::Display,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
};

/// The number of summaries without a `limit`.
const DEFAULT_LIMIT: usize = 100;

#[derive(Serialize)]
struct Summaries {
    traces: Vec<Summary>,
    matched: usize,
}

/// `GET /viewer/summaries`: the newest traces that match. With `caller` and `callee`, those in which
/// the one service calls the other, as on the map.
pub(super) fn summaries(shared: &Shared, query: Option<&str>) -> Reply {
    let params = Params::new(query);
    let window = params.open_window();
    let query = match window.and_then(|window| params.trace_query(window, DEFAULT_LIMIT)) {
        Ok(query) => query,
        Err(error) => return bad_request(error),
    };
    let mut found = shared.store.find_stored(&query);
    let service = |name| params.get(name).filter(|service| !service.is_empty());
    if let (Some(caller), Some(callee)) = (service("caller"), service("callee")) {
        found.retain(|trace| trace.has_call(caller, callee));
    }
    let newest = found.iter().take(query.limit);
    let newest = newest.filter_map(|trace| trace.summary().cloned());
    let summaries = Summaries {
        traces: newest.collect(),
        matched: found.len(),
    };
    large_json(&shared.responses, &summaries)
}

#[derive(Serialize)]
struct Trace {
    #[serde(flatten)]
    view: TraceView,
    /// The number of its last change, as in its summary.
    updated: u64,
}

/// `GET /viewer/trace/{id}`.
pub(super) fn trace(shared: &Shared, id: &str) -> Reply {
    let id = match TraceId::parse(id) {
        Ok(id) => id,
        Err(error) => return json_error(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let stored = shared.store.stored(id);
    let trace = stored.and_then(|trace| {
        let updated = trace.updated();
        let view = trace.view()?;
        Some(Trace { view, updated })
    });
    match trace {
        Some(trace) => large_json(&shared.responses, &trace),
        None => {
            let error = format!("There is no trace {id}. It may have made room for newer traces.");
            json_error(StatusCode::NOT_FOUND, error)
        }
    }
}

/// `GET /viewer/map`.
pub(super) fn map(shared: &Shared, query: Option<&str>) -> Reply {
    match Params::new(query).open_window() {
        Ok(window) => large_json(&shared.responses, &shared.store.map(window)),
        Err(error) => bad_request(error),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    version: &'static str,
    #[serde(flatten)]
    stats: StoreStats,
    max_spans: usize,
    max_bytes: usize,
    rejected_posts: u64,
    listen: Option<SocketAddr>,
    otlp: Option<SocketAddr>,
}

/// `GET /viewer/status`.
pub(super) fn status(shared: &Shared) -> Reply {
    let limits = shared.store.limits();
    json(&Status {
        version: env!("CARGO_PKG_VERSION"),
        stats: shared.store.stats(),
        max_spans: limits.max_spans,
        max_bytes: limits.max_bytes,
        rejected_posts: shared.rejected_posts.load(Relaxed),
        listen: shared.addresses.get().map(|(listen, _)| *listen),
        otlp: shared.addresses.get().and_then(|(_, otlp)| *otlp),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Uploaded {
    trace_ids: BTreeSet<TraceId>,
    spans: usize,
}

/// `POST /viewer/traces`: a file in any of the formats.
pub(super) async fn upload<B>(
    shared: &Shared,
    headers: &HeaderMap,
    body: B,
) -> Result<Reply, Refusal>
where
    B: Body<Data: Buf, Error: Display>,
{
    let store = Arc::clone(&shared.store);
    let add = move |file: &[u8]| {
        let spans = any_inflated_export(file)?;
        let uploaded = Uploaded {
            trace_ids: spans.iter().map(|span| span.trace_id).collect(),
            spans: spans.len(),
        };
        store.add(spans);
        Ok(uploaded)
    };
    let uploaded: Result<Uploaded, DecodeError> =
        receive(&shared.held, headers, body, UPLOAD, add).await?;
    Ok(match uploaded {
        Ok(uploaded) => large_json(&shared.responses, &uploaded),
        Err(error) => json_error(StatusCode::BAD_REQUEST, error.to_string()),
    })
}

/// `DELETE /viewer/traces`.
pub(super) fn clear(shared: &Shared) -> Reply {
    shared.store.clear();
    empty(StatusCode::NO_CONTENT)
}

fn bad_request(error: QueryError) -> Reply {
    json_error(StatusCode::BAD_REQUEST, error.0)
}
