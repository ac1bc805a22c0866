//! A SERVER span ends when the exchange ends, exactly once, and says how.

use crate::common::{Lab, Script, Step, drain, ending, next, now, panics, poll};
use http::{Method, Request, Response, StatusCode, header::CONTENT_LENGTH};
use http_body::Body;
use std::{
    convert::Infallible,
    future::{pending, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll},
};
use tower::{Layer, Service, service_fn};
use tower_b3::{ResponseBody, TraceContext, current};

fn answer(
    lab: &Lab,
    method: Method,
    status: StatusCode,
    body: Script,
) -> Response<ResponseBody<Script>> {
    let request = Request::builder().method(method).uri("/").body(()).unwrap();
    let mut body = Some(body);
    crate::serve(&lab.tracer.server_layer(), request, move |_| {
        let mut response = Response::new(body.take().unwrap());
        *response.status_mut() = status;
        response
    })
}

fn ok(lab: &Lab, body: Script) -> Response<ResponseBody<Script>> {
    answer(lab, Method::GET, StatusCode::OK, body)
}

/// The ending of a response whose body is dropped unread.
fn unread(method: Method, status: u16) -> String {
    let lab = Lab::new();
    let status = StatusCode::from_u16(status).unwrap();
    drop(answer(&lab, method, status, Script::data("unread")));
    ending(&lab.spans.take_one())
}

#[test]
fn a_body_that_is_read_to_its_end_ends_the_span_there() {
    let lab = Lab::new();
    let mut response = ok(
        &lab,
        Script::new([Step::Data("two"), Step::Wait, Step::Data("parts")]),
    );
    for _ in 0..3 {
        next(response.body_mut());
        assert!(lab.spans.all().is_empty());
    }
    next(response.body_mut());
    let span = lab.spans.take_one();
    assert_eq!(ending(&span), "200");
    assert_eq!(span.tag("response_size").as_deref(), Some("8"));
    // Neither further polls nor the drop end it again.
    next(response.body_mut());
    drop(response);
}

#[test]
fn trailers_end_the_span() {
    let lab = Lab::new();
    let mut response = ok(
        &lab,
        Script::new([Step::Data("data"), Step::trailers(&[("checksum", "1")])]),
    );
    next(response.body_mut());
    assert!(lab.spans.all().is_empty());
    next(response.body_mut());
    assert_eq!(ending(&lab.spans.take_one()), "200");
    drop(response);
}

#[test]
fn a_body_that_tells_its_end_ends_the_span_without_a_last_poll() {
    let lab = Lab::new();
    let mut response = ok(&lab, Script::data("all of it").tells_end());
    next(response.body_mut());
    drop(response);
    assert_eq!(ending(&lab.spans.take_one()), "200");
}

#[test]
fn a_body_that_is_at_its_end_from_the_start_may_be_dropped_unread() {
    let lab = Lab::new();
    drop(ok(&lab, Script::default().tells_end()));
    assert_eq!(ending(&lab.spans.take_one()), "200");
}

#[test]
fn a_body_may_be_dropped_when_its_exact_size_is_reached() {
    let lab = Lab::new();
    let mut response = ok(&lab, Script::data("five!").sized(5));
    next(response.body_mut());
    drop(response);
    assert_eq!(ending(&lab.spans.take_one()), "200");
    drop(ok(&lab, Script::default().sized(0)));
    assert_eq!(ending(&lab.spans.take_one()), "200");
}

#[test]
fn a_body_that_is_dropped_before_its_exact_size_was_cut() {
    let lab = Lab::new();
    let mut response = ok(&lab, Script::data("five!").sized(6));
    next(response.body_mut());
    drop(response);
    assert_eq!(ending(&lab.spans.take_one()), "200 DC");
}

fn with_content_length(lab: &Lab, length: &'static str) -> Response<ResponseBody<Script>> {
    crate::serve(&lab.tracer.server_layer(), Request::new(()), |_| {
        let mut response = Response::new(Script::data("five!"));
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, length.parse().unwrap());
        response
    })
}

