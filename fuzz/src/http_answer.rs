//! Properties of any HTTP response to a message.

use crate::serving::headers;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header::RETRY_AFTER};
use http_body_util::Full;
use std::{
    convert::Infallible,
    future::ready,
    sync::{LazyLock, mpsc},
    time::Duration,
};
use tokio::runtime::{Builder, Runtime};
use tower::service_fn;
use tower_b3::{
    Tracer,
    report::{BatchReporter, Message, Outcome, Sender, TowerSender},
    zipkin::JsonEncoder,
};

/// Passes its message to the test.
struct Capture(mpsc::Sender<Message>);

impl Sender for Capture {
    async fn send(&mut self, message: Message) -> Outcome {
        self.0.send(message).unwrap();
        Outcome::Accepted
    }
}

/// A message of one span.
static MESSAGE: LazyLock<Message> = LazyLock::new(|| {
    let (sender, messages) = mpsc::channel();
    let reporter = BatchReporter::builder(JsonEncoder, Capture(sender))
        .build()
        .unwrap();
    let tracer = Tracer::builder("webapp")
        .reporter(reporter.clone())
        .build()
        .unwrap();
    drop(tracer.span("reconcile"));
    reporter.shutdown(Duration::from_secs(10));
    messages.recv().unwrap()
});

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().unwrap();
}

/// A status, headers up to an empty line, and a body.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn read(input: &[u8]) -> Option<Answer> {
        let end = input.iter().position(|&byte| byte == b'\n')?;
        let status = StatusCode::from_bytes(&input[..end]).ok()?;
        let rest = &input[end..];
        let (head, body) = match rest.windows(2).position(|pair| pair == b"\n\n") {
            Some(end) => (&rest[..end], &rest[end + 2..]),
            None => (rest, &[][..]),
        };
        Some(Answer {
            status,
            headers: headers(head.split(|&byte| byte == b'\n'), &[]),
            body: Bytes::copy_from_slice(body),
        })
    }
}

pub fn http_answer(input: &[u8]) {
    let Some(Answer {
        status,
        headers,
        body,
    }) = Answer::read(input)
    else {
        return;
    };
    let after = headers.get(RETRY_AFTER).cloned();
    let mut response = Some(Response::new(Full::new(body)));
    let answered = response.as_mut().unwrap();
    *answered.status_mut() = status;
    *answered.headers_mut() = headers;
    let answer = move |_| ready(Ok::<_, Infallible>(response.take().unwrap()));
    let mut sender = TowerSender::new("http://collector/", service_fn(answer)).unwrap();
    let outcome = RUNTIME.with(|runtime| runtime.block_on(sender.send(MESSAGE.clone())));

    let reason = match (status.as_u16(), outcome) {
        (200..300, Outcome::Accepted) => return,
        (400, Outcome::BadRequest { reason }) | (413, Outcome::TooLarge { reason }) => reason,
        (
            408 | 429 | 500..600,
            Outcome::Retry {
                reason,
                after: wait,
            },
        ) => {
            assert_waits(after.as_ref(), wait);
            reason
        }
        (200..300 | 400 | 408 | 413 | 429 | 500..600, outcome) => panic!("{status}: {outcome:?}"),
        (_, Outcome::Refused { reason }) => reason,
        (_, outcome) => panic!("{status}: {outcome:?}"),
    };
    assert!(reason.starts_with(&status.to_string()), "{reason}");
    is_one_line(&reason);
}

/// Text from a collector is untrusted: it is truncated and must not contain line breaks.
pub fn is_one_line(reason: &str) {
    assert!(reason.chars().count() < 400, "{reason}");
    assert!(!reason.contains(char::is_control), "{reason:?}");
}

fn assert_waits(after: Option<&HeaderValue>, wait: Option<Duration>) {
    let text = after
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .trim();
    let digits = !text.is_empty() && text.chars().all(|letter| letter.is_ascii_digit());
    match text.parse() {
        Ok(seconds) if digits => assert_eq!(wait, Some(Duration::from_secs(seconds))),
        // Otherwise it is a date or malformed.
        _ => assert!(wait.is_none() || text.len() > 10, "{text}: {wait:?}"),
    }
}
