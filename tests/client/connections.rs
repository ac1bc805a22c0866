//! Through a real client to a real server, both with their layers.

use crate::common::{
    TestTracer, TreeFormat, ending,
    net::{http_client, listen, serve, unreachable_address},
    text,
};
use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use std::{convert::Infallible, net::SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::{Layer, Service, ServiceExt, service_fn};

/// A server with the layer that responds with the `x-b3-spanid` it received.
async fn catalog(test: &TestTracer) -> SocketAddr {
    let service = service_fn(|request: Request<Incoming>| async move {
        let id = text(request.headers(), "x-b3-spanid").to_owned();
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(id))))
    });
    let service = test.tracer.server_layer().layer(service);
    serve(service).await
}

fn get(addr: SocketAddr) -> Request<Empty<Bytes>> {
    let request = Request::get(format!("http://{addr}/items?secret"));
    request.body(Empty::new()).unwrap()
}

#[tokio::test]
async fn client_and_server_make_one_tree() {
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let (shop, other) = (TestTracer::new(), TestTracer::new());
        let addr = catalog(&other).await;
        let client = shop.tracer.client_layer().layer(http_client(version));
        let response = client.oneshot(get(addr)).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let spans = [shop.spans.wait_one().await, other.spans.wait_one().await];
        TreeFormat::default().assert(
            &spans,
            "
            shop  CLIENT  GET     http.status_code=200
            shop  SERVER  └─ GET  http.status_code=200
            ",
        );
        let [sent, served] = spans;
        assert_eq!(body, sent.id().to_string());
        assert_eq!(
            sent.tag("guid:x-request-id"),
            served.tag("guid:x-request-id")
        );
        assert_eq!(sent.tag("response_size").as_deref(), Some("16"));
        assert_eq!(sent.remote_endpoint().ip, Some(addr.ip()));
        assert_eq!(sent.remote_endpoint().port, Some(addr.port()));
        let url = format!("http://{addr}/items");
        assert_eq!(sent.tag("http.url").as_deref(), Some(&*url));
        assert_eq!(served.tag("http.url").as_deref(), Some(&*url));
    }
}

#[tokio::test]
async fn a_refused_connection_is_an_error_with_its_reason() {
    let test = TestTracer::new();
    let addr = unreachable_address().await;
    let mut client = test
        .tracer
        .client_layer()
        .layer(http_client(Version::HTTP_11));
    assert!(client.call(get(addr)).await.is_err());
    let span = test.spans.take_one();
    assert!(ending(&span).starts_with("0 error("));
    assert!(
        span.tag("error.reason").unwrap().contains("Connect"),
        "{span:?}"
    );
}

#[tokio::test]
async fn a_server_that_closes_the_connection_is_an_error() {
    let test = TestTracer::new();
    let (listener, addr) = listen().await;
    let hangs_up = tokio::spawn(async move { drop(listener.accept().await) });
    let mut client = test
        .tracer
        .client_layer()
        .layer(http_client(Version::HTTP_11));
    assert!(client.call(get(addr)).await.is_err());
    hangs_up.await.unwrap();
    assert!(ending(&test.spans.take_one()).starts_with("0 error("));
}

#[tokio::test]
async fn a_truncated_response_is_an_error_with_the_real_status() {
    let test = TestTracer::new();
    let (listener, addr) = listen().await;
    let cuts = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this";
        stream.write_all(cut).await.unwrap();
    });
    let mut client = test
        .tracer
        .client_layer()
        .layer(http_client(Version::HTTP_11));
    let response = client.call(get(addr)).await.unwrap();
    assert!(response.into_body().collect().await.is_err());
    cuts.await.unwrap();
    let span = test.spans.take_one();
    assert!(ending(&span).starts_with("200 error("), "{span:?}");
}
