//! Exchanges that last beyond the response's head: WebSockets, event streams, HTTP/2 streams.

use crate::common::{
    TestTracer, TreeFormat, ending,
    net::{http_client, serve_axum},
};
use ::axum::{
    Router,
    extract::ws::{Message, WebSocket, WebSocketUpgrade},
    response::sse::{Event, KeepAlive, Sse},
    routing::{any, get},
};
use bytes::Bytes;
use futures_util::{SinkExt, Stream, StreamExt, stream};
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn::http2, ext::Protocol, upgrade};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{
    convert::Infallible,
    future::pending,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{Notify, mpsc},
};
use tokio_tungstenite::{WebSocketStream, tungstenite};
use tower::{Layer, Service, service_fn};
use tower_b3::{RequestContext, annotate, current, span};

/// Sends every text back twice, each in a span of its own, until the other side closes.
async fn twice(mut socket: WebSocket) {
    while let Some(Ok(Message::Text(text))) = socket.recv().await {
        let twice = Message::Text(format!("{text} {text}").into());
        let sent = span("say").instrument(socket.send(twice)).await;
        assert!(sent.is_ok());
    }
}

async fn sockets(test: &TestTracer) -> SocketAddr {
    let upgrade = |context: RequestContext, upgrade: WebSocketUpgrade| async move {
        upgrade.on_upgrade(move |socket| context.instrument(twice(socket)))
    };
    let app = Router::new().route("/rooms/{id}", any(upgrade));
    serve_axum(app.layer(test.tracer.server_layer())).await
}

/// Talks over a socket, and leaves it open.
async fn talk<S>(socket: &mut WebSocketStream<S>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    socket.send("hello".into()).await.unwrap();
    let answer = socket.next().await.unwrap().unwrap();
    assert_eq!(answer.into_text().unwrap(), "hello hello");
}

#[tokio::test]
async fn a_websockets_span_ends_at_the_upgrade() {
    let test = TestTracer::new();
    let url = format!("ws://{}/rooms/7", sockets(&test).await);
    let (mut socket, response) = tokio_tungstenite::connect_async(url).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    talk(&mut socket).await;
    // The socket is still open.
    test.spans
        .wait_for_tree(
            "
            shop  SERVER  GET /rooms/{id}  http.status_code=101
            shop          └─ say
            ",
        )
        .await;
    socket.close(None).await.unwrap();
}

#[tokio::test]
async fn a_client_span_ends_at_the_upgrade_while_the_response_is_kept() {
    let (called, served) = (TestTracer::new(), TestTracer::new());
    let addr = sockets(&served).await;
    let http = http_client::<Empty<Bytes>>(Version::HTTP_11);
    let mut client = called.tracer.client_layer().layer(http);
    let request = Request::get(format!("http://{addr}/rooms/7"))
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header(
            "sec-websocket-key",
            tungstenite::handshake::client::generate_key(),
        )
        .body(Empty::new())
        .unwrap();
    let mut response = client.call(request).await.unwrap();
    let call = called.spans.take_one();
    assert_eq!(ending(&call), "101");
    let upgraded = upgrade::on(&mut response).await.unwrap();
    let role = tungstenite::protocol::Role::Client;
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), role, None).await;
    talk(&mut socket).await;
    let mut spans = served.spans.wait(2).await;
    spans.push(call);
    TreeFormat::default().assert(
        &spans,
        "
        shop  CLIENT  GET                 http.status_code=101
        shop  SERVER  └─ GET /rooms/{id}  http.status_code=101
        shop             └─ say
        ",
    );
    drop(response);
    called.spans.take(0);
}

/// An HTTP/2 connection as a service.
async fn http2(
    addr: SocketAddr,
) -> impl Service<
    Request<Empty<Bytes>>,
    Response = Response<Incoming>,
    Error = hyper::Error,
    Future: Send,
> + Clone {
    let stream = TcpStream::connect(addr).await.unwrap();
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (send, connection) = handshake.unwrap();
    tokio::spawn(connection);
    service_fn(move |request| send.clone().send_request(request))
}

