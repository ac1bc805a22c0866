//! The Kafka reporter against a real broker and Zipkin's collector, also across outages.

use std::time::Duration;

use test_kit::backends::{Http, Kafka, Zipkin, eventually};
use test_kit::log;
use tower_b3::id::TraceId;
use tower_b3::report::{BatchOptions, Reporter, Stats};
use tower_b3::zipkin::{Encoding, KafkaReporter};

use super::{DELIVERED, SPANS, a_minute_ago, assert_all_sent, span, trace};
use crate::test_dir;

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

/// Spans are reported before the broker starts, while it runs, and while it is down again.
#[tokio::test]
async fn spans_reach_zipkin_through_kafka() {
    let Some(dir) = test_dir("spans_reach_zipkin_through_kafka") else {
        return;
    };
    let mut broker = Kafka::prepare(&dir).await;
    let brokers = broker.addr().to_string();
    let start = |encoding| {
        KafkaReporter::builder(&brokers)
            .encoding(encoding)
            .options(
                BatchOptions::new()
                    .max_age(Duration::from_millis(50))
                    .backoff(Duration::from_millis(50), Duration::from_millis(500)),
            )
            .build()
            .expect("a reporter")
    };
    let json = start(Encoding::Json);
    let mut traces = vec![report(&json)];
    outage(&json, 0).await;
    assert_eq!(json.stats().sent, 0);

    broker.start().await;
    let variables = [("KAFKA_BOOTSTRAP_SERVERS", brokers.as_str())];
    let zipkin = Zipkin::start_with(&dir, &Http::default(), &variables).await;
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

fn assert_sums(stats: &Stats) {
    let sum = stats.queued + stats.in_flight + stats.sent + stats.dropped.total();
    assert_eq!(stats.finished, sum, "{stats:?}");
}

/// With a broker that does not create topics automatically.
#[tokio::test]
async fn a_missing_topic_is_counted_and_logged_once() {
    let Some(dir) = test_dir("a_missing_topic_is_counted_and_logged_once") else {
        return;
    };
    log::start();
    let mut broker = Kafka::prepare_with(&dir, "auto.create.topics.enable=false").await;
    broker.start().await;
    let kafka = KafkaReporter::builder(broker.addr().to_string())
        .topic("nowhere")
        .options(
            BatchOptions::new()
                .max_age(Duration::from_millis(50))
                .backoff(Duration::from_millis(20), Duration::from_millis(100))
                .retry_for(Duration::from_secs(1)),
        )
        .build()
        .expect("a reporter");
    for round in 1..=2 {
        report(&kafka);
        eventually("the spans are given up", DELIVERED, async || {
            let stats = kafka.stats();
            assert_sums(&stats);
            let lost = stats.dropped.retries_exhausted == round * SPANS as u64;
            lost.then_some(()).ok_or(stats.to_string())
        })
        .await;
    }
    let stats = kafka.stats();
    assert_eq!(
        (stats.sent, stats.finished),
        (0, 2 * SPANS as u64),
        "{stats}"
    );
    assert!(stats.retries > 1, "{stats:?}");
    let error = stats.last_error.expect("an error");
    assert!(
        error.ongoing && error.message.contains("UnknownTopic"),
        "{error:?}"
    );
    let lines = log::lines("topic nowhere of Kafka");
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let began = format!(
        "WARN cannot deliver spans to topic nowhere of Kafka at {}: ",
        broker.addr()
    );
    assert!(lines[0].starts_with(&began), "{lines:#?}");
}

/// Spans are finished continuously while the broker is killed and restarted, twice.
#[tokio::test]
async fn no_spans_are_lost_when_the_broker_is_killed() {
    let Some(dir) = test_dir("no_spans_are_lost_when_the_broker_is_killed") else {
        return;
    };
    const EACH: usize = 100;
    let mut broker = Kafka::prepare(&dir).await;
    broker.start().await;
    let brokers = broker.addr().to_string();
    let variables = [("KAFKA_BOOTSTRAP_SERVERS", brokers.as_str())];
    let zipkin = Zipkin::start_with(&dir, &Http::default(), &variables).await;
    let kafka = KafkaReporter::builder(&brokers)
        .options(
            BatchOptions::new()
                .max_age(Duration::from_millis(5))
                .request_timeout(Duration::from_secs(1))
                .backoff(Duration::from_millis(20), Duration::from_millis(200)),
        )
        .build()
        .expect("a reporter");
    let sent = async |spans: usize| {
        eventually("all are sent", DELIVERED, async || {
            let stats = kafka.stats();
            assert_sums(&stats);
            let all = stats.sent == spans as u64;
            all.then_some(()).ok_or(stats.to_string())
        })
        .await;
    };
    let started = a_minute_ago();
    for round in 1..=2 {
        for number in 0..EACH {
            kafka.report(span(TraceId::random(), 1, None).timestamp(started).build());
            tokio::time::sleep(Duration::from_millis(1)).await;
            if number == EACH / 2 {
                broker.stop();
            }
        }
        outage(&kafka, kafka.stats().retries).await;
        assert!(kafka.stats().last_error.expect("an error").ongoing);
        broker.start().await;
        sent(round * EACH).await;
        assert!(!kafka.stats().last_error.expect("an error").ongoing);
    }
    assert_all_sent(&kafka.shutdown_async(DELIVERED).await, 2 * EACH);
    // A record whose acknowledgement was lost is stored twice; its spans have the same ids.
    zipkin.traces(2 * EACH, 1).await;
}
