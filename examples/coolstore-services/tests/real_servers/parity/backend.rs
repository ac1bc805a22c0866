//! The backend that the proxies call, and the collector that their spans are sent to.

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
use hyper::header::HeaderValue;
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
    /// 503 to this many requests, then 200.
    OkAfter(usize),
    /// No response.
    Never,
    /// The connection is closed without a response.
    Reset,
    /// Half of the announced body, then the connection is closed.
    Cut,
    /// A body that does not end.
    Endless,
    /// `grpc-status` in trailers, after a message.
    Grpc(&'static str),
    /// `grpc-status` and `grpc-message` in the headers, and no body.
    GrpcHeaders(&'static str, &'static str),
}

/// Responds as told and keeps the headers of each request.
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

    /// Sets the answer, and forgets the received requests.
    pub fn expect(&self, answer: Answer) {
        let shared = &mut *lock(&self.shared);
        shared.answer = answer;
        shared.received.clear();
    }

    /// The headers of each request since the last [`expect`](Backend::expect).
    pub fn received(&self) -> Vec<HeaderMap> {
        lock(&self.shared).received.clone()
    }

    async fn serve(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let backend = self.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| backend.clone().answer(request));
                let builder = auto::Builder::new(TokioExecutor::new());
                // It fails if the client hangs up, or for `Answer::Reset`.
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
        let hello = |status| {
            let mut response = Response::new(Body::from("hello"));
            *response.status_mut() = status;
            Ok(response)
        };
        match answer {
            Answer::Ok => hello(StatusCode::OK),
            Answer::Status(code) => hello(StatusCode::from_u16(code).expect("a status")),
            Answer::OkAfter(failures) if nth <= failures => hello(StatusCode::SERVICE_UNAVAILABLE),
            Answer::OkAfter(_) => hello(StatusCode::OK),
            Answer::Never => std::future::pending().await,
            Answer::Reset => Err(connection_reset()),
            Answer::Cut => {
                let mut response = Response::new(data_then(async {
                    // The head and the data before it must be sent first.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    Err(connection_reset())
                }));
                let headers = response.headers_mut();
                headers.insert("content-length", HeaderValue::from_static("10"));
                Ok(response)
            }
            Answer::Endless => Ok(Response::new(data_then(std::future::pending()))),
            Answer::Grpc(code) => {
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", HeaderValue::from_static(code));
                let frames = [data(b"\0\0\0\0\0"), Ok(Frame::trailers(trailers))];
                Ok(grpc(Body::new(StreamBody::new(stream::iter(frames)))))
            }
            Answer::GrpcHeaders(code, message) => {
                let mut response = grpc(Body::empty());
                let headers = response.headers_mut();
                headers.insert("grpc-status", HeaderValue::from_static(code));
                headers.insert("grpc-message", HeaderValue::from_static(message));
                Ok(response)
            }
        }
    }
}

fn connection_reset() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionReset)
}

fn data(bytes: &'static [u8]) -> io::Result<Frame<Bytes>> {
    Ok(Frame::data(Bytes::from_static(bytes)))
}

/// A body of five bytes, followed by this frame.
fn data_then(frame: impl Future<Output = io::Result<Frame<Bytes>>> + Send + 'static) -> Body {
    let frames = stream::iter([data(b"hello")]);
    let frames = futures_util::StreamExt::chain(frames, stream::once(frame));
    Body::new(StreamBody::new(frames))
}

fn grpc(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let content_type = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", content_type);
    response
}

/// Accepts spans in Zipkin's JSON format, and keeps them by request path.
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

    /// The number of spans sent to paths with this prefix.
    pub fn count(&self, prefix: &str) -> usize {
        let spans = lock(&self.spans);
        let paths = spans.iter().filter(|(path, _)| path.starts_with(prefix));
        paths.map(|(_, spans)| spans.len()).sum()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
