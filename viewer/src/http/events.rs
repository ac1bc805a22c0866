//! `GET /viewer/events`: server-sent events on traces that change.
//!
//! Each client has a task and a channel for one message. A client that reads slowly is asked for
//! less: when it is ready, it gets the latest state of the traces that have changed meanwhile.

use super::{
    Body,
    params::Params,
    read::compute,
    reply::{Reply, text},
    viewer::Shared,
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use serde::Serialize;
use std::{io::Write, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{sleep, timeout},
};

/// The number of open pages.
pub(super) const MOST_CLIENTS: usize = 64;
/// The number of traces in one message. Changes of more traces are summed up.
const MOST_TRACES: usize = 200;
/// Changes within this time are sent together.
const PAUSE: Duration = Duration::from_millis(100);
/// A comment is sent after this time without changes, to notice clients that are gone.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(super) fn respond(shared: &Arc<Shared>, query: Option<&str>, headers: &HeaderMap) -> Reply {
    let Ok(permit) = Arc::clone(&shared.event_clients).try_acquire_owned() else {
        let sentence = format!("{MOST_CLIENTS} pages are open already.");
        return text(StatusCode::SERVICE_UNAVAILABLE, sentence);
    };
    let header = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let params = Params::new(query);
    let since = header.or_else(|| params.get("since"));
    let since = since.and_then(|since| since.parse().ok());
    let (to, body) = mpsc::channel(1);
    tokio::spawn(send_events(Arc::clone(shared), since, to, permit));
    let mut reply = Response::new(Body::stream(body));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// Sends changes until the client is gone.
async fn send_events(
    shared: Arc<Shared>,
    since: Option<u64>,
    to: mpsc::Sender<Bytes>,
    _permit: OwnedSemaphorePermit,
) {
    let mut changes = shared.store.subscribe();
    let now = shared.store.updates_since(u64::MAX - 1, 0);
    // A number that is yet to come is of a program that ran before.
    let is_outdated = since.is_some_and(|since| since > now.last);
    let mut client = Client {
        sent: since.unwrap_or(now.last),
        generation: now.generation,
        message: b"retry: 1000\n\n".to_vec(),
    };
    if is_outdated {
        client.sent = 0;
        write_event(&mut client.message, "cleared", now.last, &());
    }
    loop {
        client = match compute(&shared, move |shared| client.updated(shared)).await {
            Ok(client) => client,
            Err(_) => return,
        };
        if !client.message.is_empty() {
            let message = std::mem::take(&mut client.message);
            if to.send(message.into()).await.is_err() {
                return;
            }
            sleep(PAUSE).await;
        }
        tokio::select! {
            () = to.closed() => return,
            changed = timeout(HEARTBEAT, changes.changed()) => match changed {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) => client.message.extend_from_slice(b": still here\n\n"),
            }
        }
    }
}

/// What a client knows, and what is sent to it next.
struct Client {
    /// The number of the last change that it knows.
    sent: u64,
    generation: u64,
    message: Vec<u8>,
}

impl Client {
    /// Adds what has changed to the message.
    fn updated(mut self, shared: &Shared) -> Client {
        let (sent, message) = (self.sent, &mut self.message);
        let updates = shared.store.updates_since(sent, MOST_TRACES);
        if updates.generation != self.generation {
            self.generation = updates.generation;
            write_event(message, "cleared", updates.last, &());
        }
        if updates.missed > 0 {
            let missed = serde_json::json!({ "missed": updates.missed });
            write_event(message, "lagged", sent, &missed);
        }
        for trace in &updates.traces {
            if let Some(summary) = trace.summary() {
                write_event(message, "trace", trace.updated(), summary);
            }
        }
        self.sent = updates.last;
        self
    }
}

fn write_event(to: &mut Vec<u8>, event: &str, id: u64, data: &impl Serialize) {
    let before = to.len();
    let written = write!(to, "id: {id}\nevent: {event}\ndata: ")
        .and_then(|()| Ok(serde_json::to_writer(&mut *to, data)?));
    match written {
        Ok(()) => to.extend_from_slice(b"\n\n"),
        Err(_) => to.truncate(before),
    }
}
