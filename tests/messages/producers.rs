//! PRODUCER spans: their parent, and what they write.

use crate::{
    Headers,
    common::{PARENT, SPAN, TRACE, TestTracer, get},
    headers, lines, span_in, text,
};
use http::{Request, Response};
use std::convert::Infallible;
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{record::Kind, sample::Sampler};

#[test]
fn the_parent_is_the_current_span_before_the_headers() {
    let test = TestTracer::new();
    let stale = format!("b3: {TRACE}-{SPAN}-1|X-B3-TraceId: {TRACE}|key: value");
    let mut message = headers(&stale);
    test.tracer.span("work").in_scope(|| {
        drop(test.tracer.producer_span(&mut message, "send"));
    });
    let spans = test.spans.take(2);
    let (send, work) = (&spans[0], &spans[1]);
    assert_eq!((send.name(), send.kind()), ("send", Some(Kind::Producer)));
    assert_eq!(send.parent_id(), Some(work.id()));
    assert_eq!(span_in(&message), send.id().to_string());
    let sent = format!("b3: {}-{}-1", send.trace_id(), send.id());
    assert!(lines(&message).starts_with(&format!("key: value|{sent}|x-request-id: ")));
}

#[test]
fn outside_of_a_span_a_message_that_is_passed_on_stays_in_its_trace() {
    let test = TestTracer::of(|builder| builder.sampler(Sampler::never()));
    let mut message = headers(&format!("b3: {TRACE}-{SPAN}-1|x-request-id: r"));
    drop(test.tracer.producer_span(&mut message, "send"));
    let send = test.spans.take_one();
    assert_eq!(send.parent_id().unwrap().to_string(), SPAN);
    assert!(send.is_local_root());
    assert_eq!(
        lines(&message),
        format!("x-request-id: r|b3: {TRACE}-{}-1", send.id())
    );
}

#[test]
fn without_a_context_a_trace_begins() {
    let test = TestTracer::new();
    let mut message = Headers::new();
    drop(test.tracer.producer_span(&mut message, "send"));
    let send = test.spans.take_one();
    assert_eq!(send.parent_id(), None);
    assert_eq!(span_in(&message), send.id().to_string());

    // A request id alone is kept.
    let mut message = headers("x-request-id: r");
    drop(test.tracer.producer_span(&mut message, "send"));
    test.spans.take_one();
    assert!(lines(&message).starts_with("x-request-id: r|b3: "));
}

#[test]
fn a_trace_that_is_not_sampled_says_so() {
    let test = TestTracer::of(|builder| builder.sampler(Sampler::never()));
    let mut message = Headers::new();
    let span = test.tracer.producer_span(&mut message, "send");
    let context = span.context().unwrap();
    drop(span);
    let b3 = format!("b3: {}-{}-0|", context.trace_id(), context.span_id());
    assert!(lines(&message).starts_with(&b3));
    test.spans.take(0);
}

/// Below an excluded request there are no spans, and its context goes on unchanged.
#[tokio::test]
async fn messages_of_excluded_requests_carry_their_context() {
    let test = TestTracer::new();
    let tracer = test.tracer.clone();
    let service = service_fn(async |_: Request<()>| {
        let mut message = Headers::new();
        drop(tracer.producer_span(&mut message, "send"));
        Ok::<_, Infallible>(Response::new(lines(&message)))
    });
    let layer = test.tracer.server_layer().exclude_paths(["/health"]);
    let request = get(
        "/health",
        &format!("b3: {TRACE}-{SPAN}-1-{PARENT}|x-request-id: r"),
    );
    let response = layer.layer(service).oneshot(request).await.unwrap();
    assert_eq!(
        text(response).await,
        format!("b3: {TRACE}-{SPAN}-1|x-request-id: r")
    );
    test.spans.take(0);
}

#[test]
fn inject_writes_the_current_context() {
    let test = TestTracer::new();
    let mut message = headers("key: value");
    test.tracer.inject(&mut message);
    assert_eq!(lines(&message), "key: value");
    test.tracer
        .span("send")
        .in_scope(|| test.tracer.inject(&mut message));
    assert_eq!(span_in(&message), test.spans.take_one().id().to_string());
}
