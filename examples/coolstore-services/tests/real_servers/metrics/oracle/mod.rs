//! The same requests to a real Envoy and to the layers: bytes, codes, flags, gRPC statuses and buckets are
//! equal, except for what `differences.txt` lists.

mod client;
mod compare;
mod counted_request;
mod envoy;
mod origin;
mod server;

use std::collections::BTreeSet;
use std::time::Duration;

use test_kit::backends::eventually;
use tower_b3::metrics::{Measurement, Metrics, Workload};
use tower_b3::{Direction, Tracer, report::NoopReporter};

use compare::Comparison;
use counted_request::{CountedRequest, bucket};
use envoy::Proxy;
use origin::Origin;

const OBSERVED: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_layers_count_what_envoy_counts() {
    let Some(dir) = crate::test_dir("the_layers_count_what_envoy_counts") else {
        return;
    };
    let origin = Origin::start().await;
    let envoy = Proxy::start(&dir, &origin).await;
    let mut comparison = Comparison::default();
    for case in server::CASES {
        let by_envoy = server::sent_to_envoy(case, &envoy, &origin).await;
        let by_ours = server::sent_to_layer(case, &origin).await;
        comparison.add("server", case.name, by_envoy, by_ours);
    }
    for case in client::CASES {
        let by_envoy = client::sent_by_envoy(case, &envoy, &origin).await;
        let by_ours = client::sent_by_layer(case, &origin).await;
        comparison.add("client", case.name, by_envoy, by_ours);
    }
    println!("{}", comparison.summary());
    assert_eq!(comparison.faults(), Vec::<String>::new());
}

/// Bounds are inclusive, and there are the same nineteen.
///
/// Envoy keeps two digits of a value: 101 is counted as 100, and 110 is the next one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_buckets_are_envoys() {
    let Some(dir) = crate::test_dir("the_buckets_are_envoys") else {
        return;
    };
    let origin = Origin::start().await;
    let envoy = Proxy::start(&dir, &origin).await;
    let bounds = envoy::BUCKETS.iter().map(|bound| *bound as u64);
    let values: BTreeSet<u64> = bounds
        .flat_map(|bound| [bound, bound + bound.div_ceil(10)])
        .collect();
    for value in &values {
        let case = format!("value-{value}");
        envoy.get(&case, *value).await;
        let by_envoy = eventually(&case, OBSERVED, async || {
            let text = envoy.stats().await?;
            bucket(&text, "envoy_t_value_bucket", &case).ok_or(text)
        })
        .await;
        let metrics = Metrics::builder(Workload::new("webapp")).build();
        let measured = Measurement::new(200, Duration::from_millis(*value));
        metrics.record(Direction::Server, &measured);
        let name = "istio_request_duration_milliseconds_bucket";
        let by_ours = bucket(&metrics.text(), name, "").expect("a bucket");
        assert_eq!(by_ours, by_envoy, "{value} ms");
    }
    println!("{} durations are in the same buckets", values.len());
}

fn tracer(metrics: &Metrics) -> Tracer {
    let builder = Tracer::builder("webapp").reporter(NoopReporter);
    builder.metrics(metrics).build().expect("a tracer")
}

/// What the metrics show once they have counted one request.
async fn counted(case: &str, metrics: &Metrics) -> CountedRequest {
    eventually(case, OBSERVED, async || {
        CountedRequest::of_metrics(&metrics.text()).ok_or_else(|| "nothing is counted".to_owned())
    })
    .await
}
