//! Real connections: hyper may drop bodies unread, and peers disconnect.

use crate::common::{SPAN, TRACE, TestTracer, ending, net, text};
use bytes::Bytes;
use futures_util::{future::join_all, stream};
use http::{Method, Request, Response, StatusCode, Version};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, StreamBody, combinators::BoxBody};
use hyper::{body::Incoming, upgrade};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use std::{
    collections::HashSet,
    convert::Infallible,
    future::pending,
    net::SocketAddr,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, mpsc},
    task::yield_now,
};
use tower::{Layer, Service, service_fn};
use tower_b3::current;

type Answer = Response<BoxBody<Bytes, Infallible>>;

fn full(text: impl Into<Bytes>) -> BoxBody<Bytes, Infallible> {
    http_body_util::Full::new(text.into()).boxed()
}

/// A body that ends when its sender is dropped.
fn channel_body() -> (mpsc::Sender<Frame<Bytes>>, BoxBody<Bytes, Infallible>) {
    let (sender, mut frames) = mpsc::channel(8);
    let stream = stream::poll_fn(move |cx| frames.poll_recv(cx).map(|frame| frame.map(Ok)));
    (sender, StreamBody::new(stream).boxed())
}

/// A body that sends these frames and then waits until it is dropped.
fn endless<const N: usize>(frames: [Frame<Bytes>; N]) -> BoxBody<Bytes, Infallible> {
    let (sender, body) = channel_body();
    tokio::spawn(async move {
        for frame in frames {
            let _ = sender.send(frame).await;
        }
        sender.closed().await;
    });
    body
}

/// Serves one kind of response for each path.
async fn handle(mut request: Request<Incoming>) -> Result<Answer, Infallible> {
    let context = current().expect("a context in the handler");
    let mut response = Response::new(full("answer"));
    match request.uri().path() {
        "/ids" => {
            yield_now().await;
            assert_eq!(current(), Some(context));
            *response.body_mut() = full(format!("{}-{}", context.trace_id(), context.span_id()));
        }
        "/echo" => {
            let body = request.body_mut().collect().await.unwrap().to_bytes();
            assert_eq!(current(), Some(context));
            *response.body_mut() = full(body);
        }
        "/204" => *response.status_mut() = StatusCode::NO_CONTENT,
        "/304" => *response.status_mut() = StatusCode::NOT_MODIFIED,
        "/404" => *response.status_mut() = StatusCode::NOT_FOUND,
        "/500" => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
        "/panic" => panic!("in the handler, expected"),
        "/stream" => {
            let (sender, body) = channel_body();
            tokio::spawn(async move {
                for part in ["one", "two"] {
                    let _ = sender.send(Frame::data(Bytes::from(part))).await;
                }
            });
            *response.body_mut() = body;
        }
        "/trailers" => {
            let mut trailers = http::HeaderMap::new();
            trailers.insert("grpc-status", "13".parse().unwrap());
            let frames = [Frame::data(Bytes::from("data")), Frame::trailers(trailers)];
            *response.body_mut() = endless(frames);
        }
        "/endless" => *response.body_mut() = endless([Frame::data(Bytes::from("first"))]),
        "/upgrade" => {
            tokio::spawn(upgrade::on(&mut request));
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response
                .headers_mut()
                .insert("upgrade", "test".parse().unwrap());
            response
                .headers_mut()
                .insert("connection", "upgrade".parse().unwrap());
            *response.body_mut() = full("");
        }
        _ => {}
    }
    if request.method() == Method::CONNECT {
        tokio::spawn(upgrade::on(&mut request));
        *response.body_mut() = full("");
    }
    Ok(response)
}

struct Shop {
    test: TestTracer,
    addr: SocketAddr,
    client: Client<HttpConnector, BoxBody<Bytes, Infallible>>,
}

impl Shop {
    async fn open(version: Version) -> Shop {
        Shop::of(version, service_fn(handle)).await
    }

    async fn of<S>(version: Version, service: S) -> Shop
    where
        S: Service<Request<Incoming>, Response = Answer, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send,
    {
        let test = TestTracer::new();
        let service = test.tracer.server_layer().layer(service);
        Shop {
            test,
            addr: net::serve(service).await,
            client: net::http_client(version),
        }
    }

