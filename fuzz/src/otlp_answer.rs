//! An OTLP reporter accounts for every span, whatever the collector answers over HTTP or gRPC.

use crate::http_answer::{Answer, is_one_line};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use std::{
    convert::Infallible,
    sync::{LazyLock, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};
use tokio::{net::TcpListener, runtime::Builder};
use tower_b3::{
    Tracer,
    otlp::{OtlpReporter, OtlpReporterBuilder, Protocol},
    report::BatchOptions,
};

/// The time for an attempt. After it, a redirect makes the reporter retry at once.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(20);
/// The spans in every message.
const SPANS: u64 = 3;

/// A reporter for each protocol, both to one collector that sends the scripted answer.
struct Reporters {
    http: Reporting,
    grpc: Reporting,
}

struct Reporting {
    tracer: Tracer,
    reporter: OtlpReporter,
    builder: OtlpReporterBuilder,
}

static ANSWER: Mutex<Option<Response<(Bytes, HeaderMap)>>> = Mutex::new(None);
static REPORTERS: LazyLock<Mutex<Reporters>> = LazyLock::new(|| Mutex::new(Reporters::start()));

/// The answer that the input describes; headers whose names begin with `t-` become trailers. `None`
/// if it is too short, or the server could not send it.
fn read_answer(input: &[u8]) -> Option<Response<(Bytes, HeaderMap)>> {
    let mut answer = Answer::read(input)?;
    if answer.status.is_informational() {
        return None;
    }
    for name in [
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
        "te",
    ] {
        answer.headers.remove(name);
    }
    let mut trailers = HeaderMap::new();
    for (name, value) in &answer.headers {
        if let Some(name) = name.as_str().strip_prefix("t-") {
            if let Ok(name) = HeaderName::try_from(name) {
                trailers.append(name, value.clone());
            }
        }
    }
    let mut response = Response::new((answer.body, trailers));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    Some(response)
}

/// Input: one byte for the protocol (even: HTTP, odd: gRPC), then the collector's answer.
pub fn otlp_answer(input: &[u8]) {
    let Some((protocol, rest)) = input.split_first() else {
        return;
    };
    let Some(response) = read_answer(rest) else {
        return;
    };
    let reporters = REPORTERS.lock().unwrap_or_else(PoisonError::into_inner);
    let Reporting {
        tracer,
        reporter,
        builder,
    } = if protocol % 2 == 0 {
        &reporters.http
    } else {
        &reporters.grpc
    };
    *ANSWER.lock().unwrap() = Some(response);
    let before = reporter.stats();
    tracer.span("outer").in_scope(|| {
        drop(tower_b3::span("one"));
        drop(tower_b3::span("two"));
    });
    while !reporter.flush(FLUSH_TIMEOUT) {
        reporter.redirect(builder.clone()).unwrap();
    }

    let after = reporter.stats();
    assert_eq!(after.finished - before.finished, SPANS);
    assert_eq!(after.queued + after.in_flight, 0, "{after}");
    assert_eq!(
        after.finished,
        after.sent + after.dropped.total(),
        "{after}"
    );
    if let Some(error) = after.last_error {
        is_one_line(&error.message);
    }
}

impl Reporters {
    fn start() -> Reporters {
        let (sender, address) = mpsc::channel();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    tokio::spawn(async move {
                        let server = auto::Builder::new(TokioExecutor::new());
                        let io = TokioIo::new(stream);
                        // A client that hangs up connects again for the next message.
                        let _ = server.serve_connection(io, service_fn(answered)).await;
                    });
                }
            });
        });
        let address = address.recv().unwrap();
        let reporter = |protocol| {
            let short = Duration::from_millis(1);
            let builder = OtlpReporter::builder(format!("http://{address}"))
                .protocol(protocol)
                .options(BatchOptions::new().backoff(short, short));
            let reporter = builder.clone().build().unwrap();
            let tracer = Tracer::builder("webapp")
                .reporter(reporter.clone())
                .build()
                .unwrap();
            Reporting {
                tracer,
                reporter,
                builder,
            }
        };
        Reporters {
            http: reporter(Protocol::Http),
            grpc: reporter(Protocol::Grpc),
        }
    }
}

/// Reads the request to its end first, as a collector does. Accepts all requests after the scripted
/// answer.
async fn answered(
    request: Request<Incoming>,
) -> Result<Response<UnsyncBoxBody<Bytes, Infallible>>, Infallible> {
    let _ = request.into_body().collect().await;
    let answer = ANSWER.lock().unwrap().take();
    let (head, (body, trailers)) = answer.unwrap_or_else(accepted).into_parts();
    let body = Full::new(body).with_trailers(async { Some(Ok(trailers)) });
    Ok(Response::from_parts(head, body.boxed_unsync()))
}

fn accepted() -> Response<(Bytes, HeaderMap)> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    Response::new((Bytes::new(), trailers))
}
