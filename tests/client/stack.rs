//! The client layer in a stack with retries, buffers and timeouts.

use crate::common::{Script, TestTracer, TreeFormat, drain, echo_headers, ending, get, text};
use http::{Request, Response, StatusCode};
use std::{
    collections::HashSet,
    convert::Infallible,
    fmt::Debug,
    future::{Ready, pending, ready},
    sync::{Arc, Mutex},
    task::{self, Poll, Waker},
    time::Duration,
};
use tower::{
    Layer, Service, ServiceBuilder, ServiceExt,
    buffer::BufferLayer,
    retry::{Policy, RetryLayer},
    service_fn,
    timeout::TimeoutLayer,
};
use tower_b3::{RequestContext, Span};

/// Retries after a 503.
#[derive(Clone)]
struct RetryOn503;

impl<B, E> Policy<Request<()>, Response<B>, E> for RetryOn503 {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<()>,
        result: &mut Result<Response<B>, E>,
    ) -> Option<Ready<()>> {
        let busy = |answer: &Response<B>| answer.status() == StatusCode::SERVICE_UNAVAILABLE;
        result.as_ref().is_ok_and(busy).then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request<()>) -> Option<Request<()>> {
        Some(request.clone())
    }
}

fn work(test: &TestTracer) -> Span {
    test.tracer.span("work")
}

#[tokio::test]
async fn each_attempt_under_a_retry_layer_has_its_own_span() {
    let test = TestTracer::new();
    let catalog = Busy::default();
    let client = ServiceBuilder::new()
        .layer(RetryLayer::new(RetryOn503))
        .layer(test.tracer.client_layer())
        .service(catalog.clone());
    work(&test)
        .instrument(async {
            let mut response = client.oneshot(get("http://catalog/", "")).await.unwrap();
            drain(response.body_mut()).unwrap();
        })
        .await;
    let spans = test.spans.take(4);
    TreeFormat::default().assert(
        &spans,
        "
        shop          work
        shop  CLIENT  └─ GET  error http.status_code=503
        shop  CLIENT  └─ GET  error http.status_code=503
        shop  CLIENT  └─ GET  http.status_code=200
        ",
    );
    let calls = &spans[..3];
    let ids: Vec<_> = calls.iter().map(|call| call.id().to_string()).collect();
    assert_eq!(*catalog.sent.lock().unwrap(), ids);
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
}

/// Three attempts without a current context, as `guide::retries` describes them.
#[tokio::test]
async fn without_a_current_context_the_layer_order_decides_on_the_traces() {
    let test = TestTracer::new();
    let builder = ServiceBuilder::new;
    let (client, retry) = (
        || test.tracer.client_layer(),
        || RetryLayer::new(RetryOn503),
    );

    let inside = builder().layer(retry()).layer(client());
    let inside = counts_of_call(&test, inside.service(Busy::default())).await;
    assert_eq!(inside, [3, 3, 3], "spans, traces, request ids");
    let outside = builder().layer(client()).layer(retry());
    let outside = counts_of_call(&test, outside.service(Busy::default())).await;
    assert_eq!(outside, [1, 1, 1]);
    let both = builder().layer(client()).layer(retry()).layer(client());
    let both = counts_of_call(&test, both.service(Busy::default())).await;
    assert_eq!(both, [4, 1, 1]);
}

/// How many spans, traces and request ids a call through the client makes.
async fn counts_of_call<C, B>(test: &TestTracer, client: C) -> [usize; 3]
where
    C: Service<Request<()>, Response = Response<B>, Error = Infallible>,
    B: http_body::Body<Error: Debug> + Unpin,
{
    let mut response = client.oneshot(get("http://catalog/", "")).await.unwrap();
    drain(response.body_mut()).unwrap();
    drop(response);
    let spans = test.spans.take_all();
    let traces: HashSet<_> = spans.iter().map(|span| span.trace_id()).collect();
    let request_ids: HashSet<_> = spans
        .iter()
        .map(|span| span.tag("guid:x-request-id"))
        .collect();
    [spans.len(), traces.len(), request_ids.len()]
}

/// Responds with 503 twice, then with 200.
#[derive(Clone, Default)]
struct Busy {
    /// The span ids that were sent to it.
    sent: Arc<Mutex<Vec<String>>>,
}

