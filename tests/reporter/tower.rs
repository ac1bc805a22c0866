//! `TowerSender` with services of the user.

use super::{
    LONG, assert_adds_up, assert_settled, report,
    untraced::assert_untraced,
    zipkin_server::{Answer, Server},
};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use std::{
    collections::VecDeque,
    convert::Infallible,
    future::{Ready, ready},
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tower::{BoxError, Service, ServiceBuilder, service_fn};
use tower_b3::{
    report::{
        BatchOptions, BatchReporter, HttpOptions, Message, MessageBody, Outcome, Sender,
        TowerSender,
    },
    zipkin::JsonEncoder,
};

const URL: &str = "https://zipkin.test/api/v2/spans?key=1";

/// Answers from a script, and then with 202. Fails if it is called before it is ready.
#[derive(Clone, Default)]
struct Mock(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    script: VecDeque<Result<Response<Full<Bytes>>, &'static str>>,
    not_ready: Option<&'static str>,
    ready: bool,
    requests: Vec<Request<MessageBody>>,
}

impl Service<Request<MessageBody>> for Mock {
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = Ready<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        let mut state = self.0.lock().unwrap();
        if let Some(error) = state.not_ready.take() {
            return Poll::Ready(Err(error.into()));
        }
        state.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<MessageBody>) -> Self::Future {
        let mut state = self.0.lock().unwrap();
        assert!(std::mem::take(&mut state.ready));
        state.requests.push(request);
        let accepted = || Ok(answer(202, ""));
        let answer = state.script.pop_front().unwrap_or_else(accepted);
        ready(answer.map_err(BoxError::from))
    }
}

fn answer(status: u16, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// Forwards messages, and keeps their outcomes.
struct Kept<S>(S, Arc<Mutex<Vec<Outcome>>>);

impl<S: Sender> Sender for Kept<S> {
    async fn send(&mut self, message: Message) -> Outcome {
        let outcome = self.0.send(message).await;
        self.1.lock().unwrap().push(outcome.clone());
        outcome
    }

    fn destination(&self) -> String {
        self.0.destination()
    }
}

/// A reporter with this sender, and its outcomes.
fn over(sender: impl Sender) -> (BatchReporter, Arc<Mutex<Vec<Outcome>>>) {
    let outcomes = Arc::default();
    let reporter = BatchReporter::builder(JsonEncoder, Kept(sender, Arc::clone(&outcomes)))
        .options(
            BatchOptions::new()
                .max_age(Duration::from_secs(3600))
                .backoff(Duration::from_millis(1), Duration::from_millis(2)),
        )
        .build()
        .unwrap();
    (reporter, outcomes)
}

#[test]
fn a_request_is_the_same_as_that_of_the_http_sender() {
    let mock = Mock::default();
    let options = HttpOptions::new(URL).header("authorization", "Bearer secret");
    let sender = TowerSender::new(options, mock.clone()).unwrap();
    assert_eq!(sender.destination(), URL);
    assert!(!format!("{sender:?}").contains("secret"));
    let (reporter, outcomes) = over(sender);
    let ids = report(&reporter, "get", 3);
    assert!(reporter.flush(LONG));
    assert_eq!(*outcomes.lock().unwrap(), [Outcome::Accepted]);
    let mut state = mock.0.lock().unwrap();
    let request = state.requests.pop().unwrap();
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), URL);
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_untraced(request.headers());
    assert!(request.headers()["authorization"].is_sensitive());
    let collecting = request.into_body().collect();
    let body = futures_util::FutureExt::now_or_never(collecting).unwrap();
    let body = body.unwrap().to_bytes();
    let spans: Vec<serde_json::Value> = serde_json::from_slice(&body).unwrap();
    let sent = spans.iter().map(|span| span["id"].as_str().unwrap());
    assert_eq!(sent.map(str::to_owned).collect::<Vec<_>>().len(), 3);
    assert!(
        spans
            .iter()
            .all(|span| ids.contains(span["id"].as_str().unwrap()))
    );
}

#[test]
fn responses_have_the_same_outcomes_as_with_the_http_sender() {
    let mut slow_down = answer(429, "");
    let header = http::HeaderValue::from_static("0");
    slow_down.headers_mut().insert("retry-after", header);
    let cases = [
        (Err("no way"), Outcome::retry("no way")),
        (
            Ok(slow_down),
            Outcome::Retry {
                reason: "429 Too Many Requests".to_owned(),
                after: Some(Duration::ZERO),
            },
        ),
        (
            Ok(answer(503, "a\nb")),
            Outcome::retry("503 Service Unavailable: a b"),
        ),
        (Ok(answer(200, "fine")), Outcome::Accepted),
        (
            Ok(answer(413, "")),
            Outcome::TooLarge {
                reason: "413 Payload Too Large".to_owned(),
            },
        ),
        (
            Ok(answer(400, "bad span")),
            Outcome::BadRequest {
                reason: "400 Bad Request: bad span".to_owned(),
            },
        ),
        (Ok(answer(302, "")), Outcome::refused("302 Found")),
    ];
    let (answers, outcomes): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    let mock = Mock::default();
    mock.0.lock().unwrap().script = answers.into();
    mock.0.lock().unwrap().not_ready = Some("not now");
    let (reporter, seen) = over(TowerSender::new(URL, mock).unwrap());
    for _ in 0..4 {
        report(&reporter, "get", 1);
        assert!(reporter.flush(LONG));
    }
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0], Outcome::retry("not now"));
    assert_eq!(seen[1..], outcomes);
    let stats = reporter.stats();
    assert_adds_up(&stats);
    assert_eq!(
        (stats.sent, stats.dropped.total(), stats.retries),
        (1, 3, 4)
    );
}

