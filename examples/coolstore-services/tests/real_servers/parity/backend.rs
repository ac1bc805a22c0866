//! What is called, and where spans are reported to.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::Value;
use tokio::net::TcpListener;

/// How the backend answers every request of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Answer {
    /// 200 and five bytes.
    #[default]
    Ok,
    Status(u16),
    /// 503 to so many requests, then 200.
    OkAfter(usize),
    /// No answer ever.
    Never,
    /// The connection is closed instead.
    Reset,
    /// Half of the body that the head promises, then the connection is closed.
    Cut,
    /// A body that does not end.
    Endless,
    /// `grpc-status` in trailers, behind a message.
    Grpc(&'static str),
    /// `grpc-status` and `grpc-message` in the headers, and no body.
    GrpcHeaders(&'static str, &'static str),
}

/// Keeps the headers of what it was asked.
#[derive(Clone)]
pub struct Backend {
    addr: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    answer: Answer,
    received: Vec<HeaderMap>,
}

impl Backend {
    pub async fn start() -> Backend {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let backend = Backend {
            addr: listener.local_addr().expect("an address"),
            shared: Arc::default(),
        };
        tokio::spawn(backend.clone().serve(listener));
        backend
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// From now on answers so, and forgets what it has received.
    pub fn expect(&self, answer: Answer) {
        let shared = &mut *lock(&self.shared);
        shared.answer = answer;
        shared.received.clear();
    }

    /// The headers of each request since then.
    pub fn received(&self) -> Vec<HeaderMap> {
        lock(&self.shared).received.clone()
    }

    async fn serve(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let backend = self.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| backend.clone().answer(request));
                let builder = auto::Builder::new(TokioExecutor::new());
                // A client that hangs up, or the answer that is none.
                let _ = builder
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Body>, io::Error> {
        let (head, body) = request.into_parts();
        let _ = body.collect().await;
        let (answer, nth) = {
            let shared = &mut *lock(&self.shared);
            shared.received.push(head.headers);
            (shared.answer, shared.received.len())
        };
        let hello = || Response::new(Body::from("hello"));
        let status = |status| {
            let mut response = hello();
            *response.status_mut() = status;
            response
        };
        let grpc = |body| {
            let response = Response::builder().header("content-type", "application/grpc");
            (response, body)
        };
        let broken = || io::Error::from(io::ErrorKind::ConnectionReset);
        let data =
            |bytes: &'static [u8]| Ok::<_, io::Error>(Frame::data(Bytes::from_static(bytes)));
        let (response, body) = match answer {
            Answer::Ok => return Ok(hello()),
            Answer::Status(code) => {
                return Ok(status(StatusCode::from_u16(code).expect("a status")));
            }
            Answer::OkAfter(failures) if nth <= failures => {
                return Ok(status(StatusCode::SERVICE_UNAVAILABLE));
            }
            Answer::OkAfter(_) => return Ok(hello()),
            Answer::Never => return std::future::pending().await,
            Answer::Reset => return Err(broken()),
            Answer::Cut => {
                let late = stream::once(async move {
                    // So that the head and the data before it are on their way.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    Err(broken())
                });
                let frames = stream::iter([data(b"hello")]);
                let frames = futures_util::StreamExt::chain(frames, late);
                let response = Response::builder().header("content-length", "10");
                (response, Body::new(StreamBody::new(frames)))
            }
            Answer::Endless => {
                let frames = stream::iter([data(b"hello")]);
                let frames = futures_util::StreamExt::chain(frames, stream::pending());
                (Response::builder(), Body::new(StreamBody::new(frames)))
            }
            Answer::Grpc(code) => {
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", code.parse().expect("a header's value"));
                let frames = [data(b"\0\0\0\0\0"), Ok(Frame::trailers(trailers))];
                grpc(Body::new(StreamBody::new(stream::iter(frames))))
            }
            Answer::GrpcHeaders(code, message) => {
                let (response, body) = grpc(Body::empty());
                let response = response.header("grpc-status", code);
                (response.header("grpc-message", message), body)
            }
        };
        Ok(response.body(body).expect("a well-formed response"))
    }
}

/// Takes spans in Zipkin's JSON, and keeps them by the path that they were sent to.
#[derive(Clone)]
pub struct Collector {
    addr: SocketAddr,
    spans: Arc<Mutex<BTreeMap<String, Vec<Value>>>>,
}

impl Collector {
    pub async fn start() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let collector = Collector {
            addr: listener.local_addr().expect("an address"),
            spans: Arc::default(),
        };
        let app = Router::new()
            .route("/{*path}", post(Collector::take))
            .with_state(collector.clone());
        tokio::spawn(async { axum::serve(listener, app).await });
        collector
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    async fn take(
        State(collector): State<Collector>,
        uri: Uri,
        Json(spans): Json<Vec<Value>>,
    ) -> StatusCode {
        let mut all = lock(&collector.spans);
        all.entry(uri.path().to_owned()).or_default().extend(spans);
        StatusCode::ACCEPTED
    }

    /// The spans that were sent to this path and are tagged with this case.
    pub fn spans(&self, path: &str, case: &str) -> Vec<Value> {
        let spans = lock(&self.spans);
        let spans = spans.get(path).into_iter().flatten();
        let tagged = spans.filter(|span| span["tags"]["case"] == case);
        tagged.cloned().collect()
    }

    /// How many spans were sent to paths that begin so.
    pub fn count(&self, prefix: &str) -> usize {
        let spans = lock(&self.spans);
        let paths = spans.iter().filter(|(path, _)| path.starts_with(prefix));
        paths.map(|(_, spans)| spans.len()).sum()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
