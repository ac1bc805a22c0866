//! Two services and a queue in memory: one tree.

use crate::{
    Headers,
    common::{SpanCollector, TreeFormat, get},
    text,
};
use http::{Request, Response};
use std::convert::Infallible;
use tokio::sync::mpsc;
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{Tracer, record::SpanRecord, sample::Sampler};

struct Message {
    headers: Headers,
    order: u32,
}

/// A request to `shop` puts a message on the queue, which `billing` takes from it.
async fn run(shop: Tracer, billing: Tracer, request: Request<()>) -> Vec<String> {
    let (queue, mut received) = mpsc::channel(10);
    let producer = shop.clone();
    let handler = service_fn(move |_: Request<()>| {
        let (producer, queue) = (producer.clone(), queue.clone());
        async move {
            let mut headers = Headers::new();
            let span = producer.producer_span(&mut headers, "send");
            let mut span = span.remote_service("kafka");
            span.tag("kafka.topic", "orders");
            let message = Message { headers, order: 7 };
            let sent = span.instrument(queue.send(message)).await;
            assert!(sent.is_ok());
            Ok::<_, Infallible>(Response::new(String::new()))
        }
    });
    let response = shop.server_layer().layer(handler).oneshot(request).await;
    drop(response.unwrap());

    let ledger = service_fn(|request: Request<()>| async move {
        let id = request.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        let state = request.headers()["x-b3-sampled"]
            .to_str()
            .unwrap()
            .to_owned();
        Ok::<_, Infallible>(Response::new(format!("{state} {id}")))
    });
    let ledger = billing.client_layer().layer(ledger);
    let mut called = Vec::new();
    while let Some(message) = received.recv().await {
        let span = billing.consumer_span(&message.headers, "poll");
        let mut span = span.remote_service("kafka");
        span.tag("kafka.topic", "orders");
        let process = async {
            assert_eq!(message.order, 7);
            let request = Request::get("http://ledger/").body(()).unwrap();
            text(ledger.clone().oneshot(request).await.unwrap()).await
        };
        called.push(span.instrument(process).await);
    }
    called
}

fn remote_services(spans: &[SpanRecord]) -> Vec<Option<&str>> {
    let remote = spans.iter().map(|span| span.remote_endpoint().service_name);
    remote.collect()
}

#[tokio::test]
async fn producer_and_consumer_are_one_tree() {
    let spans = SpanCollector::new();
    let request = get("http://shop/cart", "x-request-id: r-1");
    let called = run(spans.tracer("shop"), spans.tracer("billing"), request).await;
    // The request id goes with the message.
    assert_eq!(called, ["1 r-1"]);
    let spans = spans.take(4);
    assert_eq!(
        remote_services(&spans),
        [Some("kafka"), None, Some("ledger"), Some("kafka")]
    );
    TreeFormat::default().tags(["kafka.topic"]).assert(
        &spans,
        "
        shop     SERVER    GET
        shop     PRODUCER  └─ send       kafka.topic=orders
        billing  CONSUMER     └─ poll    kafka.topic=orders
        billing  CLIENT          └─ GET
        ",
    );
}

#[tokio::test]
async fn the_consumer_follows_the_decision_of_the_request() {
    for (came, expected, recorded) in [("x-b3-sampled: 0", "0", 0), ("b3: d", "1", 4)] {
        let spans = SpanCollector::new();
        let shop = spans.builder("shop").sampler(Sampler::never()).build();
        let billing = spans.builder("billing").sampler(Sampler::always()).build();
        let request = get("http://shop/cart", &format!("{came}|x-request-id: r-2"));
        let called = run(shop.unwrap(), billing.unwrap(), request).await;
        assert_eq!(called, [format!("{expected} r-2")]);
        assert_eq!(spans.take(recorded).len(), recorded);
    }
}
