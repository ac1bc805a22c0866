//! Zipkin's query API, version 2.

use super::{
    params::Params,
    reply::{Reply, json, method_not_allowed, text},
    viewer::Shared,
};
use crate::{
    model::{Span, TraceId},
    store::QueryError,
};
use http::{HeaderValue, Method, StatusCode, header::CACHE_CONTROL};
use std::{collections::BTreeSet, sync::Arc};

/// The number of traces without a `limit`.
const DEFAULT_LIMIT: usize = 10;
/// With more services, browsers may keep lists of names.
const NAMES_CACHED_ABOVE: usize = 3;

/// Responds to a path below `/api/v2/`; `None` if there is no such path.
pub(super) fn respond(
    shared: &Shared,
    method: &Method,
    path: &str,
    query: Option<&str>,
) -> Option<Reply> {
    let params = Params::new(query);
    let reply: &dyn Fn() -> Result<Reply, QueryError> = match path {
        "services" => &|| Ok(names(shared, shared.store.services())),
        "spans" => &|| {
            let service = params.required("serviceName")?;
            Ok(names(shared, shared.store.span_names(service)))
        },
        "remoteServices" => &|| {
            let service = params.required("serviceName")?;
            Ok(names(shared, shared.store.remote_services(service)))
        },
        "traces" => &|| {
            let mut query = params.trace_query(DEFAULT_LIMIT)?;
            query.strict_trace_id = shared.strict_trace_id;
            Ok(json(&shared.store.find(&query)))
        },
        "traceMany" => &|| many(shared, params.required("traceIds")?),
        "dependencies" => &|| {
            params.required("endTs")?;
            Ok(json(&shared.store.links(params.window()?)))
        },
        "autocompleteKeys" => &|| Ok(names(shared, shared.store.tag_names())),
        "autocompleteValues" => &|| {
            let key = params.required("key")?;
            if key.is_empty() {
                return Err(QueryError("key was empty".to_owned()));
            }
            Ok(names(shared, shared.store.tag_values(key)))
        },
        _ => {
            let id = path.strip_prefix("trace/").filter(|id| !id.contains('/'))?;
            &move || trace(shared, id)
        }
    };
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Some(method_not_allowed("GET"));
    }
    Some(reply().unwrap_or_else(|error| text(StatusCode::BAD_REQUEST, error.0)))
}

fn names(shared: &Shared, names: Vec<Box<str>>) -> Reply {
    let mut reply = json(&names);
    if shared.store.services().len() > NAMES_CACHED_ABOVE {
        // A collector for development: names have to be there as soon as their spans are.
        let value = HeaderValue::from_static("no-cache");
        reply.headers_mut().insert(CACHE_CONTROL, value);
    }
    reply
}

/// Reads an id as Zipkin does, with its texts.
fn trace_id(text: &str) -> Result<TraceId, QueryError> {
    TraceId::parse(text.trim()).map_err(|error| QueryError(error.to_string()))
}

fn spans(shared: &Shared, id: TraceId) -> Vec<Arc<Span>> {
    let spans = shared.store.trace(id);
    let mut spans = spans.map_or_else(Vec::new, |spans| spans.to_vec());
    if shared.strict_trace_id {
        spans.retain(|span| span.trace_id == id);
    }
    spans
}

fn trace(shared: &Shared, id: &str) -> Result<Reply, QueryError> {
    let spans = spans(shared, trace_id(id)?);
    if spans.is_empty() {
        return Ok(text(StatusCode::NOT_FOUND, format!("{id} not found")));
    }
    Ok(json(&spans))
}

fn many(shared: &Shared, ids: &str) -> Result<Reply, QueryError> {
    let ids: Vec<TraceId> = ids.split(',').map(trace_id).collect::<Result<_, _>>()?;
    if ids.len() < 2 {
        return Err(QueryError(
            "traceIds parameter requires at least two trace IDs".to_owned(),
        ));
    }
    let mut seen = BTreeSet::new();
    if let Some(repeated) = ids.iter().find(|id| !seen.insert(**id)) {
        return Err(QueryError(format!("redundant trace ID: {repeated}")));
    }
    let traces = ids.into_iter().map(|id| spans(shared, id));
    let traces: Vec<_> = traces.filter(|spans| !spans.is_empty()).collect();
    Ok(json(&traces))
}