#[tokio::test]
async fn a_websocket_over_http2_ends_both_spans_at_the_upgrade() {
    let (called, served) = (TestTracer::new(), TestTracer::new());
    let addr = sockets(&served).await;
    let mut client = called.tracer.client_layer().layer(http2(addr).await);
    let request = Request::connect(format!("http://{addr}/rooms/7"))
        .version(Version::HTTP_2)
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13")
        .body(Empty::new())
        .unwrap();
    let mut response = client.call(request).await.unwrap();
    let call = called.spans.take_one();
    assert_eq!((call.name(), &*ending(&call)), ("CONNECT", "200"));
    let upgraded = upgrade::on(&mut response).await.unwrap();
    let role = tungstenite::protocol::Role::Client;
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), role, None).await;
    talk(&mut socket).await;
    let mut spans = served.spans.wait(2).await;
    spans.push(call);
    TreeFormat::default().assert(
        &spans,
        "
        shop  CLIENT  CONNECT                 http.status_code=200
        shop  SERVER  └─ CONNECT /rooms/{id}  http.status_code=200
        shop             └─ say
        ",
    );
}

#[tokio::test]
async fn a_refused_websocket_is_an_ordinary_response() {
    let test = TestTracer::new();
    let app = Router::new().route(
        "/",
        any(|_: WebSocketUpgrade| async { StatusCode::FORBIDDEN }),
    );
    let addr = serve_axum(app.layer(test.tracer.server_layer())).await;
    let refused = tokio_tungstenite::connect_async(format!("ws://{addr}/")).await;
    assert!(matches!(refused, Err(tungstenite::Error::Http(_))));
    assert_eq!(ending(&test.spans.wait_one().await), "403");
}

/// Serves the events of a channel, annotates each, and sends its span id at the end.
async fn events(test: &TestTracer, events: mpsc::Receiver<&'static str>) -> SocketAddr {
    let events = Arc::new(Mutex::new(Some(events)));
    let feed = move || async move {
        let events = events.lock().unwrap().take().unwrap();
        Sse::new(feed(events)).keep_alive(KeepAlive::default())
    };
    let app = Router::new().route("/events", get(feed));
    serve_axum(app.layer(test.tracer.server_layer())).await
}

fn feed(
    events: mpsc::Receiver<&'static str>,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let each = stream::unfold(events, |mut events| async {
        let event = events.recv().await?;
        annotate(event);
        Some((event.to_owned(), events))
    });
    let last = stream::once(async {
        let looked = span("look back")
            .instrument(async { current().is_some() })
            .await;
        assert!(looked);
        current().map_or("none".to_owned(), |ids| ids.span_id().to_string())
    });
    each.chain(last).map(|data| Ok(Event::default().data(data)))
}

#[tokio::test]
async fn an_event_streams_span_ends_with_the_last_event() {
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let test = TestTracer::new();
        let (say, receiver) = mpsc::channel(1);
        let addr = events(&test, receiver).await;
        let http = http_client::<Empty<Bytes>>(version);
        let url = format!("http://{addr}/events").parse().unwrap();
        let mut response = http.get(url).await.unwrap();
        for event in ["one", "two"] {
            say.send(event).await.unwrap();
            let frame = response.frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), format!("data: {event}\n\n"));
            assert!(test.spans.take_all().is_empty());
        }
        drop(say);
        let last = response.collect().await.unwrap().to_bytes();
        let spans = test.spans.wait(2).await;
        TreeFormat::default().assert(
            &spans,
            "
            shop  SERVER  GET /events   http.status_code=200 [one] [two]
            shop          └─ look back
            ",
        );
        assert_eq!(last, format!("data: {}\n\n", spans[1].id()));
    }
}