    fn request(&self, method: &str, path: &str) -> Request<BoxBody<Bytes, Infallible>> {
        let uri = format!("http://{}{path}", self.addr);
        let request = Request::builder().method(method).uri(uri);
        request.body(Empty::new().boxed()).unwrap()
    }

    /// The response, read to its end.
    async fn send(&self, request: Request<BoxBody<Bytes, Infallible>>) -> Response<Bytes> {
        let (head, body) = self.client.request(request).await.unwrap().into_parts();
        Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    }

    async fn ending_of(&self, method: &str, path: &str) -> String {
        self.send(self.request(method, path)).await;
        ending(&self.test.spans.wait_one().await)
    }

    /// Writes to a bare connection.
    async fn raw(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }
}

const BOTH: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

#[tokio::test]
async fn responses_end_the_span_over_http1_and_http2() {
    for version in BOTH {
        let shop = Shop::open(version).await;
        for (method, path, expected) in [
            ("GET", "/", "200"),
            ("HEAD", "/", "200"),
            ("HEAD", "/stream", "200"),
            ("HEAD", "/endless", "200"),
            ("OPTIONS", "/", "200"),
            ("POST", "/echo", "200"),
            ("GET", "/stream", "200"),
            ("GET", "/trailers", "200"),
            ("GET", "/204", "204"),
            ("GET", "/304", "304"),
            ("GET", "/404", "404"),
            ("GET", "/500", "500 error"),
        ] {
            // Over HTTP/2 hyper sends the forbidden body, which its peer refuses.
            let no_body = method == "HEAD" || ["/204", "/304"].contains(&path);
            if no_body && version == Version::HTTP_2 {
                continue;
            }
            let ended = shop.ending_of(method, path).await;
            assert_eq!(ended, expected, "{version:?} {method} {path}");
        }
    }
}

#[tokio::test]
async fn a_callers_trace_goes_on() {
    for version in BOTH {
        let shop = Shop::open(version).await;
        let mut request = shop.request("GET", "/ids?token=secret");
        let headers = request.headers_mut();
        headers.insert("x-b3-traceid", TRACE.parse().unwrap());
        headers.insert("x-b3-spanid", SPAN.parse().unwrap());
        headers.insert("x-request-id", "r".parse().unwrap());
        let response = shop.send(request).await;
        let span = shop.test.spans.wait_one().await;
        assert_eq!(span.parent_id().unwrap().to_string(), SPAN);
        assert_eq!(text(response.headers(), "x-request-id"), "r");
        assert_eq!(response.body(), &format!("{TRACE}-{}", span.id()));
        let url = format!("http://{}/ids", shop.addr);
        assert_eq!(span.tag("http.url").as_deref(), Some(&*url));
        let size = response.body().len().to_string();
        assert_eq!(span.tag("response_size").as_deref(), Some(&*size));
    }
}