#[test]
fn a_body_may_be_dropped_when_the_content_length_is_reached() {
    let lab = Lab::new();
    for (length, expected) in [("5", "200"), ("6", "200 DC"), ("nonsense", "200 DC")] {
        let mut response = with_content_length(&lab, length);
        next(response.body_mut());
        drop(response);
        assert_eq!(ending(&lab.spans.take_one()), expected, "{length}");
    }
    drop(with_content_length(&lab, "0"));
    assert_eq!(ending(&lab.spans.take_one()), "200");
}

#[test]
fn the_answer_to_head_may_be_dropped_unread() {
    assert_eq!(unread(Method::HEAD, 200), "200");
    assert_eq!(unread(Method::HEAD, 500), "500 error");
}

#[test]
fn answers_that_have_no_body_may_be_dropped_unread() {
    for (status, expected) in [(100, "100"), (103, "103"), (204, "204"), (304, "304")] {
        assert_eq!(unread(Method::GET, status), expected);
    }
}

#[test]
fn an_upgrade_ends_the_exchange() {
    assert_eq!(unread(Method::GET, 101), "101");
}

#[test]
fn an_accepted_connect_ends_the_exchange() {
    assert_eq!(unread(Method::CONNECT, 200), "200");
    assert_eq!(unread(Method::CONNECT, 204), "204");
    assert_eq!(unread(Method::CONNECT, 403), "403 DC");
}

#[test]
fn a_server_body_that_is_dropped_early_says_dc_and_is_no_error() {
    for status in [200, 205, 302, 404] {
        assert_eq!(unread(Method::GET, status), format!("{status} DC"));
    }
    assert_eq!(unread(Method::GET, 503), "503 error DC");
}

#[test]
fn a_server_future_that_is_dropped_says_0_error_dc() {
    let lab = Lab::new();
    let never = service_fn(|_: Request<()>| pending::<Result<Response<Script>, Infallible>>());
    let mut service = lab.tracer.server_layer().layer(never);
    {
        let mut future = pin!(service.call(Request::new(())));
        assert!(poll(future.as_mut()).is_pending());
    }
    let span = lab.spans.take_one();
    assert_eq!(ending(&span), "0 error DC");
    assert_eq!(span.tag("response_size").as_deref(), Some("0"));
    // One that was never polled too.
    drop(service.call(Request::new(())));
    assert_eq!(ending(&lab.spans.take_one()), "0 error DC");
}

#[test]
fn a_panic_in_call_is_the_reason() {
    let lab = Lab::new();
    let broken = service_fn(|_: Request<()>| -> std::future::Ready<_> {
        if current().is_some() {
            panic!("in call, as the test wants it");
        }
        ready(Ok::<_, Infallible>(crate::empty()))
    });
    let mut service = lab.tracer.server_layer().layer(broken);
    assert!(panics(|| drop(service.call(Request::new(())))));
    assert_eq!(ending(&lab.spans.take_one()), "0 error(panic)");
    assert_eq!(current(), None);
}

/// Waits once, then panics.
async fn breaks(_: Request<()>) -> Result<Response<Script>, Infallible> {
    let mut waited = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut waited, true) {
            panic!("in a poll, as the test wants it");
        }
        Poll::<()>::Pending
    })
    .await;
    Ok(crate::empty())
}

#[test]
fn a_panic_in_the_future_is_the_reason() {
    let lab = Lab::new();
    let mut service = lab.tracer.server_layer().layer(service_fn(breaks));
    let mut future = Box::pin(service.call(Request::new(())));
    assert!(poll(future.as_mut()).is_pending());
    assert!(panics(|| drop(poll(future.as_mut()))));
    assert_eq!(current(), None);
    // Dropped where nothing panics any more.
    drop(future);
    assert_eq!(ending(&lab.spans.take_one()), "0 error(panic)");
}

