use std::time::Duration;

use tower_b3::id::TraceId;
use tower_b3::report::Reporter;
use tower_b3::zipkin::{Encoding, KafkaReporter};

use super::{DELIVERED, SPANS, a_minute_ago, assert_all_sent, trace};
use crate::backends::{Http, Kafka, Zipkin, bench, eventually};

fn report(kafka: &KafkaReporter) -> String {
    let trace_id = TraceId::random();
    let spans = trace(trace_id, a_minute_ago());
    spans.into_iter().for_each(|span| kafka.report(span));
    trace_id.to_string()
}

async fn outage(kafka: &KafkaReporter, retries: u64) {
    eventually("an outage", DELIVERED, async || {
        let stats = kafka.stats();
        let down = stats.retries > retries && stats.last_error.is_some();
        down.then_some(()).ok_or(stats.to_string())
    })
    .await;
}

/// Reported before there is a broker, while there is one, and while it is down again.
#[tokio::test]
async fn spans_reach_zipkin_by_way_of_kafka() {
    let Some(dir) = bench("spans_reach_zipkin_by_way_of_kafka") else {
        return;
    };
    let mut broker = Kafka::prepare(&dir).await;
    let brokers = broker.addr().to_string();
    let start = |encoding| {
        KafkaReporter::builder(&brokers)
            .encoding(encoding)
            .max_age(Duration::from_millis(50))
            .backoff(Duration::from_millis(50), Duration::from_millis(500))
            .build()
            .expect("a reporter")
    };
    let json = start(Encoding::Json);
    let mut traces = vec![report(&json)];
    outage(&json, 0).await;
    assert_eq!(json.stats().sent, 0);

    broker.start().await;
    let variables = [("KAFKA_BOOTSTRAP_SERVERS", brokers.as_str())];
    let zipkin = Zipkin::start_with(&dir, &Http::new(), &variables).await;
    let proto3 = start(Encoding::Proto3);
    traces.push(report(&proto3));
    assert_all_sent(&proto3.shutdown_async(DELIVERED).await, SPANS);
    for trace in &traces {
        zipkin.trace(trace, SPANS).await;
    }
    assert_eq!(json.stats().sent, SPANS as u64);

    broker.stop();
    traces.push(report(&json));
    outage(&json, json.stats().retries).await;
    broker.start().await;
    assert_all_sent(&json.shutdown_async(DELIVERED).await, 2 * SPANS);
    zipkin.trace(&traces[2], SPANS).await;
}
