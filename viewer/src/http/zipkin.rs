//! Zipkin's query API, version 2.

use super::{
    params::Params,
    read::Query,
    reply::{Reply, large_json, text},
    viewer::Shared,
};
use crate::{
    model::{IdError, Span, TraceId},
    store::QueryError,
};
use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use std::{collections::HashSet, sync::Arc};

/// The number of traces without a `limit`.
const DEFAULT_LIMIT: usize = 10;

/// The query at a path below `/api/v2/`; `None` if there is no such path.
pub(super) fn find(path: &str) -> Option<Query> {
    let answer: fn(&Shared, &Params<'_>) -> Result<Reply, QueryError> = match path {
        "services" => |shared, _| Ok(json(shared, &shared.store.services())),
        "spans" => |shared, params| {
            let service = params.required("serviceName")?;
            Ok(json(shared, &shared.store.span_names(service)))
        },
        "remoteServices" => |shared, params| {
            let service = params.required("serviceName")?;
            Ok(json(shared, &shared.store.remote_services(service)))
        },
        "traces" => |shared, params| {
            let mut query = params.trace_query(params.window()?, DEFAULT_LIMIT)?;
            query.strict_trace_id = shared.strict_trace_id;
            Ok(json(shared, &shared.store.find(&query)))
        },
        "traceMany" => |shared, params| many(shared, params.required("traceIds")?),
        "dependencies" => |shared, params| {
            params.required("endTs")?;
            Ok(json(shared, &shared.store.links(params.window()?)))
        },
        "autocompleteKeys" => |shared, _| Ok(json(shared, &shared.store.tag_names())),
        "autocompleteValues" => |shared, params| {
            let key = params.required("key")?;
            if key.is_empty() {
                return Err(QueryError("key was empty".to_owned()));
            }
            Ok(json(shared, &shared.store.tag_values(key)))
        },
        _ => {
            let id = path.strip_prefix("trace/")?;
            if id.is_empty() || id.contains('/') {
                return None;
            }
            let id = id.to_owned();
            return Some(Box::new(move |shared, _| or_refused(trace(shared, &id))));
        }
    };
    Some(Box::new(move |shared, query| {
        or_refused(answer(shared, &Params::new(query)))
    }))
}

fn or_refused(reply: Result<Reply, QueryError>) -> Reply {
    reply.unwrap_or_else(|error| text(StatusCode::BAD_REQUEST, error.0))
}

fn json(shared: &Shared, value: &impl Serialize) -> Reply {
    large_json(&shared.responses, value)
}

/// Reads an id as Zipkin does, with its texts.
fn trace_id(text: &str) -> Result<TraceId, QueryError> {
    let text = text.trim();
    TraceId::parse(text).map_err(|error| {
        QueryError(match error {
            IdError::Empty => "traceId is empty".to_owned(),
            IdError::TooLong(most) => format!("traceId.length > {most}"),
            IdError::NotHexadecimal => {
                format!("{text} should be lower-hex encoded with no prefix")
            }
            IdError::Zero => "traceId is all zeros".to_owned(),
        })
    })
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
    let id = percent_decode_str(id).decode_utf8_lossy();
    let id = trace_id(&id)?;
    let spans = spans(shared, id);
    if spans.is_empty() {
        return Ok(text(StatusCode::NOT_FOUND, format!("{id} not found")));
    }
    Ok(json(shared, &spans))
}

fn many(shared: &Shared, ids: &str) -> Result<Reply, QueryError> {
    let error = |text: &str| Err(QueryError(text.to_owned()));
    if ids.is_empty() {
        return error("traceIds parameter is empty");
    }
    let texts: Vec<&str> = ids.split(',').collect();
    if texts.len() == 1 {
        return error("Use /api/v2/trace/{traceId} endpoint to retrieve a single trace");
    }
    let (mut ids, mut seen) = (Vec::new(), HashSet::new());
    for text in texts {
        let id = trace_id(text)?;
        if !seen.insert(id) {
            return Err(QueryError(format!("redundant traceId: {text}")));
        }
        ids.push(id);
    }
    let traces = ids.into_iter().map(|id| spans(shared, id));
    let traces: Vec<_> = traces.filter(|spans| !spans.is_empty()).collect();
    Ok(json(shared, &traces))
}