/// Answers 500 where the service inside panics, as tower-http's `CatchPanic` does.
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
fn a_panic_that_a_layer_outside_catches_is_the_reason_and_no_disconnect() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer();
    let mut service = Catch(layer.layer(service_fn(breaks)));
    {
        let mut future = pin!(service.call(Request::new(())));
        assert!(poll(future.as_mut()).is_pending());
        assert!(poll(future.as_mut()).is_ready());
    }
    assert_eq!(ending(&lab.spans.take_one()), "0 error(panic)");
}

#[test]
fn a_panic_that_a_layer_inside_catches_is_its_answer() {
    let lab = Lab::new();
    let mut service = lab.tracer.server_layer().layer(Catch(service_fn(breaks)));
    {
        let mut future = pin!(service.call(Request::new(())));
        assert!(poll(future.as_mut()).is_pending());
        let Poll::Ready(Ok(mut response)) = poll(future.as_mut()) else {
            panic!("no answer");
        };
        drain(response.body_mut()).unwrap();
    }
    assert_eq!(ending(&lab.spans.take_one()), "500 error");
}

#[test]
fn a_panic_in_the_body_is_the_reason() {
    let lab = Lab::new();
    let mut response = ok(&lab, Script::new([Step::Data("some"), Step::Panic]));
    next(response.body_mut());
    assert!(panics(|| next(response.body_mut())));
    assert_eq!(current(), None);
    drop(response);
    let span = lab.spans.take_one();
    // The head was sent, so its status is known.
    assert_eq!(ending(&span), "200 error(panic)");
}

#[test]
fn a_panic_elsewhere_is_none_of_this_span() {
    let lab = Lab::new();
    let response = ok(&lab, Script::data("unread"));
    assert!(panics(|| {
        let _dropped_by_the_panic = response;
        panic!("around the span, as the test wants it");
    }));
    assert_eq!(ending(&lab.spans.take_one()), "200 DC");
}

#[test]
fn an_error_of_the_service_is_the_reason() {
    let lab = Lab::new();
    let failing = service_fn(|_: Request<()>| ready(Err::<Response<Script>, _>("no database")));
    let mut service = lab.tracer.server_layer().layer(failing);
    assert_eq!(
        now(service.call(Request::new(()))).err(),
        Some("no database")
    );
    let span = lab.spans.take_one();
    assert!(ending(&span).starts_with("0 error("), "{span:?}");
    assert!(span.tag("error.reason").unwrap().contains("no database"));
}

#[test]
fn an_error_of_the_body_is_the_reason_and_the_status_is_real() {
    let lab = Lab::new();
    for (status, expected) in [(200, "200 error("), (500, "500 error(")] {
        let body = Script::new([Step::Data("some"), Step::Error("disk")]);
        let status = StatusCode::from_u16(status).unwrap();
        let mut response = answer(&lab, Method::GET, status, body);
        assert_eq!(drain(response.body_mut()), Err("disk"));
        let span = lab.spans.take_one();
        assert!(ending(&span).starts_with(expected), "{span:?}");
        assert!(span.tag("error.reason").unwrap().contains("disk"));
    }
}

#[test]
fn a_panic_in_the_body_of_a_failed_answer_is_one_error() {
    let lab = Lab::new();
    let status = StatusCode::BAD_GATEWAY;
    let mut response = answer(&lab, Method::GET, status, Script::new([Step::Panic]));
    assert!(panics(|| next(response.body_mut())));
    drop(response);
    assert_eq!(ending(&lab.spans.take_one()), "502 error(panic)");
}

#[test]
fn an_answer_under_500_is_no_error_and_any_other_is() {
    for status in [200, 201, 301, 400, 401, 404, 418, 429, 499] {
        let lab = Lab::new();
        let code = StatusCode::from_u16(status).unwrap();
        drain(answer(&lab, Method::GET, code, Script::default()).body_mut()).unwrap();
        assert_eq!(ending(&lab.spans.take_one()), status.to_string());
    }
    for status in [500, 501, 503, 504, 599, 600, 999] {
        let lab = Lab::new();
        let code = StatusCode::from_u16(status).unwrap();
        drain(answer(&lab, Method::GET, code, Script::default()).body_mut()).unwrap();
        let span = lab.spans.take_one();
        assert_eq!(ending(&span), format!("{status} error"));
        assert_eq!(span.tag("error").as_deref(), Some("true"));
    }
}

