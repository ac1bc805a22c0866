//! CONSUMER spans: their parent, their sampling decision, and messages that cannot be read.

use crate::{
    Headers,
    common::{SPAN, TRACE, TestTracer},
    headers,
};
use tower_b3::{Direction, Sampling, propagation::Field, record::Kind, sample::Sampler};

#[test]
fn the_parent_is_in_the_message_before_the_current_span() {
    let test = TestTracer::new();
    let message = headers(&format!("B3: {TRACE}-{SPAN}-1|x-request-id: r"));
    test.tracer.span("loop").in_scope(|| {
        test.tracer.consumer_span(&message, "poll").in_scope(|| {
            assert_eq!(tower_b3::request_id().unwrap().as_str(), "r");
        });
    });
    let spans = test.spans.take(2);
    let poll = &spans[0];
    assert_eq!((poll.name(), poll.kind()), ("poll", Some(Kind::Consumer)));
    assert_eq!(poll.trace_id().to_string(), TRACE);
    assert_eq!(poll.parent_id().unwrap().to_string(), SPAN);
    assert!(poll.is_local_root() && poll.is_sampled_by_caller());
}

#[test]
fn without_a_context_it_is_below_the_current_span_or_a_root() {
    let test = TestTracer::new();
    let poll = || drop(test.tracer.consumer_span(&Headers::new(), "poll"));
    test.tracer.span("loop").in_scope(poll);
    let spans = test.spans.take(2);
    assert_eq!(spans[0].parent_id(), Some(spans[1].id()));
    poll();
    assert_eq!(test.spans.take_one().parent_id(), None);
}

#[test]
fn a_decision_without_ids_begins_a_trace() {
    let test = TestTracer::new();
    test.tracer.span("loop").in_scope(|| {
        let span = test.tracer.consumer_span(&headers("b3: 0"), "poll");
        let context = span.context().unwrap();
        assert_eq!(context.sampling(), Sampling::Deny);
        assert_ne!(
            Some(context.trace_id()),
            tower_b3::current().map(|c| c.trace_id())
        );
    });
    assert_eq!(test.spans.take_one().name(), "loop");
}

#[test]
fn undecided_messages_are_sampled_as_incoming_requests_are() {
    let test = TestTracer::of(|builder| {
        builder
            .sampler(Sampler::always())
            .sampler_for(Direction::Server, Sampler::never())
    });
    let sampling = |lines: &str| {
        let span = test.tracer.consumer_span(&headers(lines), "poll");
        span.context().unwrap().sampling()
    };
    assert_eq!(sampling(&format!("b3: {TRACE}-{SPAN}")), Sampling::Deny);
    assert_eq!(sampling(""), Sampling::Deny);
    test.spans.take(0);
    let forced = format!("b3: {TRACE}-{SPAN}|x-envoy-force-trace: true");
    assert_eq!(sampling(&forced), Sampling::Accept);
    assert!(test.spans.take_one().is_forced());
}

#[test]
fn malformed_headers_are_counted_and_tagged() {
    let test = TestTracer::of(|builder| builder.tag_malformed_headers(true));
    let message = vec![("b3".to_owned(), vec![0; 80])];
    drop(test.tracer.consumer_span(&message, "poll"));
    let poll = test.spans.take_one();
    assert_eq!(poll.parent_id(), None);
    assert_eq!(
        poll.tag("malformed_headers").as_deref(),
        Some("b3: wrong length or shape")
    );
    assert_eq!(test.tracer.malformed(Field::B3), 1);
}

#[test]
fn other_kinds_can_be_made_from_a_carrier() {
    let test = TestTracer::new();
    let metadata = headers(&format!("b3: {TRACE}-{SPAN}-1"));
    drop(
        test.tracer
            .span_from(&metadata, "Ledger.Post")
            .kind(Kind::Server),
    );
    let span = test.spans.take_one();
    assert_eq!(span.kind(), Some(Kind::Server));
    assert_eq!(span.parent_id().unwrap().to_string(), SPAN);
}
