//! Reads the bodies of requests, within limits of size, time and total memory.

use super::reply::{Refusal, refusal};
use crate::decode::{self, Inflated};
use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header::CONTENT_ENCODING};
use http_body::Body;
use http_body_util::BodyExt;
use std::{
    fmt::Display,
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};
use tokio::{sync::Semaphore, time::timeout};

/// The limits of one request's body, before and after it is inflated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) received: usize,
    pub(super) inflated: usize,
}

/// Spans that a client sends: 10 MiB, as in Zipkin.
pub(super) const MESSAGE: Size = Size {
    received: 10 << 20,
    inflated: 16 << 20,
};

/// A file that somebody uploads in the page.
pub(super) const UPLOAD: Size = Size {
    received: 64 << 20,
    inflated: 64 << 20,
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
    bytes: AtomicUsize,
    large: Semaphore,
}

impl Default for Held {
    fn default() -> Held {
        Held {
            bytes: AtomicUsize::new(0),
            large: Semaphore::new(LARGE_AT_ONCE),
        }
    }
}

/// A part of [`Held`], given back when dropped.
pub(super) struct Part<'a> {
    held: &'a Held,
    bytes: usize,
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.held.bytes.fetch_sub(self.bytes, Relaxed);
    }
}

impl Part<'_> {
    fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.bytes += bytes;
        let total = self.held.bytes.fetch_add(bytes, Relaxed) + bytes;
        if total > TOTAL {
            let sentence = "Too many requests are sending spans at once. Try again later.";
            return Err(refusal(StatusCode::SERVICE_UNAVAILABLE, sentence));
        }
        Ok(())
    }
}

/// Reads a body, inflates it if its encoding says so, and hands it to `read`.
pub(super) async fn receive<B, T>(
    held: &Held,
    headers: &HeaderMap,
    body: B,
    size: Size,
    read: fn(&[u8]) -> T,
) -> Result<T, Refusal>
where
    B: Body,
    B::Error: Display,
    T: Send + 'static,
{
    let is_gzip = is_gzip(headers)?;
    let mut part = Part { held, bytes: 0 };
    let received = match timeout(TIME, collect(body, size.received, &mut part)).await {
        Ok(received) => received?,
        Err(_) => {
            let sentence = format!("The body was not complete after {} s.", TIME.as_secs());
            return Err(refusal(StatusCode::REQUEST_TIMEOUT, sentence));
        }
    };
    let work = move || match is_gzip {
        true => inflate(&received, size.inflated, read),
        false => Ok(read(&received)),
    };
    // What is compressed is a multiple.
    let likely_bytes = if is_gzip { 8 * part.bytes } else { part.bytes };
    if likely_bytes <= LARGE {
        return work();
    }
    let closed = |error: &dyn Display| {
        refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("The server ends: {error}."),
        )
    };
    let permit = held.large.acquire().await.map_err(|error| closed(&error))?;
    let done = tokio::task::spawn_blocking(work).await;
    drop(permit);
    done.map_err(|error| closed(&error))?
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

fn inflate<T>(received: &[u8], most: usize, read: fn(&[u8]) -> T) -> Result<T, Refusal> {
    match decode::gunzip(received, most) {
        Inflated::Complete(inflated) => Ok(read(&inflated)),
        Inflated::TooLarge => Err(too_large(most, "The inflated body")),
        Inflated::Broken(error) => {
            let sentence = format!("The body is not valid gzip: {error}.");
            Err(refusal(StatusCode::BAD_REQUEST, sentence))
        }
    }
}

async fn collect<B>(body: B, most: usize, part: &mut Part<'_>) -> Result<Bytes, Refusal>
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
        part.grow(len)?;
        bytes::BufMut::put(&mut received, data);
    }
    Ok(received.freeze())
}

fn too_large(most: usize, what: &str) -> Refusal {
    let sentence = format!("{what} is larger than {} MiB.", most >> 20);
    refusal(StatusCode::PAYLOAD_TOO_LARGE, sentence)
}