fn grpc(lab: &Lab, response: impl Fn() -> Response<Script>) -> String {
    let mut request = Request::post("/shop.Cart/Add").body(()).unwrap();
    let headers = request.headers_mut();
    headers.insert("content-type", "application/grpc".parse().unwrap());
    crate::serve_all(&lab.tracer.server_layer(), request, |_| response());
    let span = lab.spans.take_one();
    let code = span.tag("grpc.status_code").unwrap_or_default();
    format!("{} {code}", ending(&span))
}

const GRPC_CODES: [&str; 17] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
];
const GRPC_ERRORS: [&str; 7] = ["2", "4", "8", "12", "13", "14", "15"];

#[test]
fn a_grpc_status_in_trailers_decides_on_the_error() {
    let lab = Lab::new();
    for code in GRPC_CODES {
        let ending = grpc(&lab, || {
            let trailers = Step::trailers(&[("grpc-status", code)]);
            Response::new(Script::new([Step::Data("message"), trailers]))
        });
        let error = if GRPC_ERRORS.contains(&code) {
            " error"
        } else {
            ""
        };
        assert_eq!(ending, format!("200{error} {code}"));
    }
}

#[test]
fn a_grpc_status_in_headers_decides_on_the_error() {
    let lab = Lab::new();
    for code in GRPC_CODES {
        let ending = grpc(&lab, || {
            let mut response = crate::empty();
            let headers = response.headers_mut();
            headers.insert("grpc-status", code.parse().unwrap());
            response
        });
        let error = if GRPC_ERRORS.contains(&code) {
            " error"
        } else {
            ""
        };
        assert_eq!(ending, format!("200{error} {code}"));
    }
}

#[test]
fn of_two_grpc_statuses_the_one_in_trailers_stands() {
    let lab = Lab::new();
    let ending = grpc(&lab, || {
        let mut response = Response::new(Script::trailers(&[("grpc-status", "13")]));
        let headers = response.headers_mut();
        headers.insert("grpc-status", "0".parse().unwrap());
        response
    });
    assert_eq!(ending, "200 error 13");
}

#[test]
fn a_failed_answer_with_a_failed_grpc_status_is_one_error() {
    let lab = Lab::new();
    let ending = grpc(&lab, || {
        let mut response = Response::new(Script::trailers(&[("grpc-status", "14")]));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response
    });
    assert_eq!(ending, "503 error 14");
}

#[test]
fn a_grpc_message_is_a_tag() {
    let lab = Lab::new();
    let mut request = Request::post("/shop.Cart/Add").body(()).unwrap();
    let headers = request.headers_mut();
    headers.insert("content-type", "application/grpc+proto".parse().unwrap());
    crate::serve_all(&lab.tracer.server_layer(), request, |_| {
        let trailers = [("grpc-status", "5"), ("grpc-message", "no such cart")];
        Response::new(Script::trailers(&trailers))
    });
    let span = lab.spans.take_one();
    assert_eq!(span.tag("grpc.message").as_deref(), Some("no such cart"));
    assert_eq!(ending(&span), "200");
}

#[test]
fn a_grpc_status_means_nothing_to_other_requests() {
    let lab = Lab::new();
    let mut response = ok(&lab, Script::trailers(&[("grpc-status", "13")]));
    drain(response.body_mut()).unwrap();
    let span = lab.spans.take_one();
    assert_eq!(ending(&span), "200");
    assert_eq!(span.tag("grpc.status_code"), None);
}

#[test]
fn the_wrapped_body_tells_what_the_body_tells() {
    let lab = Lab::new();
    let mut response = ok(&lab, Script::data("five!").sized(5).tells_end());
    assert_eq!(response.body().size_hint().exact(), Some(5));
    assert!(!response.body().is_end_stream());
    next(response.body_mut());
    assert!(response.body().is_end_stream());
    drop(response);
    lab.spans.take_one();

    let unknown = ok(&lab, Script::data("five!"));
    assert_eq!(unknown.body().size_hint().exact(), None);
    assert!(!unknown.body().is_end_stream());
    drop(unknown);
    lab.spans.take_one();
}

