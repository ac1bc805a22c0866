//! Among other layers: retries, buffers, timeouts.

use crate::common::{Lab, Script, drain, ending, get, text};
use http::{Request, Response, StatusCode};
use std::{
    convert::Infallible,
    future::{Ready, pending, ready},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tower::{
    Layer, Service, ServiceBuilder, ServiceExt, buffer::BufferLayer, retry::RetryLayer, service_fn,
    timeout::TimeoutLayer,
};
use tower_b3::{Context, ResponseBody, Span};

/// Tries again after a 503.
#[derive(Clone)]
struct Again;

type Answer = Response<ResponseBody<Script>>;

impl<E> tower::retry::Policy<Request<()>, Answer, E> for Again {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request<()>, result: &mut Result<Answer, E>) -> Option<Ready<()>> {
        let busy = |answer: &Answer| answer.status() == StatusCode::SERVICE_UNAVAILABLE;
        result.as_ref().is_ok_and(busy).then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request<()>) -> Option<Request<()>> {
        Some(request.clone())
    }
}

fn work(lab: &Lab) -> Span {
    lab.tracer.span("work")
}

#[tokio::test]
async fn every_attempt_under_a_retry_layer_is_a_span_of_its_own() {
    let lab = Lab::new();
    let attempts = AtomicUsize::new(0);
    let sent = Arc::new(Mutex::new(Vec::new()));
    let catalog = {
        let sent = Arc::clone(&sent);
        service_fn(move |request: Request<()>| {
            let id = text(request.headers(), "x-b3-spanid").to_owned();
            sent.lock().unwrap().push(id);
            let mut response = Response::new(Script::default());
            if attempts.fetch_add(1, SeqCst) < 2 {
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            }
            ready(Ok::<_, Infallible>(response))
        })
    };
    let catalog = Arc::new(Mutex::new(catalog));
    let shared = service_fn(move |request| catalog.lock().unwrap().call(request));
    let client = ServiceBuilder::new()
        .layer(RetryLayer::new(Again))
        .layer(lab.tracer.client_layer())
        .service(shared);
    work(&lab)
        .instrument(async {
            let mut response = client.oneshot(get("http://catalog/", "")).await.unwrap();
            drain(response.body_mut()).unwrap();
        })
        .await;
    let spans = lab.spans.take(4);
    let (calls, work) = spans.split_at(3);
    let ended: Vec<_> = calls.iter().map(ending).collect();
    assert_eq!(ended, ["503 error", "503 error", "200"]);
    assert!(
        calls
            .iter()
            .all(|call| call.parent_id() == Some(work[0].id()))
    );
    let ids: Vec<_> = calls.iter().map(|call| call.id().to_string()).collect();
    assert_eq!(*sent.lock().unwrap(), ids);
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
}

#[derive(Clone)]
struct Catalog;

impl Service<Request<()>> for Catalog {
    type Response = Response<Script>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Script>, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let mut response = Response::new(Script::default());
        *response.headers_mut() = request.headers().clone();
        ready(Ok(response))
    }
}

#[tokio::test]
async fn outside_a_buffer_the_parent_is_the_current_span() {
    let lab = Lab::new();
    let client = ServiceBuilder::new()
        .layer(lab.tracer.client_layer())
        .layer(BufferLayer::new(4))
        .service(Catalog);
    work(&lab)
        .instrument(async {
            let mut response = client.oneshot(get("http://catalog/", "")).await.unwrap();
            drain(response.body_mut()).unwrap();
        })
        .await;
    let [client, work] = lab.spans.take(2).try_into().unwrap();
    assert_eq!(client.parent_id(), Some(work.id()));
}

#[tokio::test]
async fn inside_a_buffer_the_parent_travels_in_the_extensions() {
    let lab = Lab::new();
    let client = ServiceBuilder::new()
        .layer(BufferLayer::new(4))
        .layer(lab.tracer.client_layer())
        .service(Catalog);
    for with_context in [true, false] {
        let client = client.clone();
        work(&lab)
            .instrument(async {
                let mut request = get("http://catalog/", "");
                if with_context {
                    let context = Context::current().unwrap();
                    request.extensions_mut().insert(context);
                }
                let mut response = client.oneshot(request).await.unwrap();
                drain(response.body_mut()).unwrap();
            })
            .await;
        let [client, work] = lab.spans.take(2).try_into().unwrap();
        let parent = with_context.then_some(work.id());
        assert_eq!(client.parent_id(), parent);
        assert_eq!(client.trace_id() == work.trace_id(), with_context);
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_cancels_and_one_inside_is_an_error() {
    let lab = Lab::new();
    let never = || service_fn(|_: Request<()>| pending::<Result<Response<Script>, Infallible>>());
    let timeout = TimeoutLayer::new(Duration::from_secs(1));
    let outside = ServiceBuilder::new()
        .layer(timeout.clone())
        .layer(lab.tracer.client_layer())
        .service(never());
    assert!(outside.oneshot(get("http://catalog/", "")).await.is_err());
    assert_eq!(ending(&lab.spans.take_one()), "0 error canceled");

    let inside = ServiceBuilder::new()
        .layer(lab.tracer.client_layer())
        .layer(timeout)
        .service(never());
    assert!(inside.oneshot(get("http://catalog/", "")).await.is_err());
    let span = lab.spans.take_one();
    assert!(ending(&span).starts_with("0 error(Elapsed"), "{span:?}");
}

#[tokio::test]
async fn two_client_layers_are_two_spans_in_a_row() {
    let lab = Lab::new();
    let client = ServiceBuilder::new()
        .layer(lab.tracer.client_layer())
        .layer(lab.tracer.client_layer())
        .service(Catalog);
    let mut response = client.oneshot(get("http://catalog/", "")).await.unwrap();
    drain(response.body_mut()).unwrap();
    let [inner, outer] = lab.spans.take(2).try_into().unwrap();
    assert_eq!(inner.parent_id(), Some(outer.id()));
    let out = response.headers();
    assert_eq!(text(out, "x-b3-spanid"), inner.id().to_string());
}

#[test]
fn readiness_is_that_of_the_service_inside() {
    use std::task::{Context as Cx, Poll, Waker};
    struct Busy;
    impl Service<Request<()>> for Busy {
        type Response = Response<Script>;
        type Error = &'static str;
        type Future = Ready<Result<Response<Script>, &'static str>>;
        fn poll_ready(&mut self, _: &mut Cx<'_>) -> Poll<Result<(), &'static str>> {
            Poll::Ready(Err("closed"))
        }
        fn call(&mut self, _: Request<()>) -> Self::Future {
            ready(Err("closed"))
        }
    }
    let lab = Lab::new();
    let mut cx = Cx::from_waker(Waker::noop());
    let mut client = lab.tracer.client_layer().layer(Busy);
    assert_eq!(client.poll_ready(&mut cx), Poll::Ready(Err("closed")));
    let mut server = lab.tracer.server_layer().layer(Busy);
    assert_eq!(server.poll_ready(&mut cx), Poll::Ready(Err("closed")));
    lab.spans.take(0);
}
