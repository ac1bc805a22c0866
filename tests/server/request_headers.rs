//! What the handler finds on its request: the headers as they came, or rewritten, and the context.

use crate::{
    CALLER,
    common::{Lab, get, headers, sent_headers, text, values},
    edge::stranger,
    empty, serve_all,
};
use http::{HeaderMap, Request};
use tower_b3::Context;

#[test]
fn inbound_headers_are_kept_by_default() {
    let lab = Lab::new();
    let lines = format!("{CALLER}|x-b3-sampled: maybe|x-b3-sampled: 1|x-request-id: r");
    serve_all(&lab.tracer.server_layer(), get("/", &lines), |request| {
        assert_eq!(*request.headers(), headers(&lines));
        empty()
    });
    lab.spans.take_one();
}

#[test]
fn inbound_headers_are_rewritten_when_asked() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer().rewrite_request_headers(true);
    for lines in [CALLER.to_owned(), String::new(), stranger()] {
        let mut seen = HeaderMap::new();
        serve_all(&layer, get("/", &lines), |request| {
            seen = request.headers().clone();
            empty()
        });
        let span = lab.spans.take_one();
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
    let lab = Lab::new();
    let plain = lab.tracer.server_layer();
    let with = plain.clone().context_in_extensions(true);
    let lines = format!("{CALLER}|x-request-id: r|sw8: 7");
    serve_all(&plain, get("/", &lines), |request| {
        assert!(request.extensions().get::<Context>().is_none());
        empty()
    });
    let mut carried = None;
    serve_all(&with, get("/", &lines), |request| {
        carried = request.extensions().get::<Context>().cloned();
        empty()
    });
    let [_, span] = lab.spans.take(2).try_into().unwrap();
    let carried = carried.unwrap();
    assert_eq!(carried.trace_context(), Some(span.context()));
    assert_eq!(carried.request_id().unwrap().as_str(), "r");
    // In a task of its own, a call is still a child, with all that is forwarded.
    let mut request = Request::new(());
    request.extensions_mut().insert(carried);
    let out = sent_headers(&lab.tracer.client_layer(), request);
    assert_eq!((text(&out, "sw8"), text(&out, "x-request-id")), ("7", "r"));
    assert_eq!(lab.spans.take_one().parent_id(), Some(span.id()));
}
