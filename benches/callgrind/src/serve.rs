//! Handlers that respond at once, and requests served one after the other without a runtime.

use crate::requests::{Body, out_request, response};
use bytes::Bytes;
use http::{Request, Response};
use std::{
    cell::RefCell,
    convert::Infallible,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
};
use tower::{Service, service_fn};

thread_local! {
    static OUT: RefCell<Vec<Request<Body>>> = const { RefCell::new(Vec::new()) };
}

/// Builds outgoing requests for the handlers that will run on this thread, before anything is
/// measured.
pub fn prepare_out(count: usize) {
    OUT.with_borrow_mut(|out| out.extend((0..count).map(|_| out_request(Body::default()))));
}

/// A prepared request, or a new one if none is left.
pub fn take_out() -> Request<Body> {
    OUT.with_borrow_mut(Vec::pop)
        .unwrap_or_else(|| out_request(Body::default()))
}

/// The handler that makes no calls.
pub fn leaf()
-> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone
{
    service_fn(|request: Request<Body>| async move {
        drop(request);
        Ok(response())
    })
}

/// The handler that sends one request through `client` and responds.
pub fn calling<C>(
    client: C,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone
where
    C: Service<Request<Body>, Error = Infallible, Future: Send> + Clone + Send,
{
    service_fn(move |request: Request<Body>| {
        let mut client = client.clone();
        async move {
            drop(request);
            let _ = client.call(take_out()).await;
            Ok(response())
        }
    })
}

/// The output of a future that is ready at the first poll.
///
/// # Panics
///
/// If it is pending.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    let future = pin!(future);
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a future that waits"),
    }
}

/// Serves a request as hyper does: the head is taken, then the body is polled to its end.
pub fn serve<S, B>(service: &mut S, request: Request<Body>)
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    B: http_body::Body<Data = Bytes>,
{
    let Ok(response) = now(service.call(request));
    let (head, body) = response.into_parts();
    black_box(&head);
    let mut body = pin!(body);
    let mut context = Context::from_waker(Waker::noop());
    while !body.is_end_stream() {
        match body.as_mut().poll_frame(&mut context) {
            Poll::Ready(Some(frame)) => drop(black_box(frame)),
            Poll::Ready(None) => break,
            Poll::Pending => panic!("a body that waits"),
        }
    }
}
