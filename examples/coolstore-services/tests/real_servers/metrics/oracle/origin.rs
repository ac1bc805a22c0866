//! The server behind both sides.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::metrics::shop::{MESSAGE, refused, serve};

pub struct Origin {
    pub addr: SocketAddr,
    /// An address on which nothing listens.
    pub refused: SocketAddr,
    /// A server that closes each connection once it has read something.
    pub closing: SocketAddr,
    hanging: watch::Sender<usize>,
}

impl Origin {
    pub async fn start() -> Origin {
        let hanging = watch::Sender::new(0);
        Origin {
            addr: serve(routes(hanging.clone())).await,
            refused: refused().await,
            closing: closing().await,
            hanging,
        }
    }

    /// The routes, for a server with the layer around them.
    pub fn routes(&self) -> Router {
        routes(self.hanging.clone())
    }

    /// To be called before a request to `/hang`: waits until one has arrived.
    pub fn next_hanging(&self) -> impl Future<Output = ()> + use<> {
        let mut hanging = self.hanging.subscribe();
        async move { hanging.changed().await.expect("a sender") }
    }
}

fn routes(hanging: watch::Sender<usize>) -> Router {
    Router::new()
        .route("/{path}", any(answer))
        .route("/shop.Catalog/{method}", any(grpc))
        .with_state(hanging)
}

async fn answer(
    Path(path): Path<String>,
    State(hanging): State<watch::Sender<usize>>,
    _body: Bytes,
) -> Response {
    match path.as_str() {
        "chunk" => {
            let chunks = ["hello", " world"].map(|text| Ok::<_, Infallible>(Bytes::from(text)));
            Body::from_stream(stream::iter(chunks)).into_response()
        }
        "big" => "x".repeat(1_000).into_response(),
        "empty" => StatusCode::NO_CONTENT.into_response(),
        "forbidden" => (StatusCode::FORBIDDEN, "no\n").into_response(),
        "500" => (StatusCode::INTERNAL_SERVER_ERROR, "hello, world\n").into_response(),
        "hang" => {
            hanging.send_modify(|count| *count += 1);
            pending().await
        }
        _ => "hello, world\n".into_response(),
    }
}

async fn grpc(Path(method): Path<String>, _body: Bytes) -> Response {
    let kind = (header::CONTENT_TYPE, "application/grpc");
    let status = HeaderName::from_static("grpc-status");
    match method.as_str() {
        "Items" => {
            let trailers = HeaderMap::from_iter([(status, HeaderValue::from_static("0"))]);
            let message = Frame::data(Bytes::from_static(&MESSAGE));
            let frames = [message, Frame::trailers(trailers)].map(Ok::<_, Infallible>);
            ([kind], Body::new(StreamBody::new(stream::iter(frames)))).into_response()
        }
        "Missing" => ([kind, (status, "5")], Body::empty()).into_response(),
        // As a proxy that knows nothing of gRPC.
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn closing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
        }
    });
    addr
}
