//! reqwest through the client layer, to real servers on loopback.

use crate::common::{
    TestTracer, ending,
    net::{serve_axum, unreachable_address},
    tag, text,
};
use ::reqwest::Client;
use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode},
    response::Redirect,
    routing::{get, post},
};
use futures_util::stream;
use std::{convert::Infallible, future::pending, net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::{Mutex, Notify, mpsc};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};
use tower_b3::{
    RequestContext, RouteTemplate,
    record::Kind,
    reqwest::{ReqwestService, Traced},
};

/// Responds with the `x-` headers of the request.
async fn echo(headers: HeaderMap) -> (HeaderMap, &'static str) {
    let tracing = |name: &str| name.starts_with("x-");
    let echoed = headers.iter().filter(|(name, _)| tracing(name.as_str()));
    let echoed = echoed.map(|(name, value)| (name.clone(), value.clone()));
    (echoed.collect(), "echo")
}

async fn catalog() -> SocketAddr {
    let app = Router::new()
        .route("/echo", get(echo))
        .route("/items/{id}", get(|| async { "an item" }))
        .route(
            "/orders",
            post(|order: String| async move { (StatusCode::CREATED, order) }),
        )
        .route("/away", get(|| async { Redirect::temporary("/echo") }))
        .route("/round", get(|| async { Redirect::temporary("/round") }))
        .route("/503", get(|| async { StatusCode::SERVICE_UNAVAILABLE }));
    serve_axum(app).await
}

#[tokio::test]
async fn headers_are_sent_and_the_span_describes_the_call() {
    let test = TestTracer::new();
    let (addr, http) = (catalog().await, Client::new());
    let layer = test.tracer.client_layer();
    let response = http
        .get(format!("http://{addr}/echo?token=secret"))
        .traced(&layer)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.url().query(), Some("token=secret"));
    assert_eq!(response.content_length(), Some(4));
    assert_eq!(response.remote_addr(), Some(addr));
    let headers = response.headers().clone();
    assert_eq!(response.text().await.unwrap(), "echo");

    let span = test.spans.take_one();
    assert_eq!((span.kind(), span.name()), (Some(Kind::Client), "GET"));
    assert_eq!(ending(&span), "200");
    assert_eq!(text(&headers, "x-b3-traceid"), span.trace_id().to_string());
    assert_eq!(text(&headers, "x-b3-spanid"), span.id().to_string());
    assert_eq!(text(&headers, "x-b3-sampled"), "1");
    assert_eq!(
        text(&headers, "x-request-id"),
        tag(&span, "guid:x-request-id")
    );
    assert_eq!(tag(&span, "http.url"), format!("http://{addr}/echo"));
    assert_eq!(tag(&span, "response_size"), "4");
    assert_eq!(span.remote_endpoint().ip, Some(addr.ip()));
    assert_eq!(span.remote_endpoint().port, Some(addr.port()));
}

#[tokio::test]
async fn the_parent_is_the_current_span_or_an_explicit_one() {
    let test = TestTracer::new();
    let url = format!("http://{}/items/7", catalog().await);
    let (http, layer) = (Client::new(), test.tracer.client_layer());
    let get = || http.get(&url).traced(&layer).route("/items/{id}");
    let shop = test.tracer.span("shop");
    let elsewhere = shop
        .instrument(async {
            get().send().await.unwrap().bytes().await.unwrap();
            RequestContext::current().unwrap()
        })
        .await;
    get().parent(elsewhere).send().await.unwrap();
    test.spans.assert_tree(
        "
        shop          shop
        shop  CLIENT  └─ GET /items/{id}  http.status_code=200
        shop  CLIENT  └─ GET /items/{id}  http.status_code=200
        ",
    );
}

