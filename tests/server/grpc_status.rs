//! A gRPC status, in trailers or in headers, decides whether the span is an error.

use crate::{
    common::{Script, Step, TestTracer, drain, ending},
    empty, ok, serve_all,
};
use http::{Request, Response, StatusCode};

fn grpc(test: &TestTracer, response: impl Fn() -> Response<Script>) -> String {
    let mut request = Request::post("/shop.Cart/Add").body(()).unwrap();
    let headers = request.headers_mut();
    headers.insert("content-type", "application/grpc".parse().unwrap());
    serve_all(&test.tracer.server_layer(), request, |_| response());
    let span = test.spans.take_one();
    let code = span.tag("grpc.status_code").unwrap_or_default();
    format!("{} {code}", ending(&span))
}

const GRPC_CODES: [&str; 17] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
];

const GRPC_ERRORS: [&str; 7] = ["2", "4", "8", "12", "13", "14", "15"];

#[test]
fn a_grpc_status_in_trailers_decides_on_the_error() {
    let test = TestTracer::new();
    for code in GRPC_CODES {
        let ending = grpc(&test, || {
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
    let test = TestTracer::new();
    for code in GRPC_CODES {
        let ending = grpc(&test, || {
            let mut response = empty();
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
fn a_grpc_status_in_trailers_overrides_one_in_headers() {
    let test = TestTracer::new();
    let ending = grpc(&test, || {
        let mut response = Response::new(Script::trailers(&[("grpc-status", "13")]));
        let headers = response.headers_mut();
        headers.insert("grpc-status", "0".parse().unwrap());
        response
    });
    assert_eq!(ending, "200 error 13");
}

#[test]
fn a_5xx_response_with_a_failed_grpc_status_is_one_error() {
    let test = TestTracer::new();
    let ending = grpc(&test, || {
        let mut response = Response::new(Script::trailers(&[("grpc-status", "14")]));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response
    });
    assert_eq!(ending, "503 error 14");
}

#[test]
fn a_grpc_message_is_a_tag() {
    let test = TestTracer::new();
    let mut request = Request::post("/shop.Cart/Add").body(()).unwrap();
    let headers = request.headers_mut();
    headers.insert("content-type", "application/grpc+proto".parse().unwrap());
    serve_all(&test.tracer.server_layer(), request, |_| {
        let trailers = [("grpc-status", "5"), ("grpc-message", "no such cart")];
        Response::new(Script::trailers(&trailers))
    });
    let span = test.spans.take_one();
    assert_eq!(span.tag("grpc.message").as_deref(), Some("no such cart"));
    assert_eq!(ending(&span), "200");
}

#[test]
fn a_grpc_status_means_nothing_to_other_requests() {
    let test = TestTracer::new();
    let mut response = ok(&test, Script::trailers(&[("grpc-status", "13")]));
    drain(response.body_mut()).unwrap();
    let span = test.spans.take_one();
    assert_eq!(ending(&span), "200");
    assert_eq!(span.tag("grpc.status_code"), None);
}
