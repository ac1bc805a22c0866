//! Which path does what.

use super::{
    api, collector, events,
    reply::{Reply, empty, json, method_not_allowed, redirect, text},
    viewer::Shared,
    zipkin,
};
use bytes::Buf;
use http::{Method, Request, StatusCode, header::ORIGIN};
use http_body::Body;
use std::{
    fmt::Display,
    sync::{Arc, atomic::Ordering::Relaxed},
};

/// Responds to a request.
pub(super) async fn respond<B>(shared: &Arc<Shared>, request: Request<B>) -> Reply
where
    B: Body<Data: Buf, Error: Display>,
{
    let (head, body) = request.into_parts();
    let origin = head.headers.get(ORIGIN).cloned();
    let is_post = head.method == Method::POST;
    let takes_spans = is_post && is_collector(own_path(shared, &head));
    let mut reply = match shared.guard.check(&head, takes_spans) {
        Ok(()) => route(shared, &head, body).await,
        Err(refused) => *refused,
    };
    if is_post && reply.status().is_client_error() {
        shared.rejected_posts.fetch_add(1, Relaxed);
    }
    shared.guard.finish(origin.as_ref(), &mut reply);
    reply
}

async fn route<B>(shared: &Arc<Shared>, head: &http::request::Parts, body: B) -> Reply
where
    B: Body<Data: Buf, Error: Display>,
{
    let path = own_path(shared, head);
    if head.method == Method::OPTIONS {
        return empty(StatusCode::NO_CONTENT);
    }
    if let Some(allowed) = post_path(path) {
        if !allowed
            .split(", ")
            .any(|allowed| allowed == head.method.as_str())
        {
            // Zipkin's list of span names has the path of its collector.
            if path == "/api/v2/spans" && is_read(&head.method) {
                return get(shared, head, path).unwrap_or_else(|| not_found(path));
            }
            return method_not_allowed(allowed);
        }
        let reply = match (path, &head.method) {
            ("/api/v2/spans", _) => collector::zipkin(shared, &head.headers, body).await,
            ("/api/v1/spans", _) => Ok(collector::zipkin_v1()),
            ("/v1/traces", _) => collector::otlp(shared, &head.headers, body).await,
            (_, &Method::DELETE) => Ok(api::clear(shared)),
            _ => api::upload(shared, &head.headers, body).await,
        };
        return reply.unwrap_or_else(|refused| *refused);
    }
    match get(shared, head, path) {
        Some(_) if !is_read(&head.method) => method_not_allowed("GET"),
        Some(reply) => reply,
        None => not_found(path),
    }
}

fn own_path<'a>(shared: &Shared, head: &'a http::request::Parts) -> &'a str {
    let path = head.uri.path();
    // A server that mounts the service may have removed the prefix.
    let path = path.strip_prefix(&*shared.page.prefix).unwrap_or(path);
    if path.is_empty() { "/" } else { path }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn not_found(path: &str) -> Reply {
    text(
        StatusCode::NOT_FOUND,
        format!("There is nothing at {path}."),
    )
}

/// Whether clients send spans to this path.
fn is_collector(path: &str) -> bool {
    matches!(path, "/api/v2/spans" | "/api/v1/spans" | "/v1/traces")
}

/// The methods of a path that takes a body.
fn post_path(path: &str) -> Option<&'static str> {
    match path {
        _ if is_collector(path) => Some("POST"),
        "/viewer/traces" => Some("DELETE, POST"),
        _ => None,
    }
}

/// Responds to a path that is read; `None` if there is no such path.
fn get(shared: &Arc<Shared>, head: &http::request::Parts, path: &str) -> Option<Reply> {
    let query = head.uri.query();
    let headers = &head.headers;
    if let Some(path) = path.strip_prefix("/api/v2/") {
        return zipkin::respond(shared, &head.method, path, query);
    }
    if let Some(file) = path.strip_prefix("/page/") {
        return shared.page.file(file, headers);
    }
    if let Some(id) = path.strip_prefix("/viewer/trace/") {
        return Some(api::trace(shared, id));
    }
    let prefix = &shared.page.prefix;
    let reply = match path {
        "/" | "/map" | "/compare" => shared.page.index(headers),
        "/viewer/summaries" => api::summaries(shared, query),
        "/viewer/map" => api::map(shared, query),
        "/viewer/status" => api::status(shared),
        "/viewer/events" => events::respond(shared, query, headers),
        "/health" => json(&serde_json::json!({ "status": "UP" })),
        "/zipkin/config.json" => config(shared),
        "/zipkin" | "/zipkin/" => redirect(&format!("{prefix}/")),
        "/favicon.ico" => return shared.page.file("favicon.ico", headers),
        _ => {
            if let Some(view) = path.strip_prefix("/zipkin/traces/") {
                return Some(redirect(&format!("{prefix}/traces/{view}")));
            }
            let id = path.strip_prefix("/traces/")?;
            if id.is_empty() || id.contains('/') {
                return None;
            }
            shared.page.index(headers)
        }
    };
    Some(reply)
}

/// What Zipkin's page and its clients ask for.
fn config(shared: &Shared) -> Reply {
    json(&serde_json::json!({
        "environment": "",
        "queryLimit": 10,
        "defaultLookback": 900_000,
        "searchEnabled": true,
        "dependency": { "enabled": true, "lowErrorRate": 0.5, "highErrorRate": 0.75 },
        "strictTraceId": shared.strict_trace_id,
    }))
}