#[tokio::test]
async fn requests_built_by_reqwest_are_sent_unchanged() {
    let test = TestTracer::new();
    let addr = catalog().await;
    let layer = test.tracer.client_layer().remote_service("orders");
    let http = Client::new();
    let order: serde_json::Value = http
        .post(format!("http://{addr}/orders"))
        .json(&serde_json::json!({ "item": 7 }))
        .traced(&layer)
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(order["item"], 7);
    let span = test.spans.take_one();
    assert_eq!((span.name(), &*ending(&span)), ("POST", "201"));
    assert_eq!(span.remote_endpoint().service_name, Some("orders"));

    let request = http.get(format!("http://{addr}/503")).build().unwrap();
    let request = ::reqwest::RequestBuilder::from_parts(http, request);
    let response = request.traced(&layer).send().await.unwrap();
    assert!(response.error_for_status().unwrap_err().is_status());
    assert_eq!(ending(&test.spans.take_one()), "503 error");
}

#[tokio::test]
async fn the_span_ends_with_the_body() {
    let test = TestTracer::new();
    let (parts, receiver) = mpsc::channel::<&str>(1);
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let app = Router::new().route(
        "/",
        get(|| async move {
            let receiver = receiver.lock().await.take().unwrap();
            let parts = stream::unfold(receiver, |mut receiver| async {
                let part = receiver.recv().await?;
                Some((Ok::<_, Infallible>(Bytes::from(part)), receiver))
            });
            Body::from_stream(parts)
        }),
    );
    let url = format!("http://{}/", serve_axum(app).await);
    let layer = test.tracer.client_layer();
    let mut response = Client::new().get(url).traced(&layer).send().await.unwrap();
    for part in ["one", "two!"] {
        parts.send(part).await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), part);
        assert!(test.spans.take_all().is_empty());
    }
    drop(parts);
    assert_eq!(response.chunk().await.unwrap(), None);
    let span = test.spans.take_one();
    assert_eq!(ending(&span), "200");
    assert_eq!(tag(&span, "response_size"), "7");
}

#[tokio::test]
async fn a_response_that_is_dropped_unread_ends_the_span() {
    let test = TestTracer::new();
    let url = format!("http://{}/items/7", catalog().await);
    let layer = test.tracer.client_layer();
    let response = Client::new().get(url).traced(&layer).send().await.unwrap();
    assert!(test.spans.take_all().is_empty());
    drop(response);
    assert_eq!(ending(&test.spans.take_one()), "200");
}

#[tokio::test]
async fn a_refused_connection_is_the_error_reason_without_the_query() {
    let test = TestTracer::new();
    let layer = test.tracer.client_layer();
    let url = format!("http://{}/?token=secret", unreachable_address().await);
    let error = Client::new()
        .get(&url)
        .traced(&layer)
        .send()
        .await
        .unwrap_err();
    assert!(error.is_connect());
    assert_eq!(error.url().unwrap().as_str(), url);
    let span = test.spans.take_one();
    assert!(ending(&span).starts_with("0 error("), "{span:?}");
    assert!(
        tag(&span, "error.reason").contains("Connection refused"),
        "{span:?}"
    );
    assert!(!format!("{span:?}").contains("secret"), "{span:?}");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_the_error_reason_before_the_head_and_in_the_body() {
    let test = TestTracer::new();
    let app = Router::new().route("/head", get(pending::<()>)).route(
        "/body",
        get(|| async { Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()) }),
    );
    let addr = serve_axum(app).await;
    let (http, layer) = (Client::new(), test.tracer.client_layer());
    let send = |path| {
        let request = http.get(format!("http://{addr}{path}?token=secret"));
        request
            .timeout(Duration::from_secs(3))
            .traced(&layer)
            .send()
    };
    assert!(send("/head").await.unwrap_err().is_timeout());
    assert_eq!(
        ending(&test.spans.take_one()),
        "0 error(operation timed out)"
    );

    let response = send("/body").await.unwrap();
    assert!(response.bytes().await.unwrap_err().is_timeout());
    let span = test.spans.take_one();
    assert!(ending(&span).starts_with("200 error("), "{span:?}");
    assert!(tag(&span, "error.reason").contains("TimedOut"), "{span:?}");
    assert!(!format!("{span:?}").contains("secret"), "{span:?}");
}

