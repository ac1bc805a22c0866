//! Both sides of a Kafka topic in one trace: `shop` takes an order and puts it on the topic, `billing`
//! takes it from there and stores it. Zipkin's dependency graph shows shop → kafka → billing → postgres.
//!
//! With a broker at localhost:9092 and Zipkin at localhost:9411:
//!
//! ```text
//! cargo run --example kafka_queue --features kafka,zipkin -- localhost:9092 http://localhost:9411
//! ```

use rskafka::{
    chrono::{DateTime, Utc},
    client::{
        ClientBuilder,
        partition::{Compression, PartitionClient, UnknownTopicHandling},
    },
    record::Record,
};
use std::{
    collections::BTreeMap,
    error::Error,
    time::{Duration, UNIX_EPOCH},
};
use tower_b3::{Tracer, record::Kind};

const TOPIC: &str = "orders";

/// The side of the producer. In a server, the SERVER span of a request would be current.
async fn place_order(
    tracer: &Tracer,
    topic: &PartitionClient,
    order: &str,
) -> Result<i64, Box<dyn Error>> {
    let mut headers = BTreeMap::new();
    let mut span = tracer
        .producer_span(&mut headers, "send")
        .remote_service("kafka");
    span.tag("kafka.topic", TOPIC);
    let record = Record {
        key: None,
        value: Some(order.into()),
        headers,
        timestamp: now(),
    };
    let send = async {
        let sent = topic
            .produce(vec![record], Compression::NoCompression)
            .await;
        // The span that is current here is the PRODUCER span.
        sent.inspect_err(|error| tower_b3::scope::error(error.to_string()))
    };
    let offsets = span.instrument(send).await?;
    Ok(offsets[0])
}

/// The side of the consumer: one CONSUMER span for each record, current while it is processed.
async fn consume(
    tracer: &Tracer,
    topic: &PartitionClient,
    offset: i64,
) -> Result<(), Box<dyn Error>> {
    let (records, _) = topic.fetch_records(offset, 1..1_000_000, 5_000).await?;
    for received in records {
        let mut span = tracer
            .consumer_span(&received.record.headers, "poll")
            .remote_service("kafka");
        span.tag("kafka.topic", TOPIC);
        span.tag("kafka.offset", received.offset.to_string());
        let order = received.record.value.unwrap_or_default();
        span.instrument(store(&order)).await;
    }
    Ok(())
}

/// Stands for a query to a database.
async fn store(order: &[u8]) {
    let query = async { order.len() };
    tower_b3::span("INSERT orders")
        .kind(Kind::Client)
        .remote_service("postgres")
        .instrument(query)
        .await;
}

fn now() -> DateTime<Utc> {
    let since = UNIX_EPOCH.elapsed().unwrap_or_default();
    DateTime::from_timestamp_millis(since.as_millis() as i64).unwrap_or_default()
}

/// Runs both sides, which in reality are two programs.
pub async fn run(broker: String, zipkin: &str) -> Result<(), Box<dyn Error>> {
    let shop = Tracer::builder("shop").start_zipkin(zipkin)?;
    let billing = Tracer::builder("billing").start_zipkin(zipkin)?;
    let kafka = ClientBuilder::new(vec![broker]).build().await?;
    let topic = kafka
        .partition_client(TOPIC, 0, UnknownTopicHandling::Retry)
        .await?;

    let order = async { place_order(&shop, &topic, "two teapots").await };
    let offset = shop.span("POST /orders").instrument(order).await?;
    consume(&billing, &topic, offset).await?;

    // Both block. Nothing else runs on this runtime.
    shop.shutdown(Duration::from_secs(5));
    billing.shutdown(Duration::from_secs(5));
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let broker = arguments.next().unwrap_or("localhost:9092".to_owned());
    let zipkin = arguments
        .next()
        .unwrap_or("http://localhost:9411".to_owned());
    run(broker, &zipkin).await
}
