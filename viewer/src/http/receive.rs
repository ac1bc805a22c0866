//! Reads the bodies of requests, within limits of size, time and total memory.

use super::{
    quota::{Part, Quota, UsedUp},
    reply::{Refusal, refusal},
};
use crate::decode::{self, Inflated};
use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header::CONTENT_ENCODING};
use http_body::Body;
use http_body_util::BodyExt;
use std::{fmt::Display, pin::pin, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::timeout};

/// The limits of one request's body, before and after it is inflated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) received: usize,
    pub(super) inflated: usize,
    /// Whether it is a file, which says itself whether it is compressed.
    pub(super) is_file: bool,
}

/// Spans that a client sends: 10 MiB, as in Zipkin.
pub(super) const MESSAGE: Size = Size {
    received: 10 << 20,
    inflated: 16 << 20,
    is_file: false,
};

/// A file that somebody uploads in the page.
pub(super) const UPLOAD: Size = Size {
    received: 64 << 20,
    inflated: 64 << 20,
    is_file: true,
};

/// How long a client may take to send a body.
const TIME: Duration = Duration::from_secs(20);

/// How many bytes of bodies are held at once, over all requests.
const TOTAL: usize = 256 << 20;

/// A larger body is read on a thread of its own, so that other requests do not wait for it.
const LARGE: usize = 256 << 10;

/// How many large bodies are read at once. Their spans may take several times their size.
const LARGE_AT_ONCE: usize = 2;

/// The bodies that are held.
#[derive(Debug)]
pub(super) struct Held {
    bodies: Arc<Quota>,
    large: Arc<Semaphore>,
}

impl Default for Held {
    fn default() -> Held {
        Held {
            bodies: Quota::new(TOTAL),
            large: Arc::new(Semaphore::new(LARGE_AT_ONCE)),
        }
    }
}

/// Reads a body, inflates it if it is compressed, and hands it to `read`.
pub(super) async fn receive<B, T>(
    held: &Held,
    headers: &HeaderMap,
    body: B,
    size: Size,
    read: impl FnOnce(&[u8]) -> T + Send + 'static,
) -> Result<T, Refusal>
where
    B: Body,
    B::Error: Display,
    T: Send + 'static,
{
    let says_gzip = is_gzip(headers)?;
    let mut part = held.bodies.part();
    let received = match timeout(TIME, collect(body, size.received, &mut part)).await {
        Ok(received) => received?,
        Err(_) => {
            let sentence = format!("The body was not complete after {} s.", TIME.as_secs());
            return Err(refusal(StatusCode::REQUEST_TIMEOUT, sentence));
        }
    };
    let is_gzip = says_gzip || (size.is_file && decode::is_gzip(&received));
    let work = move || match is_gzip {
        true => inflate(&received, size.inflated, read),
        false => Ok(read(&received)),
    };
    // A few bytes may inflate to a thousand times as many.
    if part.bytes() <= LARGE && !is_gzip {
        return work();
    }
    let closed = |error: &dyn Display| {
        refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("The server ends: {error}."),
        )
    };
    let permit = Arc::clone(&held.large).acquire_owned().await;
    let permit = permit.map_err(|error| closed(&error))?;
    let done = tokio::task::spawn_blocking(move || {
        // They are held until the work is done, also if the client is gone.
        let _held = (permit, part);
        work()
    });
    done.await.map_err(|error| closed(&error))?
}

/// Whether the body is compressed, if its encoding is allowed.
fn is_gzip(headers: &HeaderMap) -> Result<bool, Refusal> {
    let encodings = headers.get_all(CONTENT_ENCODING).iter();
    let encodings: Vec<&[u8]> = encodings.map(http::HeaderValue::as_bytes).collect();
    let encoding = String::from_utf8_lossy(&encodings.join(&b","[..])).to_ascii_lowercase();
    match encoding.trim() {
        "" | "identity" => Ok(false),
        "gzip" | "x-gzip" => Ok(true),
        other => {
            let sentence = format!("Content-Encoding is {other:?}; allowed are gzip and identity.");
            Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence))
        }
    }
}

fn inflate<T>(received: &[u8], most: usize, read: impl FnOnce(&[u8]) -> T) -> Result<T, Refusal> {
    match decode::gunzip(received, most) {
        Inflated::Complete(inflated) => Ok(read(&inflated)),
        Inflated::TooLarge => Err(too_large(most, "The inflated body")),
        Inflated::Broken(error) => {
            let sentence = format!("The body is not valid gzip: {error}.");
            Err(refusal(StatusCode::BAD_REQUEST, sentence))
        }
    }
}

async fn collect<B>(body: B, most: usize, part: &mut Part) -> Result<Bytes, Refusal>
where
    B: Body,
    B::Error: Display,
{
    if body.size_hint().lower() > most as u64 {
        return Err(too_large(most, "The body"));
    }
    let mut body = pin!(body);
    let mut received = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            let sentence = format!("The body could not be read: {error}.");
            refusal(StatusCode::BAD_REQUEST, sentence)
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let len = data.remaining();
        if received.len() + len > most {
            return Err(too_large(most, "The body"));
        }
        part.grow(len).map_err(|UsedUp| {
            let sentence = "Too many requests are sending spans at once. Try again later.";
            refusal(StatusCode::SERVICE_UNAVAILABLE, sentence)
        })?;
        bytes::BufMut::put(&mut received, data);
    }
    Ok(received.freeze())
}

fn too_large(most: usize, what: &str) -> Refusal {
    let sentence = format!("{what} is larger than {} MiB.", most >> 20);
    refusal(StatusCode::PAYLOAD_TOO_LARGE, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;
    use std::sync::mpsc;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn a_client_that_closes_does_not_make_room_for_another() {
        let held = Held::default();
        let body = Full::new(Bytes::from(vec![b' '; LARGE + 1]));
        let (started, starts) = oneshot::channel();
        let (end, ended) = mpsc::channel::<()>();
        let read = move |_: &[u8]| {
            started.send(()).unwrap();
            ended.recv().unwrap_err();
        };
        let headers = HeaderMap::new();
        tokio::select! {
            _ = receive(&held, &headers, body, MESSAGE, read) => panic!("it waits"),
            // The other branch is dropped, as if the client had closed.
            started = starts => started.unwrap(),
        }
        assert_eq!(held.large.available_permits(), LARGE_AT_ONCE - 1);
        assert!(held.bodies.part().grow(TOTAL - LARGE).is_err());
        drop(end);
        let all = u32::try_from(LARGE_AT_ONCE).unwrap();
        let _all = held.large.acquire_many(all).await.unwrap();
    }
}
