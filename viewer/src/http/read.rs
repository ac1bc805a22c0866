//! What is read: the page, its API, and Zipkin's.

use super::{
    api, events,
    reply::{Reply, json, not_found, redirect, text},
    viewer::Shared,
    zipkin,
};
use http::{StatusCode, request::Parts};
use std::{error::Error, sync::Arc};

/// How many queries are computed at once.
pub(super) const QUERIES_AT_ONCE: usize = 2;

/// What a path leads to.
pub(super) enum Read<'a> {
    /// The page, in any of its views.
    Index,
    /// A file of the page.
    File(&'a str),
    Query(Query),
    Events,
    Status,
    Health,
    /// What Zipkin's page and its clients ask for.
    Config,
    /// To a view of the page.
    Redirect(String),
}

/// Computes a response from the parameters of a URL and all that is stored.
pub(super) type Query = Box<dyn FnOnce(&Shared, Option<&str>) -> Reply + Send>;

impl<'a> Read<'a> {
    /// `None` if there is no such path.
    pub(super) fn find(path: &'a str) -> Option<Read<'a>> {
        if let Some(path) = path.strip_prefix("/api/v2/") {
            return zipkin::find(path).map(Read::Query);
        }
        if let Some(file) = path.strip_prefix("/page/") {
            return Some(Read::File(file));
        }
        if let Some(id) = path.strip_prefix("/viewer/trace/") {
            let id = id.to_owned();
            let query = move |shared: &Shared, _: Option<&str>| api::trace(shared, &id);
            return Some(Read::Query(Box::new(query)));
        }
        if let Some(view) = path.strip_prefix("/zipkin/traces/") {
            return Some(Read::Redirect(format!("/traces/{view}")));
        }
        Some(match path {
            "/" | "/map" | "/compare" => Read::Index,
            "/viewer/summaries" => Read::Query(Box::new(api::summaries)),
            "/viewer/map" => Read::Query(Box::new(api::map)),
            "/viewer/status" => Read::Status,
            "/viewer/events" => Read::Events,
            "/health" => Read::Health,
            "/zipkin/config.json" => Read::Config,
            "/zipkin" | "/zipkin/" => Read::Redirect("/".to_owned()),
            "/zipkin/dependency" => Read::Redirect("/map".to_owned()),
            _ => {
                let id = path.strip_prefix("/traces/")?;
                if id.is_empty() || id.contains('/') {
                    return None;
                }
                Read::Index
            }
        })
    }

    pub(super) async fn respond(self, shared: &Arc<Shared>, head: &Parts) -> Reply {
        let (page, query) = (&shared.page, head.uri.query());
        match self {
            Read::Index => page.index(&head.headers),
            Read::File(path) => match page.file(path, &head.headers) {
                Some(file) => file,
                None => not_found(head.uri.path()),
            },
            Read::Query(respond) => {
                let query = query.map(str::to_owned);
                let reply = compute(shared, move |shared| respond(shared, query.as_deref())).await;
                reply.unwrap_or_else(|error| {
                    text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
                })
            }
            Read::Events => events::respond(shared, query, &head.headers),
            Read::Status => api::status(shared),
            Read::Health => json(&serde_json::json!({ "status": "UP" })),
            Read::Config => config(shared),
            Read::Redirect(view) => redirect(&format!("{}{view}", page.prefix)),
        }
    }
}

/// Computes on a thread of its own, so that requests with spans do not wait for it.
pub(super) async fn compute<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Shared) -> T + Send + 'static,
) -> Result<T, Box<dyn Error + Send + Sync>> {
    let permit = Arc::clone(&shared.queries).acquire_owned().await?;
    let shared = Arc::clone(shared);
    let work = tokio::task::spawn_blocking(move || {
        // It counts also if the client does not wait for the response.
        let _permit = permit;
        work(&shared)
    });
    Ok(work.await?)
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Viewer;
    use std::thread;

    #[tokio::test]
    async fn queries_run_on_threads_of_their_own() {
        let Viewer { shared } = Viewer::default();
        let thread = compute(&shared, |_| thread::current().id()).await;
        assert_ne!(thread.unwrap(), thread::current().id());
        for path in [
            "/viewer/summaries",
            "/viewer/map",
            "/viewer/trace/1",
            "/api/v2/traces",
            "/api/v2/trace/1",
            "/api/v2/dependencies",
            "/api/v2/autocompleteValues",
        ] {
            assert!(matches!(Read::find(path), Some(Read::Query(_))), "{path}");
        }
    }

    #[tokio::test]
    async fn a_query_counts_until_it_ends() {
        let Viewer { shared } = Viewer::default();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let (started, starts) = tokio::sync::oneshot::channel();
        let query = compute(&shared, move |_| {
            started.send(()).unwrap();
            ended.recv().unwrap_err();
        });
        tokio::select! {
            _ = query => panic!("it waits"),
            // The other branch is dropped, as if the client had closed.
            started = starts => started.unwrap(),
        }
        assert_eq!(shared.queries.available_permits(), QUERIES_AT_ONCE - 1);
        drop(end);
        let all = u32::try_from(QUERIES_AT_ONCE).unwrap();
        let _all = shared.queries.acquire_many(all).await.unwrap();
    }
}
