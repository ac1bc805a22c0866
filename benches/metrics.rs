//! The cost of recording a request: one counter and three histograms with 25 labels. All series exist
//! already, and there are 200 of them. `benches/peers/metrics.sh` has other libraries beside it.

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

/// The metadata of some workloads.
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

fn metrics(criterion: &mut Criterion) {
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

criterion_group!(benches, metrics);
criterion_main!(benches);