#[tokio::test]
async fn requests_on_one_connection_are_separate_traces() {
    for version in BOTH {
        let shop = Shop::open(version).await;
        let mut seen = HashSet::new();
        for _ in 0..5 {
            let response = shop.send(shop.request("GET", "/ids")).await;
            assert!(seen.insert(response.into_body()));
            shop.test.spans.wait_one().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_requests_keep_their_contexts() {
    for version in BOTH {
        let shop = Shop::open(version).await;
        let requests = (1..=100_u64).map(|number| {
            let mut request = shop.request("GET", "/ids");
            let headers = request.headers_mut();
            headers.insert(
                "b3",
                format!("{number:032x}-{number:016x}-1").parse().unwrap(),
            );
            let sent = shop.send(request);
            async move { (number, sent.await.into_body()) }
        });
        for (number, body) in join_all(requests).await {
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(body.starts_with(&format!("{number:016x}-")), "{body}");
        }
        shop.test.spans.wait(100).await;
    }
}

#[tokio::test]
async fn a_grpc_status_in_real_trailers_is_seen() {
    let shop = Shop::open(Version::HTTP_2).await;
    let mut request = shop.request("POST", "/trailers");
    let headers = request.headers_mut();
    headers.insert("content-type", "application/grpc".parse().unwrap());
    let body = shop.client.request(request).await.unwrap().into_body();
    let trailers = body.collect().await.unwrap().trailers().cloned().unwrap();
    assert_eq!(text(&trailers, "grpc-status"), "13");
    let span = shop.test.spans.wait_one().await;
    assert_eq!(ending(&span), "200 error");
    assert_eq!(span.tag("http.protocol").as_deref(), Some("HTTP/2"));
}

#[tokio::test]
async fn a_peer_that_disconnects_while_the_response_streams_is_dc() {
    for version in BOTH {
        let shop = Shop::open(version).await;
        let mut response = shop
            .client
            .request(shop.request("GET", "/endless"))
            .await
            .unwrap();
        let frame = response.body_mut().frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "first");
        assert!(shop.test.spans.take_all().is_empty());
        drop(response);
        assert_eq!(
            ending(&shop.test.spans.wait_one().await),
            "200 DC",
            "{version:?}"
        );
    }
}

#[tokio::test]
async fn a_peer_that_disconnects_before_the_response_is_0_error_dc() {
    for version in BOTH {
        let arrived = Arc::new(Notify::new());
        let arrives = Arc::clone(&arrived);
        let never = service_fn(move |_: Request<Incoming>| {
            arrives.notify_one();
            pending::<Result<Answer, Infallible>>()
        });
        let shop = Shop::of(version, never).await;
        tokio::select! {
            _ = shop.client.request(shop.request("GET", "/")) => panic!("an answer"),
            () = arrived.notified() => {}
        }
        assert_eq!(
            ending(&shop.test.spans.wait_one().await),
            "0 error DC",
            "{version:?}"
        );
    }
}

#[tokio::test]
async fn a_panicking_handler_is_the_error_reason() {
    for version in BOTH {
        let shop = Shop::open(version).await;
        assert!(
            shop.client
                .request(shop.request("GET", "/panic"))
                .await
                .is_err()
        );
        assert_eq!(
            ending(&shop.test.spans.wait_one().await),
            "0 error(panic)",
            "{version:?}"
        );
    }
}

#[tokio::test]
async fn an_upgrade_ends_the_exchange() {
    let shop = Shop::open(Version::HTTP_11).await;
    let mut stream = shop
        .raw(b"GET /upgrade HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: test\r\n\r\n")
        .await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    assert_eq!(ending(&shop.test.spans.wait_one().await), "101");
}

#[tokio::test]
async fn connect_ends_the_exchange() {
    let shop = Shop::open(Version::HTTP_11).await;
    let request = b"CONNECT far.example:443 HTTP/1.1\r\nhost: far.example:443\r\n\r\n";
    let mut stream = shop.raw(request).await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let span = shop.test.spans.wait_one().await;
    assert_eq!(ending(&span), "200");
    assert_eq!(span.name(), "CONNECT");
}

#[tokio::test]
async fn non_text_header_bytes_are_served() {
    let shop = Shop::open(Version::HTTP_11).await;
    let request = b"GET /ids HTTP/1.1\r\nhost: h\r\nb3: \xff\xfe-\x80\r\nx-request-id: \xff\r\n\
        x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124\r\nX-B3-SpanId:\t a2fb4a1d1a96d312 \r\n\
        x-b3-sampled: \xf0\r\nuser-agent: \xff\r\nconnection: close\r\n\r\n";
    let mut stream = shop.raw(request).await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let span = shop.test.spans.wait_one().await;
    assert_eq!(span.parent_id().unwrap().to_string(), SPAN);
    assert!(answer.contains(&format!("{TRACE}-{}", span.id())));
}

#[tokio::test]
async fn the_span_covers_the_whole_exchange() {
    let shop = Shop::open(Version::HTTP_11).await;
    let before = SystemTime::now();
    shop.send(shop.request("GET", "/stream")).await;
    let span = shop.test.spans.wait_one().await;
    let micros = |time: SystemTime| {
        let since = time.duration_since(UNIX_EPOCH).unwrap();
        since.as_micros() as u64
    };
    // The tracer's clock may lag slightly behind the system's.
    let slack = 20_000;
    assert!(span.timestamp() + slack >= micros(before));
    let end = span.timestamp() + span.duration().as_micros() as u64;
    assert!(end <= micros(SystemTime::now()) + slack);
}
