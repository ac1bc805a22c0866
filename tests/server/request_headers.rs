//! The handler's request: its headers, unchanged or rewritten, and the context in its extensions.

use crate::{
    CALLER,
    common::{TestTracer, get, headers, sent_headers, text, values},
    edge::untrusted_headers,
    empty, serve_all,
};
use http::{HeaderMap, Request};
use tower_b3::RequestContext;

#[test]
fn inbound_headers_are_kept_by_default() {
    let test = TestTracer::new();
    let lines = format!("{CALLER}|x-b3-sampled: maybe|x-b3-sampled: 1|x-request-id: r");
    serve_all(&test.tracer.server_layer(), get("/", &lines), |request| {
        assert_eq!(*request.headers(), headers(&lines));
        empty()
    });
    test.spans.take_one();
}

#[test]
fn inbound_headers_are_rewritten_when_asked() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer().rewrite_request_headers(true);
    for lines in [CALLER.to_owned(), String::new(), untrusted_headers()] {
        let mut seen = HeaderMap::new();
        serve_all(&layer, get("/", &lines), |request| {
            seen = request.headers().clone();
            empty()
        });
        let span = test.spans.take_one();
        assert_eq!(text(&seen, "x-b3-traceid"), span.trace_id().to_string());
        assert_eq!(
            values(&seen, "x-b3-spanid"),
            [span.id().to_string().as_bytes()]
        );
        let parent = span.parent_id().map(|id| id.to_string());
        assert_eq!(
            seen.get("x-b3-parentspanid").map(|id| id.to_str().unwrap()),
            parent.as_deref()
        );
        assert_eq!(text(&seen, "x-b3-sampled"), "1");
        assert!(!seen.contains_key("b3"));
    }
}

#[test]
fn the_context_is_in_the_extensions_when_asked() {
    let test = TestTracer::new();
    let plain = test.tracer.server_layer();
    let with = plain.clone().context_in_extensions(true);
    let lines = format!("{CALLER}|x-request-id: r|sw8: 7");
    serve_all(&plain, get("/", &lines), |request| {
        assert!(request.extensions().get::<RequestContext>().is_none());
        empty()
    });
    let mut carried = None;
    serve_all(&with, get("/", &lines), |request| {
        carried = request.extensions().get::<RequestContext>().cloned();
        empty()
    });
    let [_, span] = test.spans.take(2).try_into().unwrap();
    let carried = carried.unwrap();
    assert_eq!(carried.trace_context(), Some(span.context()));
    assert_eq!(carried.request_id().unwrap().as_str(), "r");
    // A call elsewhere is still a child, and has all forwarded headers.
    let mut request = Request::new(());
    request.extensions_mut().insert(carried);
    let out = sent_headers(&test.tracer.client_layer(), request);
    assert_eq!((text(&out, "sw8"), text(&out, "x-request-id")), ("7", "r"));
    assert_eq!(test.spans.take_one().parent_id(), Some(span.id()));
}
