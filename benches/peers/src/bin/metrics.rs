//! What counting a request costs, without a layer and in one, beside other libraries.
//!
//! `ROUNDS` is the number of rounds, 30 by default, each with four batches of everything in random order.
//!
//! Columns: the part (`record`; `layer`, which is added to the bare service; `counting`, which is added
//! to the same layers without metrics); what; the least and the median of ns per request; allocations
//! per request; and the least ns per request of the upkeep after a round, which no request waits for.

use peers::{
    AWAKE, COUNTING, CountedService, CountingAllocator, RECORDERS, Recorder, SERIES, SLICE,
    allocations, build_apart, counted_service, median, recorder, shuffle,
};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Batches between two upkeeps.
const BATCHES: usize = 4;

/// Requests of each series in a batch: as many as metrics-exporter-prometheus allocates space for at once.
const PASSES: usize = 64;

/// Slices in a batch.
const SLICES: usize = AWAKE / BATCHES;

/// What is measured.
trait Measured {
    /// The requests of a batch.
    const REQUESTS: usize;

    fn batch(&mut self) -> Duration;
    fn upkeep(&self);
    fn counted(&self) -> u64;
}

impl Measured for Recorder {
    const REQUESTS: usize = PASSES * SERIES;

    fn batch(&mut self) -> Duration {
        self.record(PASSES)
    }

    fn upkeep(&self) {
        Recorder::upkeep(self);
    }

    fn counted(&self) -> u64 {
        Recorder::counted(self)
    }
}

impl Measured for CountedService {
    const REQUESTS: usize = SLICES * SLICE;

    fn batch(&mut self) -> Duration {
        self.runner.serve(SLICES)
    }

    fn upkeep(&self) {
        self.runner.flush();
    }

    fn counted(&self) -> u64 {
        (self.counted)()
    }
}

/// Per request, and of each batch.
#[derive(Default)]
struct Samples {
    ns: Vec<f64>,
    upkeep: Vec<f64>,
    allocations: f64,
    counted: f64,
}

impl Samples {
    fn round<T: Measured>(&mut self, measured: &mut T) {
        for _ in 0..BATCHES {
            let took = measured.batch();
            self.ns.push(took.as_nanos() as f64 / T::REQUESTS as f64);
        }
        let start = Instant::now();
        measured.upkeep();
        let requests = (BATCHES * T::REQUESTS) as f64;
        self.upkeep
            .push(start.elapsed().as_nanos() as f64 / requests);
    }

    fn count<T: Measured>(&mut self, measured: &mut T) {
        let before = measured.counted();
        let allocations = allocations(|| {
            measured.batch();
        });
        self.allocations = allocations as f64 / T::REQUESTS as f64;
        self.counted = (measured.counted() - before) as f64 / T::REQUESTS as f64;
    }

    fn print(&self, part: &str, what: &str, without: Option<&Samples>) {
        assert_eq!(self.counted, 1.0, "{what} counts too few or too many");
        let (ns, middle, allocations) = match without {
            None => (least(&self.ns), median(self.ns.clone()), self.allocations),
            Some(bare) => {
                let added = self.ns.iter().zip(&bare.ns).map(|(one, bare)| one - bare);
                (
                    least(&self.ns) - least(&bare.ns),
                    median(added.collect()),
                    self.allocations - bare.allocations,
                )
            }
        };
        let upkeep = least(&self.upkeep);
        println!("{part}\t{what}\t{ns:.0}\t{middle:.0}\t{allocations:.2}\t{upkeep:.0}");
    }
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Runs this many rounds, and two to warm up.
fn measure<T: Measured>(rounds: usize, all: &mut [T]) -> Vec<Samples> {
    let mut samples: Vec<Samples> = all.iter().map(|_| Samples::default()).collect();
    let mut order: Vec<usize> = (0..all.len()).collect();
    for round in 0..rounds + 2 {
        shuffle(&mut order);
        for &at in &order {
            samples[at].round(&mut all[at]);
        }
        if round == 1 {
            samples.fill_with(Samples::default);
        }
    }
    for (samples, one) in samples.iter_mut().zip(all) {
        samples.count(one);
    }
    samples
}

fn record(rounds: usize) {
    let mut recorders = RECORDERS.map(|(name, _)| recorder(name));
    let samples = measure(rounds, &mut recorders);
    for ((name, _), samples) in RECORDERS.iter().zip(&samples) {
        samples.print("record", name, None);
    }
}

fn layers(rounds: usize) {
    let services = COUNTING.iter().flat_map(|row| {
        ["bare", row.without, row.with].map(|name| counted_service(name, row.with_metadata))
    });
    let mut services: Vec<CountedService> = build_apart(|| services.collect());
    let samples = measure(rounds, &mut services);
    for (row, samples) in COUNTING.iter().zip(samples.chunks_exact(3)) {
        samples[2].print("layer", row.name, Some(&samples[0]));
        samples[2].print("counting", row.name, Some(&samples[1]));
    }
}

fn main() {
    let rounds = std::env::var("ROUNDS").map_or(30, |rounds| rounds.parse().expect("a number"));
    println!("part\twhat\tns\tmedian_ns\tallocations\tupkeep_ns");
    record(rounds);
    layers(rounds);
}
