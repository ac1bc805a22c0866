//! The time and the allocations that each peer's layer for `tracing-subscriber` adds to a local span.
//!
//! `ROUNDS` is the number of batches per layer, 300 by default. Reporters sleep while the clock runs.
//!
//! Columns: whether the request is sampled; the layer; the median of ns per span; of ns added to the
//! registry alone in the same round; allocations added per span; spans reported per span.

use peers::{
    ASLEEP, CountingAllocator, LAYERS, REPORTED, SLICE, Subscriber, allocations, build_apart,
    median, shuffle, subscriber,
};
use std::sync::atomic::Ordering::Relaxed;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const BATCH: f64 = (ASLEEP * SLICE) as f64;

/// The ns per span of a batch.
fn time(subscriber: &Subscriber) -> f64 {
    let took = subscriber.spans(ASLEEP);
    subscriber.flush();
    took.as_nanos() as f64 / BATCH
}

/// The spans that are reported for a batch, without those of the requests.
fn reported(subscriber: &Subscriber) -> f64 {
    let before = REPORTED.load(Relaxed);
    time(subscriber);
    let reported = REPORTED.load(Relaxed) - before;
    reported.saturating_sub(ASLEEP as u64) as f64 / BATCH
}

fn run(samples: bool, rounds: usize) {
    let build_all = || LAYERS.map(|(name, _)| subscriber(name, samples));
    let subscribers = build_apart(build_all);
    let mut ns = LAYERS.map(|_| Vec::with_capacity(rounds));
    let mut order: Vec<usize> = (0..LAYERS.len()).collect();
    for round in 0..rounds + 20 {
        shuffle(&mut order);
        for &at in &order {
            let time = time(&subscribers[at]);
            // The first rounds warm up.
            if round >= 20 {
                ns[at].push(time);
            }
        }
    }
    let count = |subscriber: &Subscriber| {
        allocations(|| {
            subscriber.spans(ASLEEP);
        }) as f64
            / BATCH
    };
    let by_registry = count(&subscribers[0]);
    for (at, (name, _)) in LAYERS.iter().enumerate() {
        let subscriber = &subscribers[at];
        let allocations = count(subscriber) - by_registry;
        subscriber.flush();
        let spans = reported(subscriber);
        let expected = if samples && at > 0 { 1.0 } else { 0.0 };
        assert_eq!(spans, expected, "{name} reports too few spans or too many");
        let added = ns[at].iter().zip(&ns[0]).map(|(one, bare)| one - bare);
        println!(
            "{}\t{name}\t{:.0}\t{:.0}\t{allocations:.2}\t{spans:.2}",
            if samples { "sampled" } else { "not sampled" },
            median(ns[at].clone()),
            median(added.collect()),
        );
    }
}

fn main() {
    let rounds = std::env::var("ROUNDS").map_or(300, |rounds| rounds.parse().expect("a number"));
    println!("request\tlayer\tns\tadded_ns\tallocations\tspans");
    run(true, rounds);
    run(false, rounds);
}
