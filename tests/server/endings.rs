//! A SERVER span ends when the exchange ends, exactly once, and says how.

use crate::{
    answer,
    common::{Script, Step, TestTracer, drain, ending, next, now, poll},
    ok, serve,
};
use http::{Method, Request, Response, StatusCode, header::CONTENT_LENGTH};
use std::{
    convert::Infallible,
    future::{pending, ready},
    pin::pin,
};
use tower::{Layer, Service, service_fn};
use tower_b3::ResponseBody;

/// The ending of a response whose body is dropped unread.
fn unread(method: Method, status: u16) -> String {
    let test = TestTracer::new();
    let status = StatusCode::from_u16(status).unwrap();
    drop(answer(&test, method, status, Script::data("unread")));
    ending(&test.spans.take_one())
}

#[test]
fn reading_a_body_to_its_end_ends_the_span() {
    let test = TestTracer::new();
    let mut response = ok(
        &test,
        Script::new([Step::Data("two"), Step::Wait, Step::Data("parts")]),
    );
    for _ in 0..3 {
        next(response.body_mut());
        assert!(test.spans.take_all().is_empty());
    }
    next(response.body_mut());
    let span = test.spans.take_one();
    assert_eq!(ending(&span), "200");
    assert_eq!(span.tag("response_size").as_deref(), Some("8"));
    // Neither further polls nor the drop end the span again.
    next(response.body_mut());
    drop(response);
}

#[test]
fn trailers_end_the_span() {
    let test = TestTracer::new();
    let mut response = ok(
        &test,
        Script::new([Step::Data("data"), Step::trailers(&[("checksum", "1")])]),
    );
    next(response.body_mut());
    assert!(test.spans.take_all().is_empty());
    next(response.body_mut());
    assert_eq!(ending(&test.spans.take_one()), "200");
    drop(response);
}

#[test]
fn a_body_that_reports_end_of_stream_ends_the_span_without_a_last_poll() {
    let test = TestTracer::new();
    let mut response = ok(&test, Script::data("all of it").reports_end_of_stream());
    next(response.body_mut());
    drop(response);
    assert_eq!(ending(&test.spans.take_one()), "200");
}

#[test]
fn an_empty_body_that_reports_end_of_stream_is_complete_when_dropped() {
    let test = TestTracer::new();
    drop(ok(&test, Script::default().reports_end_of_stream()));
    assert_eq!(ending(&test.spans.take_one()), "200");
}

#[test]
fn a_body_dropped_after_its_exact_size_is_complete() {
    let test = TestTracer::new();
    let mut response = ok(&test, Script::data("five!").sized(5));
    next(response.body_mut());
    drop(response);
    assert_eq!(ending(&test.spans.take_one()), "200");
    drop(ok(&test, Script::default().sized(0)));
    assert_eq!(ending(&test.spans.take_one()), "200");
}

#[test]
fn a_body_dropped_before_its_exact_size_is_a_disconnect() {
    let test = TestTracer::new();
    let mut response = ok(&test, Script::data("five!").sized(6));
    next(response.body_mut());
    drop(response);
    assert_eq!(ending(&test.spans.take_one()), "200 DC");
}

fn with_content_length(test: &TestTracer, length: &'static str) -> Response<ResponseBody<Script>> {
    serve(&test.tracer.server_layer(), Request::new(()), |_| {
        let mut response = Response::new(Script::data("five!"));
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, length.parse().unwrap());
        response
    })
}

#[test]
fn a_body_dropped_after_its_content_length_is_complete() {
    let test = TestTracer::new();
    for (length, expected) in [("5", "200"), ("6", "200 DC"), ("nonsense", "200 DC")] {
        let mut response = with_content_length(&test, length);
        next(response.body_mut());
        drop(response);
        assert_eq!(ending(&test.spans.take_one()), expected, "{length}");
    }
    drop(with_content_length(&test, "0"));
    assert_eq!(ending(&test.spans.take_one()), "200");
}

#[test]
fn a_response_to_head_can_be_dropped_unread() {
    assert_eq!(unread(Method::HEAD, 200), "200");
    assert_eq!(unread(Method::HEAD, 500), "500 error");
}

#[test]
fn responses_without_a_body_can_be_dropped_unread() {
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
fn a_server_body_dropped_early_is_dc_and_no_error() {
    for status in [200, 205, 302, 404] {
        assert_eq!(unread(Method::GET, status), format!("{status} DC"));
    }
    assert_eq!(unread(Method::GET, 503), "503 error DC");
}

#[test]
fn a_dropped_server_future_is_0_error_dc() {
    let test = TestTracer::new();
    let never = service_fn(|_: Request<()>| pending::<Result<Response<Script>, Infallible>>());
    let mut service = test.tracer.server_layer().layer(never);
    {
        let mut future = pin!(service.call(Request::new(())));
        assert!(poll(future.as_mut()).is_pending());
    }
    let span = test.spans.take_one();
    assert_eq!(ending(&span), "0 error DC");
    assert_eq!(span.tag("response_size").as_deref(), Some("0"));
    // Also if it was never polled.
    drop(service.call(Request::new(())));
    assert_eq!(ending(&test.spans.take_one()), "0 error DC");
}

#[test]
fn an_error_of_the_service_is_the_error_reason() {
    let test = TestTracer::new();
    let failing = service_fn(|_: Request<()>| ready(Err::<Response<Script>, _>("no database")));
    let mut service = test.tracer.server_layer().layer(failing);
    assert_eq!(
        now(service.call(Request::new(()))).err(),
        Some("no database")
    );
    let span = test.spans.take_one();
    assert!(ending(&span).starts_with("0 error("), "{span:?}");
    assert!(span.tag("error.reason").unwrap().contains("no database"));
}

#[test]
fn an_error_of_the_body_is_the_error_reason_and_the_status_is_kept() {
    let test = TestTracer::new();
    for (status, expected) in [(200, "200 error("), (500, "500 error(")] {
        let body = Script::new([Step::Data("some"), Step::Error("disk")]);
        let status = StatusCode::from_u16(status).unwrap();
        let mut response = answer(&test, Method::GET, status, body);
        assert_eq!(drain(response.body_mut()), Err("disk"));
        let span = test.spans.take_one();
        assert!(ending(&span).starts_with(expected), "{span:?}");
        assert!(span.tag("error.reason").unwrap().contains("disk"));
    }
}

#[test]
fn a_status_of_500_or_above_is_an_error() {
    for status in [200, 201, 301, 400, 401, 404, 418, 429, 499] {
        let test = TestTracer::new();
        let code = StatusCode::from_u16(status).unwrap();
        drain(answer(&test, Method::GET, code, Script::default()).body_mut()).unwrap();
        assert_eq!(ending(&test.spans.take_one()), status.to_string());
    }
    for status in [500, 501, 503, 504, 599, 600, 999] {
        let test = TestTracer::new();
        let code = StatusCode::from_u16(status).unwrap();
        drain(answer(&test, Method::GET, code, Script::default()).body_mut()).unwrap();
        let span = test.spans.take_one();
        assert_eq!(ending(&span), format!("{status} error"));
        assert_eq!(span.tag("error").as_deref(), Some("true"));
    }
}