#[test]
fn works_with_a_tower_stack_over_hyper() {
    let server = Server::start([Answer::Accept, Answer::Silence], Answer::Accept);
    let http = Client::builder(TokioExecutor::new()).build_http::<MessageBody>();
    let http = ServiceBuilder::new()
        .concurrency_limit(1)
        .timeout(Duration::from_millis(200))
        .service(http);
    let (reporter, outcomes) = over(TowerSender::new(server.url(), http).unwrap());
    report(&reporter, "get", 3);
    assert!(reporter.flush(LONG));
    assert_settled(&reporter.stats(), &server);
    report(&reporter, "get", 3);
    assert!(reporter.flush(LONG));
    assert_settled(&reporter.stats(), &server);
    let outcomes = outcomes.lock().unwrap();
    let late = Outcome::retry("request timed out");
    assert_eq!(*outcomes, [Outcome::Accepted, late, Outcome::Accepted]);
    server.seen(|seen| assert!(seen.requests[0].head.contains("\r\nhost: 127.0.0.1:")));
}

#[test]
fn a_service_that_is_never_ready_times_out() {
    struct Never;

    impl Service<Request<MessageBody>> for Never {
        type Response = Response<Full<Bytes>>;
        type Error = Infallible;
        type Future = Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Pending
        }

        fn call(&mut self, _: Request<MessageBody>) -> Self::Future {
            unreachable!()
        }
    }

    let sender = TowerSender::new(URL, Never).unwrap();
    let reporter = BatchReporter::builder(JsonEncoder, sender)
        .options(
            BatchOptions::new()
                .request_timeout(Duration::from_millis(10))
                .retry_for(Duration::ZERO),
        )
        .build()
        .unwrap();
    report(&reporter, "get", 2);
    assert!(reporter.flush(LONG));
    let stats = reporter.stats();
    assert_eq!(stats.dropped.retries_exhausted, 2, "{stats:?}");
    let started = Instant::now();
    reporter.shutdown(LONG);
    assert!(started.elapsed() < LONG);
}

#[test]
fn options_are_checked() {
    let service = service_fn(|_: Request<MessageBody>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let error = TowerSender::new("ftp://zipkin", service).unwrap_err();
    assert_eq!(
        error.to_string(),
        "url: the scheme is neither http nor https"
    );
    let options = HttpOptions::new("http://zipkin").header("b3", "1");
    let error = TowerSender::new(options, service).unwrap_err();
    assert_eq!(error.field(), "header");
    #[cfg(feature = "tls")]
    {
        let options = HttpOptions::new("https://zipkin").ca_certificate("");
        let error = TowerSender::new(options, service).unwrap_err();
        assert_eq!(error.field(), "ca_certificate");
    }
}

/// The example of the documentation.
#[cfg(unix)]
#[test]
fn works_over_a_unix_socket() {
    use std::{
        io::{Read, Write},
        os::unix::net::UnixListener,
        path::Path,
    };

    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("zipkin.sock");
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let serving = std::thread::spawn(move || {
        let mut received = Vec::new();
        for stream in listener.incoming().take(2) {
            let mut stream = stream.unwrap();
            let mut text = String::new();
            // Each message has three spans, all with the same name.
            while text.matches("\"name\":\"get\"").count() < 3 || !text.ends_with(']') {
                let mut buffer = [0; 1024];
                let read = stream.read(&mut buffer).unwrap();
                text += std::str::from_utf8(&buffer[..read]).unwrap();
            }
            let answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).unwrap();
            received.push(text);
        }
        received
    });

    let http = service_fn(move |mut request: Request<MessageBody>| {
        let path = path.clone();
        async move {
            *request.uri_mut() = request.uri().path().parse()?;
            let host = http::HeaderValue::from_static("localhost");
            request.headers_mut().insert("host", host);
            let stream = tokio::net::UnixStream::connect(path).await?;
            let stream = hyper_util::rt::TokioIo::new(stream);
            let (mut http, connection) = hyper::client::conn::http1::handshake(stream).await?;
            tokio::spawn(connection);
            Ok::<_, BoxError>(http.send_request(request).await?)
        }
    });
    let sender = TowerSender::new("http://localhost/api/v2/spans", http).unwrap();
    let (reporter, outcomes) = over(sender);
    for _ in 0..2 {
        report(&reporter, "get", 3);
        assert!(reporter.flush(LONG));
    }
    assert_eq!(
        *outcomes.lock().unwrap(),
        [Outcome::Accepted, Outcome::Accepted]
    );
    assert_eq!(reporter.stats().sent, 6);
    for text in serving.join().unwrap() {
        assert!(
            text.starts_with("POST /api/v2/spans HTTP/1.1\r\n"),
            "{text}"
        );
        assert!(text.contains("\r\nhost: localhost\r\n"), "{text}");
    }
}
