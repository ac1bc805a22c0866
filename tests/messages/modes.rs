//! Where a sidecar makes the spans of requests, messages carry on its headers.

use crate::{
    Headers,
    common::{SPAN, TRACE, TestTracer, get},
    headers, lines, span_in, text,
};
use http::{Request, Response};
use std::convert::Infallible;
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{Direction, Mode, propagation::Propagation, record::Kind};

const RECEIVED: &str = "x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124|\
    x-b3-spanid: a2fb4a1d1a96d312|x-b3-sampled: 1|x-request-id: r|jwt: secret";

/// The message that a handler sends in answer to a request with `RECEIVED`.
async fn sent(test: &TestTracer) -> Headers {
    let tracer = test.tracer.clone();
    let service = service_fn(async |_: Request<()>| {
        let mut message = headers("key: value");
        drop(tracer.producer_span(&mut message, "send"));
        Ok::<_, Infallible>(Response::new(lines(&message)))
    });
    let layer = test.tracer.server_layer();
    let response = layer.layer(service).oneshot(get("/", RECEIVED)).await;
    headers(&text(response.unwrap()).await)
}

/// The headers of a request that is sent while a message is processed.
async fn called(test: &TestTracer, message: &Headers) -> String {
    let service = service_fn(async |request: Request<()>| {
        let headers = request.headers().iter();
        let pairs = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
        Ok::<_, Infallible>(Response::new(lines(&pairs.collect())))
    });
    let client = test.tracer.client_layer().layer(service);
    let request = Request::get("http://ledger/").body(()).unwrap();
    let span = test.tracer.consumer_span(message, "poll");
    let call = async { text(client.oneshot(request).await.unwrap()).await };
    span.instrument(call).await
}

fn in_mode(mode: Mode) -> TestTracer {
    let propagation = Propagation::default().forward(["jwt"]).unwrap();
    TestTracer::of(|builder| builder.mode(mode).propagation(propagation))
}

#[tokio::test]
async fn forward_only_copies_the_headers_both_ways() {
    let test = in_mode(Mode::ForwardOnly);
    let message = sent(&test).await;
    let expected = RECEIVED.replace("|jwt: secret", "");
    assert_eq!(lines(&message), format!("key: value|{expected}"));
    assert_eq!(called(&test, &message).await, expected);
    assert_eq!(called(&test, &headers("key: value")).await, "");
    test.spans.take(0);

    // Nothing is current, and nothing is changed.
    let mut message = headers(RECEIVED);
    drop(test.tracer.producer_span(&mut message, "send"));
    assert_eq!(lines(&message), RECEIVED);
}

#[tokio::test]
async fn record_only_makes_spans_and_copies_the_headers() {
    let test = in_mode(Mode::RecordOnly);
    let message = sent(&test).await;
    let expected = RECEIVED.replace("|jwt: secret", "");
    assert_eq!(lines(&message), format!("key: value|{expected}"));
    let kinds: Vec<_> = test.spans.take(2).iter().map(|span| span.kind()).collect();
    assert_eq!(kinds, [Some(Kind::Producer), Some(Kind::Server)]);

    assert_eq!(called(&test, &message).await, expected);
    let spans = test.spans.take(2);
    let kinds: Vec<_> = spans.iter().map(|span| span.kind()).collect();
    assert_eq!(kinds, [Some(Kind::Client), Some(Kind::Consumer)]);
    for span in &spans {
        assert_eq!(span.trace_id().to_string(), TRACE);
        assert_eq!(span.parent_id().unwrap().to_string(), SPAN);
    }
}

/// A sidecar makes the SERVER span, and the service the PRODUCER span below it.
#[tokio::test]
async fn spans_of_one_direction_are_below_the_received_headers() {
    let test = TestTracer::of(|builder| builder.mode_for(Direction::Server, Mode::ForwardOnly));
    let message = sent(&test).await;
    let send = test.spans.take_one();
    assert_eq!(send.kind(), Some(Kind::Producer));
    assert_eq!(send.parent_id().unwrap().to_string(), SPAN);
    assert_eq!(span_in(&message), send.id().to_string());
    assert!(lines(&message).contains("|x-request-id: r"));

    // Without client spans, messages carry the SERVER span.
    let test = TestTracer::of(|builder| builder.mode_for(Direction::Client, Mode::ForwardOnly));
    let message = sent(&test).await;
    let server = test.spans.take_one();
    assert_eq!(server.kind(), Some(Kind::Server));
    assert_eq!(span_in(&message), server.id().to_string());
}

/// Outside of a request there are no headers to copy, and a message that carried nothing would begin
/// another trace.
#[test]
fn record_only_writes_the_context_of_a_root() {
    let test = in_mode(Mode::RecordOnly);
    let mut headers: Vec<(String, String)> = Vec::new();
    let span = test.tracer.producer_span(&mut headers, "send");
    let context = span.context().unwrap();
    drop(span);
    let b3 = headers.iter().find(|(name, _)| name == "b3");
    assert!(
        b3.unwrap()
            .1
            .starts_with(&format!("{}-{}", context.trace_id(), context.span_id()))
    );
    // A message that is passed on keeps its own.
    let mut passed_on = vec![("b3".to_owned(), format!("{TRACE}-{SPAN}-1"))];
    let before = passed_on.clone();
    drop(test.tracer.producer_span(&mut passed_on, "send"));
    assert_eq!(passed_on, before);
    test.spans.take(2);
}
