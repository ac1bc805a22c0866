//! A panic of the handler or of the body is the `error.reason` of the span.

use crate::{
    answer,
    common::{Script, Step, TestTracer, drain, ending, next, panics, poll},
    empty, ok,
};
use http::{Method, Request, Response, StatusCode};
use std::{
    convert::Infallible,
    future::{Ready, poll_fn, ready},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    task::{Context, Poll},
};
use tower::{Layer, Service, service_fn};
use tower_b3::current;

#[test]
fn a_panic_in_call_is_the_error_reason() {
    let test = TestTracer::new();
    let broken = service_fn(|_: Request<()>| -> Ready<_> {
        if current().is_some() {
            panic!("in call, expected");
        }
        ready(Ok::<_, Infallible>(empty()))
    });
    let mut service = test.tracer.server_layer().layer(broken);
    assert!(panics(|| drop(service.call(Request::new(())))));
    assert_eq!(ending(&test.spans.take_one()), "0 error(panic)");
    assert_eq!(current(), None);
}

/// Is pending once, then panics.
async fn breaks(_: Request<()>) -> Result<Response<Script>, Infallible> {
    let mut waited = false;
    poll_fn(|_| {
        if mem::replace(&mut waited, true) {
            panic!("in a poll, expected");
        }
        Poll::<()>::Pending
    })
    .await;
    Ok(empty())
}

#[test]
fn a_panic_in_the_future_is_the_error_reason() {
    let test = TestTracer::new();
    let mut service = test.tracer.server_layer().layer(service_fn(breaks));
    let mut future = Box::pin(service.call(Request::new(())));
    assert!(poll(future.as_mut()).is_pending());
    assert!(panics(|| drop(poll(future.as_mut()))));
    assert_eq!(current(), None);
    // Dropped after the panic.
    drop(future);
    assert_eq!(ending(&test.spans.take_one()), "0 error(panic)");
}

/// Responds with 500 if the inner service panics, as tower-http's `CatchPanic` does.
struct Catch<S>(S);

struct Caught<F>(Option<Pin<Box<F>>>);

impl<S, B> Service<Request<()>> for Catch<S>
where
    S: Service<Request<()>, Response = Response<B>>,
    B: Default,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Caught<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let future = catch_unwind(AssertUnwindSafe(|| Box::pin(self.0.call(request))));
        Caught(future.ok())
    }
}

impl<F, B, E> Future for Caught<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Default,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let broken = || {
            let mut response = Response::new(B::default());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            Poll::Ready(Ok(response))
        };
        let Some(future) = &mut self.0 else {
            return broken();
        };
        catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))).unwrap_or_else(|_| broken())
    }
}

#[test]
fn a_panic_caught_by_an_outer_layer_is_the_error_reason_and_no_disconnect() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer();
    let mut service = Catch(layer.layer(service_fn(breaks)));
    {
        let mut future = pin!(service.call(Request::new(())));
        assert!(poll(future.as_mut()).is_pending());
        assert!(poll(future.as_mut()).is_ready());
    }
    assert_eq!(ending(&test.spans.take_one()), "0 error(panic)");
}

#[test]
fn a_panic_caught_by_an_inner_layer_is_a_500() {
    let test = TestTracer::new();
    let mut service = test.tracer.server_layer().layer(Catch(service_fn(breaks)));
    {
        let mut future = pin!(service.call(Request::new(())));
        assert!(poll(future.as_mut()).is_pending());
        let Poll::Ready(Ok(mut response)) = poll(future.as_mut()) else {
            panic!("no answer");
        };
        drain(response.body_mut()).unwrap();
    }
    assert_eq!(ending(&test.spans.take_one()), "500 error");
}

#[test]
fn a_panic_in_the_body_is_the_error_reason() {
    let test = TestTracer::new();
    let mut response = ok(&test, Script::new([Step::Data("some"), Step::Panic]));
    next(response.body_mut());
    assert!(panics(|| next(response.body_mut())));
    assert_eq!(current(), None);
    drop(response);
    let span = test.spans.take_one();
    // The head was sent, so its status is known.
    assert_eq!(ending(&span), "200 error(panic)");
}

#[test]
fn a_panic_elsewhere_is_not_an_error_of_this_span() {
    let test = TestTracer::new();
    let response = ok(&test, Script::data("unread"));
    assert!(panics(|| {
        let _dropped_by_the_panic = response;
        panic!("around the span, expected");
    }));
    assert_eq!(ending(&test.spans.take_one()), "200 DC");
}

#[test]
fn a_panic_in_the_body_of_a_5xx_response_is_one_error() {
    let test = TestTracer::new();
    let status = StatusCode::BAD_GATEWAY;
    let mut response = answer(&test, Method::GET, status, Script::new([Step::Panic]));
    assert!(panics(|| next(response.body_mut())));
    drop(response);
    assert_eq!(ending(&test.spans.take_one()), "502 error(panic)");
}
