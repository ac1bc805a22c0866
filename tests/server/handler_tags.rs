//! What the handler adds to its span.

use crate::{
    common::{TestTracer, ending, get},
    empty, serve_all,
};
use http::StatusCode;
use tower_b3::scope;

#[test]
fn the_handler_can_tag_annotate_and_fail_the_span() {
    let test = TestTracer::new();
    serve_all(&test.tracer.server_layer(), get("/", ""), |_| {
        tower_b3::tag("cart.items", "3");
        tower_b3::annotate("cache miss");
        scope::error("out of stock");
        empty()
    });
    let span = test.spans.take_one();
    assert_eq!(span.tag("cart.items").as_deref(), Some("3"));
    assert_eq!(ending(&span), "200 error(out of stock)");
    let annotations: Vec<_> = span.annotations().collect();
    assert_eq!(annotations.len(), 1);
    let (at, text) = annotations[0];
    assert_eq!(text, "cache miss");
    let end = span.timestamp() + span.duration().as_micros() as u64;
    assert!((span.timestamp()..=end).contains(&at));
}

#[test]
fn a_handlers_error_and_a_5xx_response_are_one_error() {
    let test = TestTracer::new();
    serve_all(&test.tracer.server_layer(), get("/", ""), |_| {
        scope::error("out of stock");
        let mut response = empty();
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    });
    let span = test.spans.take_one();
    assert_eq!(ending(&span), "500 error(out of stock)");
}
