//! Which path does what.

use super::{
    api, collector,
    read::Read,
    reply::{Reply, empty, method_not_allowed, not_found},
    viewer::Shared,
};
use bytes::Buf;
use http::{Method, Request, StatusCode, header::ORIGIN, request::Parts};
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

async fn route<B>(shared: &Arc<Shared>, head: &Parts, body: B) -> Reply
where
    B: Body<Data: Buf, Error: Display>,
{
    let path = own_path(shared, head);
    if head.method == Method::OPTIONS {
        return empty(StatusCode::NO_CONTENT);
    }
    let is_read = matches!(head.method, Method::GET | Method::HEAD);
    // Zipkin's list of span names has the path of its collector.
    let is_list = path == "/api/v2/spans" && is_read;
    if let Some(allowed) = post_path(path).filter(|_| !is_list) {
        let mut methods = allowed.split(", ");
        if !methods.any(|allowed| allowed == head.method.as_str()) {
            return method_not_allowed(allowed);
        }
        return post(shared, head, path, body).await;
    }
    match Read::find(path) {
        None => not_found(path),
        Some(_) if !is_read => method_not_allowed("GET"),
        Some(read) => read.respond(shared, head).await,
    }
}

async fn post<B>(shared: &Arc<Shared>, head: &Parts, path: &str, body: B) -> Reply
where
    B: Body<Data: Buf, Error: Display>,
{
    let reply = match (path, &head.method) {
        ("/api/v2/spans", _) => collector::zipkin(shared, &head.headers, body).await,
        ("/api/v1/spans", _) => Ok(collector::zipkin_v1()),
        ("/v1/traces", _) => collector::otlp(shared, &head.headers, body).await,
        (_, &Method::DELETE) => Ok(api::clear(shared)),
        _ => api::upload(shared, &head.headers, body).await,
    };
    reply.unwrap_or_else(|refused| *refused)
}

fn own_path<'a>(shared: &Shared, head: &'a Parts) -> &'a str {
    let path = head.uri.path();
    // A server that mounts the service may have removed the prefix.
    let path = path.strip_prefix(&*shared.page.prefix).unwrap_or(path);
    // Zipkin has its API below the path of its page too.
    let api = path.strip_prefix("/zipkin");
    let path = api.filter(|api| api.starts_with("/api/")).unwrap_or(path);
    if path.is_empty() { "/" } else { path }
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
