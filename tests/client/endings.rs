//! A CLIENT span ends when the exchange ends, exactly once, and says how.

use crate::common::{Script, Step, TestTracer, drain, ending, get, next, now, panics, poll};
use http::{Method, Request, Response, StatusCode};
use std::{
    convert::Infallible,
    future::{pending, ready},
    pin::pin,
};
use tower::{Layer, Service, service_fn};
use tower_b3::ResponseBody;

fn answer(test: &TestTracer, status: u16, body: Script) -> Response<ResponseBody<Script>> {
    let mut body = Some(body);
    let catalog = service_fn(move |_: Request<()>| {
        let mut response = Response::new(body.take().unwrap());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        ready(Ok::<_, Infallible>(response))
    });
    let mut client = test.tracer.client_layer().layer(catalog);
    now(client.call(get("http://catalog/", ""))).unwrap()
}

#[test]
fn reading_a_body_to_its_end_ends_the_span() {
    let test = TestTracer::new();
    let mut response = answer(&test, 200, Script::new([Step::Data("five!"), Step::Wait]));
    next(response.body_mut());
    next(response.body_mut());
    assert!(test.spans.take_all().is_empty());
    next(response.body_mut());
    let span = test.spans.take_one();
    assert_eq!(ending(&span), "200");
    assert_eq!(span.tag("response_size").as_deref(), Some("5"));
    drop(response);
}

#[test]
fn a_client_body_dropped_unread_is_no_disconnect() {
    let test = TestTracer::new();
    for status in [200, 204, 404] {
        drop(answer(&test, status, Script::data("unread")));
        assert_eq!(ending(&test.spans.take_one()), status.to_string());
    }
    let mut half = answer(&test, 200, Script::data("some").sized(9));
    next(half.body_mut());
    drop(half);
    assert_eq!(ending(&test.spans.take_one()), "200");
    drop(answer(&test, 503, Script::data("unread")));
    assert_eq!(ending(&test.spans.take_one()), "503 error");
}

#[test]
fn a_status_of_500_or_above_is_an_error() {
    let test = TestTracer::new();
    for (status, expected) in [
        (200, "200"),
        (302, "302"),
        (400, "400"),
        (404, "404"),
        (429, "429"),
        (500, "500 error"),
        (503, "503 error"),
        (999, "999 error"),
    ] {
        drain(answer(&test, status, Script::default()).body_mut()).unwrap();
        assert_eq!(ending(&test.spans.take_one()), expected);
    }
}

#[test]
fn dropping_the_future_is_tagged_canceled() {
    let test = TestTracer::new();
    let never = service_fn(|_: Request<()>| pending::<Result<Response<Script>, Infallible>>());
    let mut client = test.tracer.client_layer().layer(never);
    {
        let mut future = pin!(client.call(get("http://catalog/", "")));
        assert!(poll(future.as_mut()).is_pending());
    }
    assert_eq!(ending(&test.spans.take_one()), "0 error canceled");
    drop(client.call(get("http://catalog/", "")));
    assert_eq!(ending(&test.spans.take_one()), "0 error canceled");
}

#[test]
fn an_error_of_the_service_is_the_error_reason() {
    let test = TestTracer::new();
    let failing =
        service_fn(|_: Request<()>| ready(Err::<Response<Script>, _>("no route to host")));
    let mut client = test.tracer.client_layer().layer(failing);
    assert!(now(client.call(get("http://catalog/", ""))).is_err());
    let span = test.spans.take_one();
    assert!(ending(&span).starts_with("0 error("));
    assert!(
        span.tag("error.reason")
            .unwrap()
            .contains("no route to host")
    );
}

#[test]
fn an_error_of_the_body_is_the_error_reason() {
    let test = TestTracer::new();
    for (status, expected) in [(200, "200 error("), (500, "500 error(")] {
        let body = Script::new([Step::Data("some"), Step::Error("reset")]);
        assert!(drain(answer(&test, status, body).body_mut()).is_err());
        let span = test.spans.take_one();
        assert!(ending(&span).starts_with(expected), "{span:?}");
        assert!(span.tag("error.reason").unwrap().contains("reset"));
    }
}

#[test]
fn a_panic_is_the_error_reason() {
    let test = TestTracer::new();
    let broken = service_fn(|request: Request<()>| async move {
        assert_eq!(request.method(), Method::PUT, "expected");
        Ok::<_, Infallible>(Response::new(Script::default()))
    });
    let mut client = test.tracer.client_layer().layer(broken);
    let mut future = Box::pin(client.call(get("http://catalog/", "")));
    assert!(panics(|| drop(poll(future.as_mut()))));
    drop(future);
    assert_eq!(ending(&test.spans.take_one()), "0 error(panic)");
    assert_eq!(tower_b3::current(), None);
}

#[test]
fn a_grpc_status_decides_on_the_error() {
    let test = TestTracer::new();
    for code in 0..=17_u8 {
        let code: &'static str = code.to_string().leak();
        for in_headers in [false, true] {
            let catalog = service_fn(move |_: Request<()>| {
                let mut response = Response::new(Script::default());
                if in_headers {
                    let headers = response.headers_mut();
                    headers.insert("grpc-status", code.parse().unwrap());
                } else {
                    *response.body_mut() = Script::trailers(&[("grpc-status", code)]);
                }
                ready(Ok::<_, Infallible>(response))
            });
            let mut client = test.tracer.client_layer().layer(catalog);
            let request = get("http://h/a.B/C", "content-type: application/grpc");
            drain(now(client.call(request)).unwrap().body_mut()).unwrap();
            let span = test.spans.take_one();
            let error = ["2", "4", "8", "12", "13", "14", "15"].contains(&code);
            assert_eq!(
                ending(&span),
                if error { "200 error" } else { "200" },
                "{code}"
            );
            assert_eq!(span.tag("grpc.status_code").as_deref(), Some(code));
        }
    }
}