#[tokio::test]
async fn a_listener_that_disconnects_between_events_is_dc() {
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let test = TestTracer::new();
        let (say, receiver) = mpsc::channel(1);
        let addr = events(&test, receiver).await;
        let http = http_client::<Empty<Bytes>>(version);
        let url = format!("http://{addr}/events").parse().unwrap();
        let mut response = http.get(url).await.unwrap();
        say.send("one").await.unwrap();
        assert!(response.frame().await.unwrap().is_ok());
        drop((response, http));
        let span = test.spans.wait_one().await;
        assert_eq!(ending(&span), "200 DC", "{version:?}");
        assert!(say.is_closed());
    }
}

/// A router whose responses hang, and what is notified of each.
fn hanging() -> (Router, Arc<Notify>) {
    let hangs = Arc::new(Notify::new());
    let (before, within) = (Arc::clone(&hangs), Arc::clone(&hangs));
    let app = Router::new()
        .route(
            "/head",
            get(|| async move {
                before.notify_one();
                pending::<()>().await;
            }),
        )
        .route(
            "/body",
            get(|| async move {
                let first = stream::iter([Ok::<_, Infallible>("first")]);
                let rest = stream::once(async move {
                    within.notify_one();
                    pending().await
                });
                ::axum::body::Body::from_stream(first.chain(rest))
            }),
        )
        .route("/", get(|| async { "well" }));
    (app, hangs)
}

#[tokio::test]
async fn resetting_an_http2_stream_ends_only_its_own_spans() {
    let (called, served) = (TestTracer::new(), TestTracer::new());
    let (app, hangs) = hanging();
    let addr = serve_axum(app.layer(served.tracer.server_layer())).await;
    let client = called.tracer.client_layer().layer(http2(addr).await);
    let send = |path: &str| {
        let request = Request::get(format!("http://{addr}{path}"));
        client.clone().call(request.body(Empty::new()).unwrap())
    };
    let other = send("/body").await.unwrap();
    hangs.notified().await;

    tokio::select! {
        _ = send("/head") => panic!("an answer"),
        () = hangs.notified() => {}
    }
    assert_eq!(ending(&called.spans.wait_one().await), "0 error canceled");
    assert_eq!(ending(&served.spans.wait_one().await), "0 error DC");

    let mut body = send("/body").await.unwrap();
    assert!(body.frame().await.unwrap().is_ok());
    hangs.notified().await;
    drop(body);
    assert_eq!(ending(&called.spans.wait_one().await), "200");
    assert_eq!(ending(&served.spans.wait_one().await), "200 DC");

    // The connection still works.
    send("/").await.unwrap().collect().await.unwrap();
    assert_eq!(ending(&called.spans.wait_one().await), "200");
    assert_eq!(ending(&served.spans.wait_one().await), "200");
    drop(other);
    assert_eq!(ending(&called.spans.wait_one().await), "200");
    assert_eq!(ending(&served.spans.wait_one().await), "200 DC");
}

#[tokio::test]
async fn an_http2_stream_reset_by_the_server_is_an_error_on_both_sides() {
    let (called, served) = (TestTracer::new(), TestTracer::new());
    let seen = Arc::new(Notify::new());
    let first_seen = Arc::clone(&seen);
    let breaks = || async move {
        let first = stream::iter([Ok("first")]);
        let rest = stream::once(async move {
            first_seen.notified().await;
            Err(io::Error::other("the disk is gone"))
        });
        ::axum::body::Body::from_stream(first.chain(rest))
    };
    let app = Router::new().route("/", get(breaks));
    let addr = serve_axum(app.layer(served.tracer.server_layer())).await;
    let mut client = called.tracer.client_layer().layer(http2(addr).await);
    let request = Request::get(format!("http://{addr}/")).body(Empty::new());
    let mut response = client.call(request.unwrap()).await.unwrap();
    assert!(response.frame().await.unwrap().is_ok());
    seen.notify_one();
    assert!(response.collect().await.is_err());
    let call = called.spans.wait_one().await;
    assert!(ending(&call).starts_with("200 error("), "{call:?}");
    let serving = served.spans.wait_one().await;
    assert!(ending(&serving).starts_with("200 error("), "{serving:?}");
    assert!(ending(&serving).contains("the disk is gone"), "{serving:?}");
}
