//! The cost of recording a request, beside what other libraries take to count the same.
//!
//! One request is one counter and three histograms with 25 labels. All series exist already, and there
//! are 200 of them.

use criterion::{Criterion, criterion_group, criterion_main};
use std::{hint::black_box, time::Duration};
use tower_b3::{
    Direction,
    id::{SpanId, TraceId},
    metrics::{Measurement, Metrics, PeerMetadata, PeerNumber, Workload},
};

const PEERS: usize = 20;
const CODES: [u16; 10] = [200, 201, 202, 204, 301, 400, 403, 404, 500, 503];

fn workload(name: &str) -> Workload {
    Workload::new(name)
        .namespace("istioinaction")
        .pod(format!("{name}-5b7c8d9f4c-x2x9k"))
        .owner(format!(
            "kubernetes://apis/apps/v1/namespaces/istioinaction/deployments/{name}"
        ))
        .label("app", name)
        .label("version", "v1")
}

/// What some workloads tell.
fn peers() -> Vec<PeerMetadata> {
    let peer = |number| {
        let mut peer = PeerMetadata::default();
        peer.workload = format!("peer-{number}");
        peer.namespace = "istioinaction".to_owned();
        (peer.app, peer.version) = (peer.workload.clone(), "v1".to_owned());
        peer
    };
    (0..PEERS).map(peer).collect()
}

fn measured(number: usize, peers: &[PeerNumber]) -> Measurement<'static> {
    let mut measured = Measurement::new(
        CODES[number % CODES.len()],
        Duration::from_micros(number as u64 * 137 % 900_000),
    );
    measured.peer = peers[number / CODES.len() % peers.len()];
    measured.request_bytes = number as u64 % 2_000;
    measured.response_bytes = number as u64 * 31 % 200_000;
    measured
}

fn ours(criterion: &mut Criterion) {
    let metrics = Metrics::builder(workload("catalog")).build();
    let peers: Vec<PeerNumber> = peers().iter().map(|peer| metrics.peer(peer)).collect();
    let requests: Vec<_> = (0..PEERS * CODES.len())
        .map(|number| measured(number, &peers))
        .collect();
    let mut group = criterion.benchmark_group("metrics");
    let mut next = requests.iter().cycle();
    group.bench_function("record", |bencher| {
        bencher.iter(|| metrics.record(Direction::Server, black_box(next.next().unwrap())));
    });
    let ids = (TraceId::random(), SpanId::random());
    group.bench_function("record, sampled", |bencher| {
        bencher.iter(|| {
            let mut measured = *next.next().unwrap();
            measured.sampled = Some(ids);
            metrics.record(Direction::Server, black_box(&measured));
        });
    });
    group.bench_function("destination", |bencher| {
        bencher.iter(|| metrics.destination(black_box("catalog.istioinaction:80")));
    });
    group.bench_function("scrape", |bencher| bencher.iter(|| metrics.text()));
    group.finish();
}

#[cfg(feature = "prometheus-client")]
mod prometheus_client_ {
    use super::*;
    use prometheus_client::metrics::{counter::Counter, family::Family, histogram::Histogram};

    const BOUNDS: [f64; 19] = [
        0.5, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2.5e3, 5e3, 1e4, 3e4, 6e4, 3e5,
        6e5, 1.8e6, 3.6e6,
    ];

    type Labels = Vec<(String, String)>;

    pub fn bench(criterion: &mut Criterion) {
        let requests = Family::<Labels, Counter>::default();
        let histogram =
            || Family::<Labels, Histogram>::new_with_constructor(|| Histogram::new(BOUNDS));
        let histograms = [histogram(), histogram(), histogram()];
        let labels: Vec<Labels> = (0..200)
            .map(|series| {
                let label = |at| (format!("label_number_{at}"), format!("value-{series}-{at}"));
                (0..25).map(label).collect()
            })
            .collect();
        let mut next = labels.iter().cycle();
        criterion.bench_function("metrics/prometheus-client, labels ready made", |bencher| {
            bencher.iter(|| {
                let labels = next.next().unwrap();
                requests.get_or_create(labels).inc();
                for histogram in &histograms {
                    histogram.get_or_create(labels).observe(black_box(137.0));
                }
            });
        });
    }
}

#[cfg(feature = "prometheus")]
mod prometheus_ {
    use super::*;
    use prometheus::{CounterVec, HistogramOpts, HistogramVec, Opts};

    pub fn bench(criterion: &mut Criterion) {
        let names: Vec<String> = (0..25).map(|at| format!("label_number_{at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let requests = CounterVec::new(Opts::new("requests", "Requests."), &names).unwrap();
        let histogram = |name: &str| {
            let buckets = (0..19).map(|at| f64::from(1 << at)).collect();
            let options = HistogramOpts::new(name, "Numbers.").buckets(buckets);
            HistogramVec::new(options, &names).unwrap()
        };
        let histograms = ["a", "b", "c"].map(histogram);
        let values: Vec<Vec<String>> = (0..200)
            .map(|series| (0..25).map(|at| format!("value-{series}-{at}")).collect())
            .collect();
        let values: Vec<Vec<&str>> = values
            .iter()
            .map(|values| values.iter().map(String::as_str).collect())
            .collect();
        let mut next = values.iter().cycle();
        criterion.bench_function("metrics/prometheus, labels ready made", |bencher| {
            bencher.iter(|| {
                let values = next.next().unwrap();
                requests.with_label_values(values).inc();
                for histogram in &histograms {
                    histogram
                        .with_label_values(values)
                        .observe(black_box(137.0));
                }
            });
        });
    }
}

fn others(criterion: &mut Criterion) {
    #[cfg(feature = "prometheus-client")]
    prometheus_client_::bench(criterion);
    #[cfg(feature = "prometheus")]
    prometheus_::bench(criterion);
    let _ = criterion;
}

criterion_group!(benches, ours, others);
criterion_main!(benches);