impl Service<Request<()>> for Busy {
    type Response = Response<Script>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Script>, Infallible>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let mut sent = self.sent.lock().unwrap();
        sent.push(text(request.headers(), "x-b3-spanid").to_owned());
        let mut response = Response::new(Script::default());
        if sent.len() < 3 {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        ready(Ok(response))
    }
}

#[tokio::test]
async fn outside_a_buffer_the_parent_is_the_current_span() {
    let test = TestTracer::new();
    let client = ServiceBuilder::new()
        .layer(test.tracer.client_layer())
        .layer(BufferLayer::new(4))
        .service(service_fn(echo_headers));
    work(&test)
        .instrument(async {
            let mut response = client.oneshot(get("http://catalog/", "")).await.unwrap();
            drain(response.body_mut()).unwrap();
        })
        .await;
    test.spans.assert_tree(
        "
        shop          work
        shop  CLIENT  └─ GET  http.status_code=200
        ",
    );
}

#[tokio::test]
async fn inside_a_buffer_the_parent_travels_in_the_extensions() {
    let test = TestTracer::new();
    let client = ServiceBuilder::new()
        .layer(BufferLayer::new(4))
        .layer(test.tracer.client_layer())
        .service(service_fn(echo_headers));
    for (with_context, tree) in [
        (
            true,
            "
            shop          work
            shop  CLIENT  └─ GET  http.status_code=200
            ",
        ),
        (
            false,
            "
            shop  CLIENT  GET  http.status_code=200

            shop  work
            ",
        ),
    ] {
        let client = client.clone();
        work(&test)
            .instrument(async {
                let mut request = get("http://catalog/", "");
                if with_context {
                    let context = RequestContext::current().unwrap();
                    request.extensions_mut().insert(context);
                }
                let mut response = client.oneshot(request).await.unwrap();
                drain(response.body_mut()).unwrap();
            })
            .await;
        TreeFormat::default()
            .sort_siblings(true)
            .assert(&test.spans.take(2), tree);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outer_timeout_cancels_and_an_inner_timeout_is_an_error() {
    let test = TestTracer::new();
    let never = || service_fn(|_: Request<()>| pending::<Result<Response<Script>, Infallible>>());
    let timeout = TimeoutLayer::new(Duration::from_secs(1));
    let outside = ServiceBuilder::new()
        .layer(timeout.clone())
        .layer(test.tracer.client_layer())
        .service(never());
    assert!(outside.oneshot(get("http://catalog/", "")).await.is_err());
    assert_eq!(ending(&test.spans.take_one()), "0 error canceled");

    let inside = ServiceBuilder::new()
        .layer(test.tracer.client_layer())
        .layer(timeout)
        .service(never());
    assert!(inside.oneshot(get("http://catalog/", "")).await.is_err());
    let span = test.spans.take_one();
    assert!(ending(&span).starts_with("0 error(Elapsed"), "{span:?}");
}

#[tokio::test]
async fn two_client_layers_make_two_nested_spans() {
    let test = TestTracer::new();
    let client = ServiceBuilder::new()
        .layer(test.tracer.client_layer())
        .layer(test.tracer.client_layer())
        .service(service_fn(echo_headers));
    let mut response = client.oneshot(get("http://catalog/", "")).await.unwrap();
    drain(response.body_mut()).unwrap();
    let spans = test.spans.take(2);
    TreeFormat::default().assert(
        &spans,
        "
        shop  CLIENT  GET     http.status_code=200
        shop  CLIENT  └─ GET  http.status_code=200
        ",
    );
    let (inner, out) = (&spans[0], response.headers());
    assert_eq!(text(out, "x-b3-spanid"), inner.id().to_string());
}

#[test]
fn poll_ready_is_delegated_to_the_inner_service() {
    struct Busy;
    impl Service<Request<()>> for Busy {
        type Response = Response<Script>;
        type Error = &'static str;
        type Future = Ready<Result<Response<Script>, &'static str>>;
        fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), &'static str>> {
            Poll::Ready(Err("closed"))
        }
        fn call(&mut self, _: Request<()>) -> Self::Future {
            ready(Err("closed"))
        }
    }
    let test = TestTracer::new();
    let mut cx = task::Context::from_waker(Waker::noop());
    let mut client = test.tracer.client_layer().layer(Busy);
    assert_eq!(client.poll_ready(&mut cx), Poll::Ready(Err("closed")));
    let mut server = test.tracer.server_layer().layer(Busy);
    assert_eq!(server.poll_ready(&mut cx), Poll::Ready(Err("closed")));
    test.spans.take(0);
}
