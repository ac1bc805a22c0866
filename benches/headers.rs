//! The cost of extracting and injecting headers.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue};
use std::{collections::BTreeMap, hint::black_box};
use tower_b3::propagation::{Format, Forwarded, Propagation};

const OTHERS: [(&str, &str); 12] = [
    ("host", "orders.shop.svc.cluster.local:8080"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0)"),
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate, br"),
    ("accept-language", "en-GB,en;q=0.7"),
    ("content-type", "application/json"),
    ("authorization", "Bearer example-token"),
    ("cookie", "theme=dark"),
    ("x-forwarded-for", "203.0.113.195"),
    ("x-forwarded-proto", "https"),
    ("x-tenant", "acme"),
    ("cache-control", "no-cache"),
];

const MULTI: [(&str, &str); 5] = [
    ("x-request-id", "6f0b3f1e-6a0b-9d1c-8f3e-0d6b5a4c3e21"),
    ("x-b3-traceid", "463ac35c9f6413ad48485a3953bb6124"),
    ("x-b3-spanid", "a2fb4a1d1a96d312"),
    ("x-b3-parentspanid", "0020000000000001"),
    ("x-b3-sampled", "1"),
];

const SINGLE: [(&str, &str); 2] = [
    ("x-request-id", "6f0b3f1e-6a0b-9d1c-8f3e-0d6b5a4c3e21"),
    (
        "b3",
        "463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1-0020000000000001",
    ),
];

const W3C: [(&str, &str); 2] = [
    (
        "traceparent",
        "00-463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-01",
    ),
    ("tracestate", "vendor=value"),
];

fn headers(more: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(24);
    for (name, value) in OTHERS.iter().chain(more) {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    headers
}

fn extract(c: &mut Criterion) {
    let propagation = Propagation::default();
    for (name, more) in [
        ("multi", &MULTI[..]),
        ("single", &SINGLE),
        ("w3c", &W3C),
        ("absent", &[]),
    ] {
        let headers = headers(more);
        c.bench_function(&format!("extract/{name}"), |bencher| {
            bencher.iter(|| propagation.extract(black_box(&headers)));
        });
    }
}

fn inject(c: &mut Criterion) {
    let (incoming, _) = Propagation::default().extract(&headers(&MULTI));
    let context = incoming.context().expect("a context").child();
    for (name, format) in [
        ("multi", Format::B3Multi),
        ("single", Format::B3Single),
        ("w3c", Format::W3c),
    ] {
        let propagation = Propagation::default().formats([format]);
        let there = headers(&[]);
        c.bench_function(&format!("inject/{name}"), |bencher| {
            bencher.iter_batched_ref(
                || {
                    // Like a client's headers, with spare capacity.
                    let mut headers = HeaderMap::with_capacity(32);
                    headers.extend(there.clone());
                    headers
                },
                |headers| propagation.inject(black_box(&context), &Forwarded::default(), headers),
                BatchSize::SmallInput,
            );
        });
    }
}

/// The headers of a message, as `rskafka` has them.
fn messages(c: &mut Criterion) {
    let propagation = Propagation::default();
    let (incoming, forwarded) = propagation.extract(&headers(&MULTI));
    let context = incoming.context().expect("a context").child();
    let mut message = BTreeMap::<String, Vec<u8>>::new();
    c.bench_function("inject_into/BTreeMap", |bencher| {
        bencher.iter_batched_ref(
            BTreeMap::<String, Vec<u8>>::new,
            |message| propagation.inject_into(black_box(&context), &forwarded, message),
            BatchSize::SmallInput,
        );
    });
    propagation.inject_into(&context, &forwarded, &mut message);
    c.bench_function("extract_from/BTreeMap", |bencher| {
        bencher.iter(|| propagation.extract_from(black_box(&message)));
    });
}

criterion_group!(benches, extract, inject, messages);
criterion_main!(benches);
