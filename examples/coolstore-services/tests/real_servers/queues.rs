//! Databases and queues, as Zipkin draws them.

use std::time::Duration;

use test_kit::backends::{Http, Kafka, Zipkin};
use tower_b3::{Tracer, record::Kind};

use crate::test_dir;

/// The example of the guide.
#[path = "../../../kafka_queue.rs"]
#[allow(dead_code, reason = "its main function")]
mod kafka_queue;

fn links(expected: &[(&str, &str)]) -> std::collections::BTreeSet<(String, String)> {
    let link = |&(from, to): &(&str, &str)| (from.to_owned(), to.to_owned());
    expected.iter().map(link).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn producer_and_consumer_are_one_tree_through_kafka() {
    let Some(dir) = test_dir("producer_and_consumer_are_one_tree_through_kafka") else {
        return;
    };
    let mut broker = Kafka::prepare(&dir).await;
    broker.start().await;
    let zipkin = Zipkin::start(&dir, &Http::default()).await;
    let kafka = broker.addr().to_string();
    kafka_queue::run(kafka, &zipkin.collector())
        .await
        .expect("the example runs");

    let traces = zipkin.traces(1, 4).await;
    let mut chain = Vec::new();
    let mut parent = None;
    while let Some(span) = traces[0].iter().find(|span| span.parent_id == parent) {
        chain.push((span.service(), span.kind(), &*span.name));
        parent = Some(span.id.clone());
    }
    assert_eq!(
        chain,
        [
            ("shop", "", "post /orders"),
            ("shop", "PRODUCER", "send"),
            ("billing", "CONSUMER", "poll"),
            ("billing", "CLIENT", "insert orders"),
        ]
    );
    let expected = [
        ("shop", "kafka"),
        ("kafka", "billing"),
        ("billing", "postgres"),
    ];
    assert_eq!(zipkin.links().await, links(&expected));
}

/// Zipkin expects the service on the other side to draw the link of a CLIENT span that has children.
#[tokio::test]
async fn a_client_span_with_children_draws_no_link() {
    let Some(dir) = test_dir("a_client_span_with_children_draws_no_link") else {
        return;
    };
    let zipkin = Zipkin::start(&dir, &Http::default()).await;
    let tracer = Tracer::builder("shop").start_zipkin(zipkin.collector());
    let tracer = tracer.expect("a tracer");
    let query = |service| {
        let query = tower_b3::span("query").kind(Kind::Client);
        query.remote_service(service)
    };
    tracer.span("work").in_scope(|| {
        query("redis").in_scope(|| ());
        query("postgres").in_scope(|| tower_b3::span("decode").in_scope(|| ()));
    });
    tokio::task::spawn_blocking(|| tracer.shutdown(Duration::from_secs(10)))
        .await
        .expect("a clean end");
    zipkin.traces(1, 4).await;
    assert_eq!(zipkin.links().await, links(&[("shop", "redis")]));
}
