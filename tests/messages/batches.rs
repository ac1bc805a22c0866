//! Messages that are processed together.

use crate::{
    common::{TestTracer, TreeFormat},
    headers,
};
use tower_b3::{TraceContext, propagation::Propagation, sample::Sampler};

fn context(at: u64, state: &str) -> TraceContext {
    let message = headers(&format!("b3: {at:032x}-{at:016x}{state}"));
    let (incoming, _) = Propagation::default().extract_from(&message);
    incoming.context().unwrap()
}

fn reference(at: u64) -> String {
    format!("follows from {at:016x}-{at:016x}")
}

#[test]
fn a_batch_is_below_its_first_sampled_message_and_refers_to_the_others() {
    let test = TestTracer::of(|builder| builder.sampler(Sampler::never()));
    let messages = [
        context(1, "-0"),
        context(2, "-1"),
        context(3, ""),
        context(4, "-d"),
    ];
    test.tracer.batch_span(messages, "insert").in_scope(|| ());
    let insert = test.spans.take_one();
    assert_eq!(insert.parent_id(), Some(messages[1].span_id()));
    assert_eq!(insert.kind(), None);
    let texts: Vec<_> = insert
        .annotations()
        .map(|(_, text)| text.to_owned())
        .collect();
    assert_eq!(texts, [reference(1), reference(3), reference(4)]);
}

#[test]
fn a_batch_without_a_sampled_message_is_not_sampled() {
    let test = TestTracer::new();
    let messages = [context(1, "-0"), context(2, "-0")];
    let span = test.tracer.batch_span(messages, "insert");
    assert_eq!(span.context().unwrap().trace_id(), messages[0].trace_id());
    drop(span);
    test.spans.take(0);

    drop(test.tracer.batch_span([], "insert"));
    assert_eq!(test.spans.take_one().parent_id(), None);
}

#[test]
fn a_large_batch_has_128_references() {
    let test = TestTracer::new();
    let messages = (1..=500).map(|at| context(at, "-1"));
    drop(test.tracer.batch_span(messages, "insert"));
    let insert = test.spans.take_one();
    assert_eq!(insert.annotations().count(), 128);
    assert_eq!(insert.tag("left_out").as_deref(), Some("371"));
}

/// Messages without a context share the span around the loop.
#[test]
fn each_message_is_in_its_own_trace() {
    let test = TestTracer::new();
    let messages = ["b3: 000000000000000a-000000000000000a-1", "", ""].map(headers);
    test.tracer.span("receive").in_scope(|| {
        for message in &messages {
            drop(
                test.tracer
                    .consumer_span(message, "poll")
                    .remote_service("kafka"),
            );
        }
    });
    TreeFormat::default().assert(
        &test.spans.take(4),
        "
        shop            receive
        shop  CONSUMER  └─ poll
        shop  CONSUMER  └─ poll

        shop  CONSUMER  poll
        ",
    );
}