#[test]
fn the_wrapped_body_hands_on_every_frame() {
    let lab = Lab::new();
    let steps = [
        Step::Data("one"),
        Step::Data(""),
        Step::Wait,
        Step::Data("two"),
        Step::trailers(&[("checksum", "1")]),
    ];
    let mut response = ok(&lab, Script::new(steps));
    let mut seen = Vec::new();
    loop {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        match Pin::new(response.body_mut()).poll_frame(&mut cx) {
            Poll::Pending => seen.push("waits".to_owned()),
            Poll::Ready(None) => break,
            Poll::Ready(Some(frame)) => seen.push(match frame.unwrap().into_data() {
                Ok(data) => String::from_utf8(data.to_vec()).unwrap(),
                Err(other) => format!("{:?}", other.into_trailers().unwrap()["checksum"]),
            }),
        }
    }
    assert_eq!(seen, ["one", "", "waits", "two", "\"1\""]);
    lab.spans.take_one();
}

/// Notes what is current whenever it is asked to.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Option<TraceContext>>>>);

impl Seen {
    fn look(&self) {
        self.0.lock().unwrap().push(current());
    }

    fn on_drop(&self) -> impl Drop + use<> {
        struct OnDrop(Seen);
        impl Drop for OnDrop {
            fn drop(&mut self) {
                self.0.look();
            }
        }
        OnDrop(self.clone())
    }

    #[track_caller]
    fn all_are(&self, span: TraceContext, count: usize) {
        assert_eq!(*self.0.lock().unwrap(), vec![Some(span); count]);
    }
}

#[test]
fn the_context_is_current_in_call_polls_and_drops_of_the_future() {
    let lab = Lab::new();
    let seen = Seen::default();
    let outer = seen.clone();
    let handler = service_fn(move |_: Request<()>| {
        outer.look();
        let seen = outer.clone();
        async move {
            let _guard = seen.on_drop();
            seen.look();
            tokio::task::yield_now().await;
            seen.look();
            pending::<()>().await;
            Ok::<_, Infallible>(crate::empty())
        }
    });
    let mut service = lab.tracer.server_layer().layer(handler);
    {
        let mut future = pin!(service.call(Request::new(())));
        for _ in 0..3 {
            assert!(poll(future.as_mut()).is_pending());
            assert_eq!(current(), None);
        }
    }
    let span = lab.spans.take_one();
    seen.all_are(span.context(), 4);
}

#[test]
fn the_context_is_current_in_polls_of_the_body_and_its_drop() {
    let lab = Lab::new();
    for read in [0, 1, 2, 9] {
        let seen = Seen::default();
        let (first, second, dropped) = (seen.clone(), seen.clone(), seen.clone());
        let body = Script::new([
            Step::run(move || first.look()),
            Step::Data("some"),
            Step::run(move || second.look()),
            Step::Data("more"),
        ]);
        let mut response = ok(&lab, body.on_drop(move || dropped.look()));
        for _ in 0..read {
            next(response.body_mut());
        }
        drop(response);
        let span = lab.spans.take_one();
        seen.all_are(span.context(), read.min(2) + 1);
        assert_eq!(current(), None);
    }
}

#[test]
fn the_context_is_current_in_the_drop_of_a_body_that_told_its_end_or_failed() {
    let lab = Lab::new();
    for body in [
        Script::data("all").tells_end(),
        Script::new([Step::Error("disk")]),
        Script::trailers(&[("checksum", "1")]),
    ] {
        let seen = Seen::default();
        let dropped = seen.clone();
        let mut response = ok(&lab, body.on_drop(move || dropped.look()));
        next(response.body_mut());
        drop(response);
        let span = lab.spans.take_one();
        seen.all_are(span.context(), 1);
    }
}