#[tokio::test]
async fn dropping_a_call_is_tagged_canceled() {
    let test = TestTracer::new();
    let arrived = Arc::new(Notify::new());
    let arrives = Arc::clone(&arrived);
    let app = Router::new().route(
        "/",
        get(|| async move {
            arrives.notify_one();
            pending::<()>().await;
        }),
    );
    let url = format!("http://{}/", serve_axum(app).await);
    let layer = test.tracer.client_layer();
    tokio::select! {
        _ = Client::new().get(url).traced(&layer).send() => panic!("an answer"),
        () = arrived.notified() => {}
    }
    assert_eq!(ending(&test.spans.take_one()), "0 error canceled");
}

#[tokio::test]
async fn requests_that_cannot_be_sent_make_no_span_or_record_the_reason() {
    let test = TestTracer::new();
    let (http, layer) = (Client::new(), test.tracer.client_layer());
    let malformed = http.get("/no/host").traced(&layer).send().await;
    assert!(malformed.unwrap_err().is_builder());
    assert!(test.spans.take_all().is_empty());

    let request = http::Request::get("/no/host")
        .body(::reqwest::Body::default())
        .unwrap();
    let mut service = layer.layer(ReqwestService::from(http));
    let error = service.call(request).await.unwrap_err();
    assert!(error.as_ref().is_builder());
    let span = test.spans.take_one();
    assert_eq!(ending(&span), "0 error(relative URL without a base)");
}

#[tokio::test]
async fn other_hosts_see_no_tracing_headers() {
    let test = TestTracer::new();
    let addr = catalog().await;
    for (host, arrives) in [("127.0.0.1", true), ("catalog", false)] {
        let layer = test.tracer.client_layer().propagate_only_to([host]);
        let request = Client::new().get(format!("http://{addr}/echo"));
        let response = request.traced(&layer).send().await.unwrap();
        let headers = response.headers();
        assert_eq!(headers.contains_key("x-b3-traceid"), arrives, "{headers:?}");
        assert_eq!(headers.contains_key("x-request-id"), arrives, "{headers:?}");
        drop(response);
        assert_eq!(ending(&test.spans.take_one()), "200");
    }
}

#[tokio::test]
async fn redirects_are_within_one_span() {
    let test = TestTracer::new();
    let addr = catalog().await;
    let (http, layer) = (Client::new(), test.tracer.client_layer());
    let get = |path| http.get(format!("http://{addr}{path}")).traced(&layer);
    let response = get("/away").send().await.unwrap();
    assert_eq!(response.url().path(), "/echo");
    let sent = text(response.headers(), "x-b3-spanid").to_owned();
    drop(response);
    let span = test.spans.take_one();
    assert_eq!(ending(&span), "200");
    assert_eq!(tag(&span, "http.url"), format!("http://{addr}/away"));
    assert_eq!(sent, span.id().to_string());

    let error = get("/round").send().await.unwrap_err();
    assert!(error.is_redirect());
    assert_eq!(
        ending(&test.spans.take_one()),
        "0 error(too many redirects)"
    );
}

#[tokio::test(start_paused = true)]
async fn reqwest_is_a_service_in_a_stack_of_layers() {
    let test = TestTracer::new();
    let app = Router::new()
        .route("/items/{id}", get(|| async { "an item" }))
        .route("/never", get(pending::<()>));
    let addr = serve_axum(app).await;
    let stack = ServiceBuilder::new()
        .concurrency_limit(1)
        .layer(test.tracer.client_layer())
        .timeout(Duration::from_secs(60))
        .service(ReqwestService::from(Client::new()));
    let request = |path: &str| {
        let request = http::Request::get(format!("http://{addr}{path}"));
        request
            .extension(RouteTemplate::new("/items/{id}"))
            .body(::reqwest::Body::default())
            .unwrap()
    };
    let response = stack.clone().oneshot(request("/items/7")).await.unwrap();
    drop(response);
    let span = test.spans.take_one();
    assert_eq!((span.name(), &*ending(&span)), ("GET /items/{id}", "200"));

    let error: BoxError = stack.oneshot(request("/never")).await.unwrap_err();
    assert!(error.is::<tower::timeout::error::Elapsed>());
    let span = test.spans.take_one();
    assert!(ending(&span).starts_with("0 error(Elapsed"), "{span:?}");
}
